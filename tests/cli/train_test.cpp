// Runs of every task from config to folder, and that an interrupted run ends with the bits of one that was not.
#include <gmock/gmock.h>
#include <signal.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cli/process.hpp"

namespace volute::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Train : public Cli {
 protected:
  /// Interrupts once the run has saved a checkpoint.
  RunOptions interrupting(const std::string& run) const {
    return {.watch = [this, run, sent = false](pid_t process) mutable {
      if (sent || !std::filesystem::exists(folder_ / run / "checkpoint.safetensors")) return;
      sent = ::kill(process, SIGINT) == 0;
    }};
  }
};

double score(const Result& result, const std::string& name) {
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key;
    double value = 0;
    if (words >> key >> value && key == name) return value;
  }
  ADD_FAILURE() << "no " << name << " in " << result.out;
  return 0;
}

/// "validation_loss" of each row of a run's metrics.
std::vector<double> validation_losses(const std::string& metrics) {
  std::vector<double> losses;
  std::istringstream lines(metrics);
  for (std::string line; std::getline(lines, line);)
    losses.push_back(nlohmann::json::parse(line).at("validation_loss").get<double>());
  return losses;
}

TEST_F(Train, LanguageModel) {
  write_text();
  write("config.json", language_config("\"steps\": 60"));
  const Result result = succeed({"train", "config.json"});
  EXPECT_LT(score(result, "perplexity"), 20);
  const auto left = files();
  for (const char* name : {"config.json", "checkpoint.safetensors", "model.safetensors", "metrics.jsonl"})
    EXPECT_EQ(left.count(std::string("config-run/") + name), 1u) << name;
  for (const std::string& name : left)
    EXPECT_TRUE(name.rfind("config-run", 0) == 0 || name == "text.txt" || name == "config.json") << name;
  EXPECT_THAT(result.err, HasSubstr("step 60/60  loss "));
  EXPECT_THAT(result.err, HasSubstr(" bytes/s  0:00 left\n"));
  const std::string text = succeed({"generate", "config-run", "--prompt", "the ", "--length", "30"}).out;
  EXPECT_EQ(text.size(), 4 + 30 + 1u);
  EXPECT_EQ(text, succeed({"generate", "config-run", "--prompt", "the ", "--length", "30"}).out);
  EXPECT_NE(text, succeed({"generate", "config-run", "--prompt", "the ", "--length", "30", "--seed", "2"}).out);
  EXPECT_EQ(result.out, succeed({"evaluate", "config-run"}).out);
  EXPECT_EQ(run({"generate", "config-run", "--prompt", "THE"}).status, 2);
}

TEST_F(Train, WordModel) {
  write_text();
  write("config.json", R"({"language_model": {"text": ["text.txt"], "tokens": "words", "length": 4},
    "model": {"cell": "indrnn", "embedding": 4, "hidden": 8}, "training": {"batch": 4, "epochs": 20, "lr": 0.05}})");
  const Result result = succeed({"train", "config.json", "--quiet", "--out", "run"});
  EXPECT_LT(score(result, "perplexity"), 6);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(succeed({"generate", "run", "--prompt", "The quick", "--length", "5", "--temperature", "0.1"}).out,
              ::testing::StartsWith("the quick "));
}

TEST_F(Train, Classification) {
  write_reviews();
  write("config.json", classification_config());
  const Result result = succeed({"train", "config.json", "--set", "training.epochs=12"});
  EXPECT_GT(score(result, "accuracy"), 0.9);
  EXPECT_GT(score(result, "f1"), 0.9);
  EXPECT_EQ(score(succeed({"evaluate", "config-run"}), "loss"), score(result, "loss"));
  const auto json = nlohmann::json::parse(succeed({"evaluate", "config-run", "--data", "reviews.csv", "--json"}).out);
  EXPECT_GT(json.at("accuracy").get<double>(), 0.9);
  const std::string labels = succeed({"generate", "config-run", "--prompt", "-"},
                                     {.input = "the soup was fine\n\nthe view was awful, really\n"})
                                 .out;
  EXPECT_THAT(labels, ::testing::MatchesRegex("good\t0\\.[0-9]+\tthe soup was fine\nbad\t0\\.[0-9]+\tthe view.*\n"));
  write("other.csv", "text,label\nfine,splendid\n");
  EXPECT_THAT(run({"evaluate", "config-run", "--data", "other.csv"}).err, HasSubstr("splendid"));
}

