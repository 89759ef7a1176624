// What flows through an imported model: tensors of a graph, and constants that are known before any run.
// Invariant: a constant's values are as many as its shape says, at most max_constant of them unless a file holds them;
// integers of every width are integral doubles, truth values 0 or 1.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <onnx/onnx_pb.h>

#include <volute/ops.hpp>

namespace volute::onnx {

/// Elements of a constant the import computes itself: shapes, masks, positions.
inline constexpr std::int64_t max_constant = 1 << 20;
/// Of all nodes of a model together: a small file must not ask for all of the memory.
inline constexpr std::int64_t max_constants = 1 << 25;

enum class Element : std::uint8_t { real, integer, truth };

struct Constant {
  Shape shape;
  std::vector<double> values;
};

/// An input or result of a node; exactly one of tensor and constant is set, neither for an input left out.
struct Operand {
  Tensor tensor = {};
  std::shared_ptr<const Constant> constant = {};
  Element element = Element::real;

  explicit operator bool() const { return tensor || constant; }
  const Shape& shape() const { return constant ? constant->shape : tensor.shape(); }
};

/// A name of a file's, for a message.
std::string quoted(const std::string& name);

Operand constant_operand(Shape shape, std::vector<double> values, Element element);
/// [n]
Operand integers_operand(const std::vector<std::int64_t>& values);

/// Throws Unsupported naming the type, and where it is used.
Element element_of(int onnx_type, const std::string& where);
/// In a graph: integers are u32.
inline DType dtype_of(Element element) { return element == Element::integer ? DType::u32 : DType::f32; }

/// Throws BadFile if shape, type and data of the tensor do not agree, Unsupported for types and places of data Volute
/// does not know; both name it.
Operand read_tensor(const ::onnx::TensorProto& tensor, const std::string& where);

}  // namespace volute::onnx
