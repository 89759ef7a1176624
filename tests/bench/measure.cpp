// Timing of dispatches; see measure.hpp.
#include "tests/bench/measure.hpp"

#include <chrono>

namespace volute::bench {
namespace {

double submit(const std::shared_ptr<vk::Context>& context, const vk::CommandList& list) {
  const auto start = std::chrono::steady_clock::now();
  context->wait(context->submit_batch(list.buffers()));
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

double seconds_of(const std::shared_ptr<vk::Context>& context, const std::function<void(vk::CommandList&)>& record) {
  const auto recorded = [&](int passes) {
    auto list = std::make_unique<vk::CommandList>(context);
    list->begin();
    for (int i = 0; i < passes; ++i) {
      record(*list);
      list->barrier();
    }
    list->end();
    return list;
  };
  const auto once = recorded(1);
  submit(context, *once);  // drivers finish compiling
  const double first = submit(context, *once);
  // Long enough to hide the submission, short enough for a watchdog.
  const int passes = static_cast<int>(std::clamp(0.05 / first, 1.0, 500.0));
  const auto many = recorded(passes);
  std::vector<double> samples;
  for (int i = 0; i < 7; ++i) samples.push_back(submit(context, *many) / passes);
  return spread(samples).median;
}

KernelResult measure_kernel(Device& device, const KernelCase& kernel) {
  Graph graph;
  Program program = compile_program(device.data(), graph, kernel.build(graph), {.profile = false});
  Program::Data& data = program.data();
  const double seconds = seconds_of(data.device->context, [&](vk::CommandList& list) {
    for (const Command& command : data.commands) {
      const Dispatch& d = *command.dispatch;
      if (command.barrier) list.barrier();
      std::vector<vk::BindingKind> kinds;
      std::vector<vk::BufferRange> ranges;
      for (const Binding& binding : d.bindings) {
        kinds.push_back(binding.kind);
        ranges.push_back(data.ranges[static_cast<std::size_t>(binding.storage->id)]);
      }
      std::vector<std::uint32_t> words;
      for (const Moving& word : d.push) words.push_back(static_cast<std::uint32_t>(word.at(command.t)));
      const auto& pipeline = data.device->pipelines->get(d.source, kinds, static_cast<std::uint32_t>(4 * words.size()));
      list.dispatch(pipeline, data.descriptors->get(pipeline, ranges), words.data(), d.groups[0], d.groups[1],
                    d.groups[2]);
    }
  });
  return {kernel.name, seconds * 1e3, kernel.flops, kernel.bytes};
}

}  // namespace volute::bench
