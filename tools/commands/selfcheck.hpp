// `volute selfcheck`: its options and what it prints.
#pragma once

#include <string>

namespace volute::tool {

struct SelfcheckArguments {
  std::string device;  ///< index or part of a name; empty: as VOLUTE_DEVICE says, else the best
  bool thorough = false;
  std::string only;  ///< parts whose names contain it
  bool json = false;
};

/// Exit status: 0 if no part failed, 1 if one did, 2 if `only` names no part.
int selfcheck(const SelfcheckArguments& arguments);

}  // namespace volute::tool
