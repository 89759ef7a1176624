// Layers, losses and optimisers with options from bytes. Sizes a layer allocates for are small, or beyond any limit.
#include "tests/fuzz/graph.hpp"

namespace volute::fuzz {
namespace {

constexpr std::int64_t largest = 64;

}  // namespace

void GraphBuilder::recurrent() {
  nn::RecurrentOptions o{.layers = static_cast<int>(in_.below(4)), .dropout = value() / 2};
  const std::uint32_t flags = in_.number<std::uint32_t>();
  o.variational = flags & 1, o.bidirectional = flags & 2, o.reverse = flags & 4, o.batch_first = flags & 8;
  o.learned_states = flags & 16, o.peepholes = flags & 32, o.coupled = flags & 64, o.reset_after = flags & 128;
  o.layer_norm = flags & 256, o.recurrent_variational = flags & 512;
  if (flags & 1024) o.clip_inputs = nn::Bounds(value(), value());
  if (flags & 2048) o.clip_cell = nn::Bounds(value());
  if (flags & 4096) o.forget_bias = value();
  if (flags & 8192) o.zoneout = value() / 2;
  if (flags & 16384) o.recurrent_dropout = value() / 2;
  if (flags & 32768) o.projection = extent();
  o.merge = static_cast<nn::Merge>(flags >> 16 & 3), o.bias = static_cast<nn::Bias>((flags >> 18 & 3) % 3);
  o.activation = static_cast<nn::Activation::Function>((flags >> 20 & 15) % 11);
  o.masked = static_cast<nn::Masked>(flags >> 24 & 1);
  const std::int64_t inputs = extent(), hidden = extent();
  if ((inputs > largest && inputs <= max_parameter_elements) || (hidden > largest && hidden <= max_parameter_elements))
    return;
  const Tensor x = pick();
  nn::RecurrentInputs with;
  if (flags & 1 << 25) with.carried = Carried{};
  if (flags & 1 << 26) with.mask = pick();
  if (flags & 1 << 27) with.lengths = pick();
  if (flags & 1 << 28) with.initial = picks(2);
  const auto run = [&](const nn::Recurrent& cell) {
    const auto result = cell.run(x, with);
    keep(result.last);
    keep(result.last_output);
    keep(result.outputs);
  };
  switch (in_.below(6)) {
    case 0: return run(nn::GRU(inputs, hidden, o));
    case 1: return run(nn::RNN(inputs, hidden, o));
    case 2: return run(nn::IndRNN(inputs, hidden, o));
    case 3: return run(nn::MinGRU(inputs, hidden, o));
    case 4: return run(nn::MinLSTM(inputs, hidden, o));
    default: return run(nn::LSTM(inputs, hidden, o));
  }
}

Tensor GraphBuilder::layer() {
  const std::int64_t a = extent(), b = extent();
  if ((a > largest && a <= max_parameter_elements) || (b > largest && b <= max_parameter_elements)) return pick();
  switch (in_.below(8)) {
    case 0: return nn::Embedding(a, b, {.padding = in_.flag() ? extent() : -1, .frozen = in_.flag()})(pick());
    case 1: return nn::Linear(a, b, in_.flag())(pick());
    case 2: return nn::LayerNorm(a, {.eps = value(), .affine = in_.flag()})(pick());
    case 3: return nn::RMSNorm(a)(pick());
    case 4: {
      const nn::BatchNorm norm(a, {.momentum = value()});
      return in_.flag() ? norm(pick(), pick()) : norm(pick());
    }
    case 5: return nn::Dropout(value() / 2, in_.flag())(pick());
    case 6: return attention();
    default: return nn::regroup(pick(), a);
  }
}

Tensor GraphBuilder::attention() {
  switch (in_.below(4)) {
    case 0: return masked_softmax(pick(), pick());
    case 1: return scaled_dot_product_attention(pick(), pick(), pick(), pick());
    case 2: {
      const nn::Attention attend(static_cast<nn::Score>(in_.below(4)), 1 + in_.below(6), 1 + in_.below(6));
      const nn::Attended got = attend(pick(), attend.prepare(pick(), pick()));
      keep(got.weights);
      return got.context;
    }
    default: {
      const nn::MultiHeadAttention attend(1 + in_.below(6), 1 + in_.below(3));
      return attend(pick(), attend.prepare(pick(), pick()), pick()).context;
    }
  }
}

Tensor GraphBuilder::loss() {
  const Tensor a = pick(), b = pick();
  const auto reduction = static_cast<Reduction>(in_.below(3));
  switch (in_.below(9)) {
    case 0: return cross_entropy(a, b);
    case 1: return cross_entropy(a, b, {in_.byte(), value(), pick(), reduction});
    case 2: return nll_loss(a, b, {in_.byte(), 0, {}, reduction});
    case 3: return mse_loss(a, b, reduction);
    case 4: return huber_loss(a, b, value(), reduction);
    case 5: return smooth_l1_loss(a, b, value(), reduction);
    case 6: return bce_with_logits(a, b, {pick(), pick(), reduction});
    case 7: return ctc_loss(a, b, pick(), pick(), {in_.byte(), reduction, in_.flag()});
    default: return l1_loss(a, b, reduction);
  }
}

void GraphBuilder::train() {
  MinimizeOptions o;
  const std::uint32_t flags = in_.number<std::uint16_t>();
  if (flags & 1) o.clip_norm = value();
  if (flags & 2) o.clip_value = value();
  if (flags & 4) o.accumulate = static_cast<int>(extent());
  if (flags & 8) o.loss_scale = LossScale{value(), value(), value(), static_cast<int>(extent())};
  if (flags & 16) o.name = name();
  if (flags & 32) o.states = OptimizerStates();
  if (flags & 64) o.groups.push_back({.name = name(), .parameters = {parameter()}, .lr = value()});
  if (flags & 128) o.ema = EMA({parameter()}, value());
  if (flags & 256) o.groups.push_back({.parameters = parameters_, .frozen = true});
  o.precision = precision = static_cast<Precision>((flags >> 9 & 3) % 3);
  const auto optimizer = [&]() -> Optimizer {
    switch (in_.below(5)) {
      case 0: return SGD{value(), value(), in_.flag()};
      case 1: return Adam{value(), value(), value()};
      case 2: return AdamW{value()};
      case 3: return RMSprop{.lr = value(), .alpha = value(), .centered = in_.flag()};
      default: return Adagrad{value()};
    }
  }();
  const Tensor of = pick();
  const Targets made = minimize(in_.flag() ? sum(of) : of, optimizer, o);
  targets = targets && in_.flag() ? merge({*targets, made}) : made;
}

}  // namespace volute::fuzz
