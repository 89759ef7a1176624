// Counts calls at the Vulkan dispatch table: replaces entries of a context's function table by wrappers.
// Invariant: one counter at a time; the table is as it was when the counter goes.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/vulkan/context.hpp"

namespace volute::test {

using Calls = std::map<std::string, long>;

namespace counting {

inline Calls* active = nullptr;

template <auto Entry, class Function>
struct Wrapper;

template <auto Entry, class Result, class... Arguments>
struct Wrapper<Entry, Result(VKAPI_PTR*)(Arguments...)> {
  static inline Result(VKAPI_PTR* original)(Arguments...) = nullptr;
  static inline const char* name = "";
  static Result VKAPI_CALL call(Arguments... arguments) {
    ++(*active)[name];
    return original(arguments...);
  }
};

template <auto Entry>
void wrap(VolkDeviceTable& table, const char* name) {
  using Function = std::remove_reference_t<decltype(table.*Entry)>;
  using Wrapped = Wrapper<Entry, Function>;
  Wrapped::original = table.*Entry;
  Wrapped::name = name;
  table.*Entry = Wrapped::call;
}

inline void wrap_commands(VolkDeviceTable& table) {
#define VOLUTE_WRAP(name) wrap<&VolkDeviceTable::name>(table, #name)
  VOLUTE_WRAP(vkBeginCommandBuffer);
  VOLUTE_WRAP(vkEndCommandBuffer);
  VOLUTE_WRAP(vkResetCommandBuffer);
  VOLUTE_WRAP(vkResetCommandPool);
  VOLUTE_WRAP(vkCmdBindPipeline);
  VOLUTE_WRAP(vkCmdBindDescriptorSets);
  VOLUTE_WRAP(vkCmdPushConstants);
  VOLUTE_WRAP(vkCmdDispatch);
  VOLUTE_WRAP(vkCmdDispatchIndirect);
  VOLUTE_WRAP(vkCmdCopyBuffer);
  VOLUTE_WRAP(vkCmdUpdateBuffer);
  VOLUTE_WRAP(vkCmdFillBuffer);
  VOLUTE_WRAP(vkCmdPipelineBarrier);
  VOLUTE_WRAP(vkCmdExecuteCommands);
  VOLUTE_WRAP(vkQueueSubmit);
  VOLUTE_WRAP(vkQueueWaitIdle);
  VOLUTE_WRAP(vkDeviceWaitIdle);
  VOLUTE_WRAP(vkWaitSemaphores);
}

inline void wrap_objects(VolkDeviceTable& table) {
  VOLUTE_WRAP(vkAllocateMemory);
  VOLUTE_WRAP(vkFreeMemory);
  VOLUTE_WRAP(vkBindBufferMemory);
  VOLUTE_WRAP(vkMapMemory);
  VOLUTE_WRAP(vkCreateBuffer);
  VOLUTE_WRAP(vkCreateBufferView);
  VOLUTE_WRAP(vkCreateImage);
  VOLUTE_WRAP(vkCreateFence);
  VOLUTE_WRAP(vkCreateSemaphore);
  VOLUTE_WRAP(vkCreateEvent);
  VOLUTE_WRAP(vkCreateQueryPool);
  VOLUTE_WRAP(vkCreateCommandPool);
  VOLUTE_WRAP(vkAllocateCommandBuffers);
  VOLUTE_WRAP(vkFreeCommandBuffers);
  VOLUTE_WRAP(vkCreateDescriptorPool);
  VOLUTE_WRAP(vkResetDescriptorPool);
  VOLUTE_WRAP(vkAllocateDescriptorSets);
  VOLUTE_WRAP(vkUpdateDescriptorSets);
  VOLUTE_WRAP(vkUpdateDescriptorSetWithTemplate);
  VOLUTE_WRAP(vkCreateDescriptorSetLayout);
  VOLUTE_WRAP(vkCreatePipelineLayout);
  VOLUTE_WRAP(vkCreatePipelineCache);
  VOLUTE_WRAP(vkCreateShaderModule);
  VOLUTE_WRAP(vkCreateComputePipelines);
#undef VOLUTE_WRAP
}

}  // namespace counting

class CallCounter {
 public:
  explicit CallCounter(std::shared_ptr<vk::Context> context) : context_(std::move(context)), before_(context_->fn) {
    counting::active = &calls_;
    counting::wrap_commands(context_->fn);
    counting::wrap_objects(context_->fn);
  }
  ~CallCounter() { context_->fn = before_; }
  CallCounter(const CallCounter&) = delete;
  CallCounter& operator=(const CallCounter&) = delete;

  const Calls& calls() const { return calls_; }
  long operator[](const std::string& name) const { return calls_.contains(name) ? calls_.at(name) : 0; }

 private:
  std::shared_ptr<vk::Context> context_;
  VolkDeviceTable before_;
  Calls calls_;
};

}  // namespace volute::test
