// Wrong uses of the graph, one row each: every one throws InvalidGraph where it is made, and the message names
// the operation and what it was given. Afterwards the graph is as good as before.
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include <volute/nn.hpp>
#include <volute/optim.hpp>
#include <volute/reference.hpp>

namespace volute {
namespace {

/// What the rows are built from: shapes that go together in no wrong way by accident.
struct Fixture {
  Graph g, other;
  Tensor v = g.input("v", {5}), m = g.input("m", {2, 3}), m4 = g.input("m4", {4, 7});
  Tensor seq = g.input("seq", {6, 2, 3}), longer = g.input("longer", {8, 2, 3}), s = g.input("s", {});
  Tensor u = g.input("u", {6, 2}, DType::u32), u5 = g.input("u5", {5}, DType::u32);
  Tensor h = g.state("h", {2, 3}), p = g.parameter(Parameter("p", {2, 3}, std::vector<float>(6, 1.0f)));
  Tensor foreign = other.input("foreign", {2, 3}), none;
};

struct Row {
  const char* title;
  std::vector<std::string> says;
  std::function<void(Fixture&)> wrong;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.title; }

class GraphErrors : public testing::TestWithParam<Row> {};

TEST_P(GraphErrors, AreTypedAndNameThings) {
  Fixture f;
  std::string text = "no exception";
  try {
    GetParam().wrong(f);
  } catch (const InvalidGraph& error) {
    text = error.what();
  }
  for (const std::string& part : GetParam().says)
    EXPECT_NE(text.find(part), std::string::npos) << "\"" << part << "\" in: " << text;
  Reference reference;
  reference.set(f.m, {1, 2, 3, 4, 5, 6});
  const Tensor total = sum(f.m * f.p);
  EXPECT_EQ(reference.evaluate({total})[0][0], 21);
  EXPECT_EQ(reference.evaluate(gradients(total, {f.p}))[0], (Reference::Values{1, 2, 3, 4, 5, 6}));
}

const std::vector<Row>& pointwise_rows() {
  static const std::vector<Row> rows = {
      {"add_shapes", {"add", "[2, 3] f32", "[4, 7] f32"}, [](Fixture& f) { f.m + f.m4; }},
      {"sub_trailing_axis", {"sub", "[5]", "[2, 3]"}, [](Fixture& f) { f.v - f.m; }},
      {"mul_u32", {"mul", "f32", "[5] u32"}, [](Fixture& f) { f.v* f.u5; }},
      {"div_empty", {"div", "empty tensor"}, [](Fixture& f) { f.m / f.none; }},
      {"empty_scalar", {"add", "empty tensor"}, [](Fixture& f) { f.none + 1.0f; }},
      {"two_graphs", {"add", "different graphs", "[2, 3]"}, [](Fixture& f) { f.m + f.foreign; }},
      {"tanh_u32", {"tanh", "f32", "[6, 2] u32"}, [](Fixture& f) { tanh(f.u); }},
      {"exp_empty", {"exp", "empty tensor"}, [](Fixture& f) { exp(f.none); }},
      {"less_types", {"less", "same type", "[5] f32", "[5] u32"}, [](Fixture& f) { less(f.v, f.u5); }},
      {"equal_shapes", {"equal", "[6, 2] u32", "[5] u32"}, [](Fixture& f) { equal(f.u, f.u5); }},
      {"where_condition", {"where", "[6, 2] u32"}, [](Fixture& f) { where(f.u, f.m, f.m); }},
      {"where_shapes", {"where", "[2, 3]", "[4, 7]"}, [](Fixture& f) { where(f.s, f.m, f.m4); }},
      {"maximum_shapes", {"maximum", "[5]", "[4, 7]"}, [](Fixture& f) { maximum(f.v, f.m4); }},
      {"to_f32_empty", {"to_f32", "empty tensor"}, [](Fixture& f) { to_f32(f.none); }},
      {"to_u32_of_u32", {"to_u32", "[5] u32"}, [](Fixture& f) { to_u32(f.u5); }},
      {"stop_gradient_u32", {"stop_gradient", "[5] u32"}, [](Fixture& f) { stop_gradient(f.u5); }},
      {"dropout_of_one", {"dropout", "1.0", "[2, 3]"}, [](Fixture& f) { dropout(f.m, 1.0f); }},
      {"dropout_negative", {"dropout", "-0.5"}, [](Fixture& f) { dropout(f.m, -0.5f); }},
      {"dropout_nan", {"dropout", "nan"}, [](Fixture& f) { dropout(f.m, std::numeric_limits<float>::quiet_NaN()); }},
      {"dropout_u32", {"dropout", "u32"}, [](Fixture& f) { dropout(f.u, 0.5f); }},
      {"random_like_empty", {"random_like", "empty tensor"}, [](Fixture& f) { random_like(f.none); }},
  };
  return rows;
}

const std::vector<Row>& axis_rows() {
  static const std::vector<Row> rows = {
      {"sum_axis", {"sum", "axis 2", "rank 2", "[2, 3]"}, [](Fixture& f) { sum(f.m, {2}); }},
      {"sum_negative_axis", {"sum", "axis -3", "[2, 3]"}, [](Fixture& f) { sum(f.m, {-3}); }},
      {"sum_axis_twice",
       {"sum", "twice", "[2, 3]"},
       [](Fixture& f) {
         sum(f.m, {1, -1});
       }},
      {"sum_u32", {"sum", "u32"}, [](Fixture& f) { sum(f.u); }},
      {"mean_axis",
       {"mean", "axis 5", "[6, 2, 3]"},
       [](Fixture& f) {
         mean(f.seq, {0, 5});
       }},
      {"max_axis", {"max", "axis 1", "[5]"}, [](Fixture& f) { max(f.v, {1}); }},
      {"softmax_axis", {"softmax", "axis 2", "[2, 3]"}, [](Fixture& f) { softmax(f.m, 2); }},
      {"softmax_scalar", {"axis -1", "[]"}, [](Fixture& f) { softmax(f.s); }},
      {"argmax_scalar", {"argmax", "axis", "[]"}, [](Fixture& f) { argmax(f.s); }},
  };
  return rows;
}

const std::vector<Row>& shape_rows() {
  static const std::vector<Row> rows = {
      {"reshape_count", {"reshape", "[7]", "[2, 3]"}, [](Fixture& f) { reshape(f.m, {7}); }},
      {"reshape_two_open",
       {"reshape", "[-1, -1]", "[2, 3]"},
       [](Fixture& f) {
         reshape(f.m, {-1, -1});
       }},
      {"reshape_open_count",
       {"reshape", "[2, 3]"},
       [](Fixture& f) {
         reshape(f.m, {4, -1});
       }},
      {"reshape_zero",
       {"reshape", "[0, 6]", "[2, 3]"},
       [](Fixture& f) {
         reshape(f.m, {0, 6});
       }},
      {"transpose_vector", {"transpose", "two axes", "[5]"}, [](Fixture& f) { transpose(f.v); }},
      {"transpose_twice",
       {"transpose", "every axis once", "[6, 2, 3]"},
       [](Fixture& f) {
         transpose(f.seq, {0, 0, 1});
       }},
      {"transpose_short",
       {"transpose", "every axis once", "[6, 2, 3]"},
       [](Fixture& f) {
         transpose(f.seq, {1, 0});
       }},
      {"transpose_axis",
       {"transpose", "axis 3", "[6, 2, 3]"},
       [](Fixture& f) {
         transpose(f.seq, {0, 1, 3});
       }},
      {"slice_end", {"slice", "0..4", "axis 1", "[2, 3]"}, [](Fixture& f) { slice(f.m, 1, 0, 4); }},
      {"slice_empty", {"slice", "2..2", "[2, 3]"}, [](Fixture& f) { slice(f.m, 1, 2, 2); }},
      {"slice_before", {"slice", "axis 0", "[2, 3]"}, [](Fixture& f) { slice(f.m, 0, -3, 2); }},
      {"slice_axis", {"slice", "axis 2", "[2, 3]"}, [](Fixture& f) { slice(f.m, 2, 0, 1); }},
      {"concat_extents",
       {"concat", "[2, 3]", "[4, 7]"},
       [](Fixture& f) {
         concat({f.m, f.m4}, 0);
       }},
      {"concat_ranks",
       {"concat", "[2, 3]", "[5]"},
       [](Fixture& f) {
         concat({f.m, f.v}, 0);
       }},
      {"concat_types",
       {"concat", "[5] f32", "[5] u32"},
       [](Fixture& f) {
         concat({f.v, f.u5}, 0);
       }},
      {"concat_nothing", {"concat", "at least one"}, [](Fixture&) { concat({}, 0); }},
      {"concat_empty",
       {"concat", "empty tensor"},
       [](Fixture& f) {
         concat({f.m, f.none}, 0);
       }},
      {"split_uneven", {"split", "2 parts", "[2, 3]"}, [](Fixture& f) { split(f.m, 1, 2); }},
      {"split_zero", {"split", "0 parts"}, [](Fixture& f) { split(f.m, 1, 0); }},
      {"broadcast_to_shape",
       {"broadcast_to", "[3, 3]", "[2, 3]"},
       [](Fixture& f) {
         broadcast_to(f.m, {3, 3});
       }},
      {"broadcast_to_rank", {"broadcast_to", "[3]", "[2, 3]"}, [](Fixture& f) { broadcast_to(f.m, {3}); }},
      {"broadcast_to_zero",
       {"broadcast_to", "[0, 1]", "[]"},
       [](Fixture& f) {
         broadcast_to(f.s, {0, 1});
       }},
  };
  return rows;
}

const std::vector<Row>& product_rows() {
  static const std::vector<Row> rows = {
      {"matmul_inner", {"matmul", "3 and 4", "[2, 3]", "[4, 7]"}, [](Fixture& f) { matmul(f.m, f.m4); }},
      {"matmul_inner_transposed", {"matmul", "2 and 3", "[3, 2]"}, [](Fixture& f) { matmul(f.m, f.m, true, true); }},
      {"matmul_vector", {"matmul", "two axes", "[2, 3]", "[5]"}, [](Fixture& f) { matmul(f.m, f.v); }},
      {"matmul_u32", {"matmul", "f32", "[6, 2] u32"}, [](Fixture& f) { matmul(f.u, f.m); }},
      {"matmul_batches",
       {"matmul", "leading", "[6, 2, 3]", "[8, 3, 2]"},
       [](Fixture& f) { matmul(f.seq, transpose(f.longer)); }},
      {"matmul_empty", {"matmul", "empty tensor", "[2, 3]"}, [](Fixture& f) { matmul(f.none, f.m); }},
      {"embedding_table", {"embedding", "[5] f32", "[6, 2] u32"}, [](Fixture& f) { embedding(f.v, f.u); }},
      {"embedding_f32_indices", {"embedding", "u32 indices", "[5] f32"}, [](Fixture& f) { embedding(f.m, f.v); }},
      {"scatter_add_shapes",
       {"scatter_add", "[6, 2] u32", "[8, 2, 3] f32"},
       [](Fixture& f) { scatter_add(f.u, f.longer, 4); }},
      {"scatter_add_rows", {"scatter_add", "row count"}, [](Fixture& f) { scatter_add(f.u, f.seq, 0); }},
      {"cross_entropy_shapes",
       {"cross_entropy", "[6, 2, 3]", "[5] u32"},
       [](Fixture& f) { cross_entropy(f.seq, f.u5); }},
      {"cross_entropy_types", {"cross_entropy", "[2, 3] f32"}, [](Fixture& f) { cross_entropy(f.seq, f.m); }},
      {"linear_inputs", {"4", "[2, 3]"}, [](Fixture& f) { nn::Linear(4, 5)(f.m); }},
      {"lstm_inputs", {"lstm", "4", "[6, 2, 3]"}, [](Fixture& f) { nn::LSTM(4, 5)(f.seq); }},
      {"lstm_states",
       {"lstm", "[1, 2, 5]", "[2, 3]"},
       [](Fixture& f) {
         nn::LSTM(3, 5).run(f.seq, {.initial = {f.h, f.h}});
       }},
      {"gru_state_count",
       {"gru", "1 initial", "2"},
       [](Fixture& f) {
         nn::GRU(3, 3).run(f.seq, {.initial = {f.h, f.h}});
       }},
  };
  return rows;
}

using Several = std::span<const Tensor>;

ScanStep keep(Several, Several states) { return {{states[0]}, {states[0]}}; }

/// A tensor from the body of a scan that is over.
Tensor inside(Fixture& f) {
  Tensor leaked;
  scan(f.seq, f.h, [&](Tensor x, Tensor state) { return leaked = tanh(x + state); });
  return leaked;
}

const std::vector<Row>& scan_rows() {
  static const std::vector<Row> rows = {
      {"scan_of_nothing", {"scan", "at least one"}, [](Fixture&) { scan({}, {}, keep); }},
      {"scan_without_length", {"scan", "length"}, [](Fixture& f) { scan({}, {f.h}, keep); }},
      {"scan_other_length",
       {"scan", "length 5", "[6, 2, 3]"},
       [](Fixture& f) { scan({f.seq}, {f.h}, keep, {.length = 5}); }},
      {"scan_two_lengths",
       {"scan", "T", "[6, 2, 3]", "[8, 2, 3]"},
       [](Fixture& f) {
         scan({f.seq, f.longer}, {f.h}, keep);
       }},
      {"scan_over_scalar", {"scan", "[]"}, [](Fixture& f) { scan({f.s}, {f.h}, keep); }},
      {"scan_empty_state", {"scan", "empty tensor"}, [](Fixture& f) { scan({f.seq}, {f.none}, keep); }},
      {"scan_two_graphs", {"scan", "different graphs"}, [](Fixture& f) { scan({f.seq}, {f.foreign}, keep); }},
      {"scan_state_shape",
       {"scan", "state 0", "[2, 3]", "[3, 2]"},
       [](Fixture& f) { scan(f.seq, f.h, [](Tensor, Tensor h) { return transpose(h); }); }},
      {"scan_state_type",
       {"scan", "state 0", "f32", "u32"},
       [](Fixture& f) { scan(f.seq, f.h, [](Tensor, Tensor h) { return to_u32(h); }); }},
      {"scan_state_missing",
       {"scan", "0 states", "1"},
       [](Fixture& f) { scan({f.seq}, {f.h}, [](Several, Several states) {
                          return ScanStep{{}, {states[0]}};
                        }); }},
      {"scan_state_empty",
       {"scan", "state 0", "empty tensor"},
       [](Fixture& f) { scan(f.seq, f.h, [](Tensor, Tensor) { return Tensor(); }); }},
      {"scan_output_empty",
       {"scan", "empty output"},
       [](Fixture& f) {
         scan({f.seq}, {f.h}, [](Several, Several states) { return ScanStep{{states[0]}, {Tensor()}}; });
       }},
      {"scan_state_of_another_graph",
       {"scan", "graph"},
       [](Fixture& f) { scan(f.seq, f.h, [&](Tensor, Tensor) { return f.foreign; }); }},
      {"scan_in_scan",
       {"scan", "inside the body of another scan", "[2, 3]"},
       [](Fixture& f) { scan(f.seq, f.h, [](Tensor x, Tensor h) { return scan({x}, {h}, keep).last[0]; }); }},
      {"body_tensor_in_another_body",
       {"body of another scan", "[2, 3]"},
       [](Fixture& f) {
         const Tensor leaked = inside(f);
         scan(f.longer, f.h, [&](Tensor x, Tensor) { return x + leaked; });
       }},
      {"body_tensor_as_state",
       {"scan", "another scan"},
       [](Fixture& f) {
         const Tensor leaked = inside(f);
         scan(f.longer, f.h, [&](Tensor, Tensor) { return leaked; });
       }},
      {"body_tensor_as_output",
       {"scan", "another scan"},
       [](Fixture& f) {
         const Tensor leaked = inside(f);
         scan({f.longer}, {f.h}, [&](Several, Several states) { return ScanStep{{states[0]}, {leaked}}; });
       }},
      {"body_tensor_as_initial_state",
       {"scan", "body of another scan"},
       [](Fixture& f) { scan({f.seq}, {inside(f)}, keep); }},
      {"body_tensor_carried", {"carry", "outside of scan bodies"}, [](Fixture& f) { f.g.carry(f.h, inside(f)); }},
      {"gradient_inside_a_body",
       {"gradients", "outside of scan bodies"},
       [](Fixture& f) { gradients(sum(inside(f)), {f.m}); }},
  };
  return rows;
}

const std::vector<Row>& graph_rows() {
  static const std::vector<Row> rows = {
      {"input_name_taken", {"\"v\"", "already"}, [](Fixture& f) { f.g.input("v", {1}); }},
      {"state_name_taken", {"\"v\"", "already"}, [](Fixture& f) { f.g.state("v", {1}); }},
      {"scalar_name_taken", {"\"h\"", "already"}, [](Fixture& f) { f.g.scalar("h", 1); }},
      {"input_of_16_bits", {"input \"z\"", "f16", "Precision"}, [](Fixture& f) { f.g.input("z", {3}, DType::f16); }},
      {"state_of_16_bits",
       {"state \"z\"", "bf16", "Precision"},
       [](Fixture& f) { f.g.state("z", {3}, 0, DType::bf16); }},
      {"input_extent",
       {"input \"z\"", "positive", "[3, 0]"},
       [](Fixture& f) {
         f.g.input("z", {3, 0});
       }},
      {"state_extent", {"state \"z\"", "positive", "[-1]"}, [](Fixture& f) { f.g.state("z", {-1}); }},
      {"full_extent", {"full", "positive", "[0]"}, [](Fixture& f) { f.g.full({0}, 1); }},
      {"iota_length", {"iota", "positive", "[-2]"}, [](Fixture& f) { f.g.iota(-2); }},
      {"parameter_count",
       {"parameter w", "[2, 2]", "4 values", "got 3"},
       [](Fixture&) {
         Parameter("w", {2, 2}, {1, 2, 3});
       }},
      {"carry_into_input", {"carry", "state", "[2, 3]"}, [](Fixture& f) { f.g.carry(f.m, f.m); }},
      {"carry_into_nothing", {"carry", "empty tensor"}, [](Fixture& f) { f.g.carry(f.none, f.m); }},
      {"carry_nothing", {"carry", "empty tensor"}, [](Fixture& f) { f.g.carry(f.h, f.none); }},
      {"carry_of_another_graph", {"carry", "this graph"}, [](Fixture& f) { f.g.carry(f.h, f.foreign); }},
      {"carry_shape", {"carry", "[2, 3]", "[4, 7]"}, [](Fixture& f) { f.g.carry(f.h, f.m4); }},
      {"carry_twice",
       {"carry", "\"h\"", "already"},
       [](Fixture& f) {
         f.g.carry(f.h, f.m);
         f.g.carry(f.h, f.m);
       }},
      {"gradient_of_vector", {"gradients", "scalar", "[5] f32"}, [](Fixture& f) { gradients(f.v, {f.v}); }},
      {"gradient_by_u32", {"gradients", "[6, 2] u32"}, [](Fixture& f) { gradients(sum(f.v), {f.u}); }},
      {"gradient_by_nothing", {"gradients", "empty tensor"}, [](Fixture& f) { gradients(sum(f.v), {f.none}); }},
      {"gradient_of_another_graph",
       {"gradients", "different graphs"},
       [](Fixture& f) { gradients(sum(f.v), {f.foreign}); }},
      {"minimize_vector", {"minimize", "scalar", "[2, 3]"}, [](Fixture& f) { minimize(f.p, SGD{}); }},
      {"minimize_nothing", {"minimize", "no parameter"}, [](Fixture& f) { minimize(sum(f.m), SGD{}); }},
      {"minimize_empty", {"minimize", "empty tensor"}, [](Fixture& f) { minimize(f.none, SGD{}); }},
      {"minimize_clip", {"minimize", "clip_norm"}, [](Fixture& f) { minimize(sum(f.p), SGD{}, {.clip_norm = 0.0f}); }},
      {"parameters_of_nothing", {"parameters_of", "empty tensor"}, [](Fixture& f) { parameters_of(f.none); }},
      {"graph_of_nothing", {"graph_of", "empty tensor"}, [](Fixture& f) { graph_of(f.none); }},
  };
  return rows;
}

const auto name = [](const testing::TestParamInfo<Row>& info) { return std::string(info.param.title); };
INSTANTIATE_TEST_SUITE_P(Pointwise, GraphErrors, testing::ValuesIn(pointwise_rows()), name);
INSTANTIATE_TEST_SUITE_P(Axes, GraphErrors, testing::ValuesIn(axis_rows()), name);
INSTANTIATE_TEST_SUITE_P(Shapes, GraphErrors, testing::ValuesIn(shape_rows()), name);
INSTANTIATE_TEST_SUITE_P(Products, GraphErrors, testing::ValuesIn(product_rows()), name);
INSTANTIATE_TEST_SUITE_P(Scans, GraphErrors, testing::ValuesIn(scan_rows()), name);
INSTANTIATE_TEST_SUITE_P(Graphs, GraphErrors, testing::ValuesIn(graph_rows()), name);

}  // namespace
}  // namespace volute
