// What a program keeps from step to step, on the host: taken, put back, and kept for when the device is lost.
// Invariant: a snapshot is of one moment between two steps; what is kept is replaced whole or not at all.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include <volute/device.hpp>

#include "engine/vulkan/commands.hpp"

namespace volute {

/// Ranges of device memory copied to the host together, by commands recorded once.
class HostCopies {
 public:
  HostCopies(const std::shared_ptr<vk::Context>& context, std::span<const vk::BufferRange> ranges);
  /// Waits for all submitted work and for the copies. `self` lives until they are done, should waiting fail.
  void fetch(const std::shared_ptr<HostCopies>& self);
  /// Bytes of range i as last fetched.
  const std::byte* bytes(std::size_t i) const { return buffer_.mapped() + offsets_[i]; }

 private:
  std::shared_ptr<vk::Context> context_;
  std::vector<std::uint64_t> offsets_;
  vk::Buffer buffer_;
  vk::CommandList list_;
  std::uint64_t under_way_ = 0;  ///< number of the last submission
};

/// Program::keep.
struct Keeping {
  std::int64_t every = 0;  ///< steps; 0: none are kept any more
  std::shared_ptr<HostCopies> copies;
  std::shared_ptr<const Snapshot> last;
  std::uint64_t sets = 0;   ///< of all parameters when it was taken
  bool overtaken = false;   ///< states were written since
};

/// Takes the snapshot that is due before the next step begins: by the count of steps, or because something was put in
/// place of what is kept. All steps before must be done.
void keep_if_due(Program::Data& data);

/// Throws DeviceLost if a parameter has lost its values.
void require_parameters(const Program::Data& data);
/// Parameters the program trains are about to change.
void expect_changes(Program::Data& data);

}  // namespace volute
