// How kernels see memory: storages, strided views of them, and places that move with time.
// Layout: row-major, the last axis padded to a multiple of 4 elements (one texel: 16 bytes, or 8 of f16 and bf16,
// four in two words, the first lowest). Padding lanes of a
// storage hold zeros; every kernel that writes a row keeps that true.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <volute/graph.hpp>

namespace volute {

/// A range of device memory of its own lifetime. Where it lies is decided by the planner.
struct Storage {
  enum class Kind : std::uint8_t { temporary, input, variable, exchanged };
  int id = 0;
  Kind kind = Kind::temporary;
  DType dtype = DType::f32;
  std::uint64_t bytes = 0;  ///< a multiple of 16
  std::string name;         ///< for plans and messages
};

/// A number that moves with the step t of a loop: base + index(t) * stride, index(t) = t + phase, modulo
/// `slots` if that is not 0.
struct Moving {
  std::int64_t base = 0;
  std::int64_t stride = 0;
  std::int64_t phase = 0;
  std::int64_t slots = 0;

  std::int64_t at(std::int64_t t) const {
    const std::int64_t index = t + phase;
    return base + (slots ? index % slots : index) * stride;
  }
};

/// Elements of a storage in some reading order. Offsets and strides in elements.
struct View {
  const Storage* storage = nullptr;
  Shape shape;
  std::vector<std::int64_t> strides;
  Moving offset;
  /// If set, element order is row-major over `source` (whose strides are `strides`): a reshape that
  /// strides cannot express.
  std::optional<Shape> source;
  /// Lanes between the last extent and the next multiple of 4 are zeros (only said of unit last stride).
  bool zero_tail = false;

  /// Rows start on texels and lanes are contiguous: vec4 access works.
  bool aligned() const;
  /// The padded natural layout of `shape` from a texel-aligned offset.
  bool natural() const;
};

inline std::int64_t pad4(std::int64_t n) { return (n + 3) / 4 * 4; }

/// Strides of the padded natural layout, in elements.
std::vector<std::int64_t> padded_strides(const Shape& shape);
/// Elements of the padded natural layout.
std::int64_t padded_elements(const Shape& shape);
/// The natural view of a whole storage.
View natural_view(const Storage* storage, const Shape& shape);

// View algebra; each takes the node's result shape and returns nothing if no view expresses it.
std::optional<View> broadcast_view(const View& view, const Shape& shape);
std::optional<View> reshape_view(const View& view, const Shape& shape);
std::optional<View> transpose_view(const View& view, const std::vector<std::int64_t>& order);
std::optional<View> slice_view(const View& view, int axis, std::int64_t begin, std::int64_t end);

/// Bytes of that many elements, a multiple of 16.
inline std::int64_t stored_bytes(std::int64_t elements, DType dtype) {
  const std::int64_t size = dtype == DType::f16 || dtype == DType::bf16 ? 2 : 4;
  return (elements * size + 15) / 16 * 16;
}

/// Extent in elements from the first to one past the last element the view touches, whole texels.
std::int64_t touched_elements(const View& view);
std::int64_t touched_bytes(const View& view);

}  // namespace volute
