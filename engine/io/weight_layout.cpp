// The layouts of frameworks, and moving gates from one order to another; see weight_layout.hpp.
// Facts: Keras 3's LSTMCell and GRUCell, the ONNX operators, oneDNN's "RNN" primitive, haste's layer documentation.
#include "engine/io/weight_layout.hpp"

#include <algorithm>

namespace volute::io {
namespace {

void check_order(const WeightLayout& layout, const char* what, const std::string& order, std::string gates) {
  std::string sorted = order;
  std::sort(sorted.begin(), sorted.end());
  std::sort(gates.begin(), gates.end());
  if (sorted != gates)
    throw InvalidGraph("layout of " + layout.name + ": " + what + " \"" + order + "\" must have each of \"" + gates +
                       "\" once");
}

/// Where row `row` of `rows`, and `column` of `columns`, lie.
struct Place {
  std::int64_t rows, columns;
  bool transposed;
  std::size_t operator()(std::int64_t row, std::int64_t column) const {
    return static_cast<std::size_t>(transposed ? column * rows + row : row * columns + column);
  }
};

}  // namespace

void check_layout(const WeightLayout& layout) {
  check_order(layout, "lstm", layout.lstm, "ifgo");
  check_order(layout, "gru", layout.gru, "rzn");
  if (!layout.peepholes.empty()) check_order(layout, "peepholes", layout.peepholes, "ifo");
  if (layout.biases == Biases::candidate)
    throw InvalidGraph("layout of " + layout.name + ": Biases::candidate is for gru_biases, RNN and LSTM have no n");
}

std::vector<float> GateOrder::ours_of(const std::vector<float>& theirs, std::int64_t columns, bool transposed) const {
  const Place from{their_rows(), columns, transposed}, to{our_rows(), columns, false};
  std::vector<float> out(static_cast<std::size_t>(our_rows() * columns));
  for (std::size_t k = 0; k < ours_.size(); ++k) {
    const auto first = static_cast<std::int64_t>(theirs_.find(ours_[k])) * H_;
    for (std::int64_t h = 0; h < H_; ++h)
      for (std::int64_t c = 0; c < columns; ++c)
        out[to(static_cast<std::int64_t>(k) * H_ + h, c)] = sign(ours_[k]) * theirs[from(first + h, c)];
  }
  return out;
}

std::vector<float> GateOrder::theirs_of(const std::vector<float>& ours, std::int64_t columns, bool transposed) const {
  const Place from{our_rows(), columns, false}, to{their_rows(), columns, transposed};
  std::vector<float> out(static_cast<std::size_t>(their_rows() * columns));
  for (std::size_t k = 0; k < theirs_.size(); ++k) {
    const bool have = ours_.find(theirs_[k]) != std::string::npos;
    const auto first = static_cast<std::int64_t>(ours_.find(have ? theirs_[k] : 'i')) * H_;
    const float by = have ? sign(theirs_[k]) : -1.0f;
    for (std::int64_t h = 0; h < H_; ++h)
      for (std::int64_t c = 0; c < columns; ++c)
        out[to(static_cast<std::int64_t>(k) * H_ + h, c)] = by * ours[from(first + h, c)];
  }
  return out;
}

WeightLayout WeightLayout::pytorch() { return {}; }

WeightLayout WeightLayout::keras(bool reset_after) {
  return {.name = "Keras",
          .gru = "zrn",
          .peepholes = "",
          .transposed = true,
          .reset_after = reset_after,
          .biases = Biases::single,
          .gru_biases = reset_after ? Biases::stacked : Biases::single,
          .projection = false,
          .layer_norm = false};
}

WeightLayout WeightLayout::onnx(bool linear_before_reset, bool input_forget) {
  return {.name = "ONNX",
          .lstm = "iofg",
          .gru = "zrn",
          .peepholes = "iof",
          .reset_after = linear_before_reset,
          .coupled = input_forget,
          .biases = Biases::stacked,
          .gru_biases = Biases::stacked,
          .projection = false,
          .layer_norm = false};
}

WeightLayout WeightLayout::onednn(bool lbr_gru) {
  return {.name = "oneDNN",
          .gru = "zrn",
          .transposed = true,
          .reset_after = lbr_gru,
          .biases = Biases::single,
          .gru_biases = lbr_gru ? Biases::candidate : Biases::single,
          .layer_norm = false};
}

WeightLayout WeightLayout::haste() {
  return {.name = "haste",
          .lstm = "igfo",
          .gru = "zrn",
          .peepholes = "",
          .transposed = true,
          .biases = Biases::single,
          .projection = false};
}

}  // namespace volute::io
