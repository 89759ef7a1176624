// Gate orders: PyTorch's, which Volute's parameters have, and those of ONNX's recurrent operators (io::WeightLayout).
// Invariant: order[k] is the gate of ours that is ONNX's gate k; -1 where ours has none, whose rows are 0.
#pragma once

#include <string>
#include <vector>

#include <volute/io.hpp>
#include <volute/nn.hpp>

namespace volute::onnx {

struct GateOrders {
  std::vector<int> gates;      ///< of W, R and each half of B
  std::vector<int> peepholes;  ///< of P
};

/// Where the letters of one order are in the other; -1: nowhere.
inline std::vector<int> places(const std::string& theirs, const std::string& ours) {
  std::vector<int> order;
  for (const char gate : theirs) {
    const std::size_t at = ours.find(gate);
    order.push_back(at == std::string::npos ? -1 : static_cast<int>(at));
  }
  return order;
}

inline GateOrders gate_orders(nn::Cell::Kind kind, bool coupled) {
  const io::WeightLayout onnx = io::WeightLayout::onnx(), own = io::WeightLayout::pytorch();
  switch (kind) {
    case nn::Cell::Kind::lstm:  // coupled, f has no rows
      return coupled ? GateOrders{places(onnx.lstm, "igo"), places(onnx.peepholes, "io")}
                     : GateOrders{places(onnx.lstm, own.lstm), places(onnx.peepholes, own.peepholes)};
    case nn::Cell::Kind::gru:
      return {places(onnx.gru, own.gru), {}};
    default:
      return {{0}, {}};
  }
}

}  // namespace volute::onnx
