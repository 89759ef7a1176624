// What device.hpp allows several threads to do at the same time: results are those of one thread, bit by bit.
// Invariant: models are made on the main thread, since initial values come from one generator.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include <volute/data.hpp>
#include <volute/layers.hpp>
#include <volute/nn.hpp>
#include <volute/optim.hpp>

#include "engine/compile/program_data.hpp"
#include "engine/environment.hpp"
#include "engine/vulkan/glsl.hpp"
#include "tests/support/bits.hpp"
#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace volute {
namespace {

using Bits = std::vector<std::uint32_t>;

constexpr std::int64_t T = 6, N = 3, C = 4;
constexpr int steps = 12, count = 3;

/// A GRU with dropout that learns to sum; models of different sizes need different kernels.
struct Model {
  explicit Model(std::uint32_t number) : seed(number), gru((manual_seed(number), C), 5 + number, {.dropout = 0.2f}),
        head(5 + number, 1) {
    x = g.input("x", {T, N, C});
    y = g.input("y", {T, N, 1});
    predicted = head(gru(x, g.carried()));
    loss = mse_loss(predicted, y);
    targets = minimize(loss, Adam{.lr = 1e-2f}, {.clip_norm = 1.0f});
  }

  void compile(Device device) {
    program.emplace(device.compile(g, targets, {.submission_seconds = 1e-4}));
    program->seed(seed);
  }
  std::vector<Feed> feeds(int step) {
    xs = test::random_values(T * N * C, seed + 100 * static_cast<std::uint32_t>(step));
    ys = test::random_values(T * N, seed + 100 * static_cast<std::uint32_t>(step) + 50);
    return {{x, xs}, {y, ys}};
  }
  void train(int from = 0, int to = steps) {
    for (int step = from; step < to; ++step) program->run(feeds(step));
  }
  void advance() {
    for (int step = 0; step < steps; ++step) {
      program->begin(feeds(step));
      while (!program->advance(std::chrono::microseconds(300)).finished) std::this_thread::yield();
    }
  }
  Bits weights() const { return test::bits_of({&gru, &head}); }

