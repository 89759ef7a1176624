// Memory: what is written to a buffer is read back, in each place buffers may live, and nothing beside it changes.
#include <cstring>

#include "engine/check/parts.hpp"
#include "engine/compile/device_data.hpp"
#include "engine/vulkan/commands.hpp"

namespace volute::check {
namespace {

using Words = std::vector<std::uint32_t>;

constexpr std::uint32_t untouched = 0x7fc0dead;

Words some_words(std::size_t count, std::uint32_t seed) {
  Words words(count);
  for (std::size_t i = 0; i < count; ++i) words[i] = static_cast<std::uint32_t>(i + 1) * 2654435761u ^ seed;
  return words;
}

std::size_t differing(const Words& a, const Words& b) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) count += a[i] != b[i];
  return count;
}

/// A buffer of as many words, with what it should hold beside it.
struct Mirror {
  Mirror(const std::shared_ptr<vk::Context>& on, std::size_t count, vk::Residency residency)
      : context(on), buffer(on, count * 4, residency), words(count, untouched) {
    vk::fill(context, whole(), untouched);
  }
  vk::BufferRange whole() const { return range(0, words.size()); }
  vk::BufferRange range(std::size_t first, std::size_t count) const { return {&buffer, first * 4, count * 4}; }

  void upload(std::size_t first, const Words& values) {
    vk::upload(context, range(first, values.size()), values.data());
    std::ranges::copy(values, words.begin() + static_cast<std::ptrdiff_t>(first));
  }
  void fill(std::size_t first, std::size_t count, std::uint32_t word) {
    vk::fill(context, range(first, count), word);
    std::fill_n(words.begin() + static_cast<std::ptrdiff_t>(first), count, word);
  }
  void compare(Findings& findings, const std::string& what) const {
    Words found(words.size());
    vk::download(context, whole(), found.data());
    const std::size_t wrong = differing(found, words);
    findings.expect(wrong == 0, what + ": " + std::to_string(wrong) + " of " + std::to_string(words.size()) +
                                    " words are not what was written");
  }

  std::shared_ptr<vk::Context> context;
  vk::Buffer buffer;
  Words words;
};

void copy(const Mirror& from, std::size_t first, Mirror& to, std::size_t target, std::size_t count) {
  vk::CommandList list(from.context);
  list.begin();
  list.copy(from.range(first, count), to.range(target, count));
  list.end();
  from.context->wait(from.context->submit_batch(list.buffers()));
  std::copy_n(from.words.begin() + static_cast<std::ptrdiff_t>(first), count,
              to.words.begin() + static_cast<std::ptrdiff_t>(target));
}

void check_residency(const Scene& scene, vk::Residency residency) {
  const auto& context = scene.device.data()->context;
  for (const std::size_t count : {1u, 33u, 4099u}) {
    const auto scope = scene.findings.begin(std::to_string(count) + " words");
    Mirror mirror(context, count + 128, residency);
    mirror.upload(64, some_words(count, 1));
    mirror.compare(scene.findings, "upload");
    mirror.fill(64 + count / 3, count / 2, 7);
    mirror.compare(scene.findings, "fill");
    if (mirror.buffer.mapped())
      scene.findings.expect(std::memcmp(mirror.buffer.mapped(), mirror.words.data(), mirror.words.size() * 4) == 0,
                            "mapped memory has other words");
  }
  const std::size_t large = (scene.thorough ? 64u : 8u) << 20;  // words: 256 or 32 MiB
  const auto scope = scene.findings.begin(std::to_string(large / 262144) + " MiB");
  Mirror from(context, large, residency), to(context, large + 77, vk::Residency::device);
  from.upload(0, some_words(large, 2));
  copy(from, 0, to, 77, large);
  copy(from, 1, to, 3, 33);
  to.compare(scene.findings, "copy");
}

}  // namespace

std::vector<Part> memory_parts() {
  return {{"memory: device", [](const Scene& s) { check_residency(s, vk::Residency::device); }},
          {"memory: host, for uploads", [](const Scene& s) { check_residency(s, vk::Residency::host_upload); }},
          {"memory: host, for reading back", [](const Scene& s) { check_residency(s, vk::Residency::host_readback); }}};
}

}  // namespace volute::check
