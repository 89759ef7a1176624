// The controls of live_sketch without its window: what a press of each button keeps and what it makes anew, on a device
// of the sample's own under the validation layer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "samples/live_sketch/controller.hpp"
#include "tests/support/vulkan_shim.hpp"

namespace {

using namespace live_sketch;
using ::testing::HasSubstr;
using ::testing::StartsWith;
namespace fs = std::filesystem;

constexpr ModelOptions small = {.hidden = 12, .mixtures = 2, .batch = 4, .length = 12, .prefixes = 3, .samples = 2,
                                .warm_up = 8, .points = 5};

class LiveSketchControls : public ::testing::Test {
 protected:
  static ContextOptions asked() {
    ContextOptions options;
    options.get = volute::test::VulkanShim::entry(volute::test::Side::application);
    options.validation = true;
    return options;
  }
  ~LiveSketchControls() override {
    EXPECT_EQ(messages_, 0);
    fs::remove(file_);
  }

  /// Until at least so many steps are done since the weights were new.
  void learn(std::int64_t steps) {
    while (controller_.learner().steps() < steps) controller_.learner().advance(1.0, canvas_);
  }
  void press(bool Controls::*button) {
    Controls controls;
    controls.*button = true;
    controller_.apply(controls);
  }
  void choose(Cell cell) {
    Controls controls;
    controls.cell = cell;
    controller_.apply(controls);
  }
  void draw(int strokes) {
    for (int i = 0; i < strokes; ++i) controller_.learn({{-0.5f, 0}, {0.5f, 0.1f * static_cast<float>(i)}});
  }

  const std::string file_ = ::testing::TempDir() + "live_sketch_controls.safetensors";
  volute::test::VulkanShim shim_;
  int messages_ = 0;
  Context context_{asked(), messages_};
  Frames frames_{context_};
  Canvas canvas_{3, 1};
  Controller controller_{context_, frames_, canvas_, small, file_, ""};
};

TEST_F(LiveSketchControls, AnotherCellKeepsWhatWasDrawnAndLearnsAtItsOwnRate) {
  draw(2);
  const float before = rate_of(controller_.learner().options());
  choose(Cell::rnn);
  EXPECT_EQ(controller_.learner().options().cell, Cell::rnn);
  EXPECT_EQ(controller_.drawn(), 2);
  ModelOptions fresh = small;
  fresh.cell = Cell::rnn;
  EXPECT_EQ(rate_of(controller_.learner().options()), rate_of(fresh));
  EXPECT_NE(rate_of(controller_.learner().options()), before);
  fresh.lr = 0.5f;
  EXPECT_EQ(rate_of(fresh), 0.5f);
  learn(1);
}

TEST_F(LiveSketchControls, ResetBeginsAgainAndKeepsTheModelsSizes) {
  learn(5);
  EXPECT_FALSE(controller_.learner().losses().empty());
  press(&Controls::reset);
  EXPECT_EQ(controller_.learner().steps(), 0);
  EXPECT_TRUE(controller_.learner().losses().empty());
  EXPECT_EQ(controller_.learner().options().hidden, small.hidden);
  learn(5);
  EXPECT_FALSE(controller_.learner().losses().empty());
}

/// A step that has begun is completed and counted; continuations go on afterwards.
TEST_F(LiveSketchControls, SaveCountsTheStepItCompletes) {
  Learner& learner = controller_.learner();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (learner.fraction() <= 0 || learner.fraction() >= 1) {
    learner.advance(1e-6, canvas_);
    ASSERT_LT(std::chrono::steady_clock::now(), end);
  }
  const std::int64_t steps = learner.steps();
  press(&Controls::save);
  EXPECT_EQ(learner.steps(), steps + 1);
  EXPECT_GT(learner.step_seconds(), 0);
  EXPECT_EQ(controller_.message(), "saved: " + file_);
  const std::int64_t continuations = learner.continuations();
  while (learner.continuations() < continuations + 2) learner.advance(1.0, canvas_);
}

TEST_F(LiveSketchControls, LoadTakesTheFilesCell) {
  choose(Cell::lstm);
  press(&Controls::save);
  choose(Cell::gru);
  draw(1);
  press(&Controls::load);
  EXPECT_EQ(controller_.learner().options().cell, Cell::lstm);
  EXPECT_EQ(controller_.drawn(), 1);
  EXPECT_EQ(controller_.message(), "loaded: " + file_);
  press(&Controls::examples);
  EXPECT_EQ(controller_.message(), "");
}

/// A file of live_sketch's by its metadata, with a tensor under another name.
void spoil(const std::string& path) {
  const volute::nn::Linear tail(1, 1);
  volute::io::save(path, {{"tail", tail}}, volute::io::read_metadata(path));
}

/// Of the model's own cell, and of another.
TEST_F(LiveSketchControls, AFailedLoadKeepsTheModel) {
  for (const Cell stored : {Cell::gru, Cell::rnn}) {
    choose(stored);
    press(&Controls::save);
    spoil(file_);
    EXPECT_EQ(read_options(file_).cell, stored);
    choose(Cell::gru);
    learn(2);
    const std::int64_t steps = controller_.learner().steps();
    press(&Controls::load);
    EXPECT_THAT(controller_.message(), HasSubstr(file_));
    EXPECT_THAT(controller_.message(), ::testing::Not(StartsWith("loaded")));
    EXPECT_EQ(controller_.learner().options().cell, Cell::gru);
    EXPECT_GE(controller_.learner().steps(), steps);
    learn(steps + 3);
  }
}

}  // namespace
