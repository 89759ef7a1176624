// Which products of cooperative matrices a device offers, without a Vulkan type, for the kernels.
#pragma once

#include <cstdint>

namespace volute::vk {

/// [m, k] [k, n] with fp32 sums by the lanes of a subgroup together; m is 0 where the device has none.
struct CooperativeExtents {
  std::uint32_t m = 0, n = 0, k = 0;
  explicit operator bool() const { return m != 0; }
};

/// By the type of the operands.
struct CooperativeMatrix {
  CooperativeExtents f16, bf16;
  explicit operator bool() const { return f16 || bf16; }
};

}  // namespace volute::vk
