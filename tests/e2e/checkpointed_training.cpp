// The training; see checkpointed_training.hpp.
#include "tests/e2e/checkpointed_training.hpp"

#include <bit>

namespace volute::test {
namespace {

constexpr std::int64_t T = 5, N = 3, V = 11;
constexpr std::size_t samples = 12;

nn::Embedding seeded_embedding() {
  manual_seed(5);
  return nn::Embedding(V, 4);
}

std::vector<Parameter> joined(const std::vector<Parameter>& a, const std::vector<Parameter>& b) {
  std::vector<Parameter> all = a;
  all.insert(all.end(), b.begin(), b.end());
  return all;
}

}  // namespace

CheckpointedTraining::CheckpointedTraining(Device& device)
    : embed_(seeded_embedding()),
      lstm_(4, 6, {.layers = 2, .dropout = 0.2f}),
      head_(6, V),
      ema_(joined(lstm_.parameters(), head_.parameters()), 0.9f),
      plateau_(0.02, {.factor = 0.5, .patience = 1}),
      stopping_({.patience = 1000, .keep = head_.parameters()}),
      generator_(17) {
  x_ = graph_.input("x", {T, N}, DType::u32);
  y_ = graph_.input("y", {T, N}, DType::u32);
  loss_ = cross_entropy(head_(dropout(lstm_(embed_(x_), graph_.carried()), 0.1f)), y_);
  program_.emplace(device.compile(graph_, minimize(loss_, Adam{.lr = 0.02f}, {.clip_norm = 0.5f, .ema = ema_})));
  program_->seed(23);
  checkpoint_.add("embed", embed_).add("lstm", lstm_).add("head", head_).add("ema", ema_).add("train", *program_);
  checkpoint_.add("plateau", plateau_).add("stopping", stopping_).add("generator", generator_);
  checkpoint_.add("step", step_).add("loss_sum", loss_sum_).add("note", note_);
}

void CheckpointedTraining::step() {
  const auto position = static_cast<std::uint64_t>(step_);
  const std::size_t sample = data::shuffled(samples, 3, position / samples)[position % samples];
  std::vector<std::uint32_t> x(T * N), y(T * N);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<std::uint32_t>((sample * 5 + i * 3) % V);
    y[i] = generator_.below(4) == 0 ? static_cast<std::uint32_t>(generator_.below(V)) : (x[i] + 1) % V;
  }
  const Schedule warm = Schedule::warm_up(4, Schedule::cosine(1, 40));
  program_->set("lr", plateau_.lr() * warm(step_ % 40));
  program_->run({{x_, x}, {y_, y}});
  ++step_;
  if (step_ % 3 != 0) return;
  const double loss = program_->value(loss_);
  loss_sum_ += loss;
  plateau_.observe(loss);
  if (stopping_.observe(loss)) note_ = "best after " + std::to_string(step_);
}

std::vector<std::uint32_t> CheckpointedTraining::bits() {
  std::vector<std::uint32_t> bits;
  const auto add = [&](const auto& values) {
    for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  };
  for (const auto* parameters : {&embed_.parameters(), &ema_.parameters(), &ema_.shadows()})
    for (const Parameter& parameter : *parameters) add(parameter.values());
  for (const std::string& state : program_->state_names()) add(program_->read_state(state));
  for (const auto& kept : stopping_.state().kept) add(kept);
  for (const double value : {plateau_.state().lr, plateau_.state().best, stopping_.best(), loss_sum_}) {
    const auto word = std::bit_cast<std::uint64_t>(value);
    bits.push_back(static_cast<std::uint32_t>(word));
    bits.push_back(static_cast<std::uint32_t>(word >> 32));
  }
  for (const std::int64_t value : {plateau_.state().bad, stopping_.state().waited, stopping_.best_look(), step_,
                                   program_->steps(), static_cast<std::int64_t>(generator_.state() >> 32),
                                   static_cast<std::int64_t>(generator_.state())})
    bits.push_back(static_cast<std::uint32_t>(value));
  bits.insert(bits.end(), note_.begin(), note_.end());
  return bits;
}

}  // namespace volute::test
