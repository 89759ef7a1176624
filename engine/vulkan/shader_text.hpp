// Text of shaders before compilation: includes resolved from the embedded files.
#pragma once

#include <string>

namespace volute::vk {

/// `source` with each `#include "path"` line replaced by the embedded file, once per path (as with
/// #pragma once). Throws Error for an unknown path.
std::string resolve_includes(const std::string& source);

}  // namespace volute::vk
