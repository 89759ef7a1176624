// The char_lm program as a user runs it: files and exit statuses of good runs, wrong uses and Ctrl-C.
// Invariant: every run works in a folder of its own, so that what it wrote, or did not, can be listed.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include <volute/volute.hpp>

#include "engine/io/checksum.hpp"

extern char** environ;

namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

constexpr auto patience = std::chrono::minutes(5);

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Result {
  int status = -1;  ///< exit status, or 128 + signal
  std::string out, err;
};

class CharLm : public ::testing::Test {
 protected:
  CharLm() {
    const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    base_ = fs::path(::testing::TempDir()) / ("volute_char_lm_" + name + "_" + std::to_string(::getpid()));
    folder_ = base_ / "work";
    fs::remove_all(base_);
    fs::create_directories(folder_);
    std::ofstream text(folder_ / "text");
    for (int i = 0; i < 60; ++i) text << "the quick brown fox jumps over the lazy dog.\n";
  }
  ~CharLm() override { fs::remove_all(base_); }

  /// Runs char_lm in the folder. `watch` is called with its process now and then while it runs.
  Result run(const std::vector<std::string>& arguments, const std::function<void(pid_t)>& watch = {}) const {
    const std::string out = base_ / "out", err = base_ / "err";
    std::vector<std::string> words{CHAR_LM_PATH};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addchdir_np(&actions, folder_.c_str());
    pid_t process = 0;
    const int error = posix_spawn(&process, CHAR_LM_PATH, &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
      ADD_FAILURE() << CHAR_LM_PATH << " cannot be started";
      return {};
    }
    const int status = wait_for(process, watch);
    const Result result{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read(out), read(err)};
    // The tests run under the validation layer, which speaks on standard error.
    EXPECT_THAT(result.err, ::testing::Not(HasSubstr("volute: validation")));
    return result;
  }

