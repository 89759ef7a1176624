// What the C interface promises to programs that are already compiled: layouts, sizes of structures older and newer
// than the library's, and handles that may go in any order.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdio>
#include <cstring>

#include "tests/support/c_api.hpp"

namespace volute {
namespace {

namespace c = test::c;
using c::made;
using c::ok;
using c::tensor;

// A change here is a change of VOLUTE_ABI_VERSION, except for sizes that grow with fields at the end.
static_assert(VOLUTE_ABI_VERSION == 1);
#if UINTPTR_MAX == UINT64_MAX
static_assert(sizeof(volute_tensor) == 8);
static_assert(sizeof(volute_feed) == 32 && offsetof(volute_feed, count) == 24);
static_assert(sizeof(volute_entry) == 16 && sizeof(volute_metadata_entry) == 16);
static_assert(sizeof(volute_device_info) == 56 && offsetof(volute_device_info, memory_bytes) == 48);
static_assert(sizeof(volute_class_options) == 32 && offsetof(volute_class_options, label_smoothing) == 24);
static_assert(sizeof(volute_binary_options) == 24);
static_assert(sizeof(volute_scan_options) == 16);
static_assert(sizeof(volute_embedding_options) == 16 && sizeof(volute_linear_options) == 8);
static_assert(sizeof(volute_recurrent_options) == 120 && offsetof(volute_recurrent_options, projection) == 56 &&
              offsetof(volute_recurrent_options, forget_bias) == 112);
static_assert(sizeof(volute_recurrent_inputs) == 40 && offsetof(volute_recurrent_inputs, mask) == 32);
static_assert(sizeof(volute_recurrent_result) == 40 && offsetof(volute_recurrent_result, last) == 24);
static_assert(sizeof(volute_optimizer) == 56 && offsetof(volute_optimizer, initial_accumulator) == 52);
static_assert(sizeof(volute_minimize_options) == 32 && offsetof(volute_minimize_options, precision) == 24);
static_assert(sizeof(volute_compile_limits) == 24 && offsetof(volute_compile_limits, submission_seconds) == 16);
static_assert(sizeof(volute_progress) == 32 && offsetof(volute_progress, submissions) == 24);
#endif

std::int64_t first_extent(const c::Module& module) {
  const auto parameter = made<c::Parameter>(volute_module_parameter, module.get(), 0u);
  std::int64_t dims[4] = {};
  std::uint32_t rank = 0;
  ok(volute_parameter_shape(parameter.get(), 4, dims, &rank));
  return dims[0];
}

std::uint32_t parameters(const volute_recurrent_options* options) {
  const auto module = made<c::Module>(volute_recurrent_create, VOLUTE_GRU, 2, 3, options);
  EXPECT_EQ(first_extent(module), 9);
  std::uint32_t count = 0;
  ok(volute_module_parameter_count(module.get(), &count));
  return count;
}

TEST(CApiAbi, Versions) {
  EXPECT_EQ(volute_abi_version(), VOLUTE_ABI_VERSION);
  int major = -1, minor = -1, patch = -1;
  EXPECT_EQ(std::sscanf(volute_version(), "%d.%d.%d", &major, &minor, &patch), 3) << volute_version();
}

TEST(CApiAbi, OptionsOfAnOlderProgramEndSooner) {
  volute_recurrent_options options{.struct_size = sizeof options, .layers = 2, .bidirectional = 1};
  EXPECT_EQ(parameters(&options), 16u);
  options.struct_size = offsetof(volute_recurrent_options, bidirectional);
  EXPECT_EQ(parameters(&options), 8u);  // what lies beyond is not read
  options.struct_size = sizeof options.struct_size;
  EXPECT_EQ(parameters(&options), 4u);
  for (const std::uint32_t size : {0u, 3u}) {
    options.struct_size = size;
    volute_module* module = nullptr;
    EXPECT_EQ(volute_recurrent_create(VOLUTE_GRU, 2, 3, &options, &module), VOLUTE_INVALID_ARGUMENT);
    EXPECT_NE(std::string(volute_last_error()).find("struct_size " + std::to_string(size)), std::string::npos)
        << volute_last_error();
    EXPECT_EQ(module, nullptr);
  }
}

TEST(CApiAbi, OptionsOfANewerProgramMustBeZeroBeyond) {
  struct Newer {
    volute_recurrent_options known;
    std::int32_t later;
  } newer{};
  newer.known.struct_size = sizeof newer;
  newer.known.layers = 3;
  EXPECT_EQ(parameters(&newer.known), 12u);
  newer.later = 1;
  volute_module* module = nullptr;
  EXPECT_EQ(volute_recurrent_create(VOLUTE_GRU, 2, 3, &newer.known, &module), VOLUTE_INVALID_ARGUMENT);
  EXPECT_NE(std::string(volute_last_error()).find("of which this library knows 120"), std::string::npos)
      << volute_last_error();
  EXPECT_EQ(module, nullptr);
}

TEST(CApiAbi, ResultsOfOtherSizes) {
  const auto module = made<c::Module>(volute_recurrent_create, VOLUTE_GRU, 2, 3, nullptr);
  const auto graph = made<c::Graph>(volute_graph_create, VOLUTE_INFERENCE);
  const std::int64_t dims[] = {4, 1, 2};
  const volute_tensor x = tensor(volute_graph_input, graph.get(), "x", VOLUTE_F32, 3u, dims);
  struct Newer {
    volute_recurrent_result known;
    std::int64_t later;
  } result;
  std::memset(&result, 0x7f, sizeof result);
  result.known.struct_size = sizeof result;
  ok(volute_recurrent_run(module.get(), x, nullptr, &result.known));
  EXPECT_EQ(result.known.struct_size, sizeof result);
  EXPECT_EQ(result.known.last_count, 1u);
  EXPECT_EQ(result.known.last[1].node, nullptr);
  EXPECT_EQ(result.later, 0);  // known to be unknown

  std::memset(&result, 0x7f, sizeof result);
  const volute_tensor before = result.known.last_output;
  result.known.struct_size = offsetof(volute_recurrent_result, last_output);
  ok(volute_recurrent_run(module.get(), x, nullptr, &result.known));
  EXPECT_EQ(result.known.last_count, 1u);
  EXPECT_EQ(result.known.last_output.node, before.node);
  result.known.struct_size = 0;
  EXPECT_EQ(volute_recurrent_run(module.get(), x, nullptr, &result.known), VOLUTE_INVALID_ARGUMENT);
}

TEST(CApiAbi, NothingIsDestroyedTwiceOrMissed) {
  volute_device_destroy(nullptr);
  volute_device_list_destroy(nullptr);
  volute_graph_destroy(nullptr);
  volute_parameter_destroy(nullptr);
  volute_module_destroy(nullptr);
  volute_targets_destroy(nullptr);
  volute_program_destroy(nullptr);
  volute_metadata_destroy(nullptr);
  volute_checkpoint_destroy(nullptr);
  volute_autosave_destroy(nullptr);
}

/// A training program of which only what `keep` says is left when it runs.
struct Parts {
  c::Device device = made<c::Device>(volute_device_create, nullptr);
  c::Module module = made<c::Module>(volute_linear_create, 2, 1, nullptr);
  c::Graph graph = made<c::Graph>(volute_graph_create, VOLUTE_TRAINING);
  volute_tensor x{}, loss{};
  c::Targets targets;

