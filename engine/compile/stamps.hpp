// Times of parts: command buffers that note the device's clock, put between others when these are to be measured.
// Invariant: a step that is not measured runs none of them; on Mesa's CPU driver two in every part cost 3 % of a step.
#pragma once

#include <span>
#include <vector>

#include "engine/vulkan/commands.hpp"
#include "engine/vulkan/timestamps.hpp"

namespace volute {

class Stamps {
 public:
  /// For parts numbered from 0. The device's queue must have timestamps.
  Stamps(const std::shared_ptr<vk::Context>& context, std::size_t parts);

  /// Appends the parts [first, first + parts.size()) of one submission with stamps around them.
  void interleave(std::span<const VkCommandBuffer> parts, std::size_t first,
                  std::vector<VkCommandBuffer>& sequence) const;
  /// Seconds of each of the parts of one submission that has finished; false if the device has not told yet.
  bool read(std::size_t first, std::span<double> seconds);

 private:
  std::size_t parts_;
  vk::Timestamps timestamps_;  ///< the ends of all parts, then their starts
  vk::CommandList list_;       ///< likewise
  std::vector<std::uint64_t> values_;
};

}  // namespace volute
