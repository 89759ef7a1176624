// Which layers are the recurrent operators of exchange formats. See recurrent_operator.hpp.
#include "engine/nn/recurrent_operator.hpp"

namespace volute::nn {
namespace {

bool symmetric(const std::optional<Bounds>& bounds) { return !bounds || bounds->low == -bounds->high; }

bool is_plain(const RecurrentOptions& o) {
  const bool custom =
      o.activation.is_custom() || o.gate_activation.is_custom() || o.output_activation.is_custom();
  return !custom && !o.projection && !o.layer_norm && !o.clip_cell && !o.clip_state && symmetric(o.clip_inputs) &&
         o.zoneout == 0.0f && o.zoneout_cell == 0.0f && o.masked == Masked::zero;
}

Activation::Function chosen(const Activation& wanted, Activation::Function usual) {
  return wanted.is_standard() ? usual : wanted.function();
}

}  // namespace

std::shared_ptr<RecurrentOperator> operator_of(const Cell& cell, const RecurrentOptions& options) {
  if (cell.kind == Cell::Kind::own || cell.activation.is_custom() || !is_plain(options)) return nullptr;
  auto made = std::make_shared<RecurrentOperator>();
  made->kind = cell.kind;
  made->coupled = options.coupled;
  made->reset_after = options.reset_after;
  made->candidate = chosen(options.activation, cell.activation.function());
  made->gate = chosen(options.gate_activation, Activation::sigmoid);
  made->output = chosen(options.output_activation, made->candidate);
  if (options.clip_inputs) made->clip = options.clip_inputs->high;
  return made;
}

}  // namespace volute::nn
