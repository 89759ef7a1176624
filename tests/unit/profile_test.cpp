// The profile and the trace: what they count is what the program dispatches, their times are times of the run, and
// looking changes no bit. Runs with VOLUTE_DEBUG=profile and VOLUTE_TRACE set, as a user would set them.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include <volute/nn.hpp>
#include <volute/optim.hpp>

#include "engine/compile/program_data.hpp"
#include "engine/environment.hpp"
#include "tests/support/device.hpp"
#include "tests/support/values.hpp"
#include "tests/unit/call_counter.hpp"

namespace volute {
namespace {

constexpr std::int64_t T = 9, N = 3, I = 5, H = 12, V = 11;
constexpr int steps = 4;

struct Model {
  explicit Model(const CompileOptions& options) {
    manual_seed(3);
    nn::Embedding embed(V, I);
    nn::GRU gru(I, H);
    nn::Linear head(H, V);
    x = g.input("x", {T, N}, DType::u32);  // [T, N]
    y = g.input("y", {T, N}, DType::u32);
    loss = cross_entropy(head(dropout(gru(embed(x), g.carried()), 0.2f)), y);  // []
    program.emplace(compile_program(test::device().data(), g, minimize(loss, Adam{}, {.clip_norm = 1.0f}), options));
  }
  void step(std::uint32_t seed) {
    const auto tokens = test::random_indices(T * N, seed, V);
    program->run({{x, tokens}, {y, tokens}});
  }
  std::vector<float> losses() {
    std::vector<float> values;
    for (int i = 0; i < steps; ++i) {
      step(static_cast<std::uint32_t>(i));
      values.push_back(program->value(loss));
    }
    return values;
  }

