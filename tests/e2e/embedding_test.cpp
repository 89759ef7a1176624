// An application that draws, with training beside it on its device: the pictures stay as they are, training too, and
// whatever is torn down first, nothing is left.
#include <gtest/gtest.h>

#include "tests/e2e/embedded_model.hpp"
#include "tests/support/vulkan_shim.hpp"

namespace volute::test {
namespace {

std::vector<Picture> draw(VulkanApplication& application, int frames) {
  RenderLoop loop(application);
  std::vector<Picture> pictures;
  for (int i = 0; i < frames; ++i) pictures.push_back(loop.frame(i));
  return pictures;
}

/// One call of advance a frame, with a budget that a step takes several of.
struct Trainer {
  explicit Trainer(const interop::Adoption& lent) : device(interop::adopt(lent)), model(device) {
    for (int i = 0; i < 3; ++i) frame();
    budget = std::chrono::duration<double>(last.seconds / 4);
  }

  void frame() {
    if (!model.program.in_step()) model.program.begin(model.feeds(steps));
    last = model.program.advance(budget);
    cut += !last.finished;
    steps += last.finished;
  }

  Device device;
  EmbeddedModel model;
  std::chrono::duration<double> budget = std::chrono::seconds(1);
  Progress last;
  int steps = 0, cut = 0;
};

TEST(Embedding, PicturesAreThoseDrawnWithoutTraining) {
  constexpr int frames = 500;
  Host host;
  const std::vector<Picture> alone = draw(*host.application, frames);
  EXPECT_NE(alone.front(), alone.back());
  {
    Trainer trainer(host.application->adoption());
    RenderLoop loop(*host.application);
    int different = 0;
    for (int i = 0; i < frames; ++i) {
      trainer.frame();
      different += loop.frame(i) != alone[i];
    }
    EXPECT_EQ(different, 0) << "of " << frames << " pictures";
    EXPECT_GE(trainer.steps, 20);
    EXPECT_GE(trainer.cut, trainer.steps) << "steps were not cut into frames";
    const int whole = trainer.steps + trainer.model.program.in_step();
    trainer.model.program.finish();
    EXPECT_EQ(trainer.model.bits(), uninterrupted(whole));
  }
  host.expect_clean();
  host.close();
}

TEST(Embedding, VoluteGoesFirst) {
  Host host;
  RenderLoop loop(*host.application);
  {
    Trainer trainer(host.application->adoption());
    for (int i = 0; i < 10; ++i) trainer.frame(), loop.frame(i);
  }
  host.expect_clean();
  EXPECT_EQ(loop.frame(3), draw(*host.application, 4).back()) << "the device is not as it was lent";
}

TEST(Embedding, RenderingGoesFirst) {
  Host host;
  {
    std::optional<RenderLoop> loop(*host.application);
    Trainer trainer(host.application->adoption());
    for (int i = 0; i < 10; ++i) trainer.frame(), loop->frame(i);
    loop.reset();
    for (int i = 0; i < 10; ++i) trainer.frame();
    EXPECT_FALSE(trainer.model.bits().empty());
  }
  host.expect_clean();
  host.close();
}

TEST(Embedding, TheDeviceGoesBeforePrograms) {
  Host host;
  Trainer trainer(host.application->adoption());
  while (!trainer.model.program.in_step()) trainer.frame();
  interop::detach(trainer.device);
  host.expect_clean();
  host.close();
  EXPECT_THROW(trainer.model.program.run(), DeviceLost);
  EXPECT_THROW(trainer.model.program.read(trainer.model.points), DeviceLost);
  EXPECT_THROW(trainer.model.program.advance(trainer.budget), DeviceLost);
  EXPECT_FALSE(trainer.model.bits().empty());
}

TEST(Embedding, ParametersGoOnElsewhereAfterDetach) {
  Host host;
  Trainer trainer(host.application->adoption());
  for (int i = 0; i < 5; ++i) trainer.frame();
  const int whole = trainer.steps + trainer.model.program.in_step();
  trainer.model.program.finish();
  interop::detach(trainer.device);
  host.close();
  EXPECT_EQ(trainer.model.bits(), uninterrupted(whole));
  Device other;
  Graph g;
  const Parameter& kept = trainer.model.head.parameters()[0];
  const Tensor doubled = g.parameter(kept) * 2.0f;
  Program program = other.compile(g, doubled);
  program.run();
  std::vector<float> want = kept.values();
  for (float& value : want) value *= 2;
  EXPECT_EQ(program.read(doubled), want);
}

TEST(Embedding, DetachedTwiceAndWithoutPrograms) {
  Host host;
  Device device = interop::adopt(host.application->adoption());
  interop::detach(device);
  interop::detach(device);
  host.expect_clean();
  Graph g;
  EXPECT_THROW(device.compile(g, {g.full({2}, 1) + 1.0f}), DeviceLost);
  Device again = interop::adopt(host.application->adoption());
  EmbeddedModel model(again);
  model.run(0);
  EXPECT_EQ(model.bits(), uninterrupted(1));
}

}  // namespace
}  // namespace volute::test
