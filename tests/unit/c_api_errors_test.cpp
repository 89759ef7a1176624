// Wrong uses of the C interface: each gives its status and a text that names the function and what is wrong, leaves
// results alone and throws nothing. Right uses are in c_api_test.cpp.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <new>
#include <thread>

#include <volute/graph.hpp>

#include "engine/c/guard.hpp"
#include "tests/support/c_api.hpp"

namespace volute {
namespace {

namespace c = test::c;
using c::made;
using c::ok;
using c::tensor;

/// What calls may write to, with values that show it.
struct Results {
  void* handle = reinterpret_cast<void*>(0x51);
  volute_tensor out{reinterpret_cast<volute_node*>(0x52)};
  float value = 53.0f;
  std::uint32_t count = 54;
  volute_dtype dtype = 64;
  std::int64_t dims[4] = {55, 56, 57, 58};
  const char* text = "59";
  volute_recurrent_result recurrent{.struct_size = sizeof recurrent, .last_count = 60};
  volute_device_info info{.struct_size = sizeof info, .index = 61};
  volute_metadata_entry entry{"62", "63"};

  template <class Handle>
  Handle** of() {
    return reinterpret_cast<Handle**>(&handle);
  }
  bool operator==(const Results& other) const {
    return handle == other.handle && out.node == other.out.node && value == other.value && count == other.count &&
           dtype == other.dtype && std::equal(dims, dims + 4, other.dims) && text == other.text &&
           std::memcmp(&recurrent, &other.recurrent, sizeof recurrent) == 0 && info.index == other.info.index &&
           info.name == other.info.name && entry.key == other.entry.key && entry.value == other.entry.value;
  }
};

class CApiErrors : public testing::Test {
 protected:
  static constexpr std::int64_t dims[2] = {2, 3};

  c::Graph graph_ = made<c::Graph>(volute_graph_create, VOLUTE_TRAINING);
  volute_graph* g = graph_.get();
  volute_tensor a = tensor(volute_graph_input, g, "a", VOLUTE_F32, 2u, dims);
  volute_tensor i = tensor(volute_graph_input, g, "i", VOLUTE_U32, 1u, dims);
  float numbers[6] = {1, 2, 3, 4, 5, 6};
  c::Parameter parameter_ = made<c::Parameter>(volute_parameter_create, "p", 2u, dims, numbers, 6u);
  volute_parameter* p = parameter_.get();
  c::Module linear_ = made<c::Module>(volute_linear_create, 3, 2, nullptr);
  c::Module gru_ = made<c::Module>(volute_recurrent_create, VOLUTE_GRU, 3, 2, nullptr);
  volute_module* linear = linear_.get();
  volute_module* gru = gru_.get();
  volute_tensor none{};
  Results r;

