// Times of the device's own clock, written by commands between others.
// Invariant: all queries are reset in the same replayed commands that write them, so a list can be replayed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/vulkan/resource.hpp"

namespace volute::vk {

/// Nanoseconds from one value of a clock with `valid_bits` to a later one; the clock may have wrapped once.
double elapsed_ns(std::uint64_t from, std::uint64_t to, std::uint32_t valid_bits, double period_ns);

class Timestamps : public Resource {
 public:
  /// Throws Unsupported if the device's compute queue has no timestamps.
  Timestamps(std::shared_ptr<Context> context, std::uint32_t count);
  ~Timestamps() { destroy_once(); }

  void reset(VkCommandBuffer commands, std::uint32_t first, std::uint32_t count);
  /// Notes when everything recorded before it has finished, as value `index`. Throws Error beyond `count`.
  void write(VkCommandBuffer commands, std::uint32_t index);
  /// Nanoseconds since the first, one for each value. Call after all have been written.
  std::vector<double> read() const;
  /// Values from number `first` on as the clock gives them, for elapsed(); false if one of them is not written yet.
  bool read(std::uint32_t first, std::span<std::uint64_t> values) const;
  /// Nanoseconds.
  double elapsed(std::uint64_t from, std::uint64_t to) const;

 private:
  void destroy() noexcept override;

  VkQueryPool pool_ = VK_NULL_HANDLE;
  std::uint32_t count_ = 0;
};

}  // namespace volute::vk
