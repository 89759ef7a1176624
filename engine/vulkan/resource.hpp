// What hangs off a device and must go before it does.
// Invariant: every Vulkan object is destroyed once: by its owner's destructor, or earlier by Context::detach, after
// which the owner holds none.
#pragma once

#include "engine/vulkan/context.hpp"

namespace volute::vk {

class Resource {
 public:
  Resource(const Resource&) = delete;
  Resource& operator=(const Resource&) = delete;

 protected:
  /// Throws DeviceLost if the context has been detached.
  explicit Resource(std::shared_ptr<Context> context);
  virtual ~Resource();
  /// Destroys the Vulkan objects; destructors of owners call it through this, so that it happens once.
  void destroy_once() noexcept;

  std::shared_ptr<Context> context_;

 private:
  friend class Context;
  virtual void destroy() noexcept = 0;
  bool destroyed_ = false;
};

}  // namespace volute::vk
