// Handles of the C interface that give themselves back, and calls that are expected to succeed.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <gtest/gtest.h>
#include <volute/volute.h>

namespace volute::test::c {

template <auto destroy>
struct Destroy {
  template <class T>
  void operator()(T* handle) const {
    destroy(handle);
  }
};

using Device = std::unique_ptr<volute_device, Destroy<volute_device_destroy>>;
using DeviceList = std::unique_ptr<volute_device_list, Destroy<volute_device_list_destroy>>;
using Graph = std::unique_ptr<volute_graph, Destroy<volute_graph_destroy>>;
using Parameter = std::unique_ptr<volute_parameter, Destroy<volute_parameter_destroy>>;
using Module = std::unique_ptr<volute_module, Destroy<volute_module_destroy>>;
using Targets = std::unique_ptr<volute_targets, Destroy<volute_targets_destroy>>;
using Program = std::unique_ptr<volute_program, Destroy<volute_program_destroy>>;
using Metadata = std::unique_ptr<volute_metadata, Destroy<volute_metadata_destroy>>;
using Checkpoint = std::unique_ptr<volute_checkpoint, Destroy<volute_checkpoint_destroy>>;
using Autosave = std::unique_ptr<volute_autosave, Destroy<volute_autosave_destroy>>;

inline void ok(volute_status status) { EXPECT_EQ(status, VOLUTE_OK) << volute_last_error(); }

/// made<Module>(volute_linear_create, 3, 4, nullptr)
template <class Owner, class Make, class... Arguments>
Owner made(Make make, Arguments... arguments) {
  typename Owner::pointer handle = nullptr;
  ok(make(arguments..., &handle));
  return Owner(handle);
}

/// tensor(volute_add, a, b)
template <class Make, class... Arguments>
volute_tensor tensor(Make make, Arguments... arguments) {
  volute_tensor out{};
  ok(make(arguments..., &out));
  return out;
}

inline volute_device* device() {
  static const Device instance = made<Device>(volute_device_create, nullptr);
  return instance.get();
}

inline volute_tensor input(const Graph& graph, const char* name, volute_dtype dtype, std::vector<std::int64_t> dims) {
  return tensor(volute_graph_input, graph.get(), name, dtype, static_cast<std::uint32_t>(dims.size()), dims.data());
}

inline Program compiled(const Targets& targets) {
  return made<Program>(volute_compile, device(), targets.get(), nullptr);
}

/// Sizes and values that need no random numbers.
namespace values {

constexpr std::int64_t T = 5, N = 3, V = 7;

inline std::vector<std::uint32_t> indices(std::size_t count, std::uint32_t step) {
  std::vector<std::uint32_t> all(count);
  for (std::size_t i = 0; i < count; ++i) all[i] = static_cast<std::uint32_t>(i * step + i / 3) % V;
  return all;
}

inline std::vector<float> numbers(std::int64_t count, float scale = 0.1f) {
  std::vector<float> all(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = scale * static_cast<float>(static_cast<int>(i * 7 % 19) - 9);
  return all;
}

}  // namespace values
}  // namespace volute::test::c
