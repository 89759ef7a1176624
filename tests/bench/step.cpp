// Building the steps. The peer's side is tests/bench/peer_torch.py: a change here is a change there.
#include "tests/bench/step.hpp"

#include <chrono>
#include <random>

namespace volute::bench {
namespace {

std::unique_ptr<nn::Recurrent> make_cell(const std::string& cell, std::int64_t inputs, std::int64_t H, std::int64_t L) {
  const nn::RecurrentOptions options{.layers = static_cast<int>(L)};
  if (cell == "GRU") return std::make_unique<nn::GRU>(inputs, H, options);
  if (cell == "RNN") return std::make_unique<nn::RNN>(inputs, H, options);
  return std::make_unique<nn::LSTM>(inputs, H, options);
}

}  // namespace

Step::Step(Device& device, const StepRow& row, const CompileOptions& options) {
  manual_seed(1);
  const Targets targets = row.layer_only() ? layer(row) : model(row);
  program_.emplace(compile_program(device.data(), graph_, targets, options));
}

Targets Step::model(const StepRow& row) {
  std::mt19937 engine(1);
  for (std::int64_t i = 0; i < row.T * row.B; ++i) {
    tokens_.push_back(static_cast<std::uint32_t>(engine() % row.V));
    targets_.push_back(static_cast<std::uint32_t>(engine() % row.V));
  }
  const nn::Embedding embed(row.V, row.E);
  cell_ = make_cell(row.cell, row.E, row.H, row.L);
  const nn::Linear head(row.H, row.V);
  x_ = graph_.input("x", {row.T, row.B}, DType::u32);  // [T, N]
  y_ = graph_.input("y", {row.T, row.B}, DType::u32);
  loss_ = cross_entropy(head((*cell_)(embed(x_), graph_.carried())), y_);  // []
  return minimize(loss_, Adam{.lr = 2e-3f}, {.clip_norm = 1.0f});
}

Targets Step::layer(const StepRow& row) {
  std::mt19937 engine(1);
  for (std::int64_t i = 0; i < row.T * row.B * layer_features; ++i)
    features_.push_back(static_cast<float>(engine() >> 8) * 0x1p-23f - 1);
  cell_ = make_cell(row.cell, layer_features, row.H, row.L);
  x_ = graph_.input("x", {row.T, row.B, layer_features});  // [T, N, I]
  const Tensor ys = (*cell_)(x_);                          // [T, N, H]
  loss_ = mean(ys * ys);
  return minimize(loss_, SGD{});
}

double Step::milliseconds() {
  const auto start = std::chrono::steady_clock::now();
  if (features_.empty()) program_->run({{x_, tokens_}, {y_, targets_}});
  else program_->run({{x_, features_}});
  program_->value(loss_);
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace volute::bench
