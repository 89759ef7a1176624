// See stamps.hpp. Within a submission a part starts where the one before ends.

#include "engine/compile/stamps.hpp"

namespace volute {

Stamps::Stamps(const std::shared_ptr<vk::Context>& context, std::size_t parts)
    : parts_(parts), timestamps_(context, static_cast<std::uint32_t>(2 * parts)), list_(context) {
  for (std::uint32_t index = 0; index < 2 * parts; ++index) {
    list_.begin();
    timestamps_.reset(list_.buffers().back(), index, 1);
    timestamps_.write(list_.buffers().back(), index);
    list_.end(false);
  }
}

void Stamps::interleave(std::span<const VkCommandBuffer> parts, std::size_t first,
                        std::vector<VkCommandBuffer>& sequence) const {
  sequence.push_back(list_.buffers()[parts_ + first]);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    sequence.push_back(parts[i]);
    sequence.push_back(list_.buffers()[first + i]);
  }
}

bool Stamps::read(std::size_t first, std::span<double> seconds) {
  values_.resize(seconds.size() + 1);
  const std::span values(values_);
  if (!timestamps_.read(static_cast<std::uint32_t>(parts_ + first), values.first(1))) return false;
  if (!timestamps_.read(static_cast<std::uint32_t>(first), values.subspan(1))) return false;
  for (std::size_t i = 0; i < seconds.size(); ++i)
    seconds[i] = timestamps_.elapsed(values[i], values[i + 1]) * 1e-9;
  return true;
}

}  // namespace volute
