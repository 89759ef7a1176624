// One whole training step, compiled and ready to be timed.
#pragma once

#include <memory>
#include <optional>

#include <volute/volute.hpp>

#include "engine/compile/program_data.hpp"
#include "tests/bench/rows.hpp"

namespace volute::bench {

class Step {
 public:
  /// Embedding, cell with carried state, linear head, cross-entropy, clipping by norm 1, Adam; or the layer alone
  /// with a mean square for a loss and SGD.
  Step(Device& device, const StepRow& row, const CompileOptions& options = {});
  /// Feeds, runs, reads the loss. Milliseconds.
  double milliseconds();
  Program& program() { return *program_; }

 private:
  Targets model(const StepRow& row);
  Targets layer(const StepRow& row);

  Graph graph_;
  Tensor x_, y_, loss_;
  std::unique_ptr<nn::Recurrent> cell_;
  std::vector<std::uint32_t> tokens_, targets_;
  std::vector<float> features_;
  std::optional<Program> program_;
};

}  // namespace volute::bench