  Graph g;
  Tensor x, y, loss;
  std::optional<Program> program;
};

TEST(Profile, CountsWhatIsDispatched) {
  Model model({.submission_seconds = 2e-4, .scans = Scans::unrolled});
  Program::Data& data = model.program->data();
  ASSERT_TRUE(data.profile);
  model.losses();
  ASSERT_GT(data.stats.submissions, 2);
  EXPECT_EQ(data.profile->runs(), steps - 1) << "the first is left out";
  std::map<std::string, std::int64_t> planned;
  for (const Section& section : data.sections)
    for (const Dispatch& dispatch : section.dispatches)
      planned[dispatch.label] += std::max<std::int64_t>(section.length, 1) * (steps - 1);
  std::map<std::string, std::int64_t> counted;
  std::int64_t dispatches = 0;
  for (const auto& [label, row] : data.profile->rows()) {
    if (!row.dispatch) continue;
    counted[label] = row.count;
    dispatches += row.count;
  }
  EXPECT_EQ(counted, planned);
  EXPECT_EQ(dispatches, data.stats.dispatches * (steps - 1));
  const auto& rows = data.profile->rows();
  const auto parts = static_cast<std::int64_t>(data.parts->size());
  std::int64_t gaps = 0;
  for (const char* gap : {"between submissions", "between parts"}) gaps += rows.contains(gap) ? rows.at(gap).count : 0;
  EXPECT_EQ(gaps, (parts - 1) * (steps - 1));
  const auto& spans = data.profile->spans();
  EXPECT_EQ(std::count_if(spans.begin(), spans.end(), [](const auto& s) { return s.label == "between submissions"; }),
            data.stats.submissions - 1);
  EXPECT_EQ(rows.at("copy of inputs").count, steps - 1);
  EXPECT_EQ(rows.at("copy of outputs").count, steps - 1);
}

TEST(Profile, TimesAreThoseOfTheRun) {
  Model model({});
  Program::Data& data = model.program->data();
  model.losses();
  const auto start = std::chrono::steady_clock::now();
  model.step(0);
  model.program->wait();
  const double wall = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
  const auto& times = data.profile->times();
  ASSERT_EQ(times.size(), data.profile->spans().size() + 1);
  EXPECT_EQ(times.front(), 0.0);
  for (std::size_t i = 1; i < times.size(); ++i) EXPECT_GE(times[i], times[i - 1]) << data.profile->spans()[i - 1].label;
  EXPECT_GT(times.back(), 0.0);
  EXPECT_LT(times.back(), wall);
  EXPECT_GT(data.profile->host_ms(), 0.0);
  EXPECT_LT(data.profile->host_ms(), wall * 1e-6);
}

TEST(Profile, ChangesNoBit) {
  Model plain({.profile = false}), profiled({.profile = true});
  ASSERT_FALSE(plain.program->data().profile);
  EXPECT_EQ(plain.losses(), profiled.losses());
  EXPECT_EQ(plain.program->stats().barriers, profiled.program->stats().barriers) << "the plan is the same";
}

TEST(Profile, RecordsNothingUnlessAskedFor) {
  const test::CallCounter counter(test::device().data()->context);
  Model plain({.profile = false});
  plain.losses();
  EXPECT_EQ(counter["vkCreateQueryPool"], 1) << "that which times the step's parts";
  Model profiled({.profile = true});
  EXPECT_EQ(counter["vkCreateQueryPool"], 3);
}

TEST(Profile, IsATableOfShares) {
  Model model({});
  EXPECT_NE(profile_text(*model.program->data().profile, "D").find("no run has finished"), std::string::npos);
  model.losses();
  const std::string text = profile_text(*model.program->data().profile, "D");
  EXPECT_EQ(text.find("profile on D: 3 runs, "), 0u) << text;
  double shares = 0;
  std::istringstream lines(text.substr(text.find("kernel\n") + 7));
  for (std::string line; std::getline(lines, line);) shares += std::stod(line);
  EXPECT_NEAR(shares, 100.0, 0.06 * static_cast<double>(model.program->data().profile->rows().size()));
  EXPECT_NE(text.find("  matmul "), std::string::npos);
}

TEST(Profile, PrintsAndTracesWhenAProgramEnds) {
  ASSERT_TRUE(environment().profile && !environment().trace.empty()) << "run it through ctest";
  std::int64_t dispatches = 0;
  testing::internal::CaptureStderr();
  {
    Model model({.submission_seconds = 2e-4, .scans = Scans::unrolled});
    model.losses();
    dispatches = model.program->stats().dispatches;
  }
  EXPECT_NE(testing::internal::GetCapturedStderr().find("3 runs"), std::string::npos);
  const auto trace = nlohmann::json::parse(std::ifstream(environment().trace));
  int process = 0;
  for (const auto& event : trace.at("traceEvents")) process = std::max(process, event.at("pid").get<int>());
  std::int64_t events = 0, last_step = -1;
  int submissions = 0;
  double end = 0;
  for (const auto& event : trace.at("traceEvents")) {
    if (event.at("pid") != process || event.at("ph") != "X") continue;
    events += event.at("name").get<std::string>().find("copy of ") == std::string::npos;
    EXPECT_GE(event.at("dur").get<double>(), 0.0);
    EXPECT_GE(event.at("ts").get<double>(), end * (1 - 1e-12)) << "events follow one another";
    end = event.at("ts").get<double>() + event.at("dur").get<double>();
    submissions = std::max(submissions, event.at("args").at("submission").get<int>());
    if (event.at("args").contains("t")) last_step = std::max(last_step, event.at("args").at("t").get<std::int64_t>());
  }
  EXPECT_EQ(events, dispatches);
  EXPECT_EQ(last_step, T - 1);
  EXPECT_GT(submissions, 1);
  std::filesystem::remove(environment().trace);
}

TEST(Profile, SaysWhatItLacks) {
  Device device;
  device.data()->context->timestamp_bits = 0;
  Graph g;
  const Tensor x = g.input("x", {4});
  try {
    compile_program(device.data(), g, x * x, {.profile = true});
    FAIL() << "compiled";
  } catch (const Unsupported& error) {
    EXPECT_NE(std::string(error.what()).find("has no timestamps"), std::string::npos) << error.what();
  }
  EXPECT_NO_THROW(compile_program(device.data(), g, x * x, {.profile = false}));
  Model model({});
  EXPECT_THROW(write_trace("/nowhere/at/all.json", *model.program->data().profile, "D"), BadFile);
}

TEST(Profile, ClocksMayWrapAndTick) {
  EXPECT_EQ(vk::elapsed_ns(5, 12, 64, 1.0), 7.0);
  EXPECT_EQ(vk::elapsed_ns(5, 12, 64, 40.0), 280.0);
  EXPECT_EQ(vk::elapsed_ns(0xfffffffff0ull, 0x10, 40, 1.0), 32.0);
  EXPECT_EQ(vk::elapsed_ns(~0ull, 1, 64, 1.0), 2.0);
  EXPECT_EQ(vk::elapsed_ns((7ull << 36) + 3, 4, 36, 1.0), 1.0) << "bits that are not valid say nothing";
}

}  // namespace
}  // namespace volute
