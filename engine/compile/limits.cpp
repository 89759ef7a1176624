// Sizes beyond what kernels count; see limits.hpp.
#include "engine/compile/limits.hpp"

#include <algorithm>

namespace volute {
namespace {

constexpr std::int64_t most_elements = (std::int64_t{1} << 31) - 1;
constexpr std::int64_t most_dispatches = 1 << 24;  // 2 GiB of host memory

}  // namespace

void check_counts(const LiveGraph& live) {
  for (const Node& node : live.graph->nodes)
    if (padded_elements(node.shape) > most_elements)
      throw Unsupported(std::string("compile: ") + name_of(node.op) + " " + node.shape.str() + " has more than " +
                        std::to_string(most_elements) + " elements");
}

void check_counts(const Layout& layout, const std::vector<Section>& sections) {
  for (const Storage& storage : layout.storages())
    if (storage.bytes / 4 > static_cast<std::uint64_t>(most_elements))
      throw Unsupported("compile: \"" + storage.name + "\" takes " + std::to_string(storage.bytes) +
                        " bytes over all steps; kernels reach " + std::to_string(4 * most_elements));
  std::int64_t dispatches = 0;
  for (const Section& section : sections) {
    const auto count = static_cast<std::int64_t>(section.dispatches.size());
    if (count > 0 && section.length > (most_dispatches - dispatches) / count)
      throw Unsupported("compile: the loops are more than " + std::to_string(most_dispatches) +
                        " dispatches; they have " + std::to_string(section.length) + " steps");
    dispatches += count * std::max<std::int64_t>(section.length, 1);
  }
}

}  // namespace volute
