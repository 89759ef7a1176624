// A program's run on the float64 reference: outputs, then updates and carried states, all from the values
// before the run. Invariant: what a compiled program should do, without the compiler.
#pragma once

#include <volute/reference.hpp>

#include "engine/graph/node.hpp"

namespace volute::test {

class ReferenceRun {
 public:
  using Values = Reference::Values;

  ReferenceRun(const Graph& graph, Targets targets) : targets_(std::move(targets)) {
    targets_.updates.insert(targets_.updates.end(), graph.data()->carried.begin(), graph.data()->carried.end());
    reference_.precision(targets_.precision);
  }
  void set(Tensor tensor, Values values) { reference_.set(tensor, std::move(values)); }
  void seed(std::uint32_t seed) { reference_.seed(seed); }

  /// One run; the outputs' values.
  std::vector<Values> run() {
    reference_.step(step_++);
    std::vector<Tensor> wanted = targets_.outputs;
    for (const Update& update : targets_.updates) wanted.push_back(update.value);
    std::vector<Values> values = reference_.evaluate(wanted);
    const std::size_t outputs = targets_.outputs.size();
    for (std::size_t i = 0; i < targets_.updates.size(); ++i)
      reference_.set(targets_.updates[i].target, std::move(values[outputs + i]));
    values.resize(outputs);
    return values;
  }

 private:
  Targets targets_;
  Reference reference_;
  std::uint32_t step_ = 0;
};

}  // namespace volute::test
