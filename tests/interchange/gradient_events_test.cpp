// Gradients of a training as docs/logging.md takes them: outputs beside the optimiser's updates, in the histograms and
// the norm of its event file. Invariant: looking changes no bit of what is trained.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>

#include <volute/volute.hpp>

#include "tests/support/device.hpp"
#include "tests/support/files.hpp"

namespace volute::test {
namespace {

constexpr std::int64_t T = 6, N = 4, C = 3, H = 5;

struct Training {
  explicit Training(bool looks) : gru((manual_seed(3), C), H), head(H, 1) {
    x = g.input("x", {T, N, C});
    loss = mse_loss(head(gru(x)), g.full({T, N, 1}, 0.3f));
    const std::vector<Tensor> weights = parameters_of(loss);
    grads = gradients(loss, weights);
    Targets targets = minimize(loss, Adam{}, {.clip_norm = std::numeric_limits<float>::infinity()});
    norm = targets.outputs[1];
    if (looks) targets.outputs.insert(targets.outputs.end(), grads.begin(), grads.end());
    for (const Tensor& weight : weights) names.push_back(label(weight));
    program.emplace(device().compile(g, targets));
  }
  void run() {
    std::vector<float> values(T * N * C);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i));
    for (int step = 0; step < 3; ++step) program->run({{x, values}});
  }

  Graph g;
  nn::GRU gru;
  nn::Linear head;
  Tensor x, loss, norm;
  std::vector<Tensor> grads;
  std::vector<std::string> names;
  std::optional<Program> program;
};

TEST(GradientEvents, AreThoseOfTheTraining) {
  const Folder folder;
  Training looking(true), plain(false);
  looking.run();
  plain.run();
  io::EventFile events(folder.path());
  double squares = 0;
  for (std::size_t i = 0; i < looking.grads.size(); ++i) {
    const std::vector<float> values = looking.program->read(looking.grads[i]);
    for (const double value : values) squares += value * value;
    events.histogram(3, "gradients/" + looking.names[i], values);
  }
  const float norm = looking.program->value(looking.norm);
  events.scalars(3, {{"train/gradient_norm", norm}});
  EXPECT_NEAR(norm, std::sqrt(squares), 1e-5 * norm);
  EXPECT_GT(norm, 0);
  EXPECT_EQ(looking.names.size(), 6u);

  EXPECT_EQ(norm, plain.program->value(plain.norm));
  const std::vector<Parameter> a = looking.program->parameters(), b = plain.program->parameters();
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].values(), b[i].values()) << a[i].name();
  // Each gradient is computed once, for the optimiser and for who looks.
  EXPECT_LE(looking.program->stats().dispatches, plain.program->stats().dispatches + 6);
}

}  // namespace
}  // namespace volute::test
