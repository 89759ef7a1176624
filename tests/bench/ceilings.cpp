// What the device can do at most: multiply-adds that stay in registers, and a copy of more than any cache holds.
#include "tests/bench/measure.hpp"

namespace volute::bench {
namespace {

constexpr std::uint32_t group_size = 256;
constexpr int steps = 16;

/// Independent chains hide latency; several steps of each a round, since a round of a loop has costs of its own. The
/// sum keeps the chains alive.
std::string multiply_add_source(int chains) {
  std::string text =
      "#version 450\nlayout(local_size_x = 256) in;\n"
      "layout(set = 0, binding = 0) writeonly buffer Out { float result[]; };\n"
      "layout(push_constant) uniform Push { uint rounds; float f; float a; };\nvoid main() {\n";
  const auto each = [&](const std::string& before, const std::string& after) {
    for (int i = 0; i < chains; ++i) text += before + std::to_string(i) + after;
    text += "\n";
  };
  each("  float x", " = float(gl_LocalInvocationIndex);");
  text += "  for (uint r = 0; r < rounds; ++r) {\n";
  for (int step = 0; step < steps; ++step)
    for (int i = 0; i < chains; ++i) {
      const std::string x = "x" + std::to_string(i);
      text += "    " + x + " = fma(" + x + ", f, a);\n";
    }
  text += "  }\n  result[gl_GlobalInvocationID.x] = 0.0";
  each(" + x", "");
  return text + ";\n}\n";
}

double multiply_adds(Device& device, int chains) {
  const auto& context = device.data()->context;
  constexpr std::uint32_t rounds = 512;
  const std::uint32_t groups = context->is_cpu ? 64 : 8192;
  const vk::Buffer out(context, std::uint64_t{4} * groups * group_size, vk::Residency::device);
  const auto& pipeline = device.data()->pipelines->get(multiply_add_source(chains), {vk::BindingKind::storage}, 12);
  vk::Descriptors descriptors(context);
  const VkDescriptorSet set = descriptors.get(pipeline, {{&out, 0, out.bytes()}});
  struct {
    std::uint32_t count = rounds;
    float factor = 0.999f, addend = 0.001f;
  } push;
  const double seconds =
      seconds_of(context, [&](vk::CommandList& list) { list.dispatch(pipeline, set, &push, groups, 1, 1); });
  return 2.0 * rounds * chains * steps * groups * group_size / seconds * 1e-9;
}

/// How many chains are best depends on latency and on the registers there are.
double best_multiply_adds(Device& device) {
  double best = 0;
  for (int chains : {8, 12, 16}) best = std::max(best, multiply_adds(device, chains));
  return best;
}

std::string copy_source(bool texels) {
  const std::string read = texels ? "layout(set = 0, binding = 0, rgba32f) readonly uniform imageBuffer source;\n"
                                    "#define READ(i) imageLoad(source, int(i))\n"
                                  : "layout(set = 0, binding = 0) readonly buffer In { vec4 source[]; };\n"
                                    "#define READ(i) source[i]\n";
  return "#version 450\nlayout(local_size_x = 256) in;\n" + read +
         "layout(set = 0, binding = 1) writeonly buffer Out { vec4 target[]; };\n"
         "void main() {\n"
         "  uint i = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * 256 + gl_LocalInvocationIndex;\n"
         "  target[i] = READ(i);\n}\n";
}

/// By the kernel that reads as the device's kernels do, or by a transfer command: whichever is faster.
double copy(Device& device) {
  const auto& data = *device.data();
  const std::uint64_t most = std::uint64_t{data.context->is_cpu ? 64u : 256u} << 20, row_bytes = 1024 * group_size * 16;
  const std::uint64_t bytes = std::min(most, data.target.max_storage_range / row_bytes * row_bytes);
  const bool texels = data.target.texel_loads;
  const vk::Buffer from(data.context, bytes, vk::Residency::device), to(data.context, bytes, vk::Residency::device);
  vk::fill(data.context, {&from, 0, bytes}, 0x3f800000);
  const auto& pipeline = data.pipelines->get(
      copy_source(texels), {texels ? vk::BindingKind::texel_f32 : vk::BindingKind::storage, vk::BindingKind::storage},
      0);
  vk::Descriptors descriptors(data.context);
  const VkDescriptorSet set = descriptors.get(pipeline, {{&from, 0, bytes}, {&to, 0, bytes}});
  const auto rows = static_cast<std::uint32_t>(bytes / row_bytes);
  const double kernel =
      seconds_of(data.context, [&](vk::CommandList& list) { list.dispatch(pipeline, set, nullptr, 1024, rows, 1); });
  const double transfer =
      seconds_of(data.context, [&](vk::CommandList& list) { list.copy({&from, 0, bytes}, {&to, 0, bytes}); });
  return 2.0 * static_cast<double>(bytes) / std::min(kernel, transfer) * 1e-9;
}

}  // namespace

Ceilings measure_ceilings(Device& device) { return {best_multiply_adds(device), copy(device)}; }

}  // namespace volute::bench
