// Models with recurrent layers to be exported: every cell, with directions, layers, lengths, masks and initial states.
// Invariant: a case is a function of its index alone, so a program that writes it and one that checks it agree.
#pragma once

#include <functional>
#include <map>
#include <random>

#include <volute/volute.hpp>

namespace volute::test {

/// Values of an input; u32 as integral numbers.
using Fed = std::vector<std::pair<Tensor, std::vector<double>>>;

inline constexpr std::int64_t case_T = 5, case_N = 3, case_I = 4, case_H = 3;

struct ExportCase {
  std::string name;
  std::function<std::unique_ptr<nn::Recurrent>(nn::RecurrentOptions)> cell;
  nn::RecurrentOptions options = {};
  enum Masks { none, lengths, mask } masks = none;
  bool initial = false;
  std::string expected;  ///< the operator it becomes
};

inline std::vector<double> drawn(std::mt19937& engine, std::int64_t count) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i)
    values.push_back(static_cast<float>(static_cast<double>(engine() >> 8) * 0x1p-23 - 1.0));
  return values;
}

/// A model in a graph of its own: what is fed, and what comes out.
struct BuiltModel {
  Graph graph{Mode::inference};
  Fed fed;
  std::vector<std::pair<std::string, Tensor>> outputs;

  Tensor feed(const std::string& name, Shape shape) {
    fed.emplace_back(graph.input(name, shape), drawn(engine_, shape.elements()));
    return fed.back().first;
  }
  Tensor feed_indices(const std::string& name, Shape shape, std::vector<double> values) {
    fed.emplace_back(graph.input(name, shape, DType::u32), std::move(values));
    return fed.back().first;
  }
  std::vector<onnx::Output> named() const {
    std::vector<onnx::Output> all;
    for (const auto& [name, value] : outputs) all.push_back({name, value});
    return all;
  }

 private:
  std::mt19937 engine_{3};
};

struct BuiltCase : BuiltModel {
  std::unique_ptr<nn::Recurrent> layer;

  explicit BuiltCase(const ExportCase& from) {
    manual_seed(7);
    layer = from.cell(from.options);
    const nn::RecurrentOptions& o = from.options;
    const std::int64_t rows = o.layers * (o.bidirectional ? 2 : 1);
    const Shape shape = o.batch_first ? Shape{case_N, case_T, case_I} : Shape{case_T, case_N, case_I};
    Tensor x = feed("x", shape);
    nn::RecurrentInputs in;
    if (from.masks == ExportCase::lengths) {
      in.lengths = feed_indices("lengths", {case_N}, {4, 5, 1});
    }
    if (from.masks == ExportCase::mask) {
      in.mask = graph.input("mask", {shape[0], shape[1]});
      fed.emplace_back(in.mask, std::vector<double>{1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 1, 1, 0, 1});
    }
    if (from.initial) {
      const std::size_t states = layer->run(x).last.size();
      for (std::size_t s = 0; s < states; ++s) {
        const std::int64_t size = s == 0 && o.projection ? o.projection : case_H;
        in.initial.push_back(feed("initial" + std::to_string(s), {rows, case_N, size}));
      }
    }
    const nn::RecurrentResult result = layer->run(x, in);
    outputs.emplace_back("outputs", result.outputs);
    outputs.emplace_back("last_output", result.last_output);
    for (std::size_t s = 0; s < result.last.size(); ++s)
      outputs.emplace_back("last" + std::to_string(s), result.last[s]);
  }
};

struct CaseCell {
  std::string name;
  std::function<std::unique_ptr<nn::Recurrent>(nn::RecurrentOptions)> make;
  nn::RecurrentOptions options = {};
  std::string expected = "Scan";
};

template <class Layer>
std::unique_ptr<nn::Recurrent> make_layer(nn::RecurrentOptions options) {
  return std::make_unique<Layer>(case_I, case_H, std::move(options));
}

