// The choice of recurrent cell: the library's layer, and one step of it on the same parameters for a loop that feeds
// back what it has drawn. Invariant: step() is what the layer computes at each step of a sequence, up to
// rounding.
#pragma once

#include <memory>
#include <vector>

#include <volute/nn.hpp>

#include "samples/live_sketch/model.hpp"

namespace live_sketch {

/// Learning rate to begin with.
float rate_of(Cell cell);

std::unique_ptr<volute::nn::Recurrent> make_layer(Cell cell, std::int64_t inputs, std::int64_t hidden);

/// The states after a sequence, as step() takes them: [N, H] each, those of a layer apart.
std::vector<volute::Tensor> last_states(const volute::nn::RecurrentResult& result);

/// columns of the input, [R, 1] each, states [R, H] each -> the next states; output_of says which is the output.
std::vector<volute::Tensor> step(Cell cell, const volute::nn::Recurrent& layer,
                                 const std::vector<volute::Tensor>& columns,
                                 const std::vector<volute::Tensor>& states);

/// The output among the states step() and last_states() return: h of the top layer.
inline volute::Tensor output_of(Cell cell, const std::vector<volute::Tensor>& states) {
  return cell == Cell::min_gru ? states.back() : states.front();
}

}  // namespace live_sketch
