// The check against floors: a made-up floor above the result must fail, and a check of nothing must not pass.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/bench/floors.hpp"
#include "tests/bench/rows.hpp"

namespace volute::bench {
namespace {

const auto all = [](const std::string&) { return true; };

Results measured() {
  Results r;
  r.setting = {"2026-01-01", "D", "driver 1", "cpu", "PyTorch", 2};
  r.steps = {{"fast", false, 1e9, 10, {10, 9, 11}, Spread{20, 19, 21}},
             {"slow", false, 1e9, 10, {10, 9, 11}, Spread{5, 4, 6}},
             {"alone", true, 1e9, 10, {10, 9, 11}, std::nullopt}};
  return r;
}

TEST(Floors, HoldOrNameEveryRowBelow) {
  EXPECT_TRUE(below_floors(measured(), {{"fast", 1.9}, {"slow", 0.5}}, all).empty());
  const auto below = below_floors(measured(), {{"fast", 2.1}, {"slow", 0.51}}, all);
  ASSERT_EQ(below.size(), 2u);
  EXPECT_EQ(below[0], "fast: 2.00 times the peer, floor 2.10");
  EXPECT_EQ(below[1], "slow: 0.50 times the peer, floor 0.51");
}

TEST(Floors, DoNotPassUnmeasured) {
  EXPECT_EQ(below_floors(measured(), {{"gone", 0.1}, {"fast", 1}}, all),
            std::vector<std::string>{"gone: has a floor and was not measured"});
  EXPECT_EQ(below_floors(measured(), {{"alone", 0.1}}, all),
            std::vector<std::string>{"alone: was not compared with the peer"});
  EXPECT_EQ(below_floors(measured(), {}, all), std::vector<std::string>{"no row with a floor was measured"});
  Results broken = measured();
  broken.steps[0].peer_ms->median = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(below_floors(broken, {{"fast", 0.1}}, all).size(), 1u);
}

TEST(Floors, OfRowsLeftOutOnPurposeSayNothing) {
  const auto wanted = [](const std::string& name) { return name == "fast"; };
  EXPECT_TRUE(below_floors(measured(), {{"fast", 1}, {"slow", 9}, {"gone", 9}}, wanted).empty());
}

TEST(Floors, AreReadByClass) {
  const auto path = (std::filesystem::temp_directory_path() / ("floors_" + std::to_string(getpid()))).string();
  std::ofstream(path) << R"({"cpu": {"fast": 1.5}, "discrete": {"fast": "x"}})";
  EXPECT_EQ(read_floors(path, "cpu"), (Floors{{"fast", 1.5}}));
  EXPECT_THROW(read_floors(path, "discrete"), std::runtime_error);
  EXPECT_THROW(read_floors(path, "integrated"), std::runtime_error);
  std::filesystem::remove(path);
  EXPECT_THROW(read_floors(path, "cpu"), std::runtime_error);
}

TEST(Floors, CommittedOnesNameRowsThatExist) {
  const Floors floors = read_floors(VOLUTE_SOURCE_DIR "/tests/bench/floors.json", "cpu");
  EXPECT_GE(floors.size(), 7u);
  for (const auto& [name, floor] : floors) {
    EXPECT_GT(floor, 0.0) << name;
    EXPECT_TRUE(std::any_of(step_rows().begin(), step_rows().end(),
                            [&, row = name](const StepRow& known) { return known.name() == row; }))
        << name;
  }
}

TEST(Statistics, AreMediansAndQuartiles) {
  const Spread s = spread({5, 1, 4, 2, 3});
  EXPECT_EQ(s.median, 3);
  EXPECT_EQ(s.low, 2);
  EXPECT_EQ(s.high, 4);
  EXPECT_EQ(spread({1, 2}).median, 1.5);
  EXPECT_DOUBLE_EQ(geometric_mean({1, 4}), 2);
}

TEST(Results, HaveTheirRatiosInBothForms) {
  Results results = measured();
  results.steps[0].shares = Shares{1, 2, 4, 3};
  const std::string text = markdown(results);
  EXPECT_NE(text.find("| fast | 10.0 | 10 % | 20 % | 40 % | 30 % |"), std::string::npos) << text;
  EXPECT_NE(text.find("| fast | 10.0 (9.00 to 11.0) | 20.0 (19.0 to 21.0) | 2.00 | 100 | 1000 |"), std::string::npos)
      << text;
  EXPECT_NE(text.find("Geometric mean of peer / Volute: 1.00"), std::string::npos) << text;
  const auto parsed = nlohmann::json::parse(json(measured()));
  EXPECT_EQ(parsed.at("steps").at(1).at("ratio"), 0.5);
  EXPECT_FALSE(parsed.at("steps").at(2).contains("ratio"));
  EXPECT_FALSE(parsed.contains("geometric_mean_of_layers"));
  EXPECT_DOUBLE_EQ(parsed.at("geometric_mean_of_models"), 1);
}

}  // namespace
}  // namespace volute::bench
