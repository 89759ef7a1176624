// A program of one step and one stream, its state carried from character to character. The choice is
// made on the host, with numbers of our own making: std::discrete_distribution differs between libraries.
#include "samples/char_lm/sample.hpp"

#include <algorithm>
#include <cmath>

namespace char_lm {

Sampler::Sampler(volute::Device& device, const Model& model, std::uint64_t seed)
    : random_(seed), program_(compile(device, model)) {}

volute::Program Sampler::compile(volute::Device& device, const Model& model) {
  x_ = g_.input("x", {1, 1}, volute::DType::u32);
  logits_ = model.logits(g_, x_);  // [1, 1, V]
  return device.compile(g_, logits_);
}

std::uint32_t Sampler::draw(const std::vector<float>& logits, double temperature) {
  const double top = *std::max_element(logits.begin(), logits.end());
  std::vector<double> weights;
  double total = 0;
  for (float logit : logits) {
    weights.push_back(std::exp((logit - top) / temperature));
    total += weights.back();
  }
  if (!std::isfinite(total))
    throw std::runtime_error("the model's predictions are not numbers; nothing can be sampled");
  double left = static_cast<double>(random_() >> 11) * 0x1p-53 * total;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    left -= weights[i];
    if (left < 0) return static_cast<std::uint32_t>(i);
  }
  // Rounding can leave a remainder; the likeliest character takes it.
  return static_cast<std::uint32_t>(std::max_element(weights.begin(), weights.end()) - weights.begin());
}

std::vector<std::uint32_t> Sampler::sample(const std::vector<std::uint32_t>& prompt, std::int64_t count,
                                           double temperature) {
  program_.reset();
  std::vector<std::uint32_t> tokens;
  for (std::uint32_t token : prompt) program_.run({{x_, std::vector<std::uint32_t>{token}}});
  for (std::int64_t i = 0; i < count; ++i) {
    if (i > 0) program_.run({{x_, std::vector<std::uint32_t>{tokens.back()}}});
    tokens.push_back(draw(program_.read(logits_), temperature));
  }
  return tokens;
}

}  // namespace char_lm
