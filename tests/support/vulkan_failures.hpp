// Vulkan calls that are made to fail: which can, with what results, and which one does.
// Invariant: a call that fails here never reaches the loader; a device once lost stays so until it is destroyed.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <vulkan/vulkan_core.h>

namespace volute::test {

/// What the specification lets a function fail with, VK_TIMEOUT of waits included; empty: it cannot fail.
const std::vector<VkResult>& failures_of(const std::string& function);

class Failures {
 public:
  struct Failure {
    std::string function;
    VkResult result = VK_SUCCESS;
  };

  /// From here on calls that can fail are points, counted from 1. None fails.
  void count();
  /// As count(), and one point fails, once, with number `choice` of its function's results, modulo their number.
  void fail(long point, std::size_t choice);
  /// As count(), and the function's call number `call` fails, once.
  void fail(const std::string& function, long call, VkResult result);
  /// Nothing is counted and nothing fails, but on devices already lost.
  void stop();

  long points() const;
  /// The functions called since count() or fail(), in order.
  std::vector<std::string> sequence() const;
  /// What has failed since count() or fail().
  std::optional<Failure> struck() const;

  // What the shim tells and asks. -----------------------------------------------------------------------------

  /// The result the call fails with; VK_SUCCESS: it goes on.
  VkResult strike(const std::string& function, VkDevice device);
  void queue_of(VkDevice device, VkQueue queue);
  VkDevice device_of(VkQueue queue) const;
  void destroyed(VkDevice device);

 private:
  void start();
  VkResult choose(const std::string& function);

  mutable std::mutex mutex_;
  bool counting_ = false;
  long target_ = 0;  ///< of all points, or of the function's calls if one is named; 0: none
  std::size_t choice_ = 0;
  std::string function_;
  VkResult result_ = VK_SUCCESS;
  std::vector<std::string> sequence_;
  std::map<std::string, long> calls_;
  std::optional<Failure> struck_;
  std::set<VkDevice> lost_;
  std::map<VkQueue, VkDevice> queues_;
};

}  // namespace volute::test