  static int wait_for(pid_t process, const std::function<void(pid_t)>& watch) {
    const auto start = std::chrono::steady_clock::now();
    int status = 0;
    while (waitpid(process, &status, WNOHANG) == 0) {
      if (watch) watch(process);
      if (std::chrono::steady_clock::now() - start > patience) {
        ADD_FAILURE() << "char_lm does not end";
        kill(process, SIGKILL);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return status;
  }

  static std::vector<std::string> tiny(const std::vector<std::string>& more) {
    std::vector<std::string> all{"--text",   "text", "--embed", "3",    "--hidden",        "5", "--batch", "4",
                                 "--length", "8",    "--lr",    "0.02", "--sample-length", "20"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) names.insert(entry.path().filename());
    return names;
  }
  std::string standard_error() const { return read(base_ / "err"); }

  /// One line on standard error that contains `reason`, status 2, nothing written.
  void expect_refused(const std::vector<std::string>& arguments, const std::string& reason) const {
    SCOPED_TRACE(::testing::PrintToString(arguments));
    const auto before = files();
    const Result result = run(arguments);
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, HasSubstr(reason));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_EQ(files(), before);
  }

  fs::path base_, folder_;
};

TEST_F(CharLm, TrainsReportsSavesAndSamples) {
  const Result result = run(tiny({"--steps", "40", "--out", "model.st", "--metrics", "metrics.jsonl", "--sample-out",
                                  "sample.txt", "--dropout", "0.1", "--layers", "2"}));
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(files(), (std::set<std::string>{"text", "model.st", "metrics.jsonl", "sample.txt"}));
  EXPECT_EQ(result.out.size(), 21u);  // 20 characters and a new line
  EXPECT_EQ(read(folder_ / "sample.txt"), result.out);
  EXPECT_THAT(result.err, HasSubstr("step 40/40  loss "));
  EXPECT_THAT(result.err, HasSubstr("over all 269 characters of the validation text"));
  EXPECT_THAT(result.err, ::testing::Not(HasSubstr("\r")));

  std::ifstream metrics(folder_ / "metrics.jsonl");
  std::int64_t last_step = 0;
  double first_loss = 0, loss = 0, seconds = 0;
  for (std::string line; std::getline(metrics, line);) {
    const auto json = nlohmann::json::parse(line);
    ASSERT_EQ(json.size(), 7u) << line;
    EXPECT_EQ(json.at("lr").get<double>(), 0.02);
    EXPECT_GT(json.at("gradient_norm").get<double>(), 0);
    EXPECT_GT(json.at("step").get<std::int64_t>(), last_step);
    EXPECT_GE(json.at("seconds").get<double>(), seconds);
    EXPECT_GT(json.at("validation_loss").get<double>(), 0);
    EXPECT_GT(json.at("tokens_per_second").get<double>(), 0);
    last_step = json.at("step");
    seconds = json.at("seconds");
    loss = json.at("loss");
    if (first_loss == 0) first_loss = loss;
  }
  EXPECT_EQ(last_step, 40);
  EXPECT_LT(loss, first_loss);
}

#ifdef VOLUTE_HAS_INTERCHANGE
TEST_F(CharLm, LeavesEventsAChartAndATableOfItsLosses) {
  const std::vector<std::string> files{"--metrics", "run.csv", "--events", "events", "--chart", "loss.svg"};
  std::vector<std::string> arguments = tiny({"--steps", "20", "--checkpoint", "run.st", "--clip", "0"});
  arguments.insert(arguments.end(), files.begin(), files.end());
  ASSERT_EQ(run(arguments).status, 0);
  std::vector<std::string> more{"--text", "text", "--checkpoint", "run.st", "--resume", "--steps", "30"};
  more.insert(more.end(), files.begin(), files.end());
  const Result resumed = run(more);
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  const std::string csv = read(folder_ / "run.csv");
  EXPECT_EQ(csv.find("step,loss,validation_loss,tokens_per_second,seconds,lr\n1,"), 0u);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1 + 20 + 5);
  EXPECT_THAT(read(folder_ / "loss.svg"), HasSubstr("</svg>"));
  int event_files = 0;
  for (const auto& entry : fs::directory_iterator(folder_ / "events")) {
    const std::string events = read(entry.path());
    for (const char* text : {"brain.Event:2", "loss/train", "loss/validation", "head/weight", "| hidden | 5 |"})
      EXPECT_THAT(events, HasSubstr(text));
    ++event_files;
  }
  EXPECT_EQ(event_files, 2);
  expect_refused(tiny({"--steps", "5", "--chart", "loss.pdf"}), "must end in .svg or .png");
  expect_refused(tiny({"--steps", "5", "--events", "text"}), "is no folder");
}
#endif

TEST_F(CharLm, EveryCellTrains) {
  for (const std::string cell : {"lstm", "gru", "rnn"}) {
    const Result result = run(tiny({"--cell", cell, "--steps", "3", "--out", cell}));
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_THAT(read(folder_ / cell), HasSubstr('"' + cell + ".weight_ih_l0\""));
  }
}

TEST_F(CharLm, ALoadedModelSamplesTheSameText) {
  ASSERT_EQ(run(tiny({"--steps", "30", "--out", "model.st", "--cell", "gru"})).status, 0);
  const auto sample = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"--load", "model.st", "--steps", "0", "--sample-length", "30"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Result result = run(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  };
  const std::string text = sample({"--seed", "7", "--prompt", "the "});
  EXPECT_EQ(text.size(), 4 + 30 + 1u);
  EXPECT_THAT(text, ::testing::StartsWith("the "));
  EXPECT_EQ(text, sample({"--seed", "7", "--prompt", "the "}));
  EXPECT_NE(text, sample({"--seed", "8", "--prompt", "the "}));
  EXPECT_EQ(files(), (std::set<std::string>{"text", "model.st"}));
}

