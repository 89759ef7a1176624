// A training with all there is to be kept: stacked LSTM with dropout and carried state, Adam with clipping and EMA, a
// schedule, plateau, early stopping, shuffled data and a generator. Small, so that hundreds of them take seconds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <volute/volute.hpp>

namespace volute::test {

class CheckpointedTraining {
 public:
  explicit CheckpointedTraining(Device& device);
  CheckpointedTraining(const CheckpointedTraining&) = delete;
  CheckpointedTraining& operator=(const CheckpointedTraining&) = delete;

  void run_to(std::int64_t steps) {
    while (step_ < steps) step();
  }
  void step();
  std::int64_t steps() const { return step_; }
  const io::Checkpoint& checkpoint() const { return checkpoint_; }
  Program& program() { return *program_; }
  /// All that has changed, bit by bit.
  std::vector<std::uint32_t> bits();

 private:
  nn::Embedding embed_;
  nn::LSTM lstm_;
  nn::Linear head_;
  EMA ema_;
  Graph graph_;
  Tensor x_, y_, loss_;
  std::optional<Program> program_;
  Plateau plateau_;
  EarlyStopping stopping_;
  data::Generator generator_;
  std::int64_t step_ = 0;
  double loss_sum_ = 0;
  std::string note_ = "at the start";
  io::Checkpoint checkpoint_;
};

}  // namespace volute::test
