// Independently recurrent network (Li et al. 2018): each unit sees its own state only, so a step is one
// pointwise kernel. weight_hh is a vector [H]. State h.

#include <volute/nn.hpp>

namespace volute::nn {
namespace {

// h' = relu(W x + b + u h)
std::vector<Tensor> indrnn_step(const CellStep& s) {
  return {s.activate(s.input()[0] + s.recurrent()[0])};  // [N, H]
}

}  // namespace

IndRNN::IndRNN(std::int64_t inputs, std::int64_t hidden, RecurrentOptions options)
    : Recurrent({.name = "indrnn",
                 .recurrence = Cell::Recurrence::vector,
                 .activation = Activation::relu,
                 .step = indrnn_step},
                inputs, hidden, std::move(options)) {}

}  // namespace volute::nn
