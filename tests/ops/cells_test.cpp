// Recurrent layers on the device against the reference: outputs, last states, and the gradients of inputs,
// initial states and weights, over lengths from 1 to 33; the reference against finite differences.
// Invariant: a cell of a user's own is held to the same as the library's.
#include <cmath>

#include <gtest/gtest.h>

#include <volute/nn.hpp>

#include "engine/check/case.hpp"
#include "tests/support/device.hpp"
#include "tests/support/findings.hpp"

namespace volute::test {
namespace {

using namespace check;

struct Sizes {
  std::int64_t T, N, C, H;
  int layers;
};

using MakeCell = Row (*)(const Sizes&);

/// gates * H rows of weights and biases per layer, then what the cell computes from them. Inputs of the case:
/// x [T, N, C], the states [layers, N, H], then the parameters, so that all of them are differentiated.
Leaves leaves_of(const Sizes& s, int gates, int states) {
  Leaves leaves = {real({s.T, s.N, s.C})};
  for (int i = 0; i < states; ++i) leaves.push_back(real({s.layers, s.N, s.H}));
  const float bound = 1.0f / std::sqrt(static_cast<float>(s.H));  // as the layers themselves start
  for (int layer = 0; layer < s.layers; ++layer) {
    const std::int64_t rows = gates * s.H;
    for (const Shape& shape : {Shape{rows, layer ? s.H : s.C}, Shape{rows, s.H}, Shape{rows}, Shape{rows}})
      leaves.push_back(between(shape, -bound, bound));
  }
  return leaves;
}

/// The layer run on tensors in place of its own parameters: the graph finds a parameter's tensor by its data.
template <class Cell>
Row library_cell(const Sizes& s, int gates, int states) {
  const Build build = [=](Inputs in) {
    auto cell = std::make_shared<Cell>(s.C, s.H, nn::RecurrentOptions{.layers = s.layers});
    GraphData& graph = *graph_of(in[0]).data();
    const auto& parameters = cell->parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i)
      graph.parameters[parameters[i].data().get()] = in[1 + static_cast<std::size_t>(states) + i].node();
    const std::vector<Tensor> initial(in.begin() + 1, in.begin() + 1 + states);
    const nn::RecurrentResult result = cell->run(in[0], initial);
    for (const Parameter& p : parameters) graph.parameters.erase(p.data().get());
    std::vector<Tensor> outputs = {result.outputs};
    outputs.insert(outputs.end(), result.last.begin(), result.last.end());
    return outputs;
  };
  return {"", build, {leaves_of(s, gates, states)}};
}

Row lstm(const Sizes& s) { return library_cell<nn::LSTM>(s, 4, 2); }
Row gru(const Sizes& s) { return library_cell<nn::GRU>(s, 3, 1); }
Row rnn(const Sizes& s) { return library_cell<nn::RNN>(s, 1, 1); }

/// z [N, H] with mean 0 and variance 1 over H.
Tensor normalised(Tensor z) {
  const Tensor centred = z - mean(z, {-1}, true);
  return centred / sqrt(mean(centred * centred, {-1}, true) + 1e-2f);
}

// A peephole LSTM with layer norm, a projection that is clipped, and a mask a step long, walked backwards.
Row own(const Sizes& s) {
  const Build build = [=](Inputs in) {
    const Tensor x = in[0], w = in[3], u = in[4], peep = in[5], project = in[6], mask = in[7];
    const ScanResult result =
        scan({x, mask}, {in[1], in[2]},
             [&](std::span<const Tensor> xs, std::span<const Tensor> st) {
               const Tensor h = st[0], c = st[1], keep = xs[1];  // [N, H] [N, H] [N, 1]
               const auto z = split(normalised(matmul(xs[0], w, false, true) + matmul(h, u, false, true)), 1, 3);
               const Tensor f = sigmoid(z[0] + peep * c), next_c = f * c + (1.0f - f) * tanh(z[1]);
               const Tensor next_h =
                   maximum(minimum(matmul(sigmoid(z[2] + peep * next_c) * next_c, project), graph_of(h).full({}, 0.9f)),
                           graph_of(h).full({}, -0.9f));
               return ScanStep{{keep * next_h + (1.0f - keep) * h, keep * next_c + (1.0f - keep) * c}, {next_h}};
             },
             {.reverse = true});
    return std::vector{result.outputs[0], result.last[0], result.last[1]};
  };
  const float bound = 1.0f / std::sqrt(static_cast<float>(s.H));
  return {"",
          build,
          {{real({s.T, s.N, s.C}), real({s.N, s.H}), real({s.N, s.H}), between({3 * s.H, s.C}, -bound, bound),
            between({3 * s.H, s.H}, -bound, bound), real({s.H}), between({s.H, s.H}, -bound, bound),
            between({s.T, s.N, 1}, 0.1f, 0.9f)}}};
}

struct Cell {
  const char* name;
  MakeCell make;
};

class Cells : public ::testing::TestWithParam<Cell> {
 protected:
  static void check(const Sizes& s, bool finite_differences) {
    const Row row = GetParam().make(s);
    const Case c(row.build, row.variants[0], 7);
    SCOPED_TRACE(::testing::Message() << GetParam().name << ": T " << s.T << ", N " << s.N << ", C " << s.C << ", H "
                                      << s.H << ", layers " << s.layers);
    expect_nothing_found([&](Findings& findings) {
      if (finite_differences) c.check_gradients(findings);
      c.check_device(device(), {}, 4e-6, findings);
    });
  }
};

TEST_P(Cells, EveryLengthAndBatch) {
  for (const std::int64_t T : {1, 2, 7, 33})
    for (const std::int64_t N : {1, 3}) check({T, N, 5, 7, 1}, true);
}

class LibraryCells : public Cells {};

TEST_P(LibraryCells, TwoLayers) {
  check({7, 3, 5, 7, 2}, true);
  check({1, 1, 3, 1, 2}, true);
}

TEST_P(Cells, WiderThanATile) { check({3, 7, 33, 65, 1}, false); }

std::string name_of_cell(const ::testing::TestParamInfo<Cell>& info) { return info.param.name; }

const auto library = {Cell{"lstm", lstm}, Cell{"gru", gru}, Cell{"rnn", rnn}};

INSTANTIATE_TEST_SUITE_P(Library, Cells, ::testing::ValuesIn(library), name_of_cell);
INSTANTIATE_TEST_SUITE_P(Library, LibraryCells, ::testing::ValuesIn(library), name_of_cell);
INSTANTIATE_TEST_SUITE_P(User, Cells, ::testing::Values(Cell{"own", own}), name_of_cell);

}  // namespace
}  // namespace volute::test
