// Timestamp queries. Differences are taken of neighbours, so that a narrow clock may wrap during a run.
#include "engine/vulkan/timestamps.hpp"

namespace volute::vk {

double elapsed_ns(std::uint64_t from, std::uint64_t to, std::uint32_t valid_bits, double period_ns) {
  const std::uint64_t mask = valid_bits >= 64 ? ~0ull : (1ull << valid_bits) - 1;
  return static_cast<double>((to - from) & mask) * period_ns;
}

Timestamps::Timestamps(std::shared_ptr<Context> context, std::uint32_t count)
    : Resource(std::move(context)), count_(count) {
  if (context_->timestamp_bits == 0)
    throw Unsupported("profile: the compute queue of " + context_->info.name + " has no timestamps (timestampValidBits is 0); " +
                      "run without VOLUTE_DEBUG=profile and VOLUTE_TRACE");
  VkQueryPoolCreateInfo info{VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO};
  info.queryType = VK_QUERY_TYPE_TIMESTAMP;
  info.queryCount = count;
  check(context_->fn.vkCreateQueryPool(context_->device, &info, nullptr, &pool_), "vkCreateQueryPool");
}

void Timestamps::destroy() noexcept { context_->fn.vkDestroyQueryPool(context_->device, pool_, nullptr); }

void Timestamps::reset(VkCommandBuffer commands, std::uint32_t first, std::uint32_t count) {
  context_->fn.vkCmdResetQueryPool(commands, pool_, first, count);
}

void Timestamps::write(VkCommandBuffer commands, std::uint32_t index) {
  if (index >= count_) throw Error("more timestamps than the " + std::to_string(count_) + " planned");
  context_->fn.vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, pool_, index);
}

std::vector<double> Timestamps::read() const {
  std::vector<std::uint64_t> values(count_);
  const VkResult result = context_->fn.vkGetQueryPoolResults(
      context_->device, pool_, 0, count_, values.size() * sizeof values[0], values.data(), sizeof values[0],
      VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
  context_->check(result, "vkGetQueryPoolResults");
  std::vector<double> times(values.size(), 0);
  for (std::size_t i = 1; i < values.size(); ++i) times[i] = times[i - 1] + elapsed(values[i - 1], values[i]);
  return times;
}

bool Timestamps::read(std::uint32_t first, std::span<std::uint64_t> values) const {
  const VkResult result = context_->fn.vkGetQueryPoolResults(
      context_->device, pool_, first, static_cast<std::uint32_t>(values.size()), values.size_bytes(), values.data(),
      sizeof values[0], VK_QUERY_RESULT_64_BIT);
  context_->check(result, "vkGetQueryPoolResults");
  return result == VK_SUCCESS;
}

double Timestamps::elapsed(std::uint64_t from, std::uint64_t to) const {
  return elapsed_ns(from, to, context_->timestamp_bits, context_->properties.limits.timestampPeriod);
}

}  // namespace volute::vk
