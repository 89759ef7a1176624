// Event files, read back frame by frame: checksums, messages, and what is refused. That TensorBoard shows what they hold
// was checked with TensorBoard itself (docs/logging.md).
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>

#include <volute/io.hpp>

#include "engine/interchange/records.hpp"
#include "events.pb.h"
#include "tests/support/files.hpp"

namespace volute::test {
namespace {

using testing::HasSubstr;

constexpr float inf = std::numeric_limits<float>::infinity();

template <class Word>
Word word_at(const std::string& bytes, std::size_t at) {
  Word word = 0;
  std::memcpy(&word, bytes.data() + at, sizeof word);
  return word;
}

/// All messages of a file; fails if a frame is cut short or a checksum wrong.
std::vector<events::Event> events_of(const std::string& path) {
  const std::string bytes = read_bytes(path);
  std::vector<events::Event> events;
  for (std::size_t at = 0; at < bytes.size();) {
    if (bytes.size() - at < 12) ADD_FAILURE() << "cut short in a header";
    const auto length = word_at<std::uint64_t>(bytes, at);
    EXPECT_EQ(word_at<std::uint32_t>(bytes, at + 8), io::masked_crc32c(bytes.substr(at, 8)));
    if (length > bytes.size() || bytes.size() - at - 12 < length + 4) {
      ADD_FAILURE() << "cut short in a record";
      break;
    }
    const std::string data = bytes.substr(at + 12, length);
    EXPECT_EQ(word_at<std::uint32_t>(bytes, at + 12 + length), io::masked_crc32c(data));
    EXPECT_TRUE(events.emplace_back().ParseFromString(data));
    at += 16 + length;
  }
  return events;
}

TEST(Records, ChecksumsAreThoseOfTheStandard) {
  EXPECT_EQ(io::crc32c(""), 0u);
  EXPECT_EQ(io::crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(io::crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(io::crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  std::string ascending;
  for (char i = 0; i < 32; ++i) ascending += i;
  EXPECT_EQ(io::crc32c(ascending), 0x46dd794eu);
}

TEST(EventFile, BeginsWithItsVersionInANameThatIsFound) {
  const Folder folder;
  const io::EventFile first(folder / "a/b", {.suffix = ".train"}), second(folder / "a/b");
  const std::string name = std::filesystem::path(first.path()).filename();
  EXPECT_THAT(name, testing::MatchesRegex("events.out.tfevents.[0-9]{10}\\..+\\.[0-9]+\\.[0-9]+\\.train"));
  EXPECT_NE(first.path(), second.path());
  const auto events = events_of(first.path());
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].file_version(), "brain.Event:2");
  const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_NEAR(events[0].wall_time(), now, 60);
}

TEST(EventFile, ScalarsAreThereAtOnce) {
  const Folder folder;
  io::EventFile log(folder.path());
  log.scalars(10, {{"loss/train", 1.25}, {"lr", 1e-3f}});
  log.scalars(std::int64_t{1} << 40, {{"loss/train", std::nan("")}, {"lr", inf}});
  const auto events = events_of(log.path());
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[1].step(), 10);
  ASSERT_EQ(events[1].summary().value_size(), 2);
  EXPECT_EQ(events[1].summary().value(0).tag(), "loss/train");
  EXPECT_EQ(events[1].summary().value(0).simple_value(), 1.25f);
  EXPECT_EQ(events[1].summary().value(1).simple_value(), 1e-3f);
  EXPECT_EQ(events[2].step(), std::int64_t{1} << 40);
  EXPECT_TRUE(std::isnan(events[2].summary().value(0).simple_value()));
  EXPECT_EQ(events[2].summary().value(1).simple_value(), inf);
}

TEST(EventFile, HistogramsCountEveryFiniteValueInItsBucket) {
  const Folder folder;
  io::EventFile log(folder.path());
  std::vector<float> values{0.0f, -0.0f, 1e-30f, -1e-30f, 3.4e38f, -3.4e38f, 1e-12f, 1.0f, 1.0f};
  for (int i = 0; i < 500; ++i) values.push_back(std::sin(static_cast<float>(i) * 0.7f) * 0.2f);
  std::vector<float> with_others = values;
  with_others.insert(with_others.begin() + 3, {std::nanf(""), inf, -inf});
  log.histogram(7, "weight", with_others);
  log.histogram(8, "constant", std::vector<float>(5, -2.0f));
  log.histogram(9, "nothing finite", std::vector<float>{inf});
  const auto events = events_of(log.path());
  ASSERT_EQ(events.size(), 4u);
  const events::Histogram& all = events[1].summary().value(0).histo();
  EXPECT_EQ(all.num(), static_cast<double>(values.size()));
  EXPECT_EQ(all.min(), -3.4e38f);
  EXPECT_EQ(all.max(), 3.4e38f);
  double sum = 0, squares = 0;
  for (const double value : values) sum += value, squares += value * value;
  EXPECT_DOUBLE_EQ(all.sum(), sum);
  EXPECT_DOUBLE_EQ(all.sum_squares(), squares);
  ASSERT_EQ(all.bucket_size(), all.bucket_limit_size());
  for (int i = 0; i < all.bucket_size(); ++i) {
    const double low = i == 0 ? -HUGE_VAL : all.bucket_limit(i - 1), high = all.bucket_limit(i);
    ASSERT_LT(low, high);
    const auto within = [&](float value) { return value >= low && value < high; };
    ASSERT_EQ(all.bucket(i), std::count_if(values.begin(), values.end(), within)) << low << " to " << high;
  }
  const events::Histogram& constant = events[2].summary().value(0).histo();
  ASSERT_EQ(constant.bucket_size(), 1);
  EXPECT_EQ(constant.bucket(0), 5);
  EXPECT_GT(constant.bucket_limit(0), -2);
  EXPECT_TRUE(events[3].summary().value(0).has_histo());
  EXPECT_EQ(events[3].summary().value(0).histo().bucket_size(), 0);
}

TEST(EventFile, TextIsUtf8WhateverIsGiven) {
  const Folder folder;
  io::EventFile log(folder.path());
  log.text(3, "sample", "**bold** naïve \xff end");
  const auto events = events_of(log.path());
  ASSERT_EQ(events.size(), 2u);
  const events::Summary::Value& value = events[1].summary().value(0);
  EXPECT_EQ(value.metadata().plugin_data().plugin_name(), "text");
  EXPECT_EQ(value.tensor().dtype(), events::Tensor::STRING);
  ASSERT_EQ(value.tensor().tensor_shape().dim_size(), 1);
  EXPECT_EQ(value.tensor().tensor_shape().dim(0).size(), 1);
  EXPECT_EQ(value.tensor().string_val(0), "**bold** naïve \xef\xbf\xbd end");
}

TEST(EventFile, ResumingSaysWhereItGoesOn) {
  const Folder folder;
  io::EventFile log(folder.path(), {.resume_after = 41});
  const auto events = events_of(log.path());
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].session_log().status(), events::SessionLog::START);
  EXPECT_EQ(events[1].step(), 42);
}

TEST(EventFile, ErrorsAreTyped) {
  const Folder folder;
  write_bytes(folder / "file", "");
  try {
    io::EventFile(folder / "file/below");
    ADD_FAILURE() << "a file is no folder";
  } catch (const BadFile& error) {
    EXPECT_THAT(error.what(), HasSubstr("the folder cannot be made"));
  }
  EXPECT_THROW(io::EventFile("/proc/none"), BadFile);
  io::EventFile log(folder.path());
  EXPECT_THROW(log.scalars(1, {{"", 1}}), InvalidGraph);
  EXPECT_THROW(log.text(1, "", "text"), InvalidGraph);
  EXPECT_THROW(log.histogram(1, "", std::vector<float>{1}), InvalidGraph);
  EXPECT_EQ(events_of(log.path()).size(), 1u);
}

}  // namespace
}  // namespace volute::test
