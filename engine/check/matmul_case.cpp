// See matmul_case.hpp.
#include "engine/check/matmul_case.hpp"

#include <cmath>

#include "engine/vulkan/commands.hpp"

namespace volute::check {

std::string Extents::text() const {
  return (batches == 1 ? "" : std::to_string(batches) + " x ") + Shape{M, K}.str() + " " + Shape{K, N}.str();
}

KernelTarget target_of(const Device& device, const Access& access) {
  KernelTarget target = device.data()->target;
  target.texel_loads = access.texel_loads;
  target.max_storage_range = access.image_stores ? 1 : std::numeric_limits<std::uint64_t>::max();
  return target;
}

void run(const Device& device, const std::vector<Dispatch>& dispatches,
         const std::map<const Storage*, vk::BufferRange>& ranges) {
  const auto& data = *device.data();
  vk::Descriptors descriptors(data.context);
  vk::CommandList list(data.context);
  list.begin();
  for (const Dispatch& dispatch : dispatches) {
    std::vector<vk::BindingKind> kinds;
    std::vector<vk::BufferRange> bound;
    for (const Binding& binding : dispatch.bindings) {
      kinds.push_back(binding.kind);
      bound.push_back(ranges.at(binding.storage));
    }
    std::vector<std::uint32_t> words;
    for (const Moving& word : dispatch.push) words.push_back(static_cast<std::uint32_t>(word.at(0)));
    const vk::Pipeline& pipeline = data.pipelines->get(
        dispatch.source, kinds, static_cast<std::uint32_t>(words.size() * 4), dispatch.constants);
    list.dispatch(pipeline, descriptors.get(pipeline, bound), words.data(), dispatch.groups[0], dispatch.groups[1],
                  dispatch.groups[2]);
    list.barrier();
  }
  list.end();
  data.context->wait(data.context->submit_batch(list.buffers()));
}

void compare(Matrices& a, Matrices& b, Matrices& c, const Extents& e, Findings& findings) {
  double worst = 0;
  std::int64_t dirty = 0;
  for (std::int64_t i = 0; i < e.batches; ++i)
    for (std::int64_t m = 0; m < e.M; ++m) {
      for (std::int64_t n = 0; n < e.N; ++n) {
        double want = 0, size = 1;
        for (std::int64_t k = 0; k < e.K; ++k) {
          const double term = static_cast<double>(a.at(i, m, k)) * static_cast<double>(b.at(e.shared_b ? 0 : i, k, n));
          want += term;
          size += std::abs(term);
        }
        const double difference = std::abs(static_cast<double>(c.at(i, m, n)) - want) / size;
        worst = difference <= worst ? worst : difference;  // a NaN is kept
      }
      for (std::int64_t n = e.N; n < pad4(e.N); ++n) dirty += c.at(i, m, n) != 0;
    }
  findings.at_most("error relative to the sum of magnitudes", worst, 1e-6);
  findings.expect(dirty == 0, "padding lanes of C are not zero");
  findings.expect(c.touched_outside() == 0, "elements outside of C were written");
}

}  // namespace volute::check
