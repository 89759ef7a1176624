// LSTM, GRU and RNN nodes as layers of Volute: their attributes as options, their weights in PyTorch's gate order.
#pragma once

#include <map>
#include <memory>

#include "engine/interchange/onnx_gates.hpp"
#include "engine/interchange/onnx_operand.hpp"

namespace volute::onnx {

inline bool is_recurrent(const ::onnx::NodeProto& node) {
  return node.op_type() == "LSTM" || node.op_type() == "GRU" || node.op_type() == "RNN";
}

/// Throws Unsupported or BadFile naming the node and the attribute.
struct RecurrentNode {
  explicit RecurrentNode(const ::onnx::NodeProto& node);

  std::string where;  ///< for messages
  nn::Cell::Kind kind = nn::Cell::Kind::rnn;
  std::int64_t hidden = 0;
  int directions = 1;
  bool batch_first = false;
  nn::RecurrentOptions options = {};  ///< but for what depends on which inputs there are

  std::int64_t gates() const { return kind == nn::Cell::Kind::lstm ? 4 : kind == nn::Cell::Kind::gru ? 3 : 1; }
  /// Shapes of W, R, B and P for x [.., inputs].
  std::vector<Shape> weight_shapes(std::int64_t inputs) const;
  GateOrders orders() const { return gate_orders(kind, options.coupled); }
  std::unique_ptr<nn::Recurrent> layer(std::int64_t inputs, bool bias, bool peepholes) const;
};

/// One of W, R, B, P as the weights of a layer: pieces of it, cut and put together by the caller.
struct WeightPart {
  std::string name;         ///< "weight_ih_l0_reverse"
  int direction;
  std::vector<std::int64_t> rows;  ///< in units of H: ONNX's row blocks, in our order
};

/// Which rows of input 1 (W), 2 (R), 3 (B) or 7 (P) make which weights.
std::vector<WeightPart> weight_parts(const RecurrentNode& node, int input);

/// Parameters of a layer by their names in it ("weight_ih_l0").
using LayerParameters = std::map<std::string, Parameter>;

/// The parameters W, R, B and P (null if there is none) hold, named "prefix.weight_ih_l0". Throws BadFile naming the
/// node if their shapes do not fit.
LayerParameters layer_parameters(const ::onnx::NodeProto& node, const std::vector<const Constant*>& weights,
                                 const std::string& prefix);

}  // namespace volute::onnx
