// The commands around training, and manners: terminals and pipes, colours, quiet, completion, help.
#include <gmock/gmock.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tests/cli/process.hpp"

namespace volute::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::vector<std::string> commands{"train",   "generate", "evaluate", "export",    "import",    "inspect",
                                        "explain", "bench",    "devices",  "selfcheck", "completion"};

class Commands : public Cli {
 protected:
  void write_all() const {
    write_series();
    write("config.json", forecasting_config());
  }
};

TEST_F(Commands, HelpTeaches) {
  const std::string all = succeed({"--help"}).out;
  for (const std::string& command : commands) {
    EXPECT_THAT(all, HasSubstr("\n  " + command + " "));
    const std::string help = succeed({command, "--help"}).out;
    EXPECT_THAT(help, HasSubstr("Usage: volute " + command));
    EXPECT_TRUE(command == "devices" || help.find("\n  volute " + command) != std::string::npos) << help;
  }
  EXPECT_THAT(succeed({"--version"}).out, ::testing::MatchesRegex("volute [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  const auto schema = nlohmann::json::parse(succeed({"train", "--schema"}).out);
  EXPECT_EQ(schema.at("title"), "volute train CONFIG");
}

TEST_F(Commands, MistakesInArguments) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"train"},
                                             {"train", "nothing.json"},
                                             {"train", "."},
                                             {"generate", "nothing"},
                                             {"evaluate", "."},
                                             {"inspect", "nothing"},
                                             {"explain"},
                                             {"bench", "--rounds", "0"},
                                             {"completion", "tcsh"},
                                             {"train", "a", "b"},
                                             {"generate", "--length", "x", "."}}) {
    SCOPED_TRACE(::testing::PrintToString(arguments));
    const Result result = run(arguments);
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, ::testing::MatchesRegex("volute: [^\n]+\n"));
  }
}

TEST_F(Commands, OptionsThatWouldDoNothingAreMistakes) {
  write_all();
  write_text();
  write_reviews();
  write("text.json", language_config());
  write("labels.json", classification_config());
  succeed({"train", "config.json", "--out", "rows"});
  succeed({"train", "text.json", "--out", "text"});
  succeed({"train", "labels.json", "--out", "labels", "--set", "training.epochs=1"});
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"generate", "rows", "--prompt", "1"},
                                             {"generate", "rows", "--temperature", "0.8"},
                                             {"generate", "rows", "--seed", "2"},
                                             {"generate", "rows", "--length", "0"},
                                             {"generate", "labels", "--prompt", "fine", "--length", "3"},
                                             {"generate", "labels", "--prompt", "fine", "--seed", "3"},
                                             {"generate", "text", "--data", "text.txt"},
                                             {"export", "rows", "x.safetensors", "--length", "3"},
                                             {"export", "rows", "x.npz", "--batch", "2"},
                                             {"train", "config.json", "--schema"},
                                             {"train", "--schema", "--out", "x"}}) {
    SCOPED_TRACE(::testing::PrintToString(arguments));
    const Result result = run(arguments);
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, ::testing::MatchesRegex("volute: [^\n]*--[^\n]+\n"));
  }
}

