// What kernel files share when they describe a dispatch.

#include "engine/kernels/dispatch.hpp"

#include "engine/vulkan/glsl.hpp"

namespace volute {

bool fits(const Dispatch& dispatch, const KernelTarget& target) {
  constexpr std::size_t most_words = 32;        // of push constants
  constexpr std::size_t most_text = 48 << 10;  // to bound what drivers compile at once
  std::uint32_t buffers = 0, images = 0;
  for (const Binding& binding : dispatch.bindings) ++(binding.kind == vk::BindingKind::storage ? buffers : images);
  return buffers <= target.max_buffers && images <= target.max_images && buffers + images <= target.max_bindings &&
         dispatch.push.size() <= most_words && dispatch.source.size() <= most_text;
}

Moving in_texels(Moving offset) {
  offset.base /= 4;
  offset.stride /= 4;
  return offset;
}

Moving constant_word(std::int64_t value) { return {value, 0, 0, 0}; }

Touch touch_of(const View& view, bool write) {
  return {view.storage, touched_bytes(view), write, view.offset.stride != 0, false};
}

std::string shader_source(const char* path, const KernelTarget& target, const std::string& defines) {
  return std::string("#version 450\n") + (target.texel_loads ? "#define VOLUTE_TEXEL\n" : "") + defines +
         "#include \"lib/access.glsl\"\n" + std::string(vk::embedded_shader(path));
}

void set_groups(Dispatch& dispatch, std::int64_t groups, const KernelTarget& target) {
  const std::int64_t rows = (groups + target.max_groups - 1) / target.max_groups;
  dispatch.groups[0] = static_cast<std::uint32_t>((groups + rows - 1) / rows);
  dispatch.groups[1] = static_cast<std::uint32_t>(rows);
}

void set_flat_groups(Dispatch& dispatch, std::int64_t invocations, const KernelTarget& target) {
  set_groups(dispatch, (invocations + 63) / 64, target);
}

}  // namespace volute
