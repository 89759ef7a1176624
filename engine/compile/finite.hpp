// Runs that are not finite, as the host learns of them: the watched scalars are copied to it like outputs.
// Invariant: each step submitted is looked at once, before the next one overwrites what was copied.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <volute/device.hpp>

#include "engine/vulkan/buffer.hpp"

namespace volute {

/// What a program watches, and how far it has looked.
struct Watch {
  struct Slot {
    std::string name;
    vk::BufferRange device;
    std::uint64_t offset = 0;  ///< in Program::Data::readback
  };
  Targets targets;  ///< the program's, with the policy
  std::vector<Slot> slots;
  std::uint64_t looked_at = 0;     ///< steps, of those submitted
  std::vector<std::byte> inputs;   ///< of the step to be looked at next, if staging has others already
};

/// Looks at the last step that is submitted whole, if it has been seen to finish and was not looked at. Counts, warns,
/// and with NonFinite::stop throws NotFinite; `may_throw` false: warns instead, and does not search.
void check_finite(Program::Data& data, bool may_throw = true);

/// The same after waiting for that step, for who is about to submit the rest of the next one.
void check_before_next(Program::Data& data);

/// Before staging is written for a step while the last one may still have to be repeated.
void keep_inputs(Program::Data& data);

}  // namespace volute
