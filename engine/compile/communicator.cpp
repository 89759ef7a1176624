// What a Communicator offers beyond moving bytes; see device.hpp.

#include <cstdlib>

#include "engine/compile/rank_sums.hpp"
#include "engine/environment.hpp"

namespace volute {

void Communicator::abort(int status) { std::_Exit(status); }

void Communicator::sum(std::span<double> values) {
  const auto ranks = static_cast<std::size_t>(size()), own = static_cast<std::size_t>(rank());
  std::vector<double> all(ranks * values.size());
  std::copy(values.begin(), values.end(), all.begin() + static_cast<std::ptrdiff_t>(own * values.size()));
  std::vector<std::span<std::byte>> blocks;
  for (std::size_t r = 0; r < ranks; ++r)
    blocks.push_back(std::as_writable_bytes(std::span(all).subspan(r * values.size(), values.size())));
  all_gather(blocks);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = 0;
    for (std::size_t r = 0; r < ranks; ++r) values[i] += all[r * values.size() + i];
  }
}

void Communicator::barrier() {
  double nothing = 0;
  sum({&nothing, 1});
}

void Communicator::broadcast(std::span<std::byte> values, int from) {
  if (from < 0 || from >= size())
    throw InvalidGraph("broadcast: there is no rank " + std::to_string(from) + ", only " + std::to_string(size()));
  std::vector<std::span<std::byte>> blocks(static_cast<std::size_t>(size()));
  blocks[static_cast<std::size_t>(from)] = values;
  all_gather(blocks);
}

std::string device_of(const Communicator& communicator) {
  if (!environment().device.empty()) return environment().device;
  const std::vector<DeviceInfo> all = list_devices();
  for (const char* type : {"discrete", "integrated", "virtual", "cpu", "other"}) {
    std::vector<int> usable;
    for (const DeviceInfo& info : all)
      if (info.rejected.empty() && info.type == type) usable.push_back(info.index);
    if (!usable.empty())
      return std::to_string(usable[static_cast<std::size_t>(communicator.local_rank()) % usable.size()]);
  }
  return {};  // Device says why
}

}  // namespace volute
