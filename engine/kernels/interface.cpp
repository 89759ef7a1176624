// Bindings, push words and touches of a generated kernel; see emitter.hpp.
// Invariant: a storage read or written in one way has one slot, whichever part of the dispatch asks for it.

#include "engine/kernels/emitter.hpp"

#include <array>

#include "engine/graph/node.hpp"

namespace volute {

KernelInterface::KernelInterface(const KernelTarget& target, bool walks_time)
    : texel_loads_(target.texel_loads), walks_time_(walks_time), max_storage_range_(target.max_storage_range) {}

std::string KernelInterface::push(const Moving& word) {
  if (!walks_time_ || !word.stride) return pushed(word);
  const std::string index = word.phase ? "(t + " + std::to_string(word.phase) + "u)" : "t";
  const std::string slot = word.slots ? "(" + index + " % " + std::to_string(word.slots) + "u)" : index;
  return "(" + std::to_string(word.base) + "u + " + slot + " * " + std::to_string(word.stride) + "u)";
}

std::string KernelInterface::pushed(const Moving& word) {
  for (std::size_t i = 0; i < push_.size(); ++i) {
    const Moving& p = push_[i];
    if (p.base == word.base && p.stride == word.stride && p.phase == word.phase && p.slots == word.slots)
      return "pc.word[" + std::to_string(i) + "]";
  }
  push_.push_back(word);
  return "pc.word[" + std::to_string(push_.size() - 1) + "]";
}

std::string KernelInterface::read_slot(const Storage* storage, DType dtype) {
  const vk::BindingKind kind = read_kind(dtype, texel_loads_);
  for (const Slot& slot : slots_)
    if (slot.binding == Binding{storage, kind} && slot.type.empty()) return slot.name;
  const char* prefix = dtype == DType::f32 ? "in" : dtype == DType::u32 ? "uin" : "hin";
  slots_.push_back({{storage, kind}, "", prefix + std::to_string(slots_.size()), dtype});
  uses_half_ |= is_half(dtype);
  return slots_.back().name;
}

std::string KernelInterface::write_slot(const Storage* storage, DType dtype, bool whole_texels) {
  const bool f32 = dtype == DType::f32;
  if (is_half(dtype) && !whole_texels) throw Error("16-bit values are stored by whole texels");
  const std::string type = is_half(dtype) ? "uvec2" : whole_texels ? (f32 ? "vec4" : "uvec4") : (f32 ? "float" : "uint");
  for (const Slot& slot : slots_)
    if (slot.binding.storage == storage && slot.type == type) return slot.name;
  const vk::BindingKind kind = write_kind(*storage, dtype, whole_texels, max_storage_range_);
  const char* prefix = kind == vk::BindingKind::storage ? "out" : f32 ? "image" : "uimage";
  slots_.push_back({{storage, kind}, type, prefix + std::to_string(slots_.size()), dtype});
  uses_half_ |= is_half(dtype);
  return slots_.back().name;
}

void KernelInterface::touch(const Touch& touch) {
  for (Touch& known : touches_) {
    const bool same = known.storage == touch.storage && known.write == touch.write && known.part == part_;
    if (!same || known.elementwise != touch.elementwise || known.moves != touch.moves) continue;
    known.bytes += touch.bytes;
    return;
  }
  touches_.push_back(touch);
  touches_.back().part = part_;
}

namespace {

std::string declaration(vk::BindingKind kind, const std::string& number, const std::string& type,
                        const std::string& name) {
  switch (kind) {
    case vk::BindingKind::texel_f32: return "WRITE_IMAGE(" + number + ", rgba32f, imageBuffer, " + name + ");\n";
    case vk::BindingKind::texel_u32: return "WRITE_IMAGE(" + number + ", rgba32ui, uimageBuffer, " + name + ");\n";
    case vk::BindingKind::texel_u16: return "WRITE_IMAGE(" + number + ", rgba16ui, uimageBuffer, " + name + ");\n";
    case vk::BindingKind::element_f32: return "WRITE_IMAGE(" + number + ", r32f, imageBuffer, " + name + ");\n";
    case vk::BindingKind::element_u32: return "WRITE_IMAGE(" + number + ", r32ui, uimageBuffer, " + name + ");\n";
    default: return "WRITE(" + number + ", " + type + ", " + name + ");\n";
  }
}

}  // namespace

bool KernelInterface::is_written(const Storage* storage) const {
  return std::any_of(slots_.begin(), slots_.end(),
                     [&](const Slot& slot) { return slot.binding.storage == storage && !slot.type.empty(); });
}

std::string KernelInterface::declaration(const Slot& slot, std::size_t number) const {
  if (!slot.type.empty()) return volute::declaration(slot.binding.kind, std::to_string(number), slot.type, slot.name);
  static constexpr std::array macros{"READ_F32(", "READ_U32(", "READ_F16(", "READ_BF16("};
  return macros[static_cast<std::size_t>(slot.dtype)] + std::to_string(number) + ", " + slot.name + ");\n";
}

std::string KernelInterface::declarations(std::size_t first) const {
  std::string code = "#include \"lib/math.glsl\"\n";
  if (uses_random_) code += "#include \"lib/random.glsl\"\n";
  if (uses_half_) code += "#include \"lib/half.glsl\"\n";
  for (std::size_t i = 0; i < slots_.size(); ++i) code += declaration(slots_[i], first + i);
  return code;
}

std::string KernelInterface::header(std::uint32_t local_size, const std::vector<std::string>& extensions,
                                    bool coherent) const {
  std::string code = "#version 450\n";
  for (const std::string& extension : extensions) code += "#extension " + extension + " : require\n";
  if (texel_loads_) code += "#define VOLUTE_TEXEL\n";
  code += "#include \"lib/access.glsl\"\n#include \"lib/math.glsl\"\n";
  if (uses_random_) code += "#include \"lib/random.glsl\"\n";
  if (uses_half_) code += "#include \"lib/half.glsl\"\n";
  code += "layout(local_size_x = " + std::to_string(local_size) + ") in;\n";
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const bool shared = is_written(slots_[i].binding.storage);
    if (coherent) code += std::string("#undef ACCESS\n#define ACCESS") + (shared ? " coherent\n" : "\n");
    code += declaration(slots_[i], i);
  }
  if (shared_) code += "shared vec4 exchange[" + std::to_string(shared_) + "];\n";
  if (!push_.empty())
    code += "layout(push_constant) uniform Push { uint word[" + std::to_string(push_.size()) + "]; } pc;\n";
  return code;
}

void KernelInterface::fill(Dispatch& dispatch) const {
  for (const Slot& slot : slots_) dispatch.bindings.push_back(slot.binding);
  dispatch.push = push_;
  dispatch.touches = touches_;
}

std::string number(std::int64_t value) { return std::to_string(value) + "u"; }

const char* identity_of(const Node* reduce) { return reduce->op == Op::sum ? "0.0" : "uintBitsToFloat(0xff800000u)"; }

std::string combine(const Node* reduce, const std::string& a, const std::string& b) {
  return reduce->op == Op::sum ? a + " + " + b : "max(" + a + ", " + b + ")";
}

}  // namespace volute