TEST_F(CharLm, TrainingGoesOnFromALoadedModel) {
  ASSERT_EQ(run(tiny({"--steps", "60", "--out", "first.st"})).status, 0);
  // A text with fewer characters: its tokens must be the model's, not its own.
  std::ofstream(folder_ / "part") << std::string(300, 'o') + std::string(100, 'x');
  const Result result = run({"--load", "first.st", "--text", "part", "--steps", "3", "--batch", "2", "--length", "4",
                             "--sample-length", "5", "--out", "second.st"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(fs::file_size(folder_ / "first.st"), fs::file_size(folder_ / "second.st"));
}

TEST_F(CharLm, TwoRunsWithOneSeedGiveOneModel) {
  for (const std::string out : {"a", "b"})
    ASSERT_EQ(run(tiny({"--steps", "20", "--dropout", "0.2", "--layers", "2", "--seed", "5", "--out", out})).status, 0);
  EXPECT_EQ(read(folder_ / "a"), read(folder_ / "b"));
}

/// The model of tiny(), with an output layer whose sums are beyond f32.
void overflow(const std::string& path) {
  const volute::io::Metadata metadata = volute::io::read_metadata(path);
  const auto vocab = static_cast<std::int64_t>(nlohmann::json::parse(metadata.at("vocabulary")).size());
  const volute::nn::Embedding embed(vocab, 3);
  const volute::nn::LSTM lstm(3, 5);
  const volute::nn::Linear head(5, vocab);
  const std::vector<volute::io::Entry> parts{{"embed", embed}, {"lstm", lstm}, {"head", head}};
  volute::io::load(path, parts);
  for (volute::Parameter p : head.parameters())
    p.set(std::vector<float>(static_cast<std::size_t>(p.shape().elements()), 3e38f));
  volute::io::save(path, parts, metadata);
}

TEST_F(CharLm, NamesWhereAStepIsNotFinite) {
  ASSERT_EQ(run(tiny({"--steps", "200", "--out", "model.st"})).status, 0);
  overflow(folder_ / "model.st");
  const auto arguments = tiny({"--steps", "3", "--load", "model.st", "--out", "next.st"});
  const Result stopped = run(arguments);
  EXPECT_EQ(stopped.status, 1);
  EXPECT_THAT(stopped.err, HasSubstr("step 1 was not finite: loss nan"));
  EXPECT_THAT(stopped.err, HasSubstr("; first: "));
  EXPECT_THAT(stopped.err, HasSubstr("parameter "));
  EXPECT_FALSE(files().contains("next.st"));
  auto skipping = arguments;
  skipping.insert(skipping.end(), {"--non-finite", "skip"});
  EXPECT_THAT(run(skipping).err, HasSubstr("it has changed nothing"));
  EXPECT_TRUE(files().contains("next.st"));
}

TEST_F(CharLm, CtrlCStopsSavesAndSamples) {
  bool sent = false;
  const Result result = run(tiny({"--steps", "4000", "--out", "model.st"}), [&](pid_t process) {
    if (sent || standard_error().find("step ") == std::string::npos) return;
    kill(process, SIGINT);
    sent = true;
  });
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, ContainsRegex("stopped after step [0-9]+"));
  EXPECT_EQ(result.out.size(), 21u);
  EXPECT_TRUE(fs::exists(folder_ / "model.st"));
  EXPECT_EQ(run({"--load", "model.st", "--steps", "0"}).status, 0);
}

TEST_F(CharLm, AResumedRunEndsWithTheSameModelAndMetrics) {
  const std::vector<std::string> more{"--dropout", "0.2", "--layers", "2", "--seed", "9"};
  const auto with = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Result result = run(tiny(arguments));
    ASSERT_EQ(result.status, 0) << result.err;
  };
  with({"--steps", "47", "--out", "whole.st", "--metrics", "whole.jsonl"});
  with({"--steps", "18", "--checkpoint", "run.st", "--metrics", "run.jsonl"});
  std::ofstream(folder_ / "run.jsonl", std::ios::app) << "{\"step\":20,\"loss\":1}\n{\"step\":";  // killed later
  const Result resumed = run({"--text", "text", "--checkpoint", "run.st", "--resume", "--steps", "47", "--out",
                              "part.st", "--metrics", "run.jsonl", "--sample-length", "20"});
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_THAT(resumed.err, HasSubstr("resumed after step 18"));
  EXPECT_EQ(read(folder_ / "part.st"), read(folder_ / "whole.st"));
  // Reports come every third step of 47; those after the stop are the same but for their times.
  const auto losses = [&](const std::string& name) {
    std::map<std::int64_t, std::pair<double, double>> all;
    std::ifstream metrics(folder_ / name);
    std::int64_t last = 0;
    for (std::string line; std::getline(metrics, line);) {
      const auto json = nlohmann::json::parse(line);
      EXPECT_GT(json.at("step").get<std::int64_t>(), last);
      last = json.at("step");
      all[last] = {json.at("loss"), json.at("validation_loss")};
    }
    return all;
  };
  const auto whole = losses("whole.jsonl"), part = losses("run.jsonl");
  for (const std::int64_t step : {21, 24, 27, 30, 33, 36, 39, 42, 45, 47})
    EXPECT_EQ(part.at(step), whole.at(step)) << step;
  EXPECT_EQ(files(), (std::set<std::string>{"text", "whole.st", "whole.jsonl", "run.st", "run.jsonl", "part.st",
                                            "run.previous.st"}));

  // The steps are the last run's, so nothing is left to train: it validates, saves and samples.
  fs::create_symlink("run.jsonl", folder_ / "link");
  const std::string metrics = read(folder_ / "run.jsonl");
  const Result again = run({"--text", "text", "--checkpoint", "run.st", "--resume", "--out", "again.st", "--metrics",
                            "link"});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(read(folder_ / "again.st"), read(folder_ / "whole.st"));
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(read(folder_ / "run.jsonl"), metrics);
  EXPECT_EQ(run({"--load", "run.st", "--steps", "0"}).status, 0);
}

