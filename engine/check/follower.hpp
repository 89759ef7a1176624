// A program beside its reference, run after run: outputs, updated parameters and carried states.
// Invariant: the reference goes on from its own values, so that errors add up as they would in training.
#pragma once

#include <memory>

#include <volute/reference.hpp>

#include "engine/check/findings.hpp"
#include "engine/compile/program_data.hpp"

namespace volute::check {

class Follower {
 public:
  /// Inputs are fed values that follow from the number of the run. `parameters`: those the targets update.
  Follower(const Device& device, const Graph& graph, Targets targets, std::vector<Tensor> inputs,
           std::vector<Parameter> parameters, const CompileOptions& options = {.guard_bytes = 256});

  void runs(int count, double tolerance, Findings& findings);
  Program& program() { return *program_; }
  Reference& reference() { return reference_; }

 private:
  void run(double tolerance, Findings& findings);
  std::vector<double> read(Tensor output);
  std::vector<double> stored(Tensor target);

  Graph graph_;
  Targets targets_;
  std::vector<Update> updates_;
  std::vector<Tensor> inputs_;
  std::vector<Parameter> parameters_;
  std::unique_ptr<Program> program_;
  Reference reference_;
  std::uint32_t step_ = 0;
};

}  // namespace volute::check
