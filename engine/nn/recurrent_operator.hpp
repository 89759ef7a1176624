// What a scan is where it is a layer that exchange formats have an operator for: LSTM, GRU or RNN as in ONNX.
// Invariant: a scan that refers to one computes what the operator does and nothing else; a layer with an option that
// no such operator has (projection, layer norm, zoneout, ...) has none.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include <volute/nn.hpp>

namespace volute {

struct RecurrentOperator {
  nn::Cell::Kind kind = nn::Cell::Kind::own;
  bool coupled = false;      ///< LSTM: f = 1 - i
  bool reset_after = true;   ///< GRU
  nn::Activation::Function candidate = nn::Activation::tanh;
  nn::Activation::Function gate = nn::Activation::sigmoid;
  nn::Activation::Function output = nn::Activation::tanh;  ///< LSTM
  std::optional<float> clip = {};                          ///< of what every activation is applied to
  std::map<std::string, Tensor> weights = {};              ///< by their names without suffix, PyTorch's gate order
  Tensor x = {};                                           ///< [T, N, I], steps beyond lengths as they came
  Tensor lengths = {};                                     ///< [N] u32 or empty
  std::vector<Tensor> start = {};                          ///< [N, H] each
  Tensor outputs = {};                                     ///< [T, N, H], 0 beyond lengths
  /// Of the backward direction of a bidirectional layer: the forward one.
  std::shared_ptr<const RecurrentOperator> forward = {};
};

}  // namespace volute

namespace volute::nn {

/// The operator of a layer with these options, without its tensors; null if there is none.
std::shared_ptr<RecurrentOperator> operator_of(const Cell& cell, const RecurrentOptions& options);

}  // namespace volute::nn
