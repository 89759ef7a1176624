// Errors of layers and losses: the name, what was expected, and the types and shapes that came.
// Invariant: an empty or foreign tensor is reported, never dereferenced.
#pragma once

#include <initializer_list>
#include <string>

#include <volute/ops.hpp>

namespace volute::nn {

/// Throws InvalidGraph: "layer_norm: message; got f32 [2, 3], u32 [4]".
[[noreturn]] inline void refuse(const std::string& what, const std::string& message,
                                std::initializer_list<Tensor> got = {}) {
  std::string text = what + ": " + message, separator = "; got ";
  for (Tensor t : got) {
    text += separator + (t ? std::string(name_of(t.dtype())) + " " + t.shape().str() : std::string("an empty tensor"));
    separator = ", ";
  }
  throw InvalidGraph(text);
}

inline void require_dtype(const std::string& what, const char* name, Tensor t, DType dtype) {
  if (!t || t.dtype() != dtype) refuse(what, std::string(name) + " must be " + name_of(dtype), {t});
}

/// f32 of exactly this shape.
inline void require_shape(const std::string& what, const char* name, Tensor t, const Shape& shape) {
  if (!t || t.dtype() != DType::f32 || t.shape() != shape)
    refuse(what, std::string(name) + " must be f32 " + shape.str(), {t});
}

/// f32 with this last extent.
inline void require_last(const std::string& what, const char* name, Tensor t, std::int64_t size) {
  if (!t || t.dtype() != DType::f32 || t.rank() < 1 || t.dim(-1) != size)
    refuse(what, std::string(name) + " must be f32 [..., " + std::to_string(size) + "]", {t});
}

inline void require_positive(const std::string& what, const char* name, std::int64_t value) {
  if (value <= 0) refuse(what, std::string(name) + " must be positive, got " + std::to_string(value));
  if (value > max_parameter_elements)
    refuse(what, std::string(name) + " must be at most " + std::to_string(max_parameter_elements) + ", got " +
                     std::to_string(value));
}

/// The shape without its last extent, followed by `end`.
inline Shape leading(const Shape& shape, std::initializer_list<std::int64_t> end = {}) {
  std::vector<std::int64_t> dims(shape.dims().begin(), shape.dims().end() - 1);
  dims.insert(dims.end(), end);
  return Shape(std::move(dims));
}

}  // namespace volute::nn
