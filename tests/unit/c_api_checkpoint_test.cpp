// Checkpoints through the C interface: a training that is loaded ends with the bits of one that never stopped, and
// handles may go in any order.
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/support/c_api.hpp"
#include "tests/support/files.hpp"

namespace volute {
namespace {

namespace c = test::c;
using c::made;
using c::ok;
using c::tensor;

/// A linear layer learning zero, with a number of the caller's.
struct Training {
  c::Module module = made<c::Module>(volute_linear_create, 2, 1, nullptr);
  c::Graph graph = made<c::Graph>(volute_graph_create, VOLUTE_TRAINING);
  volute_tensor x = c::input(graph, "x", VOLUTE_F32, {3, 2});
  c::Program program;
  std::int64_t epoch = 0;
  c::Checkpoint checkpoint = made<c::Checkpoint>(volute_checkpoint_create);

  Training() {
    const volute_tensor y = tensor(volute_module_apply, module.get(), x);
    const volute_tensor loss = tensor(volute_mean, tensor(volute_mul, y, y), 0u, nullptr, 0);
    program = c::compiled(made<c::Targets>(volute_minimize, loss, nullptr, nullptr));
    ok(volute_checkpoint_add_program(checkpoint.get(), "train", program.get()));
    ok(volute_checkpoint_add_module(checkpoint.get(), "linear", module.get()));
    ok(volute_checkpoint_add_int64(checkpoint.get(), "epoch", &epoch));
  }
  void run(int steps) {
    for (; steps > 0; --steps, ++epoch) {
      const float values[] = {1, 2, 3, 4, 5, static_cast<float>(epoch)};
      const volute_feed feed{.input = x, .f32 = values, .count = 6};
      ok(volute_program_run(program.get(), &feed, 1));
    }
  }
  std::vector<float> weight() const {
    const auto parameter = made<c::Parameter>(volute_module_parameter, module.get(), 0u);
    std::vector<float> values(2);
    ok(volute_parameter_read(parameter.get(), values.data(), 2));
    return values;
  }
};

class CApiCheckpoint : public testing::Test {
 protected:
  test::Folder folder_;
  std::string path_ = folder_ / "run.safetensors";
};

TEST_F(CApiCheckpoint, ATrainingThatIsLoadedGoesOnWithTheSameBits) {
  Training first;
  first.run(3);
  const volute_metadata_entry text{"cell", "linear"};
  ok(volute_checkpoint_save(first.checkpoint.get(), path_.c_str(), &text, 1));
  first.run(4);

  Training second;
  const auto metadata = made<c::Metadata>(volute_checkpoint_load, second.checkpoint.get(), path_.c_str());
  volute_metadata_entry entry{};
  ok(volute_metadata_get(metadata.get(), 0, &entry));
  EXPECT_STREQ(entry.value, "linear");
  EXPECT_EQ(second.epoch, 3);
  std::int64_t steps = 0;
  ok(volute_program_steps(second.program.get(), &steps));
  EXPECT_EQ(steps, 3);
  second.run(4);
  EXPECT_EQ(second.weight(), first.weight());
  ok(volute_checkpoint_load(second.checkpoint.get(), path_.c_str(), nullptr));
  EXPECT_EQ(second.epoch, 3);
}

TEST_F(CApiCheckpoint, AutosavesShareWhatTheySave) {
  Training training;
  const auto autosave =
      made<c::Autosave>(volute_autosave_create, path_.c_str(), training.checkpoint.get(), std::int64_t{2}, 0.0);
  volute_autosave* refused = nullptr;
  EXPECT_EQ(volute_autosave_create(path_.c_str(), training.checkpoint.get(), -1, 0, &refused), VOLUTE_INVALID_ARGUMENT);
  training.run(1);
  training.checkpoint.reset();
  training.program.reset();
  std::int32_t saved = -1;
  ok(volute_autosave_step(autosave.get(), &saved));
  EXPECT_EQ(saved, 0);
  ok(volute_autosave_step(autosave.get(), &saved));
  EXPECT_EQ(saved, 1);
  Training again;
  ok(volute_checkpoint_load(again.checkpoint.get(), path_.c_str(), nullptr));
  EXPECT_EQ(again.weight(), training.weight());
}

TEST_F(CApiCheckpoint, AProgramContinuesFromWhatAnotherKept) {
  Training first, second;
  EXPECT_EQ(volute_program_restore_kept(second.program.get(), first.program.get()), VOLUTE_INVALID_GRAPH);
  ok(volute_program_keep(first.program.get(), 1));
  EXPECT_EQ(volute_program_keep(first.program.get(), -1), VOLUTE_INVALID_ARGUMENT);
  first.run(3);
  ok(volute_program_restore_kept(second.program.get(), first.program.get()));
  std::int64_t steps = 0;
  ok(volute_program_steps(second.program.get(), &steps));
  second.epoch = steps;
  second.run(static_cast<int>(3 - steps));
  EXPECT_EQ(second.weight(), first.weight());
}

}  // namespace
}  // namespace volute
