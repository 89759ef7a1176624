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

/// columns of the input, [R, 1] each, states [R, H] each -> the next states; the first is the output.
std::vector<volute::Tensor> step(Cell cell, const volute::nn::Recurrent& layer,
                                 const std::vector<volute::Tensor>& columns,
                                 const std::vector<volute::Tensor>& states);

}  // namespace live_sketch
