// 16-bit values on the host, written with frexp so as to share nothing with the engine.
// Invariant: half_bits is exact for values the type can hold, and for NaN; others are no input of it.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include <volute/graph.hpp>

namespace volute::test {

inline std::uint16_t half_bits(float value, DType dtype) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (dtype == DType::bf16) return static_cast<std::uint16_t>(std::isnan(value) ? 0x7fc0 : bits >> 16);
  const std::uint32_t sign = bits >> 16 & 0x8000;
  if (std::isnan(value)) return 0x7e00;
  if (value == 0) return static_cast<std::uint16_t>(sign);
  int exponent = 0;
  const float digits = std::frexp(std::abs(value), &exponent);  // in [1/2, 1)
  if (exponent < -13) return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(std::ldexp(std::abs(value), 24)));
  const auto fraction = static_cast<std::uint32_t>(std::ldexp(digits, 11)) & 0x3ff;
  return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(exponent + 14) << 10 | fraction);
}

}  // namespace volute::test