TEST_F(Train, Forecasting) {
  write_series();
  write("config.json", forecasting_config());
  const Result result = succeed({"train", "config.json", "--set", "training.steps=200"});
  EXPECT_LT(score(result, "rmse"), score(result, "naive_rmse"));
  EXPECT_EQ(succeed({"evaluate", "config-run"}).out, result.out);
  const std::string next = succeed({"generate", "config-run", "--length", "5"}).out;
  EXPECT_THAT(next, ::testing::StartsWith("wave,ramp\n"));
  EXPECT_EQ(std::count(next.begin(), next.end(), '\n'), 6);
}

TEST_F(Train, EveryCellAndOptimizerTrains) {
  write_series();
  write("config.json", forecasting_config());
  int i = 0;
  for (const std::string setting :
       {"model.cell=lstm", "model.cell=gru", "model.cell=rnn", "model.cell=indrnn", "model.cell=minlstm",
        "training.optimizer=adamw", "training.optimizer=sgd", "training.optimizer=rmsprop",
        "training.optimizer=adagrad", "training.precision=bf16", "training.accumulate=2", "model.bidirectional=true",
        "model.layer_norm=true"})
    succeed({"train", "config.json", "--set", setting, "--set", "training.steps=4", "--set",
             "training.schedule=" + std::string(i % 3 ? i % 3 == 1 ? "cosine" : "one_cycle" : "step"), "--out",
             "run" + std::to_string(i++)});
}

TEST_F(Train, AnInterruptedRunGoesOnToTheSameBits) {
  write_text();
  write("config.json",
        language_config(R"("steps": 1200, "schedule": "cosine", "early_stopping": 100, "autosave_steps": 40)"));
  succeed({"train", "config.json", "--out", "whole"});
  const Result stopped = run({"train", "config.json", "--out", "cut"}, interrupting("cut"));
  ASSERT_EQ(stopped.status, 130) << stopped.err;
  EXPECT_THAT(stopped.err, HasSubstr("go on with: volute train cut --resume"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "cut/model.safetensors"));
  EXPECT_THAT(run({"train", "config.json", "--out", "cut"}).err, HasSubstr("there is a run already"));
  const Result resumed = succeed({"train", "cut", "--resume"});
  EXPECT_THAT(resumed.err, HasSubstr("resumed after step "));
  // Metadata holds paths that are the same: the files are equal as a whole.
  EXPECT_EQ(read("cut/model.safetensors"), read("whole/model.safetensors"));
}

TEST_F(Train, AFinishedRunMayBeGivenMoreSteps) {
  write_series();
  write("config.json", forecasting_config());
  succeed({"train", "config.json", "--out", "run", "--set", "training.validate_every=10"});
  const Result more = succeed({"train", "run", "--resume", "--set", "training.steps=30"});
  succeed(
      {"train", "config.json", "--out", "whole", "--set", "training.validate_every=10", "--set", "training.steps=30"});
  EXPECT_EQ(score(succeed({"evaluate", "run"}), "loss"), score(succeed({"evaluate", "whole"}), "loss"));
  EXPECT_EQ(score(more, "loss"), score(succeed({"evaluate", "run"}), "loss"));
}

TEST_F(Train, TheLastStepMayBeTheBest) {
  write_series();
  write("config.json", forecasting_config());
  const auto train = [&](const std::string& run, const std::string& patience) {
    return succeed({"train", "config.json", "--out", run, "--set", "training.steps=25", "--set",
                    "training.validate_every=10", "--set", "training.early_stopping=" + patience});
  };
  const std::string without = train("without", "0").out;
  const auto losses = validation_losses(read("without/metrics.jsonl"));
  ASSERT_EQ(std::min_element(losses.begin(), losses.end()) + 1, losses.end());
  EXPECT_EQ(train("with", "50").out, without);
  // Also when nothing is left to do but to write the model again.
  EXPECT_EQ(succeed({"train", "with", "--resume"}).out, without);
  // The look at step 25 is none of a run that goes on.
  succeed({"train", "with", "--resume", "--set", "training.steps=40"});
  succeed({"train", "config.json", "--out", "whole", "--set", "training.steps=40", "--set",
           "training.validate_every=10", "--set", "training.early_stopping=50"});
  EXPECT_EQ(succeed({"evaluate", "with"}).out, succeed({"evaluate", "whole"}).out);
}

TEST_F(Train, AResumeThatIsRefusedChangesNothing) {
  write_series();
  write("config.json", forecasting_config());
  succeed({"train", "config.json", "--out", "run", "--set", "training.schedule=cosine"});
  const std::string before = read("run/config.json");
  for (const char* steps : {"training.steps=90", "training.steps=1"}) {
    EXPECT_EQ(run({"train", "run", "--resume", "--set", steps}).status, 2) << steps;
    EXPECT_EQ(read("run/config.json"), before) << steps;
  }
  succeed({"train", "run", "--resume"});
}

