// `volute devices`: what Volute sees of each Vulkan device and why it would not use it.
#include <cstdio>

#include "tools/commands/commands.hpp"

namespace volute::tool {
namespace {

/// Index of the device Volute takes by default, or -1 and the reason there is none.
int default_device(std::string& reason) {
  try {
    return Device().info().index;
  } catch (const Unsupported& error) {
    reason = error.what();
    return -1;
  }
}

Row row_of(const DeviceInfo& device, int chosen) {
  return {(device.index == chosen ? "*" : " ") + std::to_string(device.index),
          device.name,
          device.type,
          device.driver,
          device.api,
          bytes_text(device.memory_bytes),
          bytes_text(device.max_storage_range),
          std::to_string(device.max_texel_elements),
          bytes_text(device.max_allocation_bytes),
          bytes_text(device.max_shared_bytes),
          std::to_string(device.max_workgroup),
          std::to_string(device.subgroup_size)};
}

int devices() {
  const std::vector<DeviceInfo> list = list_devices();
  if (list.empty()) {
    std::puts("no Vulkan devices: install a Vulkan loader and a driver (Debian: libvulkan1, mesa-vulkan-drivers)");
    return failed;
  }
  std::string reason;
  const int chosen = default_device(reason);
  std::vector<Row> rows{{" #", "name", "type", "driver", "api", "memory", "storage range", "texels", "allocation",
                         "shared", "workgroup", "subgroup"}};
  for (const auto& device : list) rows.push_back(row_of(device, chosen));
  print_table(rows);
  for (const auto& device : list)
    for (const std::string& text : device.without) std::printf("%d goes without %s\n", device.index, text.c_str());
  for (const auto& device : list)
    if (!device.rejected.empty()) std::printf("%d is rejected: %s\n", device.index, device.rejected.c_str());
  std::puts(chosen >= 0 ? "* is the default; VOLUTE_DEVICE (an index or part of a name) chooses another"
                        : reason.c_str());
  return done;
}

}  // namespace

Command add_devices(CLI::App& app) {
  return {app.add_subcommand("devices", "List the Vulkan devices and what limits them"), devices};
}

}  // namespace volute::tool