  /// The call fails so, saying its function and all of `said`, and writes nothing.
  void expect(volute_status status, const std::string& function, const std::vector<std::string>& said,
              const std::function<volute_status()>& call) {
    SCOPED_TRACE(function + " " + (said.empty() ? "" : said[0]));
    const Results before = r;
    EXPECT_EQ(call(), status) << volute_last_error();
    EXPECT_TRUE(r == before) << "a result was written";
    const std::string text = volute_last_error();
    EXPECT_EQ(text.find(function + ": "), 0u) << text;
    for (const std::string& part : said) EXPECT_NE(text.find(part), std::string::npos) << text << "\nlacks " << part;
  }
  void refused(const std::string& function, const std::string& said, const std::function<volute_status()>& call) {
    expect(VOLUTE_INVALID_ARGUMENT, function, {said}, call);
  }
};
constexpr std::int64_t CApiErrors::dims[2];

#define REFUSED(function, said, ...) refused(#function, said, [&] { return function(__VA_ARGS__); })

TEST_F(CApiErrors, DevicesAndGraphs) {
  REFUSED(volute_device_list_create, "list is NULL", nullptr);
  REFUSED(volute_device_list_count, "list is NULL", nullptr, &r.count);
  REFUSED(volute_device_list_get, "list is NULL", nullptr, 0, &r.info);
  const auto list = made<c::DeviceList>(volute_device_list_create);
  REFUSED(volute_device_list_count, "count is NULL", list.get(), nullptr);
  REFUSED(volute_device_list_get, "info is NULL", list.get(), 0, nullptr);
  REFUSED(volute_device_list_get, "index 1000 is beyond", list.get(), 1000, &r.info);
  REFUSED(volute_device_create, "device is NULL", nullptr, nullptr);
  expect(VOLUTE_UNSUPPORTED, "volute_device_create", {"no such device"},
         [&] { return volute_device_create("no such device", r.of<volute_device>()); });
  EXPECT_STREQ(volute_device_name(nullptr), "");

  REFUSED(volute_graph_create, "graph is NULL", VOLUTE_TRAINING, nullptr);
  REFUSED(volute_graph_create, "mode has no value 2", 2, r.of<volute_graph>());
  REFUSED(volute_graph_input, "graph is NULL", nullptr, "x", VOLUTE_F32, 2, dims, &r.out);
  REFUSED(volute_graph_input, "name is NULL", g, nullptr, VOLUTE_F32, 2, dims, &r.out);
  REFUSED(volute_graph_input, "dtype has no value 2", g, "x", 2, 2, dims, &r.out);
  REFUSED(volute_graph_input, "dims is NULL", g, "x", VOLUTE_F32, 2, nullptr, &r.out);
  REFUSED(volute_graph_input, "out is NULL", g, "x", VOLUTE_F32, 2, dims, nullptr);
  REFUSED(volute_graph_scalar, "graph is NULL", nullptr, "x", 1, &r.out);
  REFUSED(volute_graph_scalar, "name is NULL", g, nullptr, 1, &r.out);
  REFUSED(volute_graph_scalar, "out is NULL", g, "x", 1, nullptr);
  REFUSED(volute_graph_state, "graph is NULL", nullptr, "x", VOLUTE_F32, 2, dims, 0, &r.out);
  REFUSED(volute_graph_state, "name is NULL", g, nullptr, VOLUTE_F32, 2, dims, 0, &r.out);
  REFUSED(volute_graph_state, "out is NULL", g, "x", VOLUTE_F32, 2, dims, 0, nullptr);
  REFUSED(volute_graph_carry, "graph is NULL", nullptr, a, a);
  REFUSED(volute_graph_carry, "target is an empty tensor", g, none, a);
  REFUSED(volute_graph_carry, "value is an empty tensor", g, a, none);
  REFUSED(volute_graph_parameter, "graph is NULL", nullptr, p, &r.out);
  REFUSED(volute_graph_parameter, "parameter is NULL", g, nullptr, &r.out);
  REFUSED(volute_graph_parameter, "out is NULL", g, p, nullptr);
  REFUSED(volute_graph_full, "graph is NULL", nullptr, 1, 2, dims, &r.out);
  REFUSED(volute_graph_full, "out is NULL", g, 1, 2, dims, nullptr);
  REFUSED(volute_tensor_dtype, "tensor is an empty tensor", none, &r.dtype);
  REFUSED(volute_tensor_dtype, "dtype is NULL", a, nullptr);
  REFUSED(volute_tensor_shape, "tensor is an empty tensor", none, 4, r.dims, &r.count);
  REFUSED(volute_tensor_shape, "rank is NULL", a, 4, r.dims, nullptr);
  REFUSED(volute_tensor_shape, "room for 1 of the 2 extents of [2, 3]", a, 1, r.dims, &r.count);
}

TEST_F(CApiErrors, Parameters) {
  REFUSED(volute_parameter_create, "name is NULL", nullptr, 2, dims, numbers, 6, r.of<volute_parameter>());
  REFUSED(volute_parameter_create, "values is NULL", "q", 2, dims, nullptr, 6, r.of<volute_parameter>());
  REFUSED(volute_parameter_create, "parameter is NULL", "q", 2, dims, numbers, 6, nullptr);
  expect(VOLUTE_INVALID_GRAPH, "volute_parameter_create", {"q", "[2, 3]", "got 5"},
         [&] { return volute_parameter_create("q", 2, dims, numbers, 5, r.of<volute_parameter>()); });
  REFUSED(volute_parameter_shape, "parameter is NULL", nullptr, 4, r.dims, &r.count);
  REFUSED(volute_parameter_shape, "room for 1", p, 1, r.dims, &r.count);
  REFUSED(volute_parameter_read, "parameter is NULL", nullptr, &r.value, 6);
  REFUSED(volute_parameter_read, "values is NULL", p, nullptr, 6);
  expect(VOLUTE_INVALID_GRAPH, "volute_parameter_read", {"\"p\" [2, 3] has 6 values", "1"},
         [&] { return volute_parameter_read(p, &r.value, 1); });
  REFUSED(volute_parameter_write, "parameter is NULL", nullptr, numbers, 6);
  REFUSED(volute_parameter_write, "values is NULL", p, nullptr, 6);
  expect(VOLUTE_INVALID_GRAPH, "volute_parameter_write", {"needs 6", "got 4"},
         [&] { return volute_parameter_write(p, numbers, 4); });
  EXPECT_STREQ(volute_parameter_name(nullptr), "");
}

TEST_F(CApiErrors, Operations) {
  using Binary = volute_status (*)(volute_tensor, volute_tensor, volute_tensor*);
  using Unary = volute_status (*)(volute_tensor, volute_tensor*);
#define NAMED(function) {#function, function}
  const std::pair<const char*, Binary> binary[] = {
      NAMED(volute_add),     NAMED(volute_sub),     NAMED(volute_mul),  NAMED(volute_div),
      NAMED(volute_maximum), NAMED(volute_minimum), NAMED(volute_less), NAMED(volute_equal)};
  const std::pair<const char*, Unary> unary[] = {
      NAMED(volute_neg),     NAMED(volute_exp),  NAMED(volute_expm1),  NAMED(volute_log),    NAMED(volute_sqrt),
      NAMED(volute_abs),     NAMED(volute_tanh), NAMED(volute_sigmoid), NAMED(volute_relu), NAMED(volute_to_f32),
      NAMED(volute_to_u32), NAMED(volute_argmax), NAMED(volute_stop_gradient)};
#undef NAMED
  for (const auto& [name, call] : binary) {
    refused(name, "a is an empty tensor", [&] { return call(none, a, &r.out); });
    refused(name, "b is an empty tensor", [&] { return call(a, none, &r.out); });
    refused(name, "out is NULL", [&] { return call(a, a, nullptr); });
  }
  for (const auto& [name, call] : unary) {
    refused(name, "a is an empty tensor", [&] { return call(none, &r.out); });
    refused(name, "out is NULL", [&] { return call(a, nullptr); });
  }
  const std::int32_t axes[] = {0};
  const std::pair<const char*, decltype(&volute_sum)> reductions[] = {
      {"volute_sum", volute_sum}, {"volute_mean", volute_mean}, {"volute_max", volute_max}};
  for (const auto& [name, call] : reductions) {
    refused(name, "a is an empty tensor", [&] { return call(none, 1, axes, 0, &r.out); });
    refused(name, "axes is NULL", [&] { return call(a, 1, nullptr, 0, &r.out); });
    refused(name, "out is NULL", [&] { return call(a, 1, axes, 0, nullptr); });
  }
  REFUSED(volute_affine, "a is an empty", none, 1, 0, &r.out);
  REFUSED(volute_where, "condition is an empty", none, a, a, &r.out);
  REFUSED(volute_where, "b is an empty", a, a, none, &r.out);
  REFUSED(volute_dropout, "a is an empty", none, 0.5f, &r.out);
  REFUSED(volute_softmax, "a is an empty", none, 0, &r.out);
  REFUSED(volute_log_softmax, "out is NULL", a, 0, nullptr);
  REFUSED(volute_reshape, "dims is NULL", a, 2, nullptr, &r.out);
  REFUSED(volute_transpose, "order is NULL", a, 2, nullptr, &r.out);
  REFUSED(volute_slice, "out is NULL", a, 0, 0, 1, nullptr);
  REFUSED(volute_concat, "parts is NULL", nullptr, 2, 0, &r.out);
  const volute_tensor parts[] = {a, none};
  REFUSED(volute_concat, "parts[1] is an empty", parts, 2, 0, &r.out);
  REFUSED(volute_concat, "out is NULL", parts, 1, 0, nullptr);
  REFUSED(volute_broadcast_to, "dims is NULL", a, 2, nullptr, &r.out);
  REFUSED(volute_matmul, "b is an empty", a, none, 0, 0, &r.out);
  REFUSED(volute_embedding, "table is an empty", none, i, &r.out);
  REFUSED(volute_embedding, "indices is an empty", a, none, &r.out);
  REFUSED(volute_gradients, "loss is an empty", none, &a, 1, &r.out);
  const volute_tensor loss = tensor(volute_sum, a, 0u, nullptr, 0);
  REFUSED(volute_gradients, "wrt is NULL", loss, nullptr, 1, &r.out);
  REFUSED(volute_gradients, "out is NULL", loss, &a, 1, nullptr);
  expect(VOLUTE_INVALID_GRAPH, "volute_matmul", {"matmul", "[2, 3]"},
         [&] { return volute_matmul(a, a, 0, 0, &r.out); });
  expect(VOLUTE_INVALID_GRAPH, "volute_sum", {"axis 0", "rank 0"},
         [&] { return volute_sum(loss, 1, axes, 0, &r.out); });
  const auto other = made<c::Graph>(volute_graph_create, VOLUTE_TRAINING);
  const volute_tensor b = tensor(volute_graph_input, other.get(), "b", VOLUTE_F32, 2u, dims);
  expect(VOLUTE_INVALID_GRAPH, "volute_add", {"different graphs"}, [&] { return volute_add(a, b, &r.out); });
}

TEST_F(CApiErrors, Losses) {
  REFUSED(volute_cross_entropy, "logits is an empty", none, i, nullptr, &r.out);
  REFUSED(volute_cross_entropy, "targets is an empty", a, none, nullptr, &r.out);
  REFUSED(volute_cross_entropy, "out is NULL", a, i, nullptr, nullptr);
  REFUSED(volute_nll_loss, "log_probabilities is an empty", none, i, nullptr, &r.out);
  REFUSED(volute_mse_loss, "prediction is an empty", none, a, 0, &r.out);
  REFUSED(volute_mse_loss, "reduction has no value -1", a, a, -1, &r.out);
  REFUSED(volute_l1_loss, "target is an empty", a, none, 0, &r.out);
  REFUSED(volute_huber_loss, "reduction has no value 3", a, a, 1, 3, &r.out);
  REFUSED(volute_bce_with_logits, "logits is an empty", none, a, nullptr, &r.out);
  const volute_class_options options{.struct_size = sizeof options, .reserved = 1};
  REFUSED(volute_cross_entropy, "options has a reserved field", a, i, &options, &r.out);
  expect(VOLUTE_INVALID_GRAPH, "volute_mse_loss", {"[2, 3]", "[2]"}, [&] { return volute_mse_loss(a, i, 0, &r.out); });
}

TEST_F(CApiErrors, Layers) {
  REFUSED(volute_embedding_create, "module is NULL", 4, 4, nullptr, nullptr);
  REFUSED(volute_linear_create, "module is NULL", 4, 4, nullptr, nullptr);
  REFUSED(volute_linear_create_tied, "embedding is NULL", nullptr, nullptr, r.of<volute_module>());
  REFUSED(volute_linear_create_tied, "embedding is another module", linear, nullptr, r.of<volute_module>());
  REFUSED(volute_layer_norm_create, "module is NULL", 4, nullptr);
  REFUSED(volute_dropout_create, "module is NULL", 0.5f, 0, nullptr);
  REFUSED(volute_recurrent_create, "module is NULL", VOLUTE_GRU, 3, 2, nullptr, nullptr);
  REFUSED(volute_recurrent_create, "cell has no value 6", 6, 3, 2, nullptr, r.of<volute_module>());
  volute_recurrent_options options{.struct_size = sizeof options, .bias = 3};
  REFUSED(volute_recurrent_create, "bias has no value 3", VOLUTE_GRU, 3, 2, &options, r.of<volute_module>());
  options = {.struct_size = sizeof options, .gate_activation = 11};
  REFUSED(volute_recurrent_create, "gate_activation has no", VOLUTE_GRU, 3, 2, &options, r.of<volute_module>());
  options = {.struct_size = sizeof options, .peepholes = 1};
  expect(VOLUTE_INVALID_GRAPH, "volute_recurrent_create", {"gru", "peepholes"},
         [&] { return volute_recurrent_create(VOLUTE_GRU, 3, 2, &options, r.of<volute_module>()); });
  REFUSED(volute_module_create, "parameters is NULL", nullptr, 1, r.of<volute_module>());
  const volute_parameter* const missing[] = {p, nullptr};
  REFUSED(volute_module_create, "parameters[1] is NULL", missing, 2, r.of<volute_module>());
  REFUSED(volute_module_create, "module is NULL", missing, 1, nullptr);
  REFUSED(volute_module_apply, "module is NULL", nullptr, a, &r.out);
  REFUSED(volute_module_apply, "x is an empty", linear, none, &r.out);
  REFUSED(volute_module_apply, "out is NULL", linear, a, nullptr);
  const auto collection = made<c::Module>(volute_module_create, missing, 1u);
  REFUSED(volute_module_apply, "cannot be applied", collection.get(), a, &r.out);
  expect(VOLUTE_INVALID_GRAPH, "volute_module_apply", {"gru", "[2, 3]"},
         [&] { return volute_module_apply(gru, a, &r.out); });
  REFUSED(volute_recurrent_run, "module is NULL", nullptr, a, nullptr, &r.recurrent);
  REFUSED(volute_recurrent_run, "module is not recurrent", linear, a, nullptr, &r.recurrent);
  REFUSED(volute_recurrent_run, "x is an empty", gru, none, nullptr, &r.recurrent);
  REFUSED(volute_recurrent_run, "result is NULL", gru, a, nullptr, nullptr);
  const volute_recurrent_inputs inputs{.struct_size = sizeof inputs, .initial_count = 1};
  REFUSED(volute_recurrent_run, "initial is NULL", gru, a, &inputs, &r.recurrent);
  REFUSED(volute_module_parameter_count, "module is NULL", nullptr, &r.count);
  REFUSED(volute_module_parameter_count, "count is NULL", gru, nullptr);
  REFUSED(volute_module_parameter, "module is NULL", nullptr, 0, r.of<volute_parameter>());
  REFUSED(volute_module_parameter, "parameter is NULL", gru, 0, nullptr);
  REFUSED(volute_module_parameter, "index 4 is beyond the 4 parameters", gru, 4, r.of<volute_parameter>());
}

TEST_F(CApiErrors, Training) {
  const volute_tensor weights = tensor(volute_graph_parameter, g, p);
  const volute_tensor loss = tensor(volute_sum, weights, 0u, nullptr, 0);
  REFUSED(volute_targets_create, "outputs is NULL", nullptr, 1, r.of<volute_targets>());
  REFUSED(volute_targets_create, "count is 0", &a, 0, r.of<volute_targets>());
  REFUSED(volute_targets_create, "outputs[0] is an empty", &none, 1, r.of<volute_targets>());
  REFUSED(volute_targets_create, "targets is NULL", &a, 1, nullptr);
  REFUSED(volute_minimize, "loss is an empty", none, nullptr, nullptr, r.of<volute_targets>());
  REFUSED(volute_minimize, "targets is NULL", loss, nullptr, nullptr, nullptr);
  volute_optimizer optimizer{.struct_size = sizeof optimizer, .kind = 5};
  REFUSED(volute_minimize, "no kind 5", loss, &optimizer, nullptr, r.of<volute_targets>());
  optimizer = {.struct_size = sizeof optimizer, .kind = VOLUTE_SGD, .beta1 = 0.5f};
  REFUSED(volute_minimize, "SGD, which has no beta1", loss, &optimizer, nullptr, r.of<volute_targets>());
  optimizer = {.struct_size = sizeof optimizer, .nesterov = 1};
  REFUSED(volute_minimize, "ADAM, which has no nesterov", loss, &optimizer, nullptr, r.of<volute_targets>());
  optimizer = {.struct_size = sizeof optimizer, .lr = -2.0f};
  expect(VOLUTE_INVALID_GRAPH, "volute_minimize", {"lr", "-2.0"},
         [&] { return volute_minimize(loss, &optimizer, nullptr, r.of<volute_targets>()); });
  volute_minimize_options options{.struct_size = sizeof options, .precision = 3};
  REFUSED(volute_minimize, "precision has no value 3", loss, nullptr, &options, r.of<volute_targets>());
  options = {.struct_size = sizeof options, .non_finite = 4};
  REFUSED(volute_minimize, "non_finite has no value 4", loss, nullptr, &options, r.of<volute_targets>());
  options = {.struct_size = sizeof options, .accumulate = -1};
  expect(VOLUTE_INVALID_GRAPH, "volute_minimize", {"accumulate"},
         [&] { return volute_minimize(loss, nullptr, &options, r.of<volute_targets>()); });
  const auto targets = made<c::Targets>(volute_minimize, loss, nullptr, nullptr);
  REFUSED(volute_targets_add_output, "targets is NULL", nullptr, a);
  REFUSED(volute_targets_add_output, "output is an empty", targets.get(), none);
  REFUSED(volute_targets_merge, "targets is NULL", nullptr, targets.get());
  REFUSED(volute_targets_merge, "other is NULL", targets.get(), nullptr);
  REFUSED(volute_targets_set_precision, "targets is NULL", nullptr, 0);
  expect(VOLUTE_INVALID_GRAPH, "volute_targets_set_precision", {"minimize"},
         [&] { return volute_targets_set_precision(targets.get(), VOLUTE_PRECISION_BF16); });
  expect(VOLUTE_INVALID_GRAPH, "volute_targets_merge", {"updated twice"},
         [&] { return volute_targets_merge(targets.get(), targets.get()); });
  const auto graph = made<c::Graph>(volute_graph_create, VOLUTE_TRAINING);
  const volute_tensor b = tensor(volute_graph_input, graph.get(), "b", VOLUTE_F32, 2u, dims);
  const auto foreign = made<c::Targets>(volute_targets_create, &b, 1u);
  const volute_tensor both[] = {a, b};
  expect(VOLUTE_INVALID_GRAPH, "volute_targets_create", {"another graph"},
         [&] { return volute_targets_create(both, 2, r.of<volute_targets>()); });
  expect(VOLUTE_INVALID_GRAPH, "volute_targets_add_output", {"another graph"},
         [&] { return volute_targets_add_output(targets.get(), b); });
  expect(VOLUTE_INVALID_GRAPH, "volute_targets_merge", {"another graph"},
         [&] { return volute_targets_merge(targets.get(), foreign.get()); });
}

TEST_F(CApiErrors, Programs) {
  const volute_tensor twice = tensor(volute_add, a, a);
  const auto targets = made<c::Targets>(volute_targets_create, &twice, 1u);
  REFUSED(volute_compile, "device is NULL", nullptr, targets.get(), nullptr, r.of<volute_program>());
  REFUSED(volute_compile, "targets is NULL", c::device(), nullptr, nullptr, r.of<volute_program>());
  REFUSED(volute_compile, "program is NULL", c::device(), targets.get(), nullptr, nullptr);
  volute_compile_limits limits{.struct_size = sizeof limits, .submission_seconds = -1};
  REFUSED(volute_compile, "submission_seconds", c::device(), targets.get(), &limits, r.of<volute_program>());
  limits = {.struct_size = sizeof limits, .memory_bytes = 1};
  expect(VOLUTE_UNSUPPORTED, "volute_compile", {"the limit is 1"},
         [&] { return volute_compile(c::device(), targets.get(), &limits, r.of<volute_program>()); });
  const auto program = made<c::Program>(volute_compile, c::device(), targets.get(), nullptr);
  volute_program* const run = program.get();
  volute_feed feed{.input = a, .f32 = numbers, .count = 6};
  REFUSED(volute_program_run, "program is NULL", nullptr, &feed, 1);
  REFUSED(volute_program_run, "feeds is NULL", run, nullptr, 1);
  expect(VOLUTE_INVALID_GRAPH, "volute_program_run", {"\"a\" [2, 3] was never fed"},
         [&] { return volute_program_run(run, nullptr, 0); });
  feed.count = 5;
  expect(VOLUTE_INVALID_GRAPH, "volute_program_run", {"\"a\" takes 6", "got 5"},
         [&] { return volute_program_run(run, &feed, 1); });
  feed = {.input = a, .u32 = &r.count, .count = 6};
  expect(VOLUTE_INVALID_GRAPH, "volute_program_run", {"f32", "u32"}, [&] { return volute_program_run(run, &feed, 1); });
  feed.f32 = numbers;
  REFUSED(volute_program_run, "feeds[0] must have exactly one", run, &feed, 1);
  feed.f32 = nullptr, feed.u32 = nullptr;
  REFUSED(volute_program_run, "feeds[0] must have exactly one", run, &feed, 1);
  feed = {.input = none, .f32 = numbers, .count = 6};
  REFUSED(volute_program_run, "feeds[0].input is an empty", run, &feed, 1);
  REFUSED(volute_program_begin, "program is NULL", nullptr, nullptr, 0);
  REFUSED(volute_program_begin, "feeds is NULL", run, nullptr, 1);
  volute_progress progress{};
  REFUSED(volute_program_advance, "program is NULL", nullptr, 1, nullptr);
  REFUSED(volute_program_advance, "seconds must be 0 or more", run, -1, nullptr);
  REFUSED(volute_program_advance, "seconds must be 0 or more", run, NAN, nullptr);
  REFUSED(volute_program_advance, "progress has struct_size 0", run, 1, &progress);
  expect(VOLUTE_INVALID_GRAPH, "volute_program_advance", {"never fed"},
         [&] { return volute_program_advance(run, 1, nullptr); });
  REFUSED(volute_program_finish, "program is NULL", nullptr);
  REFUSED(volute_program_wait, "program is NULL", nullptr);
  REFUSED(volute_program_read_f32, "program is NULL", nullptr, twice, &r.value, 6);
  REFUSED(volute_program_read_f32, "output is an empty", run, none, &r.value, 6);
  REFUSED(volute_program_read_u32, "program is NULL", nullptr, twice, &r.count, 6);
  REFUSED(volute_program_read_u32, "output is an empty", run, none, &r.count, 6);
  REFUSED(volute_program_value, "program is NULL", nullptr, twice, &r.value);
  expect(VOLUTE_INVALID_GRAPH, "volute_program_read_f32", {"has not run"},
         [&] { return volute_program_read_f32(run, twice, &r.value, 6); });
  feed = {.input = a, .f32 = numbers, .count = 6};
  ok(volute_program_run(run, &feed, 1));
  expect(VOLUTE_INVALID_GRAPH, "volute_program_read_f32", {"6 values", "1"},
         [&] { return volute_program_read_f32(run, twice, &r.value, 1); });
  REFUSED(volute_program_read_f32, "values is NULL", run, twice, nullptr, 6);
  expect(VOLUTE_INVALID_GRAPH, "volute_program_read_u32", {"f32, not u32"},
         [&] { return volute_program_read_u32(run, twice, &r.count, 6); });
  expect(VOLUTE_INVALID_GRAPH, "volute_program_value", {"[2, 3]"},
         [&] { return volute_program_value(run, twice, &r.value); });
  REFUSED(volute_program_set, "program is NULL", nullptr, "lr", 1);
  REFUSED(volute_program_set, "scalar is NULL", run, nullptr, 1);
  expect(VOLUTE_INVALID_GRAPH, "volute_program_set", {"\"lr\""}, [&] { return volute_program_set(run, "lr", 1); });
  REFUSED(volute_program_seed, "program is NULL", nullptr, 1);
  REFUSED(volute_program_reset, "program is NULL", nullptr, nullptr);
  REFUSED(volute_program_read_state, "program is NULL", nullptr, "s", &r.value, 1);
  REFUSED(volute_program_read_state, "name is NULL", run, nullptr, &r.value, 1);
  expect(VOLUTE_INVALID_GRAPH, "volute_program_read_state", {"\"s\""},
         [&] { return volute_program_read_state(run, "s", &r.value, 1); });
  REFUSED(volute_program_write_state, "values is NULL", run, "s", nullptr, 1);
  REFUSED(volute_program_explain, "program is NULL", nullptr, &r.text);
  REFUSED(volute_program_explain, "text is NULL", run, nullptr);
}

TEST_F(CApiErrors, Files) {
  const std::string folder = testing::TempDir(), path = folder + "c_api_errors.safetensors";
  const volute_entry entry{"linear", linear}, nameless{nullptr, linear}, empty{"linear", nullptr};
  REFUSED(volute_save, "path is NULL", nullptr, &entry, 1, nullptr, 0);
  REFUSED(volute_save, "entries is NULL", path.c_str(), nullptr, 1, nullptr, 0);
  REFUSED(volute_save, "entries[0].prefix is NULL", path.c_str(), &nameless, 1, nullptr, 0);
  REFUSED(volute_save, "entries[0].module is NULL", path.c_str(), &empty, 1, nullptr, 0);
  REFUSED(volute_save, "metadata is NULL", path.c_str(), &entry, 1, nullptr, 1);
  const volute_metadata_entry texts[] = {{"a", "b"}, {"a", "c"}}, half{"a", nullptr};
  REFUSED(volute_save, "metadata[1].key \"a\" comes twice", path.c_str(), &entry, 1, texts, 2);
  REFUSED(volute_save, "metadata[0].value is NULL", path.c_str(), &entry, 1, &half, 1);
  expect(VOLUTE_BAD_FILE, "volute_save", {"/none/such"},
         [&] { return volute_save("/none/such/file", &entry, 1, nullptr, 0); });
  REFUSED(volute_load, "path is NULL", nullptr, &entry, 1);
  REFUSED(volute_metadata_read, "metadata is NULL", path.c_str(), nullptr);
  REFUSED(volute_metadata_read, "path is NULL", nullptr, r.of<volute_metadata>());
  REFUSED(volute_metadata_count, "metadata is NULL", nullptr, &r.count);
  REFUSED(volute_metadata_get, "metadata is NULL", nullptr, 0, &r.entry);
  std::ofstream(path) << "not a model";
  expect(VOLUTE_BAD_FILE, "volute_load", {path}, [&] { return volute_load(path.c_str(), &entry, 1); });
  expect(VOLUTE_BAD_FILE, "volute_metadata_read", {path},
         [&] { return volute_metadata_read(path.c_str(), r.of<volute_metadata>()); });
  ok(volute_save(path.c_str(), &entry, 1, texts, 1));
  const volute_entry other{"gru", gru};
  expect(VOLUTE_BAD_FILE, "volute_load", {"gru.weight_ih_l0"}, [&] { return volute_load(path.c_str(), &other, 1); });
  const auto metadata = made<c::Metadata>(volute_metadata_read, path.c_str());
  REFUSED(volute_metadata_get, "index 1 is beyond the 1 entries", metadata.get(), 1, &r.entry);
  REFUSED(volute_metadata_get, "entry is NULL", metadata.get(), 0, nullptr);
  std::remove(path.c_str());
}

TEST_F(CApiErrors, Checkpoints) {
  const std::string path = testing::TempDir() + "c_api_errors_checkpoint.safetensors";
  const auto checkpoint = made<c::Checkpoint>(volute_checkpoint_create);
  std::int64_t number = 3;
  REFUSED(volute_checkpoint_create, "checkpoint is NULL", nullptr);
  REFUSED(volute_checkpoint_add_module, "checkpoint is NULL", nullptr, "a", linear);
  REFUSED(volute_checkpoint_add_module, "name is NULL", checkpoint.get(), nullptr, linear);
  REFUSED(volute_checkpoint_add_module, "module is NULL", checkpoint.get(), "a", nullptr);
  REFUSED(volute_checkpoint_add_program, "program is NULL", checkpoint.get(), "a", nullptr);
  REFUSED(volute_checkpoint_add_int64, "value is NULL", checkpoint.get(), "a", nullptr);
  REFUSED(volute_checkpoint_save, "path is NULL", checkpoint.get(), nullptr, nullptr, 0);
  REFUSED(volute_checkpoint_load, "path is NULL", checkpoint.get(), nullptr, nullptr);
  REFUSED(volute_program_steps, "program is NULL", nullptr, r.dims);
  REFUSED(volute_program_keep, "program is NULL", nullptr, 1);
  REFUSED(volute_program_restore_kept, "program is NULL", nullptr, nullptr);
  REFUSED(volute_autosave_step, "autosave is NULL", nullptr, nullptr);
  ok(volute_checkpoint_add_int64(checkpoint.get(), "number", &number));
  expect(VOLUTE_INVALID_GRAPH, "volute_checkpoint_add_int64", {"\"number\" is taken"},
         [&] { return volute_checkpoint_add_int64(checkpoint.get(), "number", &number); });
  expect(VOLUTE_BAD_FILE, "volute_checkpoint_save", {"/none/such"},
         [&] { return volute_checkpoint_save(checkpoint.get(), "/none/such/file", nullptr, 0); });
  const volute_entry entry{"linear", linear};
  ok(volute_save(path.c_str(), &entry, 1, nullptr, 0));
  expect(VOLUTE_BAD_FILE, "volute_checkpoint_load", {path, "not a checkpoint"},
         [&] { return volute_checkpoint_load(checkpoint.get(), path.c_str(), r.of<volute_metadata>()); });
  EXPECT_EQ(number, 3);
  expect(VOLUTE_INVALID_GRAPH, "volute_autosave_create", {"must be positive"}, [&] {
    return volute_autosave_create(path.c_str(), checkpoint.get(), 0, 0, r.of<volute_autosave>());
  });
  REFUSED(volute_autosave_create, "path is NULL", nullptr, checkpoint.get(), 1, 0, r.of<volute_autosave>());
  std::remove(path.c_str());
}

using Body = volute_status(void*, const volute_tensor*, const volute_tensor*, volute_tensor*, volute_tensor*);

TEST_F(CApiErrors, BodiesOfLoops) {
  const auto scan = [&](Body* body, std::uint32_t outputs = 1) {
    return [this, body, outputs] {
      return volute_scan(&a, 1, &i, 1, outputs, body, nullptr, nullptr, &r.out, nullptr);
    };
  };
  const auto keep = [](void*, const volute_tensor* xs, const volute_tensor* states, volute_tensor* next,
                       volute_tensor* outputs) -> volute_status {
    next[0] = states[0];
    return volute_tanh(xs[0], &outputs[0]);
  };
  refused("volute_scan", "body is NULL", scan(nullptr));
  REFUSED(volute_scan, "xs is NULL", nullptr, 1, &i, 1, 1, keep, nullptr, nullptr, &r.out, nullptr);
  REFUSED(volute_scan, "initial is NULL", &a, 1, nullptr, 1, 1, keep, nullptr, nullptr, &r.out, nullptr);
  REFUSED(volute_scan, "outputs is NULL", &a, 1, &i, 1, 1, keep, nullptr, nullptr, nullptr, nullptr);
  refused("volute_scan", "next_states[0] is an empty",
          scan([](void*, auto, auto, auto, auto) -> volute_status { return VOLUTE_OK; }));
  expect(VOLUTE_INVALID_GRAPH, "volute_scan", {"state 0 changes shape or type"},
         scan([](void*, auto xs, auto, auto next, auto outputs) -> volute_status {
           next[0] = outputs[0] = xs[0];
           return VOLUTE_OK;
         }));
  EXPECT_EQ(volute_add(none, none, nullptr), VOLUTE_INVALID_ARGUMENT);  // must not show in the next text
  expect(42, "volute_scan", {"the body gave up with UNKNOWN (42)"},
         scan([](void*, auto, auto, auto, auto) -> volute_status { return 42; }));
  EXPECT_EQ(std::string(volute_last_error()).find("volute_add"), std::string::npos);
  expect(VOLUTE_INVALID_GRAPH, "volute_scan", {"INVALID_GRAPH", "volute_matmul: matmul"},
         scan([](void*, auto xs, auto, auto next, auto) { return volute_matmul(xs[0], xs[0], 0, 0, next); }));
  expect(VOLUTE_ERROR, "volute_scan", {"a text"},
         scan([](void*, auto, auto, auto, auto) -> volute_status { throw std::runtime_error("a text"); }));
  expect(VOLUTE_ERROR, "volute_scan", {"unknown type"},
         scan([](void*, auto, auto, auto, auto) -> volute_status { throw 1; }));
  expect(VOLUTE_OUT_OF_MEMORY, "volute_scan", {"out of host memory"},
         scan([](void*, auto, auto, auto, auto) -> volute_status { throw std::bad_alloc(); }));

  // The graph is none the worse for it.
  ok(scan(keep)());
  const auto targets = made<c::Targets>(volute_targets_create, &r.out, 1u);
  const auto program = made<c::Program>(volute_compile, c::device(), targets.get(), nullptr);
  const volute_feed feed{.input = a, .f32 = numbers, .count = 6};
  ok(volute_program_run(program.get(), &feed, 1));
  float read[6] = {};
  ok(volute_program_read_f32(program.get(), r.out, read, 6));
  EXPECT_NEAR(read[0], std::tanh(1.0f), 1e-5f);
}

TEST_F(CApiErrors, EveryExceptionHasItsStatus) {
  const auto thrown = [&](volute_status status, const std::string& name, auto error) {
    expect(status, "f", {error.what()}, [&] { return volute::c::guard("f", [&] { throw error; }); });
    EXPECT_EQ(volute_status_name(status), name);
  };
  thrown(VOLUTE_INVALID_ARGUMENT, "INVALID_ARGUMENT", volute::c::InvalidArgument("an argument"));
  thrown(VOLUTE_INVALID_GRAPH, "INVALID_GRAPH", InvalidGraph("a graph"));
  thrown(VOLUTE_UNSUPPORTED, "UNSUPPORTED", Unsupported("a device"));
  thrown(VOLUTE_OUT_OF_MEMORY, "OUT_OF_MEMORY", OutOfMemory("12 bytes"));
  thrown(VOLUTE_DEVICE_LOST, "DEVICE_LOST", DeviceLost("gone"));
  thrown(VOLUTE_BAD_FILE, "BAD_FILE", BadFile("a file"));
  thrown(VOLUTE_TIMEOUT, "TIMEOUT", Timeout("120 s"));
  thrown(VOLUTE_NOT_FINITE, "NOT_FINITE", NotFinite("a node"));
  thrown(VOLUTE_ERROR, "ERROR", Error("anything else"));
  expect(VOLUTE_OUT_OF_MEMORY, "f", {"beyond any"},
         [] { return volute::c::guard("f", [] { throw std::length_error("vector"); }); });
  EXPECT_STREQ(volute_status_name(VOLUTE_OK), "OK");
  EXPECT_STREQ(volute_status_name(10), "UNKNOWN");
  EXPECT_STREQ(volute_status_name(-1), "UNKNOWN");
}

TEST_F(CApiErrors, LongTextsAreCut) {
  const std::string name(5000, 'x');
  EXPECT_EQ(volute_graph_input(g, name.c_str(), VOLUTE_F32, 0, nullptr, &a), VOLUTE_OK);
  expect(VOLUTE_INVALID_GRAPH, "volute_graph_input", {"xxx"},
         [&] { return volute_graph_input(g, name.c_str(), VOLUTE_F32, 0, nullptr, &r.out); });
  EXPECT_EQ(std::strlen(volute_last_error()), 1023u);
}

TEST_F(CApiErrors, EachThreadHasItsOwnText) {
  REFUSED(volute_tanh, "a is an empty", none, &r.out);
  std::string before, after;
  std::thread([&] {
    before = volute_last_error();
    volute_exp({}, nullptr);
    after = volute_last_error();
  }).join();
  EXPECT_EQ(before, "");
  EXPECT_EQ(after, "volute_exp: a is an empty tensor");
  EXPECT_STREQ(volute_last_error(), "volute_tanh: a is an empty tensor");
}

}  // namespace
}  // namespace volute