TEST_F(CharLm, CtrlCAndKillsLeaveCheckpointsToGoOnFrom) {
  ASSERT_EQ(run(tiny({"--steps", "400", "--out", "whole.st"})).status, 0);
  const auto stop_with = [&](int signal, std::vector<std::string> arguments) {
    bool sent = false;
    return run(arguments, [&](pid_t process) {
      if (sent || !fs::exists(folder_ / "run.previous.st")) return;
      if (standard_error().find("step ") == std::string::npos) return;
      kill(process, signal);
      sent = true;
    });
  };
  const std::vector<std::string> go_on{"--text", "text", "--checkpoint", "run.st", "--resume", "--sample-length", "20",
                                       "--autosave-steps", "1", "--out", "part.st"};
  const Result killed = stop_with(SIGKILL, tiny({"--steps", "400", "--checkpoint", "run.st", "--autosave-steps", "1"}));
  EXPECT_EQ(killed.status, 128 + SIGKILL);
  const Result interrupted = stop_with(SIGINT, go_on);
  EXPECT_EQ(interrupted.status, 0) << interrupted.err;
  EXPECT_THAT(interrupted.err, ContainsRegex("stopped after step [0-9]+"));
  const Result last = run(go_on);
  ASSERT_EQ(last.status, 0) << last.err;
  EXPECT_EQ(read(folder_ / "part.st"), read(folder_ / "whole.st"));
}

