// Every operation, loss and loop of the C interface against its C++ counterpart: same shapes, types and bits.
#include <gtest/gtest.h>

#include <volute/volute.hpp>

#include "tests/support/c_api.hpp"
#include "tests/support/device.hpp"

namespace volute {
namespace {

using test::device;
namespace c = test::c;
using namespace test::c::values;
using c::compiled;
using c::input;
using c::made;
using c::ok;
using c::tensor;

/// Results of one operation in both interfaces, compared in one pair of programs at the end.
class Comparison {
 public:
  const c::Graph graph = made<c::Graph>(volute_graph_create, VOLUTE_TRAINING);
  Graph g;

  void f32(const char* name, const std::vector<std::int64_t>& dims, volute_tensor& ours, Tensor& theirs) {
    ours = input(graph, name, VOLUTE_F32, dims);
    theirs = g.input(name, Shape(dims));
    floats_.push_back(numbers(theirs.shape().elements()));
    for (float& v : floats_.back()) v += 1.5f;  // in the domain of every function
    f32_.push_back({ours, theirs});
  }
  void u32(const char* name, const std::vector<std::int64_t>& dims, volute_tensor& ours, Tensor& theirs) {
    ours = input(graph, name, VOLUTE_U32, dims);
    theirs = g.input(name, Shape(dims), DType::u32);
    words_.push_back(indices(static_cast<std::size_t>(theirs.shape().elements()), 3));
    u32_.push_back({ours, theirs});
  }
  void same(volute_tensor ours, Tensor theirs) { pairs_.push_back({ours, theirs}); }

  void run() {
    std::vector<volute_tensor> outputs;
    std::vector<Tensor> expected;
    for (const auto& [ours, theirs] : pairs_) outputs.push_back(ours), expected.push_back(theirs);
    const auto count = static_cast<std::uint32_t>(outputs.size());
    const c::Program program = compiled(made<c::Targets>(volute_targets_create, outputs.data(), count));
    Program other = device().compile(g, Targets(expected));
    std::vector<volute_feed> feeds;
    std::vector<Feed> others;
    for (std::size_t i = 0; i < f32_.size(); ++i) {
      feeds.push_back({.input = f32_[i].first, .f32 = floats_[i].data(), .count = floats_[i].size()});
      others.emplace_back(f32_[i].second, floats_[i]);
    }
    for (std::size_t i = 0; i < u32_.size(); ++i) {
      feeds.push_back({.input = u32_[i].first, .u32 = words_[i].data(), .count = words_[i].size()});
      others.emplace_back(u32_[i].second, words_[i]);
    }
    ok(volute_program_run(program.get(), feeds.data(), static_cast<std::uint32_t>(feeds.size())));
    ok(volute_program_wait(program.get()));
    other.run(others);
    for (std::size_t i = 0; i < pairs_.size(); ++i) compare(program.get(), other, i);
  }

 private:
  using Pair = std::pair<volute_tensor, Tensor>;

  void compare(volute_program* program, Program& other, std::size_t i) {
    const auto [ours, theirs] = pairs_[i];
    const auto count = static_cast<std::size_t>(theirs.shape().elements());
    std::vector<std::int64_t> dims(8);
    std::uint32_t rank = 0;
    volute_dtype dtype = -1;
    ok(volute_tensor_shape(ours, 8, dims.data(), &rank));
    dims.resize(rank);
    EXPECT_EQ(dims, theirs.shape().dims()) << i;
    ok(volute_tensor_dtype(ours, &dtype));
    ASSERT_EQ(dtype, static_cast<volute_dtype>(theirs.dtype()));
    if (dtype == VOLUTE_U32) {
      std::vector<std::uint32_t> read(count);
      ok(volute_program_read_u32(program, ours, read.data(), count));
      EXPECT_EQ(read, other.read_u32(theirs)) << i;
    } else {
      std::vector<float> read(count);
      ok(volute_program_read_f32(program, ours, read.data(), count));
      EXPECT_EQ(read, other.read(theirs)) << i;
    }
  }

