// A dispatch as kernels describe it and the recorder replays it: source, bindings, push words and group
// counts, with what it reads and writes, from which barriers are derived.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/kernels/operand.hpp"
#include "engine/vulkan/cooperative.hpp"
#include "engine/vulkan/pipeline.hpp"

namespace volute {

/// A storage a dispatch touches. Ordering is by whole storages, as they are bound: validation layers
/// cannot know which part of a binding a shader reaches, and finer ranges gained no overlap.
struct Touch {
  const Storage* storage = nullptr;
  std::int64_t bytes = 0;  ///< how much of it, for estimates
  bool write = false;
  bool moves = false;      ///< another part at each step of its loop
  bool elementwise = false;  ///< all of it, and a texel's reads and write are made by one invocation, in this order
  int part = 0;              ///< of a dispatch that does the work of several kernels
  std::int64_t slab = 0;     ///< bytes that the workgroups of one y write, from the storage's beginning on; 0: not said
};

struct Binding {
  const Storage* storage = nullptr;
  vk::BindingKind kind = vk::BindingKind::storage;
  bool operator==(const Binding&) const = default;
};

struct Dispatch {
  std::string label;   ///< for plans and traces
  std::string source;  ///< GLSL
  std::string choice;  ///< which of several kernels for the same result, and who chose it; empty if there is one
  std::vector<std::uint32_t> constants;  ///< specialization constants, by constant_id
  std::vector<Binding> bindings;
  std::vector<Moving> push;  ///< 32-bit words, evaluated at the step being recorded
  std::uint32_t groups[3] = {1, 1, 1};
  std::vector<Touch> touches;
  double flops = 0;   ///< estimates for cutting submissions
  double bytes = 0;
};

/// How a kernel reads a storage of that type.
vk::BindingKind read_kind(DType dtype, bool texel_loads);

/// How a kernel writes a storage: as a storage buffer, or as an image where its range is too long for one.
vk::BindingKind write_kind(const Storage& storage, DType dtype, bool whole_texels, std::uint64_t max_storage_range);

/// How loops over time are lowered: one dispatch (or few) a step, or kernels that walk time themselves.
enum class Scans : std::uint8_t { automatic, unrolled, persistent };

/// What the kernels need to know about a device.
struct KernelTarget {
  bool texel_loads = true;       ///< read through rgba32f texel images (CPU Vulkan); else storage buffers
  std::string matmul;            ///< family: "texel" or "shared"
  vk::CooperativeMatrix cooperative;       ///< products of 16-bit operands on matrix units, if it has them
  std::uint32_t subgroup_size = 0;
  std::uint32_t max_shared_bytes = 16384;  ///< what Vulkan promises
  std::uint32_t max_workgroup = 128;       ///< likewise
  std::uint32_t cores = 16;                ///< workgroups that run side by side: cores, or an estimate for a GPU
  std::uint32_t shuffle_lanes = 0;  ///< subgroup size if lanes can exchange values, else 0
  std::uint32_t max_groups = 65535;
  std::int64_t max_iterations = 0;  ///< of all loops of one invocation together; 0: any (Mesa's CPU drivers stop
                                    ///< loops after 65,535, without a word)
  Scans scans = Scans::automatic;
  bool join = true;                 ///< row kernels and joint dispatches; off, every kernel stands alone
  std::uint32_t max_buffers = 30;   ///< bindings of a row kernel or a joint dispatch
  std::uint32_t max_images = 30;
  std::uint32_t max_bindings = 60;
  std::uint64_t max_storage_range = ~0ull;  ///< larger results are written through texel images
};

/// Whether the target can bind, push and compile what a kernel made of several asks for.
bool fits(const Dispatch& dispatch, const KernelTarget& target);
/// Offsets in texels for one in elements.
Moving in_texels(Moving offset);
Moving constant_word(std::int64_t value);
Touch touch_of(const View& view, bool write);
/// The text of a file below shaders/ that reads memory as the target likes.
std::string shader_source(const char* path, const KernelTarget& target, const std::string& defines = "");
/// So many workgroups, in a grid of two dimensions where one is too short.
void set_groups(Dispatch& dispatch, std::int64_t groups, const KernelTarget& target);
/// Workgroups of 64 for so many invocations, in a grid FLAT_ID numbers.
void set_flat_groups(Dispatch& dispatch, std::int64_t invocations, const KernelTarget& target);

}  // namespace volute
