// What the parts of a recurrent stack share; see recurrent.cpp.
// Invariant: inside a stack everything is time-major, and states are [N, size] of one layer and direction.
#pragma once

#include <map>

#include <volute/nn.hpp>

namespace volute::nn {

/// Parameters of one layer and direction by their name without suffix.
using LayerWeights = std::map<std::string, Tensor>;

struct CellStep::Data {
  const Cell& cell;
  const RecurrentOptions& options;
  const LayerWeights& weights;
  Tensor x;
  std::vector<Tensor> states;
  Tensor h;  ///< states[0] as the recurrent product reads it
  std::map<std::string, Tensor>& kept;
};

struct LayerResult {
  Tensor outputs;                      ///< [T, N, P]
  std::vector<Tensor> last;            ///< [N, size]
  std::map<std::string, Tensor> kept;  ///< [T, N, size]
};

/// One direction of one layer. x [T, N, I], start [N, size] each, valid [T, N, 1] or empty; exported_as as in
/// ScanOptions.
LayerResult run_layer(const Cell& cell, const RecurrentOptions& options, const LayerWeights& weights, Tensor x,
                      const std::vector<Tensor>& start, Tensor valid, bool reverse,
                      std::shared_ptr<const RecurrentOperator> exported_as);

// Mistakes, each an InvalidGraph that names the cell, the option and the shapes. ---------------------

void check_options(const Cell& cell, std::int64_t inputs, std::int64_t hidden, const RecurrentOptions& options);
/// x as the user gave it, time-major or batch-first.
void check_input(const std::string& name, Tensor x, std::int64_t inputs, bool batch_first);
/// lengths and mask against T and N of x.
void check_masks(const std::string& name, Tensor x, const RecurrentInputs& in, bool batch_first);
void check_initial(const Cell& cell, const RecurrentInputs& in, const std::vector<Shape>& expected);
/// RecurrentInputs::weights against the parameters they stand in for.
void check_weights(const std::string& name, const RecurrentInputs& in, std::span<const Parameter> parameters);

}  // namespace volute::nn
