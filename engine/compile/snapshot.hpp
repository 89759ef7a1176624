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
  /// Waits for all submitted work and for the copies.
  void fetch();
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
  std::unique_ptr<HostCopies> copies;
  std::unique_ptr<Snapshot> last;
};

/// Takes the snapshot that is due before the next step begins. All steps before must be done.
void keep_if_due(Program::Data& data);

/// Throws DeviceLost if a parameter has lost its values; notes that those the program trains are about to change.
void expect_training(Program::Data& data);

}  // namespace volute
