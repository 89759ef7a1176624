// Function tables by name, and the system's loader. Volk is not used: its global variables have the names of the
// functions, and a static library with them would break an application that links the loader or has its own volk.
#include "engine/vulkan/functions.hpp"

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include <string>

#include <volute/graph.hpp>

namespace volute::vk {
namespace {

// Never closed: drivers keep threads and thread-local state that outlive every device.
PFN_vkGetInstanceProcAddr find_loader() {
#ifdef _WIN32
  const HMODULE library = LoadLibraryA("vulkan-1.dll");
  return library ? reinterpret_cast<PFN_vkGetInstanceProcAddr>(
                       reinterpret_cast<void*>(GetProcAddress(library, "vkGetInstanceProcAddr")))
                 : nullptr;
#else
#ifdef __APPLE__
  const char* names[] = {"libvulkan.1.dylib", "libvulkan.dylib", "libMoltenVK.dylib"};
#else
  const char* names[] = {"libvulkan.so.1", "libvulkan.so"};
#endif
  for (const char* name : names)
    if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL))
      if (void* entry = dlsym(library, "vkGetInstanceProcAddr"))
        return reinterpret_cast<PFN_vkGetInstanceProcAddr>(entry);
  return nullptr;
#endif
}

template <class Function>
void load(Function& function, PFN_vkVoidFunction found, const char* name) {
  if (!found) throw Unsupported(std::string("the Vulkan loader or driver has no ") + name + "; Vulkan 1.2 is needed");
  function = reinterpret_cast<Function>(found);
}

}  // namespace

PFN_vkGetInstanceProcAddr open_loader() {
  static const PFN_vkGetInstanceProcAddr entry = find_loader();
  if (!entry)
    throw Unsupported(
        "no Vulkan loader: libvulkan.so.1 cannot be opened (Debian and Ubuntu: install libvulkan1 and a driver, "
        "for instance mesa-vulkan-drivers, which includes the software device lavapipe)");
  return entry;
}

GlobalFunctions load_global(PFN_vkGetInstanceProcAddr get) {
  GlobalFunctions table;
#define VOLUTE_LOAD(name) load(table.name, get(VK_NULL_HANDLE, #name), #name);
  VOLUTE_GLOBAL_FUNCTIONS(VOLUTE_LOAD)
#undef VOLUTE_LOAD
  return table;
}

InstanceFunctions load_instance(PFN_vkGetInstanceProcAddr get, VkInstance instance) {
  InstanceFunctions table;
#define VOLUTE_LOAD(name) load(table.name, get(instance, #name), #name);
  VOLUTE_INSTANCE_FUNCTIONS(VOLUTE_LOAD)
#undef VOLUTE_LOAD
  table.get = get;
  table.instance = instance;
  return table;
}

DeviceFunctions load_device(const InstanceFunctions& functions, VkDevice device) {
  DeviceFunctions table;
#define VOLUTE_LOAD(name) load(table.name, functions.vkGetDeviceProcAddr(device, #name), #name);
  VOLUTE_DEVICE_FUNCTIONS(VOLUTE_LOAD)
#undef VOLUTE_LOAD
  return table;
}

}  // namespace volute::vk
