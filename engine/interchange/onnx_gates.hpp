// Gate orders: PyTorch's, which Volute's parameters have, and those of ONNX's recurrent operators.
// Invariant: order[k] is the gate of ours that is ONNX's gate k; -1 where ours has none, whose rows are 0.
#pragma once

#include <vector>

#include <volute/nn.hpp>

namespace volute::onnx {

struct GateOrders {
  std::vector<int> gates;      ///< of W, R and each half of B
  std::vector<int> peepholes;  ///< of P
};

inline GateOrders gate_orders(nn::Cell::Kind kind, bool coupled) {
  switch (kind) {
    case nn::Cell::Kind::lstm:  // i f g o, coupled i g o; ONNX i o f c and peepholes i o f
      return coupled ? GateOrders{{0, 2, -1, 1}, {0, 1, -1}} : GateOrders{{0, 3, 1, 2}, {0, 2, 1}};
    case nn::Cell::Kind::gru:  // r z n; ONNX z r h
      return {{1, 0, 2}, {}};
    default:
      return {{0}, {}};
  }
}

}  // namespace volute::onnx
