// The section "training" as the engine's optimisers and schedules.
#pragma once

#include <volute/optim.hpp>

#include "tools/config/config.hpp"

namespace volute::tool {

Optimizer make_optimizer(const Json& training);
MinimizeOptions make_minimize(const Json& training);
/// Of `steps` steps; constant for "plateau", which looks at validations.
Schedule make_schedule(const Json& training, std::int64_t steps);
/// Whether a step's rate depends on how many there are in all.
bool depends_on_length(const Json& training);

}  // namespace volute::tool