  std::uint32_t seed;
  nn::GRU gru;
  nn::Linear head;
  Graph g;
  Tensor x, y, predicted, loss;
  Targets targets;
  std::vector<float> xs, ys;
  std::optional<Program> program;
};

/// By one thread, alone.
Bits trained_alone(std::uint32_t number) {
  Model model(number);
  model.compile(test::device());
  model.train();
  return model.weights();
}

std::vector<std::unique_ptr<Model>> make_models() {
  std::vector<std::unique_ptr<Model>> models;
  for (std::uint32_t i = 0; i < count; ++i) models.push_back(std::make_unique<Model>(i));
  return models;
}

/// One thread each, let go together; an exception in one fails the test.
void side_by_side(const std::vector<std::function<void()>>& works) {
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (const auto& work : works)
    threads.emplace_back([&] {
      ++ready;
      while (ready < static_cast<int>(works.size())) std::this_thread::yield();
      EXPECT_NO_THROW(work());
    });
  for (std::thread& thread : threads) thread.join();
}

TEST(Threads, HaveDevicesOfTheirOwn) {
  const auto models = make_models();
  std::vector<std::function<void()>> works;
  for (const auto& model : models)
    works.push_back([&model = *model] {
      model.compile(Device());
      model.train();
    });
  side_by_side(works);
  for (std::uint32_t i = 0; i < count; ++i) EXPECT_EQ(models[i]->weights(), trained_alone(i)) << i;
}

TEST(Threads, CompileAndRunProgramsOfOneDevice) {
  for (int round = 0; round < 2; ++round) {
    vk::forget_compiled_glsl();
    const auto models = make_models();
    const Device device;  // without pipelines yet
    std::vector<std::function<void()>> works;
    for (const auto& model : models)
      works.push_back([&device, &model = *model] {
        model.compile(device);
        model.train();
        model.program.reset();
        model.compile(device);  // parameters are there already
      });
    side_by_side(works);
    for (std::uint32_t i = 0; i < count; ++i) EXPECT_EQ(models[i]->weights(), trained_alone(i)) << i;
  }
}

TEST(Threads, CompileWhileAProgramOfTheSameParametersRuns) {
  Model model(1);
  model.compile(test::device());
  Graph g(Mode::inference);
  const Tensor x = g.input("x", {2 * T, N, C}), y = model.head(model.gru(x));
  side_by_side({[&] { model.train(); },
                [&] {
                  for (int i = 0; i < 4; ++i) Device(test::device()).compile(g, y);
                }});
  EXPECT_EQ(model.weights(), trained_alone(1));
}

TEST(Threads, FirstCompilesShareParameters) {
  Model model(1);
  std::vector<Graph> graphs;
  std::vector<Tensor> outputs;
  for (int i = 0; i < count; ++i) {
    graphs.emplace_back(Mode::inference);
    outputs.push_back(model.head(model.gru(graphs.back().input("x", {T, N, C}))));
  }
  std::vector<std::optional<Program>> programs(count);
  std::vector<std::function<void()>> works;
  for (int i = 0; i < count; ++i)
    works.push_back([&, i] { programs[i].emplace(Device(test::device()).compile(graphs[i], outputs[i])); });
  side_by_side(works);
  const auto xs = test::random_values(T * N * C, 3);
  std::vector<std::vector<float>> read;
  for (int i = 0; i < count; ++i) {
    programs[i]->run({{Tensor(graphs[i].data()->names.at("x")), xs}});
    read.push_back(programs[i]->read(outputs[i]));
    EXPECT_EQ(read[i], read[0]);
  }
}

TEST(Threads, AdvanceBesideUploadsAndReads) {
  Model advanced(0), other(2);
  advanced.compile(test::device());
  other.compile(test::device());
  Parameter free("free", {1000}, std::vector<float>(1000));
  Graph g;
  Device(test::device()).compile(g, Targets(sum(g.parameter(free))));
  std::atomic<bool> done{false};
  side_by_side({[&] {
                  advanced.advance();
                  done = true;
                },
                [&] {
                  for (int i = 0; !done || i < 3; ++i) {
                    const auto values = test::random_values(1000, static_cast<std::uint32_t>(i));
                    free.set(values);
                    EXPECT_EQ(free.values(), values);
                  }
                },
                [&] {
                  for (int step = 0; step < steps; ++step) {
                    other.train(step, step + 1);
                    EXPECT_GT(other.program->value(other.loss), 0.0f);
                    other.weights();
                  }
                }});
  EXPECT_EQ(advanced.weights(), trained_alone(0));
  EXPECT_EQ(other.weights(), trained_alone(2));
}

TEST(Threads, OneAlternatesBetweenTwoDevices) {
  Model first(0), second(2);
  const Device own;
  first.compile(test::device());
  second.compile(own);
  for (int step = 0; step < steps; ++step) {
    first.train(step, step + 1);
    second.train(step, step + 1);
  }
  EXPECT_EQ(first.weights(), trained_alone(0));
  EXPECT_EQ(second.weights(), trained_alone(2));
}

TEST(Threads, DevicesComeAndGoBesideTraining) {
  Model model(2);
  model.compile(test::device());
  side_by_side({[&] { model.train(); },
                [&] {
                  for (int i = 0; i < 4; ++i) EXPECT_FALSE(Device().name().empty());
                },
                [&] {
                  for (int i = 0; i < 4; ++i) EXPECT_FALSE(list_devices().empty());
                }});
  EXPECT_EQ(model.weights(), trained_alone(2));
}

TEST(Threads, APrefetcherFeeds) {
  Model model(1);
  model.compile(test::device());
  int made = 0;
  data::Prefetcher<int> prefetcher([&]() -> std::optional<int> {
    Graph g;  // graphs are built on any thread
    sum(g.input("x", {3}));
    return made < steps ? std::optional(made++) : std::nullopt;
  });
  while (const auto step = prefetcher.next()) model.train(*step, *step + 1);
  EXPECT_EQ(model.weights(), trained_alone(1));
}

TEST(Threads, WarnWhileTheHandlerChanges) {
  std::atomic<int> heard{0};
  set_warning_handler([&](const std::string&) { ++heard; });
  side_by_side({[] {
                  for (int i = 0; i < 200; ++i) warn("a warning");
                },
                [&] {
                  for (int i = 0; i < 200; ++i) set_warning_handler([&](const std::string&) { ++heard; });
                },
                [] {
                  for (int i = 0; i < 200; ++i) warn("another");
                }});
  set_warning_handler({});
  EXPECT_EQ(heard, 400);
}

TEST(Threads, ShareTheProcessesCompilerAndEnvironment) {
  const std::string source = std::string(vk::embedded_shader("matmul_shared.comp"));
  std::vector<std::string> names(4), folders(4);
  std::vector<std::function<void()>> works;
  for (std::size_t i = 0; i < names.size(); ++i)
    works.push_back([&, i] {
      names[i] = vk::glsl_cache_name(source);
      folders[i] = environment().cache_dir;
      vk::compile_glsl("#version 450\nlayout(local_size_x = " + std::to_string(1 + i / 2) + ") in; void main() {}\n");
    });
  side_by_side(works);
  EXPECT_EQ(names, std::vector(4, names[0]));
  EXPECT_EQ(folders, std::vector(4, folders[0]));
}

}  // namespace
}  // namespace volute