TEST_F(Train, FilesOfTheUsersOwnStay) {
  write_series();
  write("config.json", forecasting_config());
  const Result here = run({"train", "config.json", "--out", "."});
  EXPECT_EQ(here.status, 2);
  EXPECT_THAT(here.err, HasSubstr("config.json: is there already"));
  EXPECT_EQ(read("config.json"), forecasting_config());
  succeed({"train", "config.json", "--out", "run"});
  const std::string model = read("run/model.safetensors");
  const Result over = run({"export", "run", "run/model.safetensors"});
  EXPECT_EQ(over.status, 2);
  EXPECT_THAT(over.err, HasSubstr("is the model that would be exported"));
  EXPECT_EQ(read("run/model.safetensors"), model);
}

TEST_F(Train, WhatABitDependsOnMayNotChange) {
  write_series();
  write("config.json", forecasting_config());
  succeed({"train", "config.json", "--out", "run"});
  const Result other = run({"train", "run", "--resume", "--set", "model.hidden=7"});
  EXPECT_EQ(other.status, 2);
  EXPECT_THAT(other.err, HasSubstr("model.hidden: was 6 when the run in run began"));
  write("series.csv", read("series.csv") + "120,0,0\n");
  EXPECT_THAT(run({"train", "run", "--resume"}).err, HasSubstr("forecasting: the data are not those"));
  const Result scored = run({"evaluate", "run"});
  EXPECT_EQ(scored.status, 2);
  EXPECT_EQ(scored.out, "");
  EXPECT_THAT(scored.err, HasSubstr("run/model.safetensors: its data are not those it was trained on"));
  succeed({"evaluate", "run", "--data", "series.csv"});
  EXPECT_THAT(run({"train", "config.json", "--out", "none", "--resume"}).err, HasSubstr("there is no run in none"));
}

TEST_F(Train, NothingIsChosenByWhatTests) {
  write_series();
  write("config.json", forecasting_config());
  const double one = score(succeed({"train", "config.json", "--out", "one"}), "loss");
  EXPECT_NE(one, validation_losses(read("one/metrics.jsonl")).back());
  std::string series = read("series.csv");
  for (std::size_t row = series.find("\n110,"); row != std::string::npos; row = series.find("\n11", row + 1))
    series.insert(series.rfind(',', series.find('\n', row + 1)) + 1, "5");
  write("series.csv", series);
  const double other = score(succeed({"train", "config.json", "--out", "other"}), "loss");
  EXPECT_EQ(validation_losses(read("one/metrics.jsonl")), validation_losses(read("other/metrics.jsonl")));
  EXPECT_NE(other, one);
}

TEST_F(Train, WithoutATestPartScoresAreOfWhatValidates) {
  write_series();
  write("config.json", forecasting_config());
  const Result result = succeed({"train", "config.json", "--set", "forecasting.test=0", "--out", "run"});
  EXPECT_NEAR(score(result, "loss"), validation_losses(read("run/metrics.jsonl")).back(), 1e-5);
  EXPECT_THAT(succeed({"evaluate", "run"}).err, HasSubstr("the data that validated"));
  write_text();
  write("text.json", language_config());
  EXPECT_THAT(succeed({"train", "text.json", "--check"}).err, HasSubstr(" from, 180 to validate, 180 to test"));
  EXPECT_THAT(succeed({"train", "text.json", "--check", "--set", "language_model.test=0"}).err,
              HasSubstr("1,620 bytes to learn from, 180 to validate; "));
}

TEST_F(Train, CheckTrainsNothing) {
  write_text();
  write("config.json", language_config());
  const auto before = files();
  const Result result = succeed({"train", "config.json", "--check"});
  EXPECT_THAT(result.err, HasSubstr("all is right with config.json"));
  EXPECT_EQ(files(), before);
}

TEST_F(Train, ALossThatIsNoNumberIsAnErrorWithAHint) {
  write_series();
  write("config.json", forecasting_config());
  const Result result = run({"train", "config.json", "--set", "training.optimizer=sgd", "--set", "training.lr=1000",
                             "--set", "training.clip_norm=0", "--set", "training.schedule=constant", "--set",
                             "model.cell=rnn", "--set", "model.activation=identity", "--set", "training.steps=200"});
  EXPECT_EQ(result.status, 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr("a smaller training.lr"));
}

}  // namespace
}  // namespace volute::test
