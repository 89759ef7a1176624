// See recurrent_case.hpp.
#include "engine/check/recurrent_case.hpp"

#include <cmath>

#include "engine/check/values.hpp"

namespace volute::check {

// f = sigmoid(W_f x + U_f h + b);  n = tanh(W x + U (f h) + b);  h' = (1 - f) h + f alpha n
nn::Cell minimal_gated_unit() {
  const auto weights = [](const nn::CellSizes& sizes) {
    return std::vector<nn::CellWeight>{{"alpha", {sizes.hidden}, 0.9f}};
  };
  const auto step = [](const nn::CellStep& s) -> std::vector<Tensor> {
    auto a = s.input();
    Tensor h = s.states[0];                                                // [N, H]
    Tensor f = s.keep("f", s.gate(a[0] + s.recurrent(0, 1)[0]));           // [N, H]
    Tensor n = s.keep("n", s.activate(a[1] + s.recurrent(1, 1, f)[0]));    // [N, H]
    return {(1.0f - f) * h + f * s.weight("alpha") * n};
  };
  return {.name = "mgu", .gates = 2, .understands = {"gate_activation"}, .weights = weights, .step = step};
}

nn::Recurrent make_layer(const Setting& s) {
  switch (s.kind) {
    case CellKind::lstm: return nn::LSTM(s.I, s.H, s.options);
    case CellKind::gru: return nn::GRU(s.I, s.H, s.options);
    case CellKind::rnn: return nn::RNN(s.I, s.H, s.options);
    case CellKind::indrnn: return nn::IndRNN(s.I, s.H, s.options);
    case CellKind::mingru: return nn::MinGRU(s.I, s.H, s.options);
    case CellKind::minlstm: return nn::MinLSTM(s.I, s.H, s.options);
    default: return nn::Recurrent(minimal_gated_unit(), s.I, s.H, s.options);
  }
}

RecurrentCase::RecurrentCase(const Setting& setting, std::uint32_t seed) : setting_(setting), graph_(setting.mode) {
  manual_seed(seed);
  const nn::Recurrent layer = make_layer(setting);
  for (Parameter p : layer.parameters())  // no two equal, none zero: h_0, gamma and beta too
    p.set([&] {
      std::vector<float> values = p.values();
      const auto noise = random_values(values.size(), ++seed * 31, -0.25f, 0.25f);
      for (std::size_t i = 0; i < values.size(); ++i) values[i] += noise[i];
      return values;
    }());
  const bool batch_first = setting.options.batch_first;
  const auto count = static_cast<std::size_t>(setting.T * setting.N * setting.I);
  nn::RecurrentInputs in;
  feed_masks(in, seed * 7 + 1);
  const Shape shape = batch_first ? Shape{setting.N, setting.T, setting.I} : Shape{setting.T, setting.N, setting.I};
  x_ = fed("x", shape, random_values(count, seed * 7 + 2));
  if (setting.nan_padding) set_padding(std::nanf(""));
  feed_states(in, layer, seed * 7 + 3);
  const nn::RecurrentResult result = layer.run(x_, in);

  const auto weigh = [&](const std::string& name, Tensor value) {
    names_.push_back(name);
    results_.push_back(value);
    const auto n = static_cast<std::size_t>(value.shape().elements());
    Tensor factor = graph_.input("factor." + name, value.shape());
    feeds_.emplace_back(factor, random_values(n, seed * 7 + 5 + static_cast<std::uint32_t>(names_.size())));
    loss_ = loss_ ? loss_ + sum(value * factor) : sum(value * factor);
  };
  weigh("outputs", result.outputs);
  weigh("last_output", result.last_output);
  for (std::size_t s = 0; s < result.last.size(); ++s) weigh("last." + std::to_string(s), result.last[s]);
  names_.push_back("loss");
  results_.push_back(loss_);
  for (const Parameter& p : layer.parameters()) {
    leaves_[p.name()] = graph_.parameter(p);
    leaf_names_.push_back(p.name());
  }
  std::vector<Tensor> wrt;
  for (const std::string& leaf : leaf_names_) wrt.push_back(leaves_[leaf]);
  for (Tensor gradient : gradients(loss_, wrt)) results_.push_back(gradient);
  for (const std::string& leaf : leaf_names_) names_.push_back("grad." + leaf);
}

Tensor RecurrentCase::fed(const std::string& name, Shape shape, std::vector<float> values) {
  Tensor t = graph_.input(name, std::move(shape));
  feeds_.emplace_back(t, std::move(values));
  leaves_[name] = t;
  leaf_names_.push_back(name);
  return t;
}

void RecurrentCase::feed_masks(nn::RecurrentInputs& in, std::uint32_t seed) {
  const std::int64_t T = setting_.T, N = setting_.N;
  if (setting_.masking == Masking::none) return;
  valid_.resize(static_cast<std::size_t>(T * N));
  if (setting_.masking == Masking::lengths) {
    const auto lengths = random_indices(static_cast<std::size_t>(N), seed, static_cast<std::uint32_t>(T + 1));
    for (std::int64_t t = 0; t < T; ++t)
      for (std::int64_t n = 0; n < N; ++n) valid_[t * N + n] = t < lengths[n];
    in.lengths = graph_.input("lengths", {N}, DType::u32);
    index_feeds_.emplace_back(in.lengths, lengths);
    return;
  }
  const auto bits = random_indices(valid_.size(), seed, 3);
  for (std::size_t i = 0; i < bits.size(); ++i) valid_[i] = bits[i] > 0;
  const bool batch_first = setting_.options.batch_first;
  const bool u32 = setting_.masking == Masking::mask_u32;
  in.mask = graph_.input("mask", batch_first ? Shape{N, T} : Shape{T, N}, u32 ? DType::u32 : DType::f32);
  std::vector<std::uint32_t> mask(valid_.size());
  for (std::int64_t t = 0; t < T; ++t)
    for (std::int64_t n = 0; n < N; ++n) mask[batch_first ? n * T + t : t * N + n] = valid_[t * N + n];
  if (u32) index_feeds_.emplace_back(in.mask, mask);
  else feeds_.emplace_back(in.mask, std::vector<float>(mask.begin(), mask.end()));
}

void RecurrentCase::feed_states(nn::RecurrentInputs& in, const nn::Recurrent& layer, std::uint32_t seed) {
  if (setting_.start == Start::zero) return;
  const nn::RecurrentOptions& o = layer.options();
  const std::int64_t rows = o.layers * (o.bidirectional ? 2 : 1);
  const int states = setting_.kind == CellKind::lstm ? 2 : 1;
  for (int s = 0; s < states; ++s) {
    const Shape shape{rows, setting_.N, s == 0 && o.projection ? o.projection : setting_.H};
    in.initial.push_back(fed(s == 0 ? "h0" : "c0", shape, random_values(shape.elements(), seed + s)));
  }
}

bool RecurrentCase::is_padding(std::size_t i) const {
  if (valid_.empty()) return false;
  const auto T = static_cast<std::size_t>(setting_.T), N = static_cast<std::size_t>(setting_.N);
  const std::size_t row = i / static_cast<std::size_t>(setting_.I);
  const std::size_t t = setting_.options.batch_first ? row % T : row / N;
  const std::size_t n = setting_.options.batch_first ? row / T : row % N;
  return !valid_[t * N + n];
}

void RecurrentCase::set_padding(float value) {
  for (auto& [tensor, values] : feeds_)
    if (tensor == x_)
      for (std::size_t i = 0; i < values.size(); ++i)
        if (is_padding(i)) values[i] = value;
}

Program RecurrentCase::compile(const Device& device, const CompileOptions& options, Precision precision) const {
  Targets targets(results_);
  targets.precision = precision;
  return compile_program(device.data(), graph_, targets, options);
}

std::vector<std::vector<float>> RecurrentCase::run(Program& program) const {
  program.seed(7);
  std::vector<Feed> feeds;
  for (const auto& [tensor, values] : feeds_) feeds.emplace_back(tensor, values);
  for (const auto& [tensor, values] : index_feeds_) feeds.emplace_back(tensor, values);
  program.run(feeds);
  std::vector<std::vector<float>> out;
  for (Tensor result : results_) out.push_back(program.read(result));
  return out;
}

std::vector<std::vector<float>> RecurrentCase::on_device(const Device& device, Precision precision) const {
  Program program = compile(device, {}, precision);
  return run(program);
}

Reference RecurrentCase::reference() const {
  Reference reference;
  reference.seed(7);
  for (const auto& [tensor, values] : feeds_) reference.set(tensor, widen(values));
  for (const auto& [tensor, values] : index_feeds_) reference.set(tensor, widen(values));
  return reference;
}

std::vector<Reference::Values> RecurrentCase::on_reference(Precision precision) const {
  Reference rounded = reference();
  rounded.precision(precision);
  return rounded.evaluate(results_);
}

double RecurrentCase::slope(const std::string& name, std::size_t element) const {
  const Tensor leaf = leaves_.at(name);
  Reference::Values values = reference().evaluate({leaf})[0];
  const double step = 1e-6, centre = values[element];
  double ends[2];
  for (const int side : {0, 1}) {
    Reference at = reference();
    values[element] = side ? centre + step : centre - step;
    at.set(leaf, values);
    ends[side] = at.evaluate({loss_})[0][0];
  }
  return (ends[1] - ends[0]) / (2 * step);
}

}  // namespace volute::check