TEST_F(CharLm, RefusesCheckpointsThatDoNotFit) {
  ASSERT_EQ(run(tiny({"--steps", "3", "--checkpoint", "run.st", "--out", "model.st"})).status, 0);
  std::ofstream(folder_ / "other") << read(folder_ / "text") << "the end";
  std::ofstream(folder_ / "broken") << read(folder_ / "run.st").substr(0, 2000);
  const std::vector<std::string> resume{"--text", "text", "--checkpoint", "run.st", "--resume"};
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = resume;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  expect_refused({"--text", "text", "--resume"}, "--resume needs --checkpoint");
  expect_refused({"--text", "text", "--autosave-steps", "3"}, "--autosave-steps needs --checkpoint");
  expect_refused(with({"--load", "model.st"}), "--resume and --load exclude each other");
  expect_refused(with({"--checkpoint", "none.st"}), "--resume: there is no checkpoint none.st");
  expect_refused(with({"--checkpoint", "model.st"}), "model.st: is not a file of char_lm's: its metadata has no ");
  expect_refused(with({"--checkpoint", "broken"}), "broken: is not a valid safetensors file");
  expect_refused(with({"--text", "other"}), "the text is not the one the run of the checkpoint run.st has");
  expect_refused(with({"--hidden", "6"}), "--hidden: the run of the checkpoint run.st has hidden 5");
  expect_refused(with({"--lr", "0.5"}), "--lr: the run of the checkpoint run.st has lr 0.02");
  expect_refused(with({"--cell", "gru"}), "--cell: the run of the checkpoint run.st has cell lstm");
  expect_refused(tiny({"--checkpoint", "run.st"}), "there is one already; go on from it with --resume");
  expect_refused(tiny({"--checkpoint", "a.st", "--out", "./a.st"}), "--out and --checkpoint must be different files");
  expect_refused(tiny({"--checkpoint", "none/a.st"}), "there is no folder none");
  fs::create_directory(folder_ / "b.previous.st");
  expect_refused(tiny({"--checkpoint", "b.st"}), "b.previous.st: is a folder");
  expect_refused(tiny({"--checkpoint", "a.st", "--autosave-seconds", "-1"}), "--autosave-seconds must be from 0");
}

/// The checkpoint with another number of steps done, and the checksum that fits.
std::string with_done(std::string file, std::int64_t done) {
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  const auto header = nlohmann::json::parse(file.substr(8, length));
  std::memcpy(file.data() + 8 + length + header["done"]["data_offsets"][0].get<std::size_t>(), &done, sizeof done);
  const std::size_t at = file.find("volute.checksum\":\"") + 18;
  file.replace(at, volute::io::Checksum::digits, volute::io::Checksum::digits, '0');
  volute::io::Checksum checksum;
  checksum.add(file.data(), file.size());
  return file.replace(at, volute::io::Checksum::digits, checksum.text());
}

TEST_F(CharLm, RefusesNumbersNoRunHas) {
  ASSERT_EQ(run(tiny({"--steps", "3", "--checkpoint", "run.st"})).status, 0);
  const std::string good = read(folder_ / "run.st");
  for (const std::int64_t done : {std::int64_t{-1}, std::int64_t{2}, std::int64_t{1} << 62}) {
    std::ofstream(folder_ / "run.st", std::ios::binary) << with_done(good, done);
    const Result result = run({"--text", "text", "--checkpoint", "run.st", "--resume", "--steps", "9"});
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(result.err, HasSubstr(done == 2 ? "run.st: 'reported' is 3, it must be from 0 to 2"
                                                : "run.st: 'done' is " + std::to_string(done)));
  }
  std::ofstream(folder_ / "run.st", std::ios::binary) << with_done(good, 3);
  EXPECT_EQ(run({"--text", "text", "--checkpoint", "run.st", "--resume"}).status, 0);
}

TEST_F(CharLm, TheTimeBoundStopsTraining) {
  const Result result = run(tiny({"--steps", "100000000", "--max-seconds", "0.2", "--out", "model.st"}));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(fs::exists(folder_ / "model.st"));
}

