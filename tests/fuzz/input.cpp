// How a finding ends the process; see input.hpp.
#include "tests/fuzz/input.hpp"

#include <cstdio>
#include <cstdlib>

namespace volute::fuzz {

void broken(const std::string& promise) {
  std::fprintf(stderr, "broken promise: %s\n", promise.c_str());
  std::abort();
}

}  // namespace volute::fuzz
