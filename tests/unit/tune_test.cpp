// The tuner: it finds the faster candidate, keeps the choice in a file, and mistrusts files of anything else. And a
// program compiled with it: the same bits, and a plan that says what was timed.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <volute/volute.hpp>

#include "engine/compile/program_data.hpp"
#include "engine/compile/tune.hpp"
#include "engine/environment.hpp"
#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

using nlohmann::json;

std::string fresh_file(const std::string& name) {
  const std::string path = environment().cache_dir + "/" + name;
  std::filesystem::remove(path);
  return path;
}

Tuner tuner_of(const std::string& file) { return {device().data()->context, *device().data()->pipelines, file}; }

/// A kernel that computes for about `rounds` times as long as one with 1.
Dispatch busy(const Storage& storage, int rounds) {
  Dispatch d;
  d.label = "busy";
  d.source = "#version 450\nlayout(local_size_x = 64) in;\nlayout(set = 0, binding = 0) buffer B { float x[]; };\n"
             "layout(push_constant) uniform Push { uint t; } pc;\nvoid main() {\n"
             "  const uint i = gl_GlobalInvocationID.x + pc.t;\n  float v = x[i];\n  for (uint r = 0u; r < " +
             std::to_string(rounds) + "u; ++r) v = v * 0.999 + sin(v);\n  x[i] = v;\n}\n";
  d.bindings = {{&storage, vk::BindingKind::storage}};
  d.push = {{0, 64, 0, 0}};
  d.groups[0] = 16;
  d.touches = {{&storage, static_cast<std::int64_t>(storage.bytes), true, false, false}};
  return d;
}

struct Pair {
  Storage storage{.id = 0, .bytes = 64 * 24 * 4, .name = "values"};
  std::vector<Candidate> slow_first{
      {"slow", {{.dispatches = {busy(storage, 20000)}}}},
      {"fast", {{.length = 8, .steps = 8, .reverse = true, .dispatches = {busy(storage, 2)}}}}};
};

TEST(Tuner, PicksTheFasterCandidateAndKeepsTheChoice) {
  const std::string file = fresh_file("tune.json");
  Pair pair;
  {
    Tuner tuner = tuner_of(file);
    const Choice choice = tuner.pick("work", pair.slow_first);
    EXPECT_EQ(choice.index, 1u);
    EXPECT_TRUE(choice.timed);
    EXPECT_EQ(tuner.timings(), 2);
    EXPECT_EQ(tuner.pick("work", pair.slow_first).index, 1u);
    EXPECT_EQ(tuner.timings(), 2) << "known by now";
  }
  std::ifstream text(file);
  const json kept = json::parse(text);
  EXPECT_EQ(kept.at("device"), device().name());
  ASSERT_EQ(kept.at("choices").size(), 1u);
  const auto choice = kept.at("choices").begin();
  EXPECT_EQ(choice.key().find("work #"), 0u) << choice.key();
  EXPECT_EQ(choice.value().at("choice"), "fast");
  EXPECT_GT(choice.value().at("seconds").at("slow"), 0.0);

  Tuner again = tuner_of(file);
  EXPECT_EQ(again.pick("work", pair.slow_first).index, 1u);
  EXPECT_EQ(again.timings(), 0) << "the file knows";
  EXPECT_TRUE(again.pick("other work", pair.slow_first).timed);
  EXPECT_EQ(again.timings(), 2);
}

TEST(Tuner, TheFirstIsTakenAmongEquals) {
  Pair pair;
  Tuner tuner = tuner_of(fresh_file("equals.json"));
  std::vector<Candidate> candidates{pair.slow_first[1], pair.slow_first[0]};
  EXPECT_EQ(tuner.pick("work", candidates).index, 0u);
  candidates.pop_back();
  const Choice only = tuner.pick("alone", candidates);
  EXPECT_EQ(only.index, 0u);
  EXPECT_FALSE(only.timed) << "nothing to compare";
  std::vector<Candidate> cut{pair.slow_first[0], pair.slow_first[0]};
  cut[0].name = "whole";
  cut[0].scale = 100;
  EXPECT_EQ(tuner.pick("cut", cut).index, 1u) << "a cut loop counts as what it stands for";
}

TEST(Tuner, OtherKernelsAreTimedAgain) {
  const std::string file = fresh_file("kernels.json");
  Pair pair;
  EXPECT_TRUE(tuner_of(file).pick("work", pair.slow_first).timed);
  pair.slow_first[0].sections[0].dispatches[0] = busy(pair.storage, 30000);
  Tuner tuner = tuner_of(file);
  EXPECT_EQ(tuner.pick("work", pair.slow_first).index, 1u);
  EXPECT_EQ(tuner.timings(), 2);
}

TEST(Tuner, MistrustsFilesThatAreDamagedOrOfSomethingElse) {
  const std::string file = fresh_file("damaged.json");
  Pair pair;
  EXPECT_TRUE(tuner_of(file).pick("work", pair.slow_first).timed);
  json good;
  std::ifstream(file) >> good;
  std::vector<std::string> texts{"", "{", "[1, 2]", "{\"device\": 3}", good.dump().substr(0, good.dump().size() / 2)};
  for (const char* field : {"device", "driver", "volute"}) {
    json other = good;
    other[field] = "another";
    texts.push_back(other.dump());
  }
  json wrong = good;
  wrong["choices"].begin().value()["choice"] = 7;
  texts.push_back(wrong.dump());
  for (const std::string& text : texts) {
    std::ofstream(file) << text;
    Tuner tuner = tuner_of(file);
    EXPECT_EQ(tuner.pick("work", pair.slow_first).index, 1u) << text;
    EXPECT_EQ(tuner.timings(), 2) << text;
    json mended;
    std::ifstream(file) >> mended;
    EXPECT_EQ(mended.at("choices").begin().value().at("choice"), "fast") << text;
  }
}

TEST(Tuner, WithoutAFileItRemembersWhileItLives) {
  Pair pair;
  Tuner tuner = tuner_of("");
  EXPECT_EQ(tuner.pick("work", pair.slow_first).index, 1u);
  EXPECT_EQ(tuner.pick("work", pair.slow_first).index, 1u);
  EXPECT_EQ(tuner.timings(), 2);
}

struct Trained {
  std::vector<std::vector<float>> weights;
  std::string plan;
};

Trained train(const CompileOptions& options) {
  manual_seed(11);
  nn::LSTM lstm(96, 128);
  Graph g;
  const Tensor x = g.input("x", {64, 32, 96});
  const Tensor y = lstm(x), loss = mean(y * y);
  Program program = compile_program(device().data(), g, minimize(loss, SGD{.lr = 0.5f}), options);
  for (std::uint32_t step = 0; step < 2; ++step) program.run({{x, random_values(64 * 32 * 96, step)}});
  Trained result{{}, program.explain()};
  for (const Parameter& p : lstm.parameters()) result.weights.push_back(p.values());
  return result;
}

TEST(TunedPrograms, HaveTheSameBitsAndSayWhatWasTimed) {
  for (const char* family : {"texel", "shared"}) {
    CompileOptions options;
    options.matmul = family;
    options.tune = false;
    const Trained plain = train(options);
    options.tune = true;
    const Trained tuned = train(options);
    EXPECT_EQ(plain.weights, tuned.weights) << family;
    EXPECT_EQ(plain.plan.find("timed"), std::string::npos);
    EXPECT_NE(tuned.plan.find(", timed"), std::string::npos) << tuned.plan;
    EXPECT_NE(plain.plan.find(std::string(", ") + family + " "), std::string::npos) << plain.plan;
  }
}

}  // namespace
}  // namespace volute::test