inline std::vector<CaseCell> case_cells() {
  using nn::Activation;
  return {
      {"rnn", make_layer<nn::RNN>, {}, "RNN"},
      {"rnn_relu", make_layer<nn::RNN>, {.activation = Activation::relu}, "RNN"},
      {"rnn_identity", make_layer<nn::RNN>, {.activation = Activation::identity}, "RNN"},
      {"rnn_one_bias", make_layer<nn::RNN>, {.bias = nn::Bias::single}, "RNN"},
      {"rnn_projection", make_layer<nn::RNN>, {.projection = 2}},
      {"lstm", make_layer<nn::LSTM>, {}, "LSTM"},
      {"lstm_no_bias", make_layer<nn::LSTM>, {.bias = nn::Bias::none}, "LSTM"},
      {"lstm_peepholes", make_layer<nn::LSTM>, {.peepholes = true}, "LSTM"},
      {"lstm_coupled", make_layer<nn::LSTM>, {.coupled = true}, "LSTM"},
      {"lstm_coupled_peepholes", make_layer<nn::LSTM>, {.peepholes = true, .coupled = true}, "LSTM"},
      {"lstm_clip", make_layer<nn::LSTM>, {.clip_inputs = nn::Bounds(0.3f)}},
      {"lstm_hard", make_layer<nn::LSTM>,
       {.activation = Activation::softsign,
        .gate_activation = Activation::hard_sigmoid,
        .output_activation = Activation::elu}, "LSTM"},
      {"lstm_silu", make_layer<nn::LSTM>, {.activation = Activation::silu}},
      {"lstm_projection", make_layer<nn::LSTM>, {.projection = 2}},
      {"lstm_layer_norm", make_layer<nn::LSTM>, {.layer_norm = true}},
      {"lstm_clip_cell", make_layer<nn::LSTM>, {.clip_cell = nn::Bounds(0.2f)}},
      {"lstm_zoneout", make_layer<nn::LSTM>, {.zoneout = 0.2f, .zoneout_cell = 0.1f}},
      {"gru", make_layer<nn::GRU>, {}, "GRU"},
      {"gru_reset_before", make_layer<nn::GRU>, {.reset_after = false}, "GRU"},
      {"gru_clip", make_layer<nn::GRU>, {.clip_inputs = nn::Bounds(0.4f)}, "GRU"},
      {"gru_leaky", make_layer<nn::GRU>,
       {.activation = Activation::leaky_relu, .gate_activation = Activation::softplus}, "GRU"},
      {"gru_layer_norm", make_layer<nn::GRU>, {.layer_norm = true}},
      {"gru_repeat", make_layer<nn::GRU>, {.masked = nn::Masked::repeat}},
      {"gru_learned", make_layer<nn::GRU>, {.learned_states = true}, "GRU"},
      {"indrnn", make_layer<nn::IndRNN>},
      {"mingru", make_layer<nn::MinGRU>},
      {"minlstm", make_layer<nn::MinLSTM>},
  };
}

/// Cells x forward, reverse, both x 1, 2 layers x no lengths, lengths, mask; initial states and batch_first by turns.
inline std::vector<ExportCase> export_cases() {
  std::vector<ExportCase> cases;
  for (const CaseCell& cell : case_cells())
    for (const char* direction : {"forward", "reverse", "both"})
      for (const int layers : {1, 2})
        for (const char* masks : {"full", "lengths", "mask"}) {
          ExportCase made{cell.name + "_" + direction + "_" + std::to_string(layers) + "_" + masks, cell.make,
                          cell.options};
          made.options.layers = layers;
          made.options.reverse = direction == std::string("reverse");
          made.options.bidirectional = direction == std::string("both");
          made.masks = masks[0] == 'f' ? ExportCase::none : masks[0] == 'l' ? ExportCase::lengths : ExportCase::mask;
          made.initial = cases.size() % 2 == 1;
          made.options.batch_first = cases.size() % 3 == 2;
          made.expected = made.masks == ExportCase::mask ? "Scan" : cell.expected;
          cases.push_back(std::move(made));
        }
  return cases;
}

}  // namespace volute::test
