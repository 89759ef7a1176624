// PyTorch's own grid: {RNN tanh, RNN relu, LSTM, LSTM with projection, GRU} x bias x bidirectional x batch_first
// x lengths x initial state; output, last states and every gradient. Invariant: the float64 reference is held to
// PyTorch in full or by two projections of every tensor, the device to the reference element by element.

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include <volute/reference.hpp>
#include <volute/volute.hpp>

#include "tests/support/device.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

constexpr std::int64_t T = 7, N = 6, I = 10, H = 6;
const std::vector<std::uint32_t> sorted = {7, 5, 5, 2, 1, 1}, unsorted = {2, 7, 1, 5, 1, 5};

struct Options {
  bool bias, batch_first, fed, masked;
};

/// [T, N, C] as [N, T, C] or back.
template <class V>
V swapped(const V& values, std::int64_t outer, std::int64_t inner) {
  V out(values.size());
  const auto C = static_cast<std::int64_t>(values.size()) / (outer * inner);
  for (std::int64_t a = 0; a < outer; ++a)
    for (std::int64_t b = 0; b < inner; ++b)
      std::copy_n(values.begin() + (a * inner + b) * C, C, out.begin() + (b * outer + a) * C);
  return out;
}

double projection(const Reference::Values& values, double phase, double step) {
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) sum += values[i] * std::cos(phase + step * static_cast<double>(i));
  return sum;
}

/// One column of the grid: a kind of cell in one or two directions.
class Grid {
 public:
  explicit Grid(const std::string& name)
      : golden_("grid_" + name),
        kind_(golden_.setting<std::string>("cell")),
        P_(golden_.setting<std::int64_t>("projection")),
        bidirectional_(golden_.setting<bool>("bidirectional")) {}

  void check(const Options& options) {
    const nn::RecurrentOptions o{.layers = 2,
                                 .bidirectional = bidirectional_,
                                 .batch_first = options.batch_first,
                                 .bias = options.bias ? nn::Bias::both : nn::Bias::none,
                                 .projection = P_,
                                 .activation = kind_ == "rnn_relu" ? nn::Activation::relu : nn::Activation::standard};
    const nn::Recurrent layer = kind_ == "lstm"  ? nn::Recurrent(nn::LSTM(I, H, o))
                                : kind_ == "gru" ? nn::Recurrent(nn::GRU(I, H, o))
                                                 : nn::Recurrent(nn::RNN(I, H, o));
    for (Parameter p : layer.parameters()) p.set(golden_.values<float>(p.name()));
    build(layer, options);
    Program program = device().compile(graph_, Targets(results_));
    const std::string bias = options.bias ? "bias." : "nobias.", start = options.fed ? "fed." : "zero.";
    if (!options.masked) return compare(program, nullptr, bias + "full." + start, options);
    compare(program, &sorted, bias + "sorted." + start, options);
    compare(program, &unsorted, bias + "unsorted." + start, options);
  }
  double worst() const { return worst_; }

 private:
  Tensor input(const std::string& name, bool swap) {
    Shape shape = golden_.shape(name);
    auto values = golden_.values<float>(name);
    if (swap) {
      values = swapped(values, shape[0], shape[1]);
      std::swap(shape[0], shape[1]);
    }
    Tensor t = graph_.input(name, shape);
    feeds_.emplace_back(t, std::move(values));
    return t;
  }

