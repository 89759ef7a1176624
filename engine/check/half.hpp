// 16-bit values on the host, written with frexp so as to share nothing with the engine; what values round to.
// Invariant: half_bits is exact for values the type can hold, and for NaN; others are no input of it.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include <volute/graph.hpp>

namespace volute::check {

inline std::uint16_t half_bits(float value, DType dtype) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (dtype == DType::bf16) return static_cast<std::uint16_t>(std::isnan(value) ? 0x7fc0 : bits >> 16);
  const std::uint32_t sign = bits >> 16 & 0x8000;
  if (std::isnan(value)) return 0x7e00;
  if (value == 0) return static_cast<std::uint16_t>(sign);
  int exponent = 0;
  const float digits = std::frexp(std::abs(value), &exponent);  // in [1/2, 1)
  if (exponent < -13)
    return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(std::ldexp(std::abs(value), 24)));
  const auto fraction = static_cast<std::uint32_t>(std::ldexp(digits, 11)) & 0x3ff;
  return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(exponent + 14) << 10 | fraction);
}

/// A value and what it rounds to.
struct Rounding {
  float from, f16, bf16;
};

inline constexpr float inf = std::numeric_limits<float>::infinity();
inline constexpr float nan = std::numeric_limits<float>::quiet_NaN();

// By hand: IEEE 754's round to nearest, ties to even.
inline constexpr Rounding roundings[] = {
    {0.0f, 0.0f, 0.0f},
    {1.0f, 1.0f, 1.0f},
    {-2.5f, -2.5f, -2.5f},
    {0x1.002p0f, 0x1p0f, 0x1p0f},                // f16: a tie, down to even
    {0x1.006p0f, 0x1.008p0f, 0x1p0f},            // f16: a tie, up to even
    {0x1.002002p0f, 0x1.004p0f, 0x1p0f},         // f16: just above a tie
    {0x1.ffep0f, 0x1p1f, 0x1p1f},                // f16: the carry reaches the exponent
    {0x1.01p0f, 0x1.01p0f, 0x1p0f},              // bf16: a tie, down to even
    {0x1.03p0f, 0x1.03p0f, 0x1.04p0f},           // bf16: a tie, up to even
    {-0x1.010002p0f, -0x1.01p0f, -0x1.02p0f},    // bf16: just beyond a tie
    {65504.0f, 65504.0f, 65536.0f},              // f16's largest
    {65519.996f, 65504.0f, 65536.0f},
    {65520.0f, inf, 65536.0f},                   // f16: rounds to 2^16
    {-1e6f, -inf, -0x1.e8p19f},
    {0x1p-14f, 0x1p-14f, 0x1p-14f},              // f16's least normal number
    {0x1.ff8p-15f, 0x1.ff8p-15f, 0x1p-14f},      // the subnormal below it
    {0x1.ffcp-15f, 0x1p-14f, 0x1p-14f},          // between them
    {0x1p-24f, 0x1p-24f, 0x1p-24f},              // f16's least
    {0x1p-25f, 0.0f, 0x1p-25f},                  // half of it: a tie, down to even
    {0x1.000002p-25f, 0x1p-24f, 0x1p-25f},
    {-0x1.8p-24f, -0x1p-23f, -0x1.8p-24f},       // a tie, up to even
    {-1e-30f, -0.0f, -0x1.44p-100f},
    {0x1p-126f, 0.0f, 0x1p-126f},
    {0x1.fep127f, inf, 0x1.fep127f},             // bf16's largest
    {0x1.fefffep127f, inf, 0x1.fep127f},
    {std::numeric_limits<float>::max(), inf, inf},
    {inf, inf, inf},
    {-inf, -inf, -inf},
    {nan, nan, nan},
};

/// The same value, NaN and the sign of zero included.
inline bool same_value(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) || std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

}  // namespace volute::check
