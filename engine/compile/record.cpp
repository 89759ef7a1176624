// See record.hpp.

#include "engine/compile/record.hpp"

namespace volute {

PreparedDispatch prepare(const Dispatch& dispatch, vk::PipelineCache& pipelines, vk::Descriptors& descriptors,
                         const std::function<vk::BufferRange(const Storage*)>& range) {
  std::vector<vk::BindingKind> kinds;
  std::vector<vk::BufferRange> ranges;
  for (const Binding& binding : dispatch.bindings) {
    kinds.push_back(binding.kind);
    ranges.push_back(range(binding.storage));
  }
  const auto push_bytes = static_cast<std::uint32_t>(dispatch.push.size() * 4);
  if (push_bytes > 128)
    throw Unsupported("kernel " + dispatch.label + " needs " + std::to_string(push_bytes) +
                      " bytes of push constants; 128 are available");
  const vk::Pipeline& pipeline = pipelines.get(dispatch.source, kinds, push_bytes, dispatch.constants);
  return {&pipeline, descriptors.get(pipeline, ranges)};
}

void record(vk::CommandList& list, const PreparedDispatch& prepared, const Dispatch& dispatch, std::int64_t t) {
  std::uint32_t words[32];
  for (std::size_t i = 0; i < dispatch.push.size(); ++i)
    words[i] = static_cast<std::uint32_t>(dispatch.push[i].at(t));
  list.dispatch(*prepared.pipeline, prepared.set, words, dispatch.groups[0], dispatch.groups[1], dispatch.groups[2]);
}

}  // namespace volute
