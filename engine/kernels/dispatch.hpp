// A dispatch as kernels describe it and the recorder replays it: source, bindings, push words and group
// counts, with what it reads and writes, from which barriers are derived.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/kernels/operand.hpp"
#include "engine/vulkan/pipeline.hpp"

namespace volute {

/// A storage a dispatch touches. Ordering is by whole storages, as they are bound: validation layers
/// cannot know which part of a binding a shader reaches, and finer ranges gained no overlap.
struct Touch {
  const Storage* storage = nullptr;
  std::int64_t bytes = 0;  ///< how much of it, for estimates
  bool write = false;
  bool moves = false;      ///< another part at each step of its loop
  bool elementwise = false;  ///< all of it, and invocation i touches texel i alone
};

struct Binding {
  const Storage* storage = nullptr;
  vk::BindingKind kind = vk::BindingKind::storage;
  bool operator==(const Binding&) const = default;
};

struct Dispatch {
  std::string label;   ///< for plans and traces
  std::string source;  ///< GLSL
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

/// What the kernels need to know about a device.
struct KernelTarget {
  bool texel_loads = true;       ///< read through rgba32f texel images (CPU Vulkan); else storage buffers
  std::string matmul;            ///< family: "texel" or "shared"
  std::uint32_t shuffle_lanes = 0;  ///< subgroup size if lanes can exchange values, else 0
  std::uint32_t max_groups = 65535;
  std::uint64_t max_storage_range = ~0ull;  ///< larger results are written through texel images
};

}  // namespace volute
