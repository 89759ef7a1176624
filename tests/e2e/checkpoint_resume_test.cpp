// Trainings that stop and go on: with the bits of one that never stopped, wherever they stop, in a program of their own
// or the same; and a load that fails leaves a program as it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/checkpointed_training.hpp"
#include "tests/support/bits.hpp"
#include "tests/support/device.hpp"
#include "tests/support/files.hpp"
#include "tests/support/warnings.hpp"

namespace volute {
namespace {

using test::CheckpointedTraining;
using test::device;
using ::testing::HasSubstr;

constexpr std::int64_t whole = 40;

const std::vector<std::uint32_t>& uninterrupted() {
  static const std::vector<std::uint32_t> bits = [] {
    CheckpointedTraining training(device());
    training.run_to(whole);
    return training.bits();
  }();
  return bits;
}

TEST(CheckpointResume, EndsWithTheSameBitsWhereverItStops) {
  const test::Folder folder;
  const std::string path = folder / "run.safetensors";
  for (const std::int64_t stop : {0, 1, 2, 13, 27, 39, 40}) {
    CheckpointedTraining first(device());
    first.run_to(stop);
    first.checkpoint().save(path);
    const auto at_stop = first.bits();
    CheckpointedTraining second(device());
    second.run_to(3);  // whatever it was before
    second.checkpoint().load(path);
    EXPECT_EQ(second.bits(), at_stop) << stop;
    EXPECT_EQ(second.steps(), stop);
    second.run_to(whole);
    EXPECT_EQ(second.bits(), uninterrupted()) << stop;
    first.run_to(whole);
    EXPECT_EQ(first.bits(), uninterrupted()) << "after a save at " << stop;
    first.checkpoint().load(path);
    first.run_to(whole);
    EXPECT_EQ(first.bits(), uninterrupted()) << "loaded into the program that saved, at " << stop;
  }
}

TEST(CheckpointResume, AutosavesChangeNothingEvenIfTheyFail) {
  const test::Folder folder;
  std::filesystem::create_directories(folder / "sub");
  CheckpointedTraining training(device());
  io::Autosave autosave(folder / "sub/run", training.checkpoint(), {.steps = 4});
  test::Warnings warnings;
  while (training.steps() < whole) {
    if (training.steps() == 10) std::filesystem::rename(folder / "sub", folder / "away");
    if (training.steps() == 30) std::filesystem::rename(folder / "away", folder / "sub");
    training.step();
    autosave.step();
  }
  EXPECT_EQ(training.bits(), uninterrupted());
  EXPECT_EQ(warnings.all.size(), 5u);  // at 12, 16, 20, 24 and 28
  EXPECT_EQ(autosave.failures(), 0);
  CheckpointedTraining other(device());
  other.checkpoint().load(folder / "sub/run");
  EXPECT_EQ(other.bits(), uninterrupted());
}

TEST(CheckpointResume, AFailedLoadLeavesTheProgramAsItWas) {
  const test::Folder folder;
  const std::string path = folder / "run";
  CheckpointedTraining training(device());
  training.run_to(7);
  const auto before = training.bits();
  const auto refused = [&](const std::string& why) {
    try {
      training.checkpoint().load(path);
      ADD_FAILURE() << "loaded";
    } catch (const BadFile& error) {
      EXPECT_THAT(error.what(), HasSubstr(why));
    }
    EXPECT_EQ(training.bits(), before);
  };
  training.checkpoint().save(path);
  std::string bytes = test::read_bytes(path);
  bytes[bytes.size() - 5] = static_cast<char>(bytes[bytes.size() - 5] ^ 64);
  test::write_bytes(path, bytes);
  refused("is damaged");
  std::filesystem::remove(path);

  // Of a program with other states: everything else fits.
  const nn::Linear linear(2, 3);
  Graph graph;
  const Tensor x = graph.input("x", {4, 2});
  const Tensor loss = mean(linear(x) * linear(x));
  Program adam = device().compile(graph, minimize(loss, Adam{}));
  Program sgd = device().compile(graph, minimize(loss, SGD{.momentum = 0.5f}));
  io::Checkpoint of_adam, of_sgd;
  of_adam.add("linear", linear).add("train", adam).save(path);
  const auto weights = test::bits_of({&linear});
  of_sgd.add("linear", linear).add("train", sgd);
  EXPECT_THROW(of_sgd.load(path), BadFile);
  EXPECT_EQ(test::bits_of({&linear}), weights);
  refused("has no tensor");
  training.run_to(whole);
  EXPECT_EQ(training.bits(), uninterrupted());
}

TEST(CheckpointResume, ParametersAreStoredOnceUnderTheModulesName) {
  const test::Folder folder;
  const std::string path = folder / "run";
  const nn::Linear linear(2, 3);
  const Parameter scale("scale", {3}, {1, 2, 3});
  Graph graph;
  const Tensor x = graph.input("x", {4, 2});
  const Tensor y = linear(x) * graph.parameter(scale);
  Program train = device().compile(graph, minimize(mean(y * y), SGD{.lr = 0.1f}));
  Program evaluate = device().compile(graph, mean(y));
  io::Checkpoint checkpoint;
  checkpoint.add("evaluate", evaluate).add("train", train).add("linear", linear);
  checkpoint.save(path);
  const std::string header = test::read_bytes(path);
  const auto count = [&](const std::string& name) {
    int found = 0;
    for (std::size_t at = header.find(name); at != std::string::npos; at = header.find(name, at + 1)) ++found;
    return found;
  };
  EXPECT_EQ(count("weight\":{"), 1);
  EXPECT_EQ(count("\"linear.weight\":{"), 1);
  EXPECT_EQ(count("scale\":{"), 1);

  const std::vector<float> values(8, 1.5f);
  const auto before = test::bits_of({&linear});
  const auto scaled = scale.values();
  train.run({{x, values}});
  EXPECT_NE(test::bits_of({&linear}), before);
  EXPECT_NE(scale.values(), scaled);
  checkpoint.load(path);
  EXPECT_EQ(test::bits_of({&linear}), before);
  EXPECT_EQ(scale.values(), scaled);
  EXPECT_EQ(train.steps(), 0);
}

TEST(CheckpointResume, StatesSharedByProgramsComeBack) {
  const test::Folder folder;
  const std::string path = folder / "run";
  struct Two {
    nn::Linear linear{2, 3};
    OptimizerStates states;
    Graph graphs[2];
    std::vector<Tensor> xs;
    std::vector<Program> programs;
    io::Checkpoint checkpoint;
    Two() {
      for (int i = 0; i < 2; ++i) {
        xs.push_back(graphs[i].input("x", {2 + i, 2}));
        const Tensor y = linear(xs[i]);
        programs.push_back(device().compile(graphs[i], minimize(mean(y * y), Adam{}, {.states = states})));
      }
      checkpoint.add("linear", linear).add("states", states).add("a", programs[0]).add("b", programs[1]);
    }
    void step(int i) { programs[i].run({{xs[i], std::vector<float>(static_cast<std::size_t>(4 + 2 * i), 0.5f)}}); }
  };
  manual_seed(4);
  Two first;
  for (const int i : {0, 1, 1}) first.step(i);
  first.checkpoint.save(path);
  Two second;
  second.checkpoint.load(path);
  for (const int i : {1, 0}) {
    first.step(i);
    second.step(i);
  }
  EXPECT_EQ(test::bits_of({&first.linear}), test::bits_of({&second.linear}));
}

TEST(CheckpointResume, AStepInProgressIsNotSaved) {
  const test::Folder folder;
  const nn::Linear linear(2, 3);
  Graph graph;
  const Tensor x = graph.input("x", {4, 2});
  Program program = device().compile(graph, minimize(mean(linear(x)), SGD{}));
  io::Checkpoint checkpoint;
  checkpoint.add("linear", linear).add("train", program).save(folder / "run");
  program.begin({{x, std::vector<float>(8, 1)}});
  EXPECT_THROW(checkpoint.save(folder / "run"), InvalidGraph);
  EXPECT_THROW(checkpoint.load(folder / "run"), InvalidGraph);
  program.finish();
  checkpoint.load(folder / "run");
}

}  // namespace
}  // namespace volute
