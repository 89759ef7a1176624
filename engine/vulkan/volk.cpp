// volk compiled into the library once: it loads the Vulkan loader at run time, so nothing links to it.
#define VOLK_IMPLEMENTATION
#include <volk.h>
