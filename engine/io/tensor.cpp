// Element types and values; see tensor.hpp.
#include "engine/io/tensor.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace volute::io {

std::uint64_t size_of(std::string_view dtype) {
  struct Type {
    std::string_view name;
    std::uint64_t bytes;
  };
  static constexpr Type types[] = {{"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1},
                                   {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
                                   {"U32", 4},  {"F32", 4}, {"F64", 8}, {"I64", 8},     {"U64", 8}};
  const auto* found = std::find_if(std::begin(types), std::end(types), [&](const Type& t) { return t.name == dtype; });
  return found == std::end(types) ? 0 : found->bytes;
}

std::optional<std::string> not_finite(const Shape& shape, std::span<const float> values) {
  const auto found = std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
  if (found == values.end()) return std::nullopt;
  std::int64_t rest = found - values.begin();
  Shape index = shape;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    index[axis] = rest % shape[axis];
    rest /= shape[axis];
  }
  return "element " + index.str() + " is " + std::to_string(*found);
}

}  // namespace volute::io
