// Sizes no graph may have: overflowing, negative, beyond memory or beyond what kernels count. Each is refused with a
// typed error that names the limit, where it is met first, and nothing of that size is ever asked for.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include <volute/layers.hpp>
#include <volute/optim.hpp>
#include <volute/reference.hpp>

#include "tests/support/device.hpp"

namespace volute {
namespace {

using Tensors = std::span<const Tensor>;

constexpr std::int64_t far = std::numeric_limits<std::int64_t>::max();

struct Row {
  const char* title;
  const char* says;
  std::function<void(Graph&)> wrong;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.title; }

class HostileGraphs : public testing::TestWithParam<Row> {};

TEST_P(HostileGraphs, AreRefused) {
  Graph g;
  std::string text = "no exception";
  try {
    GetParam().wrong(g);
  } catch (const InvalidGraph& error) {
    text = error.what();
  }
  EXPECT_NE(text.find(GetParam().says), std::string::npos) << "\"" << GetParam().says << "\" in: " << text;
  Reference reference;
  const Tensor x = g.input("unharmed", {2});
  reference.set(x, {1, 2});
  EXPECT_EQ(reference.evaluate({sum(x)})[0][0], 3);
}

const Row rows[] = {
    {"extents_overflow", "too many elements", [](Graph& g) { g.input("x", {far, far}); }},
    {"elements", "at most 1099511627776 elements", [](Graph& g) { g.input("x", {1ll << 41}); }},
    {"negative", "must be positive", [](Graph& g) { g.input("x", {-1, -1}); }},
    {"least", "must be positive", [](Graph& g) { g.full({-far - 1}, 0); }},
    {"axes", "at most 16 axes", [](Graph& g) { g.input("x", Shape(std::vector<std::int64_t>(17, 1))); }},
    {"many_axes", "axes]", [](Graph& g) { g.input("x", Shape(std::vector<std::int64_t>(100000, 1))); }},
    {"reshape_overflow", "reshape", [](Graph& g) { reshape(g.input("x", {4}), {1ll << 33, 1ll << 33, -1}); }},
    {"reshape_axes", "at most 16 axes",
     [](Graph& g) { reshape(g.input("x", {1}), Shape(std::vector<std::int64_t>(99, 1))); }},
    {"broadcast", "too many elements", [](Graph& g) { broadcast_to(g.input("x", {1}), {far, 2}); }},
    {"broadcast_of_two", "at most 1099511627776 elements",
     [](Graph& g) { g.iota(1); g.input("a", {1 << 21, 1}) + g.input("b", {1 << 21}); }},
    {"outer_product", "at most 1099511627776 elements",
     [](Graph& g) { matmul(g.input("a", {1 << 21, 1}), g.input("b", {1, 1 << 21})); }},
    {"iota", "at most 1099511627776 elements", [](Graph& g) { g.iota(far); }},
    {"scatter_rows", "too many elements",
     [](Graph& g) { scatter_add(g.input("u", {2}, DType::u32), g.input("v", {2, 3}), far); }},
    {"scan_length", "at most 2147483647 steps",
     [](Graph& g) {
       scan({}, {g.input("h", {2})}, [](Tensors, Tensors states) { return ScanStep{{states[0]}, {}}; }, {.length = far});
     }},
    {"scan_stack", "at most 1099511627776 elements",
     [](Graph& g) {
       scan({}, {g.input("h", {1 << 20})}, [](Tensors, Tensors states) { return ScanStep{{states[0]}, {tanh(states[0])}}; },
            {.length = 1ll << 30});
     }},
    {"parameter_overflow", "too many elements", [](Graph&) { Parameter("p", {far, 3}, {}); }},
    {"parameter_negative", "negative extent", [](Graph&) { Parameter("p", {-1, -1}, {1.0f}); }},
    {"linear", "at most 1073741824", [](Graph&) { nn::Linear(far, far); }},
    {"linear_product", "at most 1073741824 values", [](Graph&) { nn::Linear(1 << 20, 1 << 20); }},
    {"embedding", "at most 1073741824", [](Graph&) { nn::Embedding(1ll << 40, 2); }},
    {"hidden", "at most 1073741824", [](Graph&) { nn::LSTM(2, far); }},
    {"layers", "layers must be 1 to 1024",
     [](Graph&) { nn::GRU(2, 2, {.layers = std::numeric_limits<int>::max()}); }},
    {"norm", "at most 1073741824", [](Graph&) { nn::LayerNorm{far}; }},
    {"u32_state_nan", "whole number", [](Graph& g) { g.state("s", {2}, NAN, DType::u32); }},
    {"u32_state_negative", "whole number", [](Graph& g) { g.state("s", {2}, -1, DType::u32); }},
    {"seed_taken", "\"seed\"", [](Graph& g) { g.input("seed", {3}); random_like(g.input("x", {2})); }},
    {"step_taken", "\"step\"", [](Graph& g) { g.input("step", {3}); g.step(); }},
    {"reference_index", "whole numbers",
     [](Graph& g) { Reference().set(g.input("u", {1}, DType::u32), {-5}); }},
    {"reference_empty", "empty tensor", [](Graph&) { Reference().set(Tensor(), {}); }},
};

INSTANTIATE_TEST_SUITE_P(Sizes, HostileGraphs, testing::ValuesIn(rows),
                         [](const auto& row) { return std::string(row.param.title); });

TEST(HostileScans, ATensorOfABodyThatWasGivenUpIsRefused) {
  Graph g;
  const Tensor h = g.input("h", {2});
  Tensor leaked;
  EXPECT_THROW(scan({}, {h}, [&](Tensors, Tensors states) -> ScanStep {
    leaked = tanh(states[0]);
    throw InvalidGraph("given up");
  }, {.length = 3}), InvalidGraph);
  EXPECT_TRUE(parameters_of(leaked).empty());
  EXPECT_THROW(gradients(sum(leaked), {h}), InvalidGraph);
  EXPECT_THROW(Reference().evaluate({leaked}), InvalidGraph);
}

TEST(HostileIndices, AreClampedByTheReference) {
  Graph g;
  const Tensor x = g.input("x", {4}), table = g.input("table", {2, 1});
  Reference reference;
  reference.set(x, {-7, NAN, 1e300, 1});
  reference.set(table, {10, 20});
  EXPECT_EQ(reference.evaluate({embedding(table, to_u32(x))})[0], (Reference::Values{10, 10, 20, 20}));
}

// A device's limits are met at compile.
TEST(HostilePrograms, AreUnsupported) {
  Device& device = test::device();
  Graph g;
  const Tensor wide = g.full({1ll << 33}, 1), h = g.input("h", {2});
  EXPECT_THROW(device.compile(g, sum(wide)), Unsupported);
  const auto loop = scan({}, {h}, [](Tensors, Tensors states) {
    const Tensor y = tanh(states[0]);
    return ScanStep{{y * reshape(matmul(reshape(y, {1, 2}), reshape(y, {2, 1})), {1})}, {}};
  }, {.length = 1ll << 30});
  EXPECT_THROW(device.compile(g, loop.last[0]), Unsupported);
}

}  // namespace
}  // namespace volute
