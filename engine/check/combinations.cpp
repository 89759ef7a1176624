// See combinations.hpp.
#include "engine/check/combinations.hpp"

#include <random>

namespace volute::check {
namespace {

class Draw {
 public:
  explicit Draw(std::uint32_t seed) : engine_(seed) {}
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(engine_() % n); }
  bool chance(std::uint32_t percent) { return below(100) < percent; }

 private:
  std::mt19937 engine_;
};

Tensor above_zero(Tensor x) { return 0.5f + 0.5f * x / (1.0f + abs(x)); }

/// Sets an option with some probability and notes it.
class Combination {
 public:
  explicit Combination(std::uint32_t number) : draw_(number * 2654435761u + 17) {
    s_.kind = static_cast<CellKind>(draw_.below(7));
    static const char* names[] = {"lstm", "gru", "rnn", "indrnn", "mingru", "minlstm", "custom"};
    s_.note = names[static_cast<int>(s_.kind)];
    stack();
    cell();
    regularisation();
    feeding();
  }
  const Setting& setting() const { return s_; }

 private:
  bool use(std::uint32_t percent, const char* name) {
    if (!draw_.chance(percent)) return false;
    s_.note += std::string(", ") + name;
    return true;
  }

  void stack() {
    nn::RecurrentOptions& o = s_.options;
    if (use(45, "2 layers")) o.layers = 2;
    if (o.layers > 1 && use(40, "dropout")) o.dropout = 0.3f;
    if (o.dropout > 0 && use(40, "variational")) o.variational = true;
    if (use(35, "bidirectional")) o.bidirectional = true;
    if (o.bidirectional && use(25, "sum")) o.merge = nn::Merge::sum;
    else if (o.bidirectional && use(25, "mul")) o.merge = nn::Merge::mul;
    else if (o.bidirectional && use(25, "average")) o.merge = nn::Merge::average;
    if (!o.bidirectional && use(30, "reverse")) o.reverse = true;
    if (use(30, "batch_first")) o.batch_first = true;
  }

  void cell() {
    nn::RecurrentOptions& o = s_.options;
    const bool lstm = s_.kind == CellKind::lstm, gru = s_.kind == CellKind::gru;
    if (use(20, "bias none")) o.bias = nn::Bias::none;
    else if (use(20, "bias single")) o.bias = nn::Bias::single;
    if (lstm && use(35, "peepholes")) o.peepholes = true;
    if ((lstm || s_.kind == CellKind::rnn) && use(35, "projection")) o.projection = 3;
    if (lstm && use(30, "coupled")) o.coupled = true;
    if (gru && use(50, "reset before")) o.reset_after = false;
    using nn::Activation;
    if (use(12, "activation relu")) o.activation = Activation::relu;
    else if (use(12, "activation softsign")) o.activation = Activation::softsign;
    else if (use(12, "activation elu")) o.activation = Activation::elu;
    else if (use(8, "activation silu")) o.activation = Activation::silu;
    else if (use(12, "activation lambda")) o.activation = [](Tensor x) { return x / (1.0f + x * x); };
    const bool gates = s_.kind != CellKind::rnn && s_.kind != CellKind::indrnn;
    if (gates && use(15, "gate lambda")) o.gate_activation = above_zero;
    else if (gates && s_.kind != CellKind::minlstm && use(15, "gate hard_sigmoid"))
      o.gate_activation = Activation::hard_sigmoid;
    if (lstm && use(20, "output softplus")) o.output_activation = Activation::softplus;
    if (use(25, "clip_inputs")) o.clip_inputs = 0.7f;
    if (lstm && use(25, "clip_cell")) o.clip_cell = 0.4f;
    if (use(25, "clip_state")) o.clip_state = {{-0.3f, 0.2f}};
    if (use(25, "layer_norm")) o.layer_norm = true;
    if (use(15, "keras")) o.initialiser = nn::Initialiser::keras;
  }

  void regularisation() {
    nn::RecurrentOptions& o = s_.options;
    const bool products = s_.kind != CellKind::mingru && s_.kind != CellKind::minlstm;
    if (use(30, "zoneout")) o.zoneout = 0.3f;
    if (s_.kind == CellKind::lstm && use(30, "zoneout_cell")) o.zoneout_cell = 0.2f;
    if (products && use(25, "drop_connect")) o.drop_connect = 0.25f;
    if (products && use(30, "recurrent_dropout")) o.recurrent_dropout = 0.4f;
    if (o.recurrent_dropout > 0 && use(50, "one mask")) o.recurrent_variational = true;
  }

  void feeding() {
    if (use(25, "lengths")) s_.masking = Masking::lengths;
    else if (use(15, "mask u32")) s_.masking = Masking::mask_u32;
    else if (use(15, "mask f32")) s_.masking = Masking::mask_f32;
    if (s_.masking != Masking::none && use(40, "repeat")) s_.options.masked = nn::Masked::repeat;
    if (s_.masking != Masking::none && use(50, "NaN padding")) s_.nan_padding = true;
    if (use(40, "states fed")) s_.start = Start::fed;
    if (use(20, "states learned")) s_.options.learned_states = true;
    if (use(20, "inference")) s_.mode = Mode::inference;
  }

  Draw draw_;
  Setting s_;
};

void check_slopes(const RecurrentCase& c, const std::vector<Reference::Values>& want, std::uint32_t number,
                  Findings& findings) {
  Draw draw(number + 99);
  for (int probe = 0; probe < 5; ++probe) {
    const std::string& leaf = c.leaves()[draw.below(static_cast<std::uint32_t>(c.leaves().size()))];
    const std::size_t element = draw.below(static_cast<std::uint32_t>(c.elements(leaf)));
    if (leaf == "x" && c.is_padding(element)) continue;  // its value may be NaN
    for (std::size_t i = 0; i < want.size(); ++i)
      if (c.names()[i] == "grad." + leaf)
        findings.at_most(leaf + "[" + std::to_string(element) + "] against finite differences",
                         std::abs(want[i][element] - c.slope(leaf, element)), 1e-6 + 1e-6 * std::abs(want[i][element]));
  }
}

}  // namespace

Setting combination(std::uint32_t number) { return Combination(number).setting(); }

void check_gradients(const Device& device, const Setting& setting, std::uint32_t seed, Findings& findings) {
  const RecurrentCase c(setting, seed);
  const auto want = c.on_reference();
  Program program = c.compile(device, {});
  const auto got = c.run(program);
  for (std::size_t i = 0; i < want.size(); ++i) findings.close(c.names()[i], got[i], want[i], 5e-5, 5e-5);
  program.reset();  // the step count too, so random numbers repeat
  findings.expect(same_bits(got, c.run(program)), "a second run gives other bits");
  check_slopes(c, want, seed, findings);
}

void check_rounded_gradients(const Device& device, const Setting& setting, std::uint32_t seed, Precision precision,
                             Findings& findings) {
  const RecurrentCase c(setting, seed);
  const auto want = c.on_reference(precision);
  const auto got = c.on_device(device, precision);
  const double digits = precision == Precision::f16 ? 0x1p-11 : 0x1p-8;
  for (std::size_t i = 0; i < want.size(); ++i)
    findings.close(c.names()[i], got[i], want[i], 2 * digits, digits * magnitude(want[i]));
}

}  // namespace volute::check