  std::vector<Pair> f32_, u32_, pairs_;
  std::vector<std::vector<float>> floats_;
  std::vector<std::vector<std::uint32_t>> words_;
};

TEST(CApiOperations, PointwiseOperations) {
  Comparison k;
  volute_tensor a, b, i;
  Tensor x, y, j;
  k.f32("a", {2, 3}, a, x);
  k.f32("b", {3}, b, y);
  k.u32("i", {3}, i, j);
  k.same(tensor(volute_add, a, b), x + y);
  k.same(tensor(volute_sub, a, b), x - y);
  k.same(tensor(volute_mul, a, b), x * y);
  k.same(tensor(volute_div, a, b), x / y);
  k.same(tensor(volute_maximum, a, b), maximum(x, y));
  k.same(tensor(volute_minimum, a, b), minimum(x, y));
  k.same(tensor(volute_affine, a, -2.0f, 1.0f), x * -2.0f + 1.0f);
  k.same(tensor(volute_less, a, b), less(x, y));
  k.same(tensor(volute_equal, i, i), equal(j, j));
  k.same(tensor(volute_where, tensor(volute_less, a, b), b, a), where(less(x, y), y, x));
  k.same(tensor(volute_neg, a), -x);
  k.same(tensor(volute_exp, a), exp(x));
  k.same(tensor(volute_expm1, a), expm1(x));
  k.same(tensor(volute_log, a), log(x));
  k.same(tensor(volute_sqrt, a), sqrt(x));
  k.same(tensor(volute_abs, tensor(volute_neg, a)), abs(-x));
  k.same(tensor(volute_tanh, a), tanh(x));
  k.same(tensor(volute_sigmoid, a), sigmoid(x));
  k.same(tensor(volute_relu, tensor(volute_affine, a, 1.0f, -1.5f)), relu(x * 1.0f + -1.5f));
  k.same(tensor(volute_to_f32, i), to_f32(j));
  k.same(tensor(volute_to_u32, a), to_u32(x));
  k.same(tensor(volute_dropout, a, 0.5f), dropout(x, 0.5f));
  k.run();
}

TEST(CApiOperations, OtherOperations) {
  Comparison k;
  volute_tensor a, b, table, i;
  Tensor x, y, rows, j;
  k.f32("a", {2, 3, 4}, a, x);
  k.f32("b", {4, 3}, b, y);
  k.f32("table", {V, 4}, table, rows);
  k.u32("i", {2, 3}, i, j);
  const std::int32_t axes[] = {0, 2}, order[] = {2, 0, 1};
  const std::int64_t flat[] = {6, -1}, wide[] = {5, 4, 3};
  k.same(tensor(volute_sum, a, 0, nullptr, 0), sum(x));
  k.same(tensor(volute_mean, a, 2, axes, 1), mean(x, {0, 2}, true));
  k.same(tensor(volute_max, a, 1, axes + 1, 0), max(x, {2}));
  k.same(tensor(volute_softmax, a, -1), softmax(x));
  k.same(tensor(volute_log_softmax, a, 1), log_softmax(x, 1));
  k.same(tensor(volute_argmax, a), argmax(x));
  k.same(tensor(volute_reshape, a, 2, flat), reshape(x, {6, -1}));
  k.same(tensor(volute_transpose, a, 3, order), transpose(x, {2, 0, 1}));
  k.same(tensor(volute_transpose, b, 0, nullptr), transpose(y));
  k.same(tensor(volute_slice, a, 1, 1, -1), slice(x, 1, 1, -1));
  const volute_tensor parts[] = {a, a};
  k.same(tensor(volute_concat, parts, 2, 1), concat({x, x}, 1));
  k.same(tensor(volute_broadcast_to, b, 3, wide), broadcast_to(y, {5, 4, 3}));
  k.same(tensor(volute_matmul, a, b, 0, 0), matmul(x, y));
  k.same(tensor(volute_matmul, b, b, 1, 0), matmul(y, y, true));
  k.same(tensor(volute_matmul, b, b, 0, 1), matmul(y, y, false, true));
  k.same(tensor(volute_embedding, table, i), embedding(rows, j));
  k.same(tensor(volute_graph_full, k.graph.get(), 2.5f, 2, wide), k.g.full({5, 4}, 2.5f));
  k.same(tensor(volute_graph_scalar, k.graph.get(), "s", 0.5f), k.g.scalar("s", 0.5f));
  const volute_tensor square = tensor(volute_mul, b, tensor(volute_stop_gradient, b));
  volute_tensor found[2];
  const volute_tensor wrt[] = {a, b};
  ok(volute_gradients(tensor(volute_sum, square, 0, nullptr, 0), wrt, 2, found));
  const std::vector<Tensor> expected = gradients(sum(y * stop_gradient(y)), {x, y});
  k.same(found[0], expected[0]);
  k.same(found[1], expected[1]);
  k.run();
}

TEST(CApiOperations, Losses) {
  Comparison k;
  volute_tensor a, b, weights, i;
  Tensor x, y, w, j;
  k.f32("a", {3, V}, a, x);
  k.f32("b", {3, V}, b, y);
  k.f32("weights", {V}, weights, w);
  k.u32("i", {3}, i, j);
  const volute_class_options classes{.struct_size = sizeof classes, .reduction = VOLUTE_REDUCE_SUM,
                                     .has_ignore_index = 1, .ignore_index = 0, .class_weights = weights,
                                     .label_smoothing = 0.1f};
  const ClassOptions same{.ignore_index = 0, .label_smoothing = 0.1f, .class_weights = w, .reduction = Reduction::sum};
  const volute_binary_options binary{.struct_size = sizeof binary, .reduction = VOLUTE_REDUCE_NONE, .weight = b,
                                     .pos_weight = weights};
  k.same(tensor(volute_cross_entropy, a, i, nullptr), cross_entropy(x, j));
  k.same(tensor(volute_cross_entropy, a, i, &classes), cross_entropy(x, j, same));
  k.same(tensor(volute_nll_loss, tensor(volute_log_softmax, a, -1), i, nullptr), nll_loss(log_softmax(x), j));
  k.same(tensor(volute_mse_loss, a, b, VOLUTE_REDUCE_MEAN), mse_loss(x, y));
  k.same(tensor(volute_l1_loss, a, b, VOLUTE_REDUCE_NONE), l1_loss(x, y, Reduction::none));
  k.same(tensor(volute_huber_loss, a, b, 0.5f, VOLUTE_REDUCE_SUM), huber_loss(x, y, 0.5f, Reduction::sum));
  k.same(tensor(volute_bce_with_logits, a, b, nullptr), bce_with_logits(x, y));
  k.same(tensor(volute_bce_with_logits, a, b, &binary),
         bce_with_logits(x, y, {.weight = y, .pos_weight = w, .reduction = Reduction::none}));
  k.run();
}

/// h' = tanh(x w + h): `user` points to w.
volute_status step(void* user, const volute_tensor* xs, const volute_tensor* states, volute_tensor* next,
                   volute_tensor* outputs) {
  volute_tensor product{}, total{};
  volute_status status = volute_matmul(xs[0], *static_cast<volute_tensor*>(user), 0, 0, &product);
  if (status == VOLUTE_OK) status = volute_add(product, states[0], &total);
  if (status == VOLUTE_OK) status = volute_tanh(total, &next[0]);
  outputs[0] = next[0];
  outputs[1] = product;
  return status;
}

TEST(CApiOperations, LoopsOfOnesOwn) {
  Comparison k;
  volute_tensor x, h, w;
  Tensor xs, start, weight;
  k.f32("x", {T, N, 4}, x, xs);
  k.f32("h", {N, 6}, h, start);
  k.f32("w", {4, 6}, w, weight);
  const volute_scan_options reverse{.struct_size = sizeof reverse, .reverse = 1};
  volute_tensor outputs[2], last{}, gradient{};
  ok(volute_scan(&x, 1, &h, 1, 2, step, &w, &reverse, outputs, &last));
  const ScanResult expected = scan({xs}, {start}, [&](std::span<const Tensor> in, std::span<const Tensor> old) {
    const Tensor product = matmul(in[0], weight), next = tanh(product + old[0]);
    return ScanStep{{next}, {next, product}};
  }, {.reverse = true});
  k.same(outputs[0], expected.outputs[0]);
  k.same(outputs[1], expected.outputs[1]);
  k.same(last, expected.last[0]);
  ok(volute_gradients(tensor(volute_sum, outputs[0], 0, nullptr, 0), &w, 1, &gradient));
  k.same(gradient, gradients(sum(expected.outputs[0]), {weight})[0]);
  k.run();
}

}  // namespace
}  // namespace volute
