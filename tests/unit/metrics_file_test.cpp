// Metrics files: what rows look like, what resuming keeps, and what is left when something goes wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include <volute/data.hpp>
#include <volute/io.hpp>

#include "tests/support/files.hpp"

namespace volute {
namespace {

using ::testing::HasSubstr;
using test::Folder;
using test::read_bytes;
using test::write_bytes;

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

template <class E, class Function>
std::string message_of(Function function) {
  try {
    function();
  } catch (const E& error) {
    return error.what();
  }
  return "";
}

TEST(MetricsFile, JsonLinesHaveTheDigitsThatNumbersHave) {
  Folder folder;
  io::MetricsFile log(folder / "run.jsonl");
  log.write(100, {{"loss", 1.25}, {"lr", 1e-3}, {"float", 0.1f}, {"count", 7u}});
  EXPECT_EQ(read_bytes(log.path()), "{\"step\":100,\"loss\":1.25,\"lr\":0.001,\"float\":0.1,\"count\":7.0}\n");
  const double third = 1.0 / 3;
  log.write(101, {{"third", third}, {"third_float", static_cast<float>(third)}, {"naïve", std::nextafter(1.0, 2.0)}});
  std::istringstream lines(read_bytes(log.path()));
  std::string line;
  std::getline(lines, line);
  std::getline(lines, line);
  const auto row = nlohmann::json::parse(line);
  EXPECT_EQ(row.at("third").get<double>(), third);
  EXPECT_EQ(static_cast<float>(row.at("third_float").get<double>()), static_cast<float>(third));
  EXPECT_EQ(row.at("naïve").get<double>(), std::nextafter(1.0, 2.0));
}

TEST(MetricsFile, WhatIsNoNumberHasAWayToBeWritten) {
  Folder folder;
  const std::vector<io::Metric> row{{"a", nan}, {"b", inf}, {"c", -inf}, {"d", std::nanf("")}};
  io::MetricsFile(folder / "run.jsonl").write(1, row);
  EXPECT_EQ(read_bytes(folder / "run.jsonl"),
            "{\"step\":1,\"a\":\"NaN\",\"b\":\"Infinity\",\"c\":\"-Infinity\",\"d\":\"NaN\"}\n");
  io::MetricsFile(folder / "run.csv").write(1, row);
  EXPECT_EQ(read_bytes(folder / "run.csv"), "step,a,b,c,d\n1,nan,inf,-inf,nan\n");
}

TEST(MetricsFile, ColumnsThatComeLaterAreEmptyBefore) {
  Folder folder;
  io::MetricsFile log(folder / "run.csv");
  log.write(1, {{"loss", 2.5}, {"lr", 0.1}});
  log.write(2, {{"lr", 0.2}});
  log.write(3, {{"validation", 4}, {"loss", 1e300}});
  log.write(4, {{"loss", 1.5}});
  EXPECT_EQ(read_bytes(log.path()),
            "step,loss,lr,validation\n1,2.5,0.1,\n2,,0.2,\n3,1e+300,,4\n4,1.5,,\n");
  EXPECT_EQ(folder.names(), std::set<std::string>{"run.csv"});
}

TEST(MetricsFile, ResumingDropsWhatIsMadeAgain) {
  for (const std::string name : {"run.csv", "run.jsonl"}) {
    Folder folder;
    const auto write = [&](io::MetricsFile log, std::int64_t from, std::int64_t to) {
      for (std::int64_t step = from; step <= to; ++step)
        log.write(step, {{"loss", 1.0 / static_cast<double>(step)}, {"lr", 0.5f}});
    };
    write(io::MetricsFile(folder / "whole" + name), 1, 6);
    write(io::MetricsFile(folder / name), 1, 4);
    write_bytes(folder / name, read_bytes(folder / name) + (name == "run.csv" ? "5,0.1" : "{\"step\":"));
    std::filesystem::create_symlink(name, folder / "link" + name);
    write(io::MetricsFile(folder / "link" + name, {.resume_after = 3}), 4, 6);
    EXPECT_EQ(read_bytes(folder / name), read_bytes(folder / "whole" + name));
    EXPECT_TRUE(std::filesystem::is_symlink(folder / "link" + name));
    write(io::MetricsFile(folder / "new" + name, {.resume_after = 0}), 1, 6);
    EXPECT_EQ(read_bytes(folder / "new" + name), read_bytes(folder / "whole" + name));
    io::MetricsFile{folder / name};
    EXPECT_EQ(read_bytes(folder / name), "");
  }
}

TEST(MetricsFile, ResumingLeavesFilesOfOthersAlone) {
  Folder folder;
  const std::vector<std::pair<std::string, std::string>> files{
      {"list.csv", "name,price\nbread,2\n"},     {"short.csv", "step,loss\n1,2\n2\n"},
      {"words.csv", "step,loss\none,2\n"},       {"notes.jsonl", "# Notes\n"},
      {"nostep.jsonl", "{\"loss\":1}\n"},         {"half.jsonl", "{\"step\":1.5}\n"},
      {"list.jsonl", "{\"step\":1}\n[1, 2]\n{}\n"}};
  for (const auto& [name, text] : files) {
    write_bytes(folder / name, text);
    const auto error = message_of<BadFile>([&] { io::MetricsFile(folder / name, {.resume_after = 9}); });
    EXPECT_THAT(error, HasSubstr("is no row of metrics")) << name;
    EXPECT_EQ(read_bytes(folder / name), text);
  }
}

TEST(MetricsFile, AKilledRunLeavesWholeLines) {
  Folder folder;
  const auto killed = [&] {
    io::MetricsFile log(folder / "run.jsonl");
    for (int step = 1; step <= 3; ++step) log.write(step, {{"loss", step}});
    raise(SIGKILL);
  };
  EXPECT_EXIT(killed(), ::testing::KilledBySignal(SIGKILL), "");
  EXPECT_EQ(read_bytes(folder / "run.jsonl"),
            "{\"step\":1,\"loss\":1.0}\n{\"step\":2,\"loss\":2.0}\n{\"step\":3,\"loss\":3.0}\n");
}

TEST(MetricsFile, ARowThatFailsLeavesNoPart) {
  Folder folder;
  const auto limited = [&] {
    signal(SIGXFSZ, SIG_IGN);
    io::MetricsFile log(folder / "run.csv");
    log.write(1, {{"loss", 1.5}});
    const rlimit limit{20, 20};  // the second row has room for a part
    setrlimit(RLIMIT_FSIZE, &limit);
    const auto error = message_of<BadFile>([&] { log.write(2, {{"loss", 0.123456789}}); });
    _exit(error.find("run.csv: cannot be written: ") == std::string::npos);
  };
  EXPECT_EXIT(limited(), ::testing::ExitedWithCode(0), "");
  EXPECT_EQ(read_bytes(folder / "run.csv"), "step,loss\n1,1.5\n");
}

TEST(MetricsFile, ErrorsAreTyped) {
  Folder folder;
  EXPECT_THAT(message_of<BadFile>([&] { io::MetricsFile(folder / "none/run.csv"); }), HasSubstr("cannot be written"));
  EXPECT_THAT(message_of<BadFile>([&] { io::MetricsFile{folder.path()}; }), HasSubstr("cannot be written"));
  EXPECT_THAT(message_of<BadFile>([] { io::MetricsFile("/dev/full").write(1, {{"a", 1}}); }), HasSubstr("/dev/full"));

  io::MetricsFile log(folder / "run.csv");
  const auto refused = [&](const std::vector<io::Metric>& row) {
    return message_of<InvalidGraph>([&] { log.write(1, row); });
  };
  EXPECT_THAT(refused({{"", 1}}), HasSubstr("is empty"));
  EXPECT_THAT(refused({{"step", 1}}), HasSubstr("is the row's own"));
  EXPECT_THAT(refused({{"a", 1}, {"b", 2}, {"a", 3}}), HasSubstr("'a' is there twice"));
  for (const char* name : {"a,b", "a\"b", "a\nb", "a\x7f"}) EXPECT_THAT(refused({{name, 1}}), HasSubstr("comma"));
  EXPECT_EQ(read_bytes(log.path()), "");
}

TEST(MetricsFile, ReadsAsTheLibrarysOwnCsv) {
  Folder folder;
  {
    io::MetricsFile log(folder / "run.csv");
    for (int step = 1; step <= 10; ++step) log.write(step, {{"loss", 1.0f / static_cast<float>(step)}});
  }
  const auto table = data::Csv::load(folder / "run.csv");
  ASSERT_EQ(table.rows(), 10u);
  EXPECT_EQ(table.number(2, table.column("loss")), 1.0f / 3.0f);
}

}  // namespace
}  // namespace volute
