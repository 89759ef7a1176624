// Files that are no files, too large, or change while they are read, for every reader that takes a path: a BadFile that
// names the file, at once and with no memory asked for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include <volute/io.hpp>

#include "tests/support/files.hpp"

namespace volute {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

auto refuses(const ::testing::Matcher<std::string>& message) { return ::testing::ThrowsMessage<BadFile>(message); }

struct Reader {
  const char* title;
  std::function<void(const std::string&)> read;
};

const Reader readers[] = {
    {"text", [](const std::string& path) { data::Text::load({path}); }},
    {"csv", [](const std::string& path) { data::Csv::load(path); }},
    {"vocabulary", [](const std::string& path) { data::Vocabulary::load(path); }},
    {"parameters", [](const std::string& path) { io::load(path, {}); }},
    {"metadata", [](const std::string& path) { io::read_metadata(path); }},
    {"checkpoint", [](const std::string& path) { io::Checkpoint().load(path); }},
};

class HostileFiles : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_ / name; }
  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(path(name), std::ios::binary) << content;
    return path(name);
  }

  static void expect_refused(const std::string& path, const std::string& why) {
    for (const Reader& reader : readers) {
      std::string message = "no exception";
      try {
        reader.read(path);
      } catch (const BadFile& error) {
        message = error.what();
      }
      EXPECT_THAT(message, StartsWith(path + ":")) << reader.title;
      EXPECT_THAT(message, HasSubstr(why)) << reader.title;
    }
  }

  test::Folder folder_;
};

TEST_F(HostileFiles, WhatIsNoFile) {
  expect_refused(path("missing"), "cannot be read");
  expect_refused(folder_.path(), "");
  expect_refused("/dev/zero", "not a regular file");
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);  // nobody will ever write
  expect_refused(path("pipe"), "not a regular file");
  expect_refused(write("empty", ""), "");
}

TEST_F(HostileFiles, ASparseFileOfATebibyte) {
  const std::string sparse = write("sparse", "x");
  std::filesystem::resize_file(sparse, 1ull << 40);
  expect_refused(sparse, "");
  EXPECT_THAT([&] { data::Text::load({sparse}); }, refuses(HasSubstr("the limit is 2147483648")));
}

// The header is right about the file, whose data nobody has the memory for.
TEST_F(HostileFiles, ATensorOfATebibyte) {
  std::string header =
      R"({"a.weight":{"dtype":"F32","shape":[274877906944],"data_offsets":[0,1099511627776]}})";
  const std::uint64_t length = header.size();
  const std::string file =
      write("tensor", std::string(reinterpret_cast<const char*>(&length), sizeof length) + header);
  std::filesystem::resize_file(file, 8 + length + (1ull << 40));
  const nn::Linear linear(2, 2);
  EXPECT_THAT([&] { io::load(file, {{"a", linear}}); }, refuses(HasSubstr("has shape [274877906944]")));
  EXPECT_THAT([&] { io::Checkpoint().add("a", linear).load(file); }, refuses(HasSubstr("tensor")));
  EXPECT_TRUE(io::read_metadata(file).empty());
}

TEST_F(HostileFiles, HeadersKeepToTheirLimits) {
  const auto refused = [&](const std::string& header, const std::string& why) {
    const std::uint64_t length = header.size();
    const std::string file =
        write("header", std::string(reinterpret_cast<const char*>(&length), sizeof length) + header);
    EXPECT_THAT([&] { io::read_metadata(file); }, refuses(HasSubstr(why)));
  };
  std::string many = "{";
  for (std::uint64_t i = 0; i <= io::max_tensors + 1; ++i) many += "\"" + std::to_string(i) + "\":0,";
  refused(many + "\"x\":0}", "more than 100000 tensors");
  std::string values = R"({"a":{"shape":[0)";
  for (int i = 0; i < 4'100'000; ++i) values += ",0";
  refused(values + "]}}", "more than 4000000 values");
  refused(R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})",
          "more than 16 axes");
  refused("{\"\\u001b[2J\":0}", "\\x1b[2J");
}

TEST_F(HostileFiles, FilesThatChangeWhileTheyAreRead) {
  const std::string whole = path("whole"), file = path("changing");
  const nn::Linear linear(64, 64);
  io::save(whole, {{"a", linear}});
  const auto size = std::filesystem::file_size(whole);
  std::filesystem::copy_file(whole, file);
  std::atomic<bool> stop = false;
  std::thread changes([&] {
    for (std::uint64_t i = 0; !stop; ++i) std::filesystem::resize_file(file, i % 2 ? size * 4 : size / 2);
  });
  int refusals = 0;
  for (int i = 0; i < 300; ++i) {
    for (const Reader& reader : readers) {
      try {
        reader.read(file);
      } catch (const BadFile&) {
        ++refusals;
      }
    }
  }
  stop = true;
  changes.join();
  EXPECT_GT(refusals, 0);
}

TEST_F(HostileFiles, TablesKeepToTheirLimits) {
  const auto refused = [](const std::string& text, const std::string& why) {
    EXPECT_THAT([&] { data::Csv::parse(text, "t"); }, refuses(HasSubstr(why)));
  };
  refused(std::string(data::max_columns, ','), "t:1: field 65537: there are too many: the limit is 65536");
  refused("a\n" + std::string(data::max_field_bytes + 1, 'x'),
          "t:2: field 1: is too long: the limit is 16777216 bytes");
  refused("a\n\"" + std::string(data::max_field_bytes + 1, 'x'), "t:2: field 1: is too long");
  const std::string longest(data::max_field_bytes - 1, 'x');
  refused("a\n\"" + longest + "\"\"\"\"\"", "t:2: field 1: is too long");
  EXPECT_EQ(data::Csv::parse("a\n\"" + longest + "\"\"\"\n", "t").text(0, 0), longest + '"');
  EXPECT_EQ(data::Csv::parse("a\n" + longest + "x\n", "t").text(0, 0), longest + 'x');
  refused(std::string("a,b\n1,\0", 7), "t:2: field 2: a NUL byte");
  refused(std::string("\xff\xfe" "a\0\n\0", 6), "t:1: field 1: a NUL byte");
  std::string wide;
  for (int i = 0; i < 1000; ++i) wide += "column" + std::to_string(i) + (i < 999 ? "," : "\n");
  const data::Csv table = data::Csv::parse(wide + std::string(999, ',') + "\n", "t");
  EXPECT_THAT([&] { table.column("x"); }, refuses(HasSubstr("\"column19\" and 980 more")));
}

TEST_F(HostileFiles, NumbersAreFiniteDecimals) {
  for (const char* number : {"1e999", "-1e999", "nan(1)", "inf", "-Infinity", "0x10", "1,5", "+-5", "++5", "1e",
                             "\xc2\xa0" "1", "1\xe2\x80\x83", "\xef\xbc\x91", "1_000", "1e-999"}) {
    const data::Csv table = data::Csv::parse("a\n\"" + std::string(number) + "\"\n", "t");
    EXPECT_THAT([&] { table.number(0, 0); }, refuses(StartsWith("t:2: column \"a\": ")))
        << number;
  }
}

TEST_F(HostileFiles, ErrorsShowNoControlCharactersAndEnd) {
  const data::Csv table = data::Csv::parse("a\n\x1b[2J" + std::string(1000, 'x') + "\n", "t");
  std::string message;
  try {
    table.number(0, 0);
  } catch (const BadFile& error) {
    message = error.what();
  }
  EXPECT_THAT(message, HasSubstr("\\x1b[2Jxxx"));
  EXPECT_LT(message.size(), 200u);
}

}  // namespace
}  // namespace volute
