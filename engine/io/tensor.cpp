// Element types and values; see tensor.hpp.
#include "engine/io/tensor.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

namespace volute::io {

std::uint64_t size_of(std::string_view dtype) {
  struct Type {
    std::string_view name;
    std::uint64_t bytes;
  };
  static constexpr Type types[] = {{"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1},
                                   {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
                                   {"U32", 4},  {"F32", 4}, {"F64", 8}, {"I64", 8},     {"U64", 8},
                                   {"F8_E8M0", 1}, {"C64", 8}};
  const auto* found = std::find_if(std::begin(types), std::end(types), [&](const Type& t) { return t.name == dtype; });
  return found == std::end(types) ? 0 : found->bytes;
}

float f32_of_bf16(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

float f32_of_f16(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const float sign = bits & 0x8000 ? -1.0f : 1.0f;
  if (exponent == 31) return fraction ? std::numeric_limits<float>::quiet_NaN() : sign * HUGE_VALF;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
}

std::optional<std::vector<float>> floats_of(std::string_view dtype, const Bytes& bytes) {
  if (dtype == "F32") return values_of<float>(bytes);
  std::vector<float> values;
  if (dtype == "F64") {
    for (const double value : values_of<double>(bytes)) values.push_back(static_cast<float>(value));
  } else if (dtype == "F16") {
    for (const std::uint16_t bits : values_of<std::uint16_t>(bytes)) values.push_back(f32_of_f16(bits));
  } else if (dtype == "BF16") {
    for (const std::uint16_t bits : values_of<std::uint16_t>(bytes)) values.push_back(f32_of_bf16(bits));
  } else {
    return std::nullopt;
  }
  return values;
}

std::string element_name(const Shape& shape, std::int64_t at) {
  Shape index = shape;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    index[axis] = at % shape[axis];
    at /= shape[axis];
  }
  return "element " + index.str();
}

std::optional<std::string> not_finite(const Shape& shape, std::span<const float> values) {
  const auto found = std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
  if (found == values.end()) return std::nullopt;
  return element_name(shape, found - values.begin()) + " is " + std::to_string(*found);
}

}  // namespace volute::io
