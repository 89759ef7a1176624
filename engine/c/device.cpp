// Devices through volute.h.
#include "engine/c/handles.hpp"

using namespace volute;
using namespace volute::c;

extern "C" {

volute_status volute_device_list_create(volute_device_list** list) {
  return guard(__func__, [&] {
    need(list, "list");
    give(list, list_devices());
  });
}

void volute_device_list_destroy(volute_device_list* list) { delete list; }

volute_status volute_device_list_count(const volute_device_list* list, std::uint32_t* count) {
  return guard(__func__, [&] { need(count, "count") = static_cast<std::uint32_t>(need(list, "list").infos.size()); });
}

volute_status volute_device_list_get(const volute_device_list* list, std::uint32_t index, volute_device_info* info) {
  return guard(__func__, [&] {
    const auto& infos = need(list, "list").infos;
    check_result(info, need(info, "info").struct_size, "info");
    if (index >= infos.size())
      refuse("index", std::to_string(index) + " is beyond the " + std::to_string(infos.size()) + " devices");
    const DeviceInfo& found = infos[index];
    volute_device_info values{};
    values.index = found.index;
    values.name = found.name.c_str();
    values.type = found.type.c_str();
    values.driver = found.driver.c_str();
    values.api = found.api.c_str();
    values.rejected = found.rejected.c_str();
    values.memory_bytes = found.memory_bytes;
    give_result(values, info);
  });
}

volute_status volute_device_create(const char* selector, volute_device** device) {
  return guard(__func__, [&] {
    need(device, "device");
    Device chosen(selector ? selector : "");
    std::string name = chosen.name();
    give(device, std::move(chosen), std::move(name));
  });
}

void volute_device_destroy(volute_device* device) { delete device; }

const char* volute_device_name(const volute_device* device) { return device ? device->name.c_str() : ""; }

}  // extern "C"