TEST_F(Commands, Inspect) {
  write_all();
  succeed({"train", "config.json", "--out", "run"});
  const std::string text = succeed({"inspect", "run"}).out;
  EXPECT_THAT(text, HasSubstr("mingru.weight_ih_l0"));
  EXPECT_THAT(text, HasSubstr("[12, 2]"));
  EXPECT_THAT(text, HasSubstr("head.bias"));
  EXPECT_THAT(text, HasSubstr("config"));
  EXPECT_THAT(succeed({"inspect", "run/checkpoint.safetensors"}).out, HasSubstr("adam.m.0"));
  const auto json = nlohmann::json::parse(succeed({"inspect", "run/model.safetensors", "--json"}).out);
  EXPECT_EQ(json.at("tensors").size(), 4u);
  write("wrong.safetensors", "not at all");
  EXPECT_EQ(run({"inspect", "wrong.safetensors"}).status, 2);
  const std::string header = R"({"__metadata__":{"\u001b[31m":"x"}})";
  write("escape.safetensors", std::string(1, static_cast<char>(header.size())) + std::string(7, '\0') + header);
  EXPECT_THAT(succeed({"inspect", "escape.safetensors"}).out, Not(HasSubstr("\x1b")));
}

TEST_F(Commands, WeightsGoOutAndComeBack) {
  write_all();
  const std::string scores = succeed({"train", "config.json", "--out", "run"}).out;
  for (const std::string kind : {"safetensors", "npz"}) {
    const Result exported = run({"export", "run", "weights." + kind});
    if (exported.err.find("without the component") != std::string::npos) continue;
    ASSERT_EQ(exported.status, 0) << exported.err;
    EXPECT_THAT(succeed({"inspect", "weights." + kind}).out, HasSubstr("mingru.weight_ih_l0"));
    succeed({"import", "config.json", "weights." + kind, "--out", "from_" + kind});
    EXPECT_EQ(succeed({"evaluate", "from_" + kind}).out, scores);
  }
  const Result renamed = run({"import", "config.json", "weights.safetensors", "--rename", "head=fc", "--out", "none"});
  EXPECT_EQ(renamed.status, 2);
  EXPECT_THAT(renamed.err, HasSubstr("fc.weight"));
  EXPECT_THAT(run({"import", "config.json", "weights.safetensors", "--rename", "hat=fc"}).err, HasSubstr("mingru"));
  EXPECT_EQ(run({"import", "config.json", "weights.safetensors", "--out", "run"}).status, 2);
  EXPECT_EQ(run({"export", "run", "weights.pt"}).status, 2);
  EXPECT_THAT(run({"import", "config.json", "weights.pt", "--out", "none"}).err, HasSubstr("model.state_dict()"));
  EXPECT_THAT(run({"import", "config.json", "weights.onnx", "--out", "none"}).err, HasSubstr("with onnx::Model"));
  EXPECT_EQ(files().count("none"), 0u);
}

TEST_F(Commands, WhatUsesNoDataNeedsNone) {
  write_all();
  write_text();
  write("text.json", language_config());
  for (const std::string config : {"config", "text"}) succeed({"train", config + ".json"});
  for (const char* data : {"series.csv", "text.txt"}) std::filesystem::remove(folder_ / data);
  for (const std::string config : {"config", "text"}) {
    succeed({"export", config + "-run", config + ".safetensors"});
    EXPECT_THAT(run({"export", config + "-run", config + ".onnx"}).err, Not(HasSubstr("there is no")));
    EXPECT_EQ(run({"evaluate", config + "-run"}).status, 2);
  }
  succeed({"generate", "text-run", "--length", "3"});
  EXPECT_THAT(run({"generate", "config-run"}).err, HasSubstr("series.csv"));
}

TEST_F(Commands, Onnx) {
  write_all();
  write("gru.json", forecasting_config().replace(forecasting_config().find("mingru"), 6, "gru"));
  succeed({"train", "gru.json", "--out", "run"});
  const Result exported = run({"export", "run", "model.onnx", "--batch", "3"});
  if (exported.err.find("without the component") != std::string::npos) GTEST_SKIP() << exported.err;
  ASSERT_EQ(exported.status, 0) << exported.err;
  const std::string text = succeed({"inspect", "model.onnx"}).out;
  EXPECT_THAT(text, HasSubstr("f32 [6, 3, 2]"));
  EXPECT_THAT(text, HasSubstr("f32 [2, 3, 2]"));
  EXPECT_THAT(text, HasSubstr("GRU.weight_hh"));
}

TEST_F(Commands, Explain) {
  write_all();
  const std::string text = succeed({"explain", "config.json", "--set", "model.cell=gru"}).out;
  EXPECT_THAT(text, HasSubstr("gru.weight_hh_l0"));
  EXPECT_THAT(text, HasSubstr("loop over 6 steps, backward in time"));
  EXPECT_THAT(text, HasSubstr("arena: "));
}

TEST_F(Commands, Bench) {
  write_all();
  const auto json =
      nlohmann::json::parse(succeed({"bench", "config.json", "--seconds", "0.05", "--rounds", "3", "--json"}).out);
  const auto& result = json.at("results").at(0);
  EXPECT_GT(result.at("steps_per_second").get<double>(), 0);
  EXPECT_LE(result.at("fastest_seconds"), result.at("step_seconds"));
  EXPECT_LE(result.at("step_seconds"), result.at("slowest_seconds"));
  EXPECT_EQ(result.at("items_per_step"), 8);
  EXPECT_THAT(succeed({"bench", "config.json", "--seconds", "0.05"}).out, HasSubstr("windows"));
}

TEST_F(Commands, InAPipeLinesArePlain) {
  write_all();
  const Result result = succeed({"train", "config.json"});
  EXPECT_THAT(result.err, Not(HasSubstr("\r")));
  EXPECT_THAT(result.err + result.out, Not(HasSubstr("\033")));
  EXPECT_THAT(result.err, HasSubstr("step 20/20  loss "));
  EXPECT_THAT(result.out, ::testing::StartsWith("loss "));
}

TEST_F(Commands, ATerminalGetsOneLineAndColours) {
  write_all();
  const std::string coloured = succeed({"train", "config.json", "--out", "a"}, {.terminal = true}).out;
  EXPECT_THAT(coloured, HasSubstr("\r\033[32m####################"));
  const std::string plain =
      succeed({"train", "config.json", "--out", "b"}, {.environment = {"NO_COLOR=1"}, .terminal = true}).out;
  EXPECT_THAT(plain, HasSubstr("\r####################"));
  EXPECT_THAT(plain, Not(HasSubstr("\033[3")));
  const std::string asked = succeed({"train", "--no-color", "config.json", "--out", "c"}, {.terminal = true}).out;
  EXPECT_THAT(asked, Not(HasSubstr("\033[3")));
  // An empty NO_COLOR is none (no-color.org).
  EXPECT_THAT(run({"train", "nothing.json"}, {.environment = {"NO_COLOR="}, .terminal = true}).out,
              HasSubstr("\033[1;31mvolute:"));
}

TEST_F(Commands, LongWorkIsSeenOnATerminal) {
  write_all();
  succeed({"train", "config.json", "--out", "run"});
  const std::string scored = succeed({"evaluate", "run"}, {.terminal = true}).out;
  EXPECT_THAT(scored, HasSubstr("--------------------"));
  EXPECT_THAT(scored, HasSubstr("compiling"));
  EXPECT_THAT(scored, HasSubstr("\r\033[Kloss "));  // nothing of it stays
  EXPECT_THAT(succeed({"explain", "config.json"}, {.terminal = true}).out, HasSubstr("compiling"));
  const Result piped = succeed({"evaluate", "run"});
  EXPECT_THAT(piped.err, HasSubstr("scores of the data kept to test"));
  EXPECT_THAT(piped.err, Not(HasSubstr("compiling")));
  EXPECT_EQ(succeed({"evaluate", "run", "--quiet"}).err, "");
}

TEST_F(Commands, QuietLeavesResultsAlone) {
  write_all();
  for (const bool terminal : {false, true}) {
    const Result result =
        succeed({"-q", "train", "config.json", "--out", terminal ? "a" : "b"}, {.terminal = terminal});
    EXPECT_EQ(result.err, "");
    EXPECT_THAT(result.out, ::testing::StartsWith("loss "));
    EXPECT_THAT(result.out, Not(HasSubstr("step")));
  }
}

TEST_F(Commands, AReaderWhoLeavesIsNoError) {
  write_all();
  succeed({"train", "config.json", "--out", "run"});
  const Result result = run({"generate", "run", "--length", "20"}, {.no_reader = true});
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.status, 141);
  // Training goes on to its end.
  const Result trained = run({"train", "config.json", "--out", "again", "--quiet"}, {.no_reader = true});
  EXPECT_EQ(trained.err, "");
  EXPECT_TRUE(std::filesystem::exists(folder_ / "again/model.safetensors"));
}

