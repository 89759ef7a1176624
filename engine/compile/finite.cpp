// Warnings and errors about runs that are not finite; see finite.hpp.

#include "engine/compile/finite.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>
#include <utility>

#include "engine/compile/first_non_finite.hpp"
#include "engine/compile/program_data.hpp"

namespace volute {
namespace {

NonFinite policy_of(const Program::Data& data) { return data.watch.targets.non_finite; }

float value_of(const Program::Data& data, const Watch::Slot& slot) {
  float value = 0;
  std::memcpy(&value, data.readback->mapped() + slot.offset, sizeof value);
  return value;
}

/// As the device decides it.
bool is_finite(float value) { return std::abs(value) < std::numeric_limits<float>::max(); }

/// "loss nan, squared gradient norm inf"; empty if all are finite.
std::string not_finite(const Program::Data& data) {
  std::ostringstream text;
  for (const Watch::Slot& slot : data.watch.slots) {
    const float value = value_of(data, slot);
    if (is_finite(value)) continue;
    text << (text.tellp() > 0 ? ", " : "") << slot.name << " ";
    if (std::isnan(value)) text << "nan";  // whatever its sign
    else text << value;
  }
  return text.str();
}

std::string warning(const Program::Data& data, const std::string& what) {
  const std::int64_t count = data.stats.non_finite;
  return what + (policy_of(data) == NonFinite::warn ? "" : "; it has changed nothing") +
         (count > 1 ? " (" + std::to_string(count) + " such steps by now)" : "");
}

}  // namespace

void check_finite(Program::Data& data, bool may_throw) {
  Watch& watch = data.watch;
  if (policy_of(data) == NonFinite::off) return;
  if (watch.looked_at == data.parts->steps() || !data.parts->step_is_done()) return;
  watch.looked_at = data.parts->steps();
  const std::vector<std::byte> inputs = std::exchange(watch.inputs, {});
  const std::string values = not_finite(data);
  if (values.empty()) return;
  ++data.stats.non_finite;
  const std::string what = "step " + std::to_string(data.steps) + " was not finite: " + values;
  if (policy_of(data) == NonFinite::stop && may_throw)
    throw NotFinite(what + "; " + first_non_finite(data, inputs) + "; the step has changed nothing");
  if (policy_of(data) == NonFinite::stop || std::has_single_bit(static_cast<std::uint64_t>(data.stats.non_finite)))
    warn(warning(data, what));
}

void check_before_next(Program::Data& data) {
  if (policy_of(data) == NonFinite::off) return;
  data.parts->wait_for_step();
  check_finite(data);
}

void keep_inputs(Program::Data& data) {
  Watch& watch = data.watch;
  if (policy_of(data) != NonFinite::stop || watch.looked_at == data.parts->steps() || !data.staging) return;
  if (!watch.inputs.empty()) return;  // staging has been written since
  const std::byte* from = data.staging->mapped();
  watch.inputs.assign(from, from + data.staging->bytes());
}

}  // namespace volute
