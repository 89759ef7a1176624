// Types every other header uses: element types, shapes and the typed errors.
// A Shape is a value; dimensions are positive, rank 0 is a scalar.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

namespace volute {

/// Element type of a tensor. u32 holds indices and counters, everything else is f32. f16 (IEEE binary16) and bf16
/// (the upper half of f32) are how a program keeps operands of products under Precision; no tensor of a user's
/// graph has them.
enum class DType : std::uint8_t { f32, u32, f16, bf16 };

const char* name_of(DType dtype);

/// Extents of a tensor, outermost first. Rank 0 is a scalar.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) : dims_(dims) {}
  explicit Shape(std::vector<std::int64_t> dims) : dims_(std::move(dims)) {}

  int rank() const { return static_cast<int>(dims_.size()); }
  /// Number of elements: the product of the extents, 1 for a scalar.
  std::int64_t elements() const;
  /// Extent of an axis; negative axes count from the end. The axis must exist.
  std::int64_t operator[](int axis) const { return dims_[axis < 0 ? axis + dims_.size() : axis]; }
  std::int64_t& operator[](int axis) { return dims_[axis < 0 ? axis + dims_.size() : axis]; }
  const std::vector<std::int64_t>& dims() const { return dims_; }
  bool operator==(const Shape&) const = default;
  /// "[64, 32]"
  std::string str() const;

 private:
  std::vector<std::int64_t> dims_;
};

/// Base of every error Volute throws.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A mistake in how a graph is built or fed; names the operation and the shapes.
class InvalidGraph : public Error {
 public:
  using Error::Error;
};

/// The graph is right but this device, or this version, cannot run it.
class Unsupported : public Error {
 public:
  using Error::Error;
};

/// Host or device memory is exhausted.
class OutOfMemory : public Error {
 public:
  using Error::Error;
};

/// The device stopped answering; objects made from it are unusable.
class DeviceLost : public Error {
 public:
  using Error::Error;
};

/// A file is missing, unreadable or not what it should be.
class BadFile : public Error {
 public:
  using Error::Error;
};

}  // namespace volute
