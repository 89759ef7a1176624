// Program::snapshot, restore and keep: training continues with the bits of one that never stopped, whatever it keeps
// from step to step, and a snapshot of another program changes nothing.
#include <gtest/gtest.h>

#include <bit>
#include <optional>

#include <volute/layers.hpp>
#include <volute/optim.hpp>

#include "tests/support/bits.hpp"
#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

constexpr std::int64_t T = 6, N = 3, V = 11, E = 5, H = 7;

/// A model with dropout, carried state, averages, moments and batch norm's statistics, and its program.
struct Training {
  explicit Training(std::uint32_t init = 5, std::int64_t hidden = H, Device device = test::device())
      : lstm(E, hidden, {.layers = 2, .dropout = 0.3f}), norm(hidden), head(hidden, V) {
    randomise(init);
    EMA ema({head.parameters()[0]}, 0.9f);
    x = g.input("x", {T, N}, DType::u32), y = g.input("y", {T, N}, DType::u32);
    loss = cross_entropy(head(norm(lstm(embed(x), g.carried()))), y);
    targets = minimize(loss, Adam{.lr = 1e-2f}, {.clip_norm = 1.0f, .accumulate = 2, .ema = ema});
    average = ema.shadows();
    program.emplace(device.compile(g, targets));
    program->seed(42);
  }

  void randomise(std::uint32_t seed) {
    for (const nn::Module* module : std::vector<const nn::Module*>{&embed, &lstm, &norm, &head})
      for (Parameter p : module->parameters()) {
        std::vector<float> values = random_values(p.shape().elements(), seed++);
        for (float& value : values) value = 0.5f + 0.3f * value;  // batch norm's variances are positive
        p.set(values);
      }
  }

  void train(std::int64_t until) {
    for (std::int64_t i = program->steps(); i < until; ++i) {
      const auto tokens = random_indices(T * N + N, static_cast<std::uint32_t>(i), V);
      program->set("lr", 0.01f / static_cast<float>(i + 1));
      program->run(
          {{x, std::vector(tokens.begin(), tokens.end() - N)}, {y, std::vector(tokens.begin() + N, tokens.end())}});
    }
  }

  /// Parameters, averages and states.
  std::vector<std::uint32_t> bits() {
    std::vector<std::uint32_t> all = bits_of({&embed, &lstm, &norm, &head});
    for (const Parameter& p : average)
      for (const float value : p.values()) all.push_back(std::bit_cast<std::uint32_t>(value));
    for (const std::string& name : program->state_names())
      for (const float value : program->read_state(name)) all.push_back(std::bit_cast<std::uint32_t>(value));
    return all;
  }

  nn::Embedding embed{V, E};
  nn::LSTM lstm;
  nn::BatchNorm norm;
  nn::Linear head;
  Graph g;
  Tensor x, y, loss;
  Targets targets;
  std::vector<Parameter> average;
  std::optional<Program> program;
};

TEST(Snapshot, TrainingGoesOnWithTheSameBits) {
  Training whole;
  whole.train(9);
  Training first;
  first.train(5);
  const Snapshot snapshot = first.program->snapshot();
  EXPECT_EQ(snapshot.steps, 5);
  EXPECT_EQ(snapshot.seed, 42u);
  EXPECT_EQ(snapshot.scalars.at("lr"), 0.01f / 5);
  EXPECT_EQ(snapshot.parameters.size(), first.program->parameters().size());
  first.train(7);  // the snapshot is a copy

  Training other(99);
  other.program->seed(7);
  other.program->restore(snapshot);
  EXPECT_EQ(other.program->steps(), 5);
  other.train(9);
  EXPECT_EQ(whole.bits(), other.bits());

  first.program->restore(snapshot);  // back in time
  first.train(9);
  EXPECT_EQ(whole.bits(), first.bits());
}

TEST(Snapshot, ScalarsAndSeedAreBack) {
  Training one, other;
  one.program->set("clip_norm", 0.25f);
  one.program->seed(3);
  other.program->restore(one.program->snapshot());
  EXPECT_EQ(other.program->snapshot().scalars.at("clip_norm"), 0.25f);
  EXPECT_EQ(other.program->snapshot().seed, 3u);
}

TEST(Snapshot, OneOfAnotherProgramChangesNothing) {
  Training training, wider(5, H + 1);
  training.train(3);
  const auto before = training.bits();
  const auto refused = [&](Snapshot snapshot, const std::string& named) {
    try {
      training.program->restore(snapshot);
      ADD_FAILURE() << "restored, though " << named;
    } catch (const InvalidGraph& error) {
      EXPECT_NE(std::string(error.what()).find(named), std::string::npos) << error.what();
    }
  };
  refused(wider.program->snapshot(), "weight_ih_l0");
  const Snapshot own = training.program->snapshot();
  Snapshot changed = own;
  changed.states.pop_back();
  refused(changed, "states");
  changed = own;
  changed.states[0].dtype = changed.states[0].dtype == DType::f32 ? DType::u32 : DType::f32;
  refused(changed, own.states[0].name);
  changed = own;
  changed.parameters[1].words.pop_back();
  refused(changed, own.parameters[1].name);
  changed = own;
  changed.scalars.erase("lr");
  refused(changed, "lr");
  changed.scalars["rate"] = 1;
  refused(changed, "lr");
  EXPECT_EQ(training.bits(), before);
  training.program->begin();
  EXPECT_THROW(training.program->restore(own), InvalidGraph);
  EXPECT_THROW(training.program->snapshot(), InvalidGraph);
  training.program->finish();
}

TEST(Snapshot, KeptEverySoManySteps) {
  Training plain, kept;
  EXPECT_THROW(kept.program->kept(), InvalidGraph);
  EXPECT_THROW(kept.program->keep(-1), InvalidGraph);
  kept.program->keep(3);
  EXPECT_EQ(kept.program->kept().steps, 0);
  std::vector<std::int64_t> at;
  for (std::int64_t i = 1; i <= 8; ++i) {
    kept.train(i);
    at.push_back(kept.program->kept().steps);
  }
  EXPECT_EQ(at, (std::vector<std::int64_t>{0, 0, 0, 3, 3, 3, 6, 6}));
  plain.train(8);
  EXPECT_EQ(plain.bits(), kept.bits());

  Training again(77);
  again.program->restore(kept.program->kept());
  again.train(8);
  EXPECT_EQ(plain.bits(), again.bits());
  kept.program->keep(0);
  kept.train(12);
  EXPECT_EQ(kept.program->kept().steps, 6);
}

TEST(Snapshot, BitsThatAreNoNumbersSurvive) {
  Graph g;
  const Tensor state = g.state("odd", {5});
  Program program = device().compile(g, {state + 0.0f});
  Snapshot snapshot = program.snapshot();
  snapshot.states[0].words = {0x7fa00001u, 0xffc12345u, 0x80000000u, 0x00000001u, 0x7f800000u};
  program.restore(snapshot);
  EXPECT_EQ(program.snapshot().states[0].words, snapshot.states[0].words);
}

}  // namespace
}  // namespace volute::test