TEST_F(CharLm, HelpGoesToStandardOutput) {
  const Result result = run({"--help"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.out, HasSubstr("--temperature"));
  EXPECT_EQ(result.err, "");
}

TEST_F(CharLm, RefusesWrongArguments) {
  expect_refused({"--no-such-option"}, "--no-such-option");
  expect_refused({"text"}, "text");
  expect_refused(tiny({"--precision", "f8"}), "--precision must be f32, f16 or bf16, not 'f8'");
  expect_refused(tiny({"--non-finite", "go"}), "--non-finite must be off, warn, skip or stop, not 'go'");
  expect_refused(tiny({"--cell", "transformer"}), "--cell must be lstm, gru or rnn, not 'transformer'");
  expect_refused(tiny({"--hidden", "many"}), "--hidden");
  expect_refused(tiny({"--hidden", "99999999999999999999"}), "--hidden");
  for (const char* name : {"embed", "hidden", "layers", "batch", "length"})
    for (const char* value : {"0", "-3", "1000000000"})
      expect_refused(tiny({std::string("--") + name, value}), std::string("--") + name + " must be from 1 to ");
  expect_refused(tiny({"--steps", "-1"}), "--steps must be from 0");
  for (const char* value : {"nan", "inf", "-1", "0"}) {
    expect_refused(tiny({"--lr", value}), "--lr must be from");
    expect_refused(tiny({"--temperature", value}), "--temperature must be from");
  }
  expect_refused(tiny({"--clip", "-1"}), "--clip must be from");
  expect_refused(tiny({"--dropout", "1"}), "--dropout must be from");
  expect_refused(tiny({"--embed", "16384", "--hidden", "16384"}), "million weights");
  expect_refused(tiny({"--prompt", "the ~"}), "--prompt: the vocabulary has no '~'");
}

TEST_F(CharLm, RefusesTextsItCannotTrainOn) {
  std::ofstream(folder_ / "empty").close();
  std::ofstream(folder_ / "short") << "short";
  const std::vector<std::string> out{"--steps", "5", "--out", "model.st", "--metrics", "metrics.jsonl"};
  for (const auto& [text, reason] :
       std::vector<std::pair<std::string, std::string>>{{"missing", "missing: cannot be read"},
                                                        {"empty", "empty: is empty"},
                                                        {"short", "the text is too short"},
                                                        {".", "is a folder"}}) {
    std::vector<std::string> arguments{"--text", text};
    arguments.insert(arguments.end(), out.begin(), out.end());
    expect_refused(arguments, reason);
  }
}

TEST_F(CharLm, RefusesOutputsItCouldNotWrite) {
  for (const char* name : {"--out", "--metrics", "--sample-out"}) {
    expect_refused(tiny({"--steps", "5", name, "none/file"}), "there is no folder none");
    expect_refused(tiny({"--steps", "5", name, "."}), "is a folder");
  }
  expect_refused(tiny({"--steps", "5", "--out", "same", "--metrics", "./same"}),
                 "--out and --metrics must be different files");
}

TEST_F(CharLm, RefusesModelsThatDoNotFit) {
  ASSERT_EQ(run(tiny({"--steps", "1", "--out", "model.st"})).status, 0);
  const std::string model = read(folder_ / "model.st");
  std::ofstream(folder_ / "cut", std::ios::binary) << model.substr(0, model.size() - 1);
  std::ofstream(folder_ / "other") << "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~";
  expect_refused({"--load", "missing", "--steps", "0"}, "missing: cannot be read");
  expect_refused({"--load", "text", "--steps", "0"}, "text: is not a valid safetensors file");
  expect_refused({"--load", "cut", "--steps", "0"}, "cut: is not a valid safetensors file");
  expect_refused({"--load", "model.st", "--steps", "0", "--hidden", "6"},
                 "--hidden: the model in model.st has hidden 5");
  expect_refused({"--load", "model.st", "--steps", "0", "--cell", "gru"},
                 "--cell: the model in model.st has cell lstm");
  expect_refused({"--load", "model.st", "--steps", "1", "--text", "other"}, "the text does not fit the loaded model");
  EXPECT_EQ(run({"--load", "model.st", "--steps", "0", "--hidden", "5"}).status, 0);
}

TEST_F(CharLm, AnUnknownDeviceIsAWrongUse) {
  const Result result = run(tiny({"--steps", "1", "--device", "no such device"}));
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("no such device"));
}

}  // namespace