  Parts() {
    const std::int64_t dims[] = {3, 2};
    x = tensor(volute_graph_input, graph.get(), "x", VOLUTE_F32, 2u, dims);
    const volute_tensor y = tensor(volute_module_apply, module.get(), x);
    loss = tensor(volute_mean, tensor(volute_mul, y, y), 0u, nullptr, 0);
    targets = made<c::Targets>(volute_minimize, loss, nullptr, nullptr);
  }
  c::Program compile() { return made<c::Program>(volute_compile, device.get(), targets.get(), nullptr); }
};

void expect_trains(const c::Program& program, volute_tensor x, volute_tensor loss) {
  const float values[] = {1, 2, 3, 4, 5, 6};
  const volute_feed feed{.input = x, .f32 = values, .count = 6};
  float first = 0, second = 0;
  ok(volute_program_run(program.get(), &feed, 1));
  ok(volute_program_value(program.get(), loss, &first));
  ok(volute_program_run(program.get(), &feed, 1));
  ok(volute_program_value(program.get(), loss, &second));
  EXPECT_LT(second, first);
}

TEST(CApiAbi, ProgramsOutliveWhatTheyAreMadeOf) {
  Parts parts;
  const c::Program program = parts.compile();
  parts.targets.reset();
  parts.graph.reset();
  parts.module.reset();
  parts.device.reset();
  expect_trains(program, parts.x, parts.loss);
}

TEST(CApiAbi, TargetsOutliveTheirGraph) {
  Parts parts;
  parts.graph.reset();
  parts.module.reset();
  const c::Program program = parts.compile();
  parts.targets.reset();
  expect_trains(program, parts.x, parts.loss);
}

TEST(CApiAbi, ParametersOutliveProgramAndDevice) {
  Parts parts;
  c::Program program = parts.compile();
  const auto weight = made<c::Parameter>(volute_module_parameter, parts.module.get(), 0u);
  parts.module.reset();
  float before[2], after[2];
  ok(volute_parameter_read(weight.get(), before, 2));
  expect_trains(program, parts.x, parts.loss);
  parts.device.reset();
  parts.graph.reset();
  program.reset();
  ok(volute_parameter_read(weight.get(), after, 2));
  EXPECT_NE(before[0], after[0]);
  EXPECT_STREQ(volute_parameter_name(weight.get()), "weight");
}

}  // namespace
}  // namespace volute
