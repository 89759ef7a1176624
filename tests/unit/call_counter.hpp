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
void wrap(vk::DeviceFunctions& table, const char* name) {
  using Function = std::remove_reference_t<decltype(table.*Entry)>;
  using Wrapped = Wrapper<Entry, Function>;
  Wrapped::original = table.*Entry;
  Wrapped::name = name;
  table.*Entry = Wrapped::call;
}

/// Every function Volute calls on a device.
inline void wrap_all(vk::DeviceFunctions& table) {
#define VOLUTE_WRAP(name) wrap<&vk::DeviceFunctions::name>(table, #name);
  VOLUTE_DEVICE_FUNCTIONS(VOLUTE_WRAP)
#undef VOLUTE_WRAP
}

}  // namespace counting

class CallCounter {
 public:
  explicit CallCounter(std::shared_ptr<vk::Context> context) : context_(std::move(context)), before_(context_->fn) {
    counting::active = &calls_;
    counting::wrap_all(context_->fn);
  }
  ~CallCounter() { context_->fn = before_; }
  CallCounter(const CallCounter&) = delete;
  CallCounter& operator=(const CallCounter&) = delete;

  const Calls& calls() const { return calls_; }
  long operator[](const std::string& name) const { return calls_.contains(name) ? calls_.at(name) : 0; }

 private:
  std::shared_ptr<vk::Context> context_;
  vk::DeviceFunctions before_;
  Calls calls_;
};

}  // namespace volute::test
