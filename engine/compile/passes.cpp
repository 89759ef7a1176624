// The order of the passes; see passes.hpp.

#include "engine/compile/passes.hpp"

#include "engine/graph/narrow.hpp"

namespace volute {

Passed run_passes(LiveGraph& live, Precision precision, bool recompute, int ranks,
                  const std::function<void(const char*)>& note) {
  Passed passed;
  over_ranks(live, ranks);
  if (precision != Precision::f32) {
    narrow(live, precision);
    note("narrow");
  }
  simplify(live);
  note("simplify");
  if (recompute) {
    passed.recomputes = segment(live);
    note("segment");
  }
  passed.hoisted = hoist(live);
  simplify(live);
  note("hoist");
  look_up_products(live);
  simplify(live);
  note("look up products");
  split_states(live);
  note("split states");
  canonicalise(live);
  note("canonicalise");
  passed.destinations = materialise(live);
  note("materialise");
  return passed;
}

}  // namespace volute
