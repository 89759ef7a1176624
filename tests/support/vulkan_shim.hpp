// A Vulkan entry point of our own in front of the system's loader. It counts calls, live objects and copies of two
// sides, the application's and the engine's, hides or pretends abilities of the devices, and makes calls of the
// engine's fail. Invariant: without Masks and Failures every call reaches the loader as it was made. One at a time.
#pragma once

#include <set>

#include "tests/support/vulkan_failures.hpp"
#include "tests/support/vulkan_registry.hpp"

namespace volute::test {

/// What devices are made to look like.
struct Masks {
  std::uint32_t api_version = 0;      ///< at most this; 0: as it is
  bool timeline_semaphores = true;    ///< false: the feature reads 0
  bool subgroup_shuffle = true;
  bool timestamps = true;             ///< false: timestampValidBits is 0
  bool compute_queues = true;         ///< false: no family computes
  bool storage_texels = true;         ///< false: no format has storage texel buffers
  bool extensions = true;             ///< false: devices have none
  std::set<std::string> hidden_extensions;
  /// A second family that computes, without graphics. Its queue is the first family's, calls are translated, and
  /// submissions are serialised: what is checked is how the engine treats two families.
  bool compute_family = false;
};

class VulkanShim {
 public:
  explicit VulkanShim(Masks masks = {});
  ~VulkanShim();
  VulkanShim(const VulkanShim&) = delete;
  VulkanShim& operator=(const VulkanShim&) = delete;

  /// What to load functions with on this side.
  static PFN_vkGetInstanceProcAddr entry(Side side);
  /// The functions it wraps; all others go to the loader uncounted.
  static std::set<std::string> wrapped();

  const Masks& masks() const { return masks_; }
  Registry& registry() { return registry_; }
  Failures& failures() { return failures_; }
  /// Whether the calling thread is in the driver, the layers or the shim.
  static bool inside_call();

  /// Objects made by that side and not yet destroyed, by type ("Buffer").
  Counts live(Side side) const { return registry_.live(side); }
  long calls(Side side, const std::string& name) const;
  Transfers transfers(Side side) const { return registry_.transfers(side); }
  /// Objects destroyed that were the other side's or nobody's, and the like.
  std::vector<std::string> faults() const { return registry_.faults(); }
  /// Acquires without a release before them, and releases never acquired but for the last of a buffer.
  std::vector<std::string> ownership_faults() const;
  long ownership_transfers() const { return static_cast<long>(registry_.ownership().size()) / 2; }
  /// Calls, copies and ownership transfers count from here.
  void forget_counts() { registry_.forget_counts(); }

  std::mutex pretended_queue;  ///< held while a submission to either family passes

 private:
  Masks masks_;
  Registry registry_;
  Failures failures_;
};

}  // namespace volute::test
