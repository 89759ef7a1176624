// Recurrent layers through volute.h.
#include "engine/c/handles.hpp"

using namespace volute;
using namespace volute::c;

namespace {

nn::Activation need_activation(volute_activation function, const char* name) {
  return need_enum(function, nn::Activation::hard_sigmoid, name);
}

std::optional<nn::Bounds> bounds(float bound) { return bound ? std::optional(nn::Bounds(bound)) : std::nullopt; }

nn::Bias need_bias(volute_bias bias) {
  static const nn::Bias all[] = {nn::Bias::both, nn::Bias::single, nn::Bias::none};
  if (bias < VOLUTE_BIAS_BOTH || bias > VOLUTE_BIAS_NONE) refuse("bias", "has no value " + std::to_string(bias));
  return all[bias];
}

nn::RecurrentOptions recurrent_options(const volute_recurrent_options* given) {
  const volute_recurrent_options o = need_options(given, "options");
  check_reserved(o.reserved, "options");
  nn::RecurrentOptions to;
  to.layers = o.layers ? o.layers : 1;
  to.dropout = o.dropout;
  to.variational = o.variational != 0;
  to.bidirectional = o.bidirectional != 0;
  to.merge = need_enum(o.merge, nn::Merge::average, "merge");
  to.reverse = o.reverse != 0;
  to.batch_first = o.batch_first != 0;
  to.masked = o.repeat_masked ? nn::Masked::repeat : nn::Masked::zero;
  to.learned_states = o.learned_states != 0;
  to.bias = need_bias(o.bias);
  to.peepholes = o.peepholes != 0;
  to.coupled = o.coupled != 0;
  to.reset_after = o.reset_before == 0;
  to.projection = o.projection;
  to.activation = need_activation(o.activation, "activation");
  to.gate_activation = need_activation(o.gate_activation, "gate_activation");
  to.output_activation = need_activation(o.output_activation, "output_activation");
  to.layer_norm = o.layer_norm != 0;
  to.clip_cell = bounds(o.clip_cell);
  to.clip_state = bounds(o.clip_state);
  to.zoneout = o.zoneout;
  to.zoneout_cell = o.zoneout_cell;
  to.drop_connect = o.drop_connect;
  to.recurrent_dropout = o.recurrent_dropout;
  to.recurrent_variational = o.recurrent_variational != 0;
  if (o.has_forget_bias) to.forget_bias = o.forget_bias;
  return to;
}

nn::Recurrent make(volute_cell cell, std::int64_t inputs, std::int64_t hidden, const nn::RecurrentOptions& options) {
  switch (cell) {
    case VOLUTE_LSTM: return nn::LSTM(inputs, hidden, options);
    case VOLUTE_GRU: return nn::GRU(inputs, hidden, options);
    case VOLUTE_RNN: return nn::RNN(inputs, hidden, options);
    case VOLUTE_INDRNN: return nn::IndRNN(inputs, hidden, options);
    case VOLUTE_MINGRU: return nn::MinGRU(inputs, hidden, options);
    case VOLUTE_MINLSTM: return nn::MinLSTM(inputs, hidden, options);
    default: refuse("cell", "has no value " + std::to_string(cell));
  }
}

nn::RecurrentInputs recurrent_inputs(const volute_recurrent_inputs* given) {
  const volute_recurrent_inputs o = need_options(given, "inputs");
  check_reserved(o.reserved, "inputs");
  nn::RecurrentInputs to;
  to.initial = need_tensors(o.initial, o.initial_count, "initial");
  to.lengths = to_cpp(o.lengths);
  to.mask = to_cpp(o.mask);
  if (o.carried) to.carried = Carried{};
  return to;
}

}  // namespace

extern "C" {

volute_status volute_recurrent_create(volute_cell cell, std::int64_t inputs, std::int64_t hidden,
                                      const volute_recurrent_options* options, volute_module** module) {
  return guard(__func__, [&] {
    need(module, "module");
    give(module, make(cell, inputs, hidden, recurrent_options(options)));
  });
}

volute_status volute_recurrent_run(const volute_module* module, volute_tensor x, const volute_recurrent_inputs* inputs,
                                   volute_recurrent_result* result) {
  return guard(__func__, [&] {
    const auto* layer = std::get_if<nn::Recurrent>(&need(module, "module").layer);
    if (!layer) refuse("module", "is not recurrent");
    const Tensor sequence = need_tensor(x, "x");
    check_result(result, need(result, "result").struct_size, "result");
    const nn::RecurrentResult run = layer->run(sequence, recurrent_inputs(inputs));
    volute_recurrent_result values{};
    values.last_count = static_cast<std::uint32_t>(run.last.size());
    values.outputs = to_c(run.outputs);
    values.last_output = to_c(run.last_output);
    std::transform(run.last.begin(), run.last.end(), values.last, to_c);
    give_result(values, result);
  });
}

}  // extern "C"
