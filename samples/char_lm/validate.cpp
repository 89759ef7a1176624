// Validation. The mean is taken here and not by cross_entropy: the last piece is rarely full, and its
// missing targets must weigh nothing for the result to be the mean over the text.
#include "samples/char_lm/validate.hpp"

#include <algorithm>

namespace char_lm {

using volute::Tensor;

Validation::Validation(volute::Device& device, const Model& model, const std::vector<std::uint32_t>& tokens,
                       std::int64_t T, std::int64_t N)
    : tokens_(tokens),
      T_(T),
      N_(std::clamp<std::int64_t>((static_cast<std::int64_t>(tokens.size()) - 1) / T, 1, N)),
      targets_(static_cast<std::int64_t>(tokens.size()) - 1),
      stride_((targets_ + N_ - 1) / N_),
      xs_(static_cast<std::size_t>(T_ * N_)),
      ys_(xs_.size()),
      weights_(xs_.size()),
      program_(compile(device, model)) {}

volute::Program Validation::compile(volute::Device& device, const Model& model) {
  const std::int64_t V = model.head.parameters()[0].shape()[0];
  x_ = g_.input("x", {T_, N_}, volute::DType::u32);
  y_ = g_.input("y", {T_, N_}, volute::DType::u32);
  weight_ = g_.input("weight", {T_, N_});

  const Tensor log_p = volute::log_softmax(model.logits(g_, x_));                                  // [T, N, V]
  const Tensor is_target = volute::equal(g_.iota(V), volute::reshape(y_, {T_, N_, 1}));            // [T, N, V]
  const Tensor target_log_p = volute::sum(volute::where(is_target, log_p, g_.full({}, 0)), {-1});  // [T, N]
  loss_ = -volute::sum(weight_ * target_log_p);
  return device.compile(g_, loss_);
}

std::int64_t Validation::fill(std::int64_t i) {
  std::int64_t count = 0;
  std::size_t k = 0;
  for (std::int64_t t = 0; t < T_; ++t) {
    for (std::int64_t n = 0; n < N_; ++n, ++k) {
      const std::int64_t within = i * T_ + t;
      const std::int64_t at = n * stride_ + within;
      const bool counts = within < stride_ && at < targets_;
      xs_[k] = counts ? tokens_[static_cast<std::size_t>(at)] : 0;
      ys_[k] = counts ? tokens_[static_cast<std::size_t>(at + 1)] : 0;
      weights_[k] = counts ? 1.0f : 0.0f;
      count += counts ? 1 : 0;
    }
  }
  return count;
}

double Validation::loss(std::int64_t pieces) {
  const std::int64_t all = (stride_ + T_ - 1) / T_;
  if (pieces < 0 || pieces > all) pieces = all;
  program_.reset();
  double total = 0;
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < pieces; ++i) {
    count += fill(i);
    program_.run({{x_, xs_}, {y_, ys_}, {weight_, weights_}});
    total += program_.value(loss_);
  }
  return total / static_cast<double>(count);
}

}  // namespace char_lm