  void build(const nn::Recurrent& layer, const Options& options) {
    graph_ = Graph();
    feeds_.clear();
    lengths_ = options.masked ? graph_.input("lengths", {N}, DType::u32) : Tensor();
    std::vector<std::pair<std::string, Tensor>> leaves = {{"x", input("x", options.batch_first)}};
    nn::RecurrentInputs in{.lengths = lengths_};
    if (options.fed) leaves.emplace_back("h0", input("h0", false));
    if (options.fed && kind_ == "lstm") leaves.emplace_back("c0", input("c0", false));
    for (std::size_t s = 1; s < leaves.size(); ++s) in.initial.push_back(leaves[s].second);
    const nn::RecurrentResult result = layer.run(leaves[0].second, in);
    names_ = {"out", "last.h"};
    results_ = {result.outputs, result.last[0]};
    Tensor loss = sum(result.outputs * input("factor.out", options.batch_first)) +
                  sum(result.last[0] * input("factor.h", false));
    if (kind_ == "lstm") {
      names_.push_back("last.c");
      results_.push_back(result.last[1]);
      loss = loss + sum(result.last[1] * input("factor.c", false));
    }
    for (const Parameter& p : layer.parameters()) leaves.emplace_back(p.name(), graph_.parameter(p));
    std::vector<Tensor> wrt;
    for (const auto& [name, leaf] : leaves) {
      names_.push_back("grad." + name);
      wrt.push_back(leaf);
    }
    for (Tensor gradient : gradients(loss, wrt)) results_.push_back(gradient);
  }

  void compare(Program& program, const std::vector<std::uint32_t>* lengths, const std::string& name,
               const Options& options) {
    SCOPED_TRACE(name + (options.batch_first ? "batch_first" : ""));
    Reference reference;
    std::vector<Feed> feeds;
    for (const auto& [tensor, values] : feeds_) {
      reference.set(tensor, widen(values));
      feeds.emplace_back(tensor, values);
    }
    if (lengths) {
      reference.set(lengths_, widen(*lengths));
      feeds.emplace_back(lengths_, *lengths);
    }
    program.run(feeds);
    const auto want = reference.evaluate(results_);
    for (std::size_t i = 0; i < want.size(); ++i) {
      const bool swap = options.batch_first && (names_[i] == "out" || names_[i] == "grad.x");
      against_pytorch(name + names_[i], swap ? swapped(want[i], N, T) : want[i]);
      const std::vector<float> got = program.read(results_[i]);
      EXPECT_TRUE(close(got, want[i], 0, 5e-5)) << names_[i];
      for (std::size_t k = 0; k < got.size(); ++k) worst_ = std::max(worst_, std::abs(got[k] - want[i][k]));
    }
  }

  void against_pytorch(const std::string& name, const Reference::Values& values) const {
    const auto expected = golden_.values(name);
    if (golden_.shape(name) == Shape{2} && values.size() != 2)
      EXPECT_TRUE(close(Reference::Values{projection(values, 1, 0.7), projection(values, 2, 1.3)}, expected, 1e-9, 1e-9))
          << name;
    else
      EXPECT_TRUE(close(values, expected, 1e-9, 2e-10)) << name;
  }

  Golden golden_;
  std::string kind_;
  std::int64_t P_;
  bool bidirectional_;
  Graph graph_;
  Tensor lengths_;
  std::vector<std::pair<Tensor, std::vector<float>>> feeds_;
  std::vector<std::string> names_;
  std::vector<Tensor> results_;
  double worst_ = 0;
};

class PyTorchGrid : public ::testing::TestWithParam<const char*> {};

TEST_P(PyTorchGrid, OutputsStatesAndGradients) {
  Grid grid(GetParam());
  for (const bool bias : {false, true})
    for (const bool batch_first : {false, true})
      for (const bool fed : {false, true})
        for (const bool masked : {false, true}) grid.check({bias, batch_first, fed, masked});
  std::printf("device against float64: worst error %.1e\n", grid.worst());
}

INSTANTIATE_TEST_SUITE_P(Cells, PyTorchGrid,
                         ::testing::Values("rnn_tanh", "rnn_relu", "lstm", "lstm_projection", "gru",
                                           "rnn_tanh_bidirectional", "rnn_relu_bidirectional", "lstm_bidirectional",
                                           "lstm_projection_bidirectional", "gru_bidirectional"),
                         [](const auto& row) { return std::string(row.param); });

}  // namespace
}  // namespace volute::test
