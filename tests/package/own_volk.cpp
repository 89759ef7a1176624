// An application's own volk, of which no name may meet one of Volute's: loaded before main, of use until after it.
#define VOLK_IMPLEMENTATION
#include <volk.h>

#include <cstdint>
#include <cstdlib>

namespace {

struct OwnVolk {
  OwnVolk() { check(volkInitialize() == VK_SUCCESS); }
  ~OwnVolk() {
    std::uint32_t version = 0;
    check(vkEnumerateInstanceVersion(&version) == VK_SUCCESS && version >= VK_API_VERSION_1_2);
  }
  static void check(bool holds) {
    if (!holds) std::abort();
  }
} own_volk;

}  // namespace
