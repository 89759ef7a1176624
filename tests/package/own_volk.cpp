// An application's own volk beside the interop header: no name of it may meet one of Volute's. Loaded before main, of
// use until after it.
#define VOLK_IMPLEMENTATION
#include <volk.h>

#include <cstdint>
#include <cstdlib>
#include <volute/interop.hpp>

namespace {

struct OwnVolk {
  OwnVolk() {
    volute::interop::Adoption adoption;
    check(volkInitialize() == VK_SUCCESS);
    adoption.get_instance_proc_addr = vkGetInstanceProcAddr;
    check(adoption.get_instance_proc_addr != nullptr);
  }
  ~OwnVolk() {
    std::uint32_t version = 0;
    check(vkEnumerateInstanceVersion(&version) == VK_SUCCESS && version >= VK_API_VERSION_1_2);
  }
  static void check(bool holds) {
    if (!holds) std::abort();
  }
} own_volk;

}  // namespace
