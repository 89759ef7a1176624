// Bytes to a graph, through the public functions alone, with shapes and arguments that need not fit.
// Invariant: a call that is refused throws InvalidGraph and leaves the pool as it was; whatever else happens is a
// finding.
#pragma once

#include <optional>
#include <vector>

#include <volute/layers.hpp>
#include <volute/optim.hpp>

#include "tests/fuzz/input.hpp"

namespace volute::fuzz {

class GraphBuilder {
 public:
  explicit GraphBuilder(Input in);

  Graph graph;
  std::vector<Tensor> pool;  ///< what calls gave, newest last; the first is empty, the second another graph's
  std::optional<Targets> targets;
  Precision precision = Precision::f32;

 private:
  void step();
  void keep(Tensor tensor) { pool.push_back(tensor); }
  void keep(const std::vector<Tensor>& tensors) { pool.insert(pool.end(), tensors.begin(), tensors.end()); }
  /// The newest more often, so that graphs grow deep.
  Tensor pick();
  std::vector<Tensor> picks(std::uint32_t most);
  /// Mostly small, now and then hostile.
  std::int64_t extent();
  int axis() { return static_cast<int>(in_.below(9)) - 4; }
  std::vector<int> axes();
  float value();
  Shape shape();
  std::string name();
  Parameter parameter();

  // graph_ops.cpp
  Tensor leaf();
  Tensor unary();
  Tensor binary();
  Tensor reduction();
  Tensor view();
  Tensor product();
  void loop();
  // graph_layers.cpp
  void recurrent();
  Tensor layer();
  Tensor attention();
  Tensor loss();
  void train();

  Input in_;
  Graph other_;
  std::vector<Parameter> parameters_;
  int depth_ = 0;  ///< of scans being built
};

/// Gradients, the oracle where it is small enough, and the passes and plan of compile for a device that is not there.
void sweep(GraphBuilder& built, Input in);

}  // namespace volute::fuzz