/// What bash completes in place of the last word.
void complete(const std::filesystem::path& folder, const std::string& words, int last) {
  const std::string command = "cd '" + folder.string() + "' && bash -c 'source ./volute.bash; COMP_WORDS=(" + words +
                              "); COMP_CWORD=" + std::to_string(last) +
                              "; _volute; echo \"${COMPREPLY[*]}\"' > completed";
  EXPECT_EQ(std::system(command.c_str()), 0);
}

TEST_F(Commands, CompletionKnowsEveryOption) {
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const std::string script = succeed({"completion", shell}).out;
    for (const std::string& command : commands) EXPECT_THAT(script, HasSubstr(command)) << shell;
    for (const char* option : {"resume", "temperature", "thorough", "rounds", "quiet"})
      EXPECT_THAT(script, HasSubstr(option)) << shell;
    EXPECT_THAT(script, HasSubstr("training.lr=")) << shell;
    write("volute." + shell, script);
    const std::string checked = shell + " -n '" + (folder_ / ("volute." + shell)).string() + "'";
    const bool there = std::system(("command -v " + shell + " > /dev/null").c_str()) == 0;
    EXPECT_TRUE(!there || std::system(checked.c_str()) == 0) << shell;
  }
  complete(folder_, "volute gen", 1);
  EXPECT_EQ(read("completed"), "generate\n");
  complete(folder_, "volute train --re", 2);
  EXPECT_EQ(read("completed"), "--resume\n");
  complete(folder_, "volute train --set model.hid", 3);
  EXPECT_EQ(read("completed"), "model.hidden=\n");
  complete(folder_, "volute inspect volute.f", 2);
  EXPECT_EQ(read("completed"), "volute.fish\n");
}

}  // namespace
}  // namespace volute::test
