// Text and Streams: vocabulary, split, continuity of the streams, and every way a text can be wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <numeric>

#include <volute/graph.hpp>
#include <volute/data.hpp>

namespace volute::data {
namespace {

using ::testing::HasSubstr;

class TextFiles : public ::testing::Test {
 protected:
  TextFiles() {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              (std::string("volute_data_") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~TextFiles() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& content) {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  static std::string load_error(const std::vector<std::string>& paths) {
    try {
      Text::load(paths);
    } catch (const BadFile& error) {
      return error.what();
    }
    return "";
  }

  std::filesystem::path folder_;
};

std::vector<std::uint32_t> counting(std::size_t size) {
  std::vector<std::uint32_t> tokens(size);
  std::iota(tokens.begin(), tokens.end(), 0u);
  return tokens;
}

TEST(Text, TokensIndexTheSortedVocabulary) {
  const Text text = Text::from_string("hello\nworld");
  EXPECT_EQ(text.vocabulary(), "\ndehlorw");
  EXPECT_EQ(text.vocab(), 8);
  EXPECT_EQ(text.token('\n'), 0);
  EXPECT_EQ(text.token('w'), 7);
  EXPECT_EQ(text.token('z'), -1);
  EXPECT_EQ(text.decode(text.train()) + text.decode(text.validation()), "hello\nworld");
}

TEST(Text, EveryByteIsACharacter) {
  std::string bytes;
  for (int i = 255; i >= 0; --i) bytes.push_back(static_cast<char>(i));
  const Text text = Text::from_string(bytes);
  EXPECT_EQ(text.vocab(), 256);
  EXPECT_EQ(text.token('\0'), 0);
  EXPECT_EQ(text.token('\xff'), 255);
  EXPECT_EQ(text.train().front(), 255u);
}

TEST(Text, TheLastTenthIsForValidation) {
  for (std::size_t size : {1u, 9u, 10u, 99u, 1000u}) {
    const Text text = Text::from_string(std::string(size, 'a'));
    EXPECT_EQ(text.validation().size(), size / 10);
    EXPECT_EQ(text.train().size() + text.validation().size(), size);
  }
}

TEST(Text, DecodingATokenOutsideTheVocabularyThrows) {
  EXPECT_THROW(Text::from_string("ab").decode({0, 2}), InvalidGraph);
}

TEST_F(TextFiles, AreReadOneAfterTheOther) {
  const std::string large(200'000, 'x');
  const Text text = Text::load({write("a", "one"), write("b", large), write("c", "\r\ntwo")});
  EXPECT_EQ(text.decode(text.train()) + text.decode(text.validation()), "one" + large + "\r\ntwo");
}

TEST_F(TextFiles, ErrorsNameTheFileAndTheReason) {
  const std::string missing = (folder_ / "missing").string();
  EXPECT_EQ(load_error({write("full", "text"), missing}), missing + ": cannot be read: No such file or directory");
  EXPECT_EQ(load_error({write("empty", "")}), (folder_ / "empty").string() + ": is empty");
  EXPECT_EQ(load_error({folder_.string()}), folder_.string() + ": is a folder, not a text file");
  EXPECT_NE(load_error({}), "");
  EXPECT_THROW(Text::from_string(""), BadFile);
}

TEST(Streams, TargetsAreTheNextCharacterAndPiecesContinue) {
  const std::int64_t T = 4, N = 3;
  const auto tokens = counting(50);
  const Streams streams(tokens, T, N);
  ASSERT_EQ(streams.pieces(), 3);  // 16 characters a stream, 15 of them inputs
  std::vector<std::uint32_t> next(N);
  for (std::int64_t i = 0; i < streams.pieces(); ++i) {
    const Batch batch = streams.batch(i);
    ASSERT_EQ(batch.x.size(), 12u);
    ASSERT_EQ(batch.y.size(), 12u);
    for (std::int64_t n = 0; n < N; ++n) {
      if (i > 0) {
        EXPECT_EQ(batch.x[n], next[n]);
      }
      for (std::int64_t t = 0; t < T; ++t) {
        EXPECT_EQ(batch.y[t * N + n], batch.x[t * N + n] + 1);
        if (t > 0) {
          EXPECT_EQ(batch.x[t * N + n], batch.y[(t - 1) * N + n]);
        }
      }
      next[n] = batch.y[(T - 1) * N + n];
    }
  }
}

TEST(Streams, StartOverAfterTheLastPiece) {
  const auto tokens = counting(50);
  const Streams streams(tokens, 4, 3);
  EXPECT_EQ(streams.batch(0).x, streams.batch(streams.pieces()).x);
  EXPECT_EQ(streams.batch(2).y, streams.batch(2 + 5 * streams.pieces()).y);
  EXPECT_THROW(streams.batch(-1), InvalidGraph);
}

TEST(Streams, NeedOneCharacterMoreThanTheLengthEach) {
  for (std::int64_t T : {1, 2, 7}) {
    for (std::int64_t N : {1, 3}) {
      const auto enough = counting(static_cast<std::size_t>(N * (T + 1)));
      EXPECT_EQ(Streams(enough, T, N).pieces(), 1);
      const auto short_of_one = counting(enough.size() - 1);
      EXPECT_THROW(Streams(short_of_one, T, N), BadFile);
    }
  }
}

TEST(Streams, RefuseNonsense) {
  const auto tokens = counting(10);
  EXPECT_THROW(Streams(tokens, 0, 1), InvalidGraph);
  EXPECT_THROW(Streams(tokens, 1, -1), InvalidGraph);
  EXPECT_THROW(Streams(tokens, std::int64_t{1} << 62, std::int64_t{1} << 62), BadFile);
  EXPECT_THROW(Streams({}, 1, 1), BadFile);
}

TEST(Shard, PartsAreTheBatch) {
  for (const int ranks : {1, 2, 3, 7}) {
    for (const std::int64_t N : {1, 2, 5, 7, 20}) {
      std::vector<int> rows, all;
      for (int n = 0; n < N; ++n) rows.push_back(10 + n);
      for (int r = 0; r < ranks; ++r) {
        const Shard shard{r, ranks};
        const std::vector<int> part = shard.of(rows);
        EXPECT_EQ(static_cast<std::int64_t>(part.size()), shard.count(N));
        EXPECT_EQ(static_cast<std::int64_t>(all.size()), shard.first(N));
        EXPECT_LE(shard.count(N), shard.count(N + 1));  // so that a smaller batch fits where a larger one did
        all.insert(all.end(), part.begin(), part.end());
      }
      EXPECT_EQ(all, rows) << ranks << " ranks";
    }
  }
}

TEST(Shard, StreamsAreTheOnesOfOneRank) {
  std::vector<std::uint32_t> tokens(103);
  for (std::uint32_t i = 0; i < 103; ++i) tokens[i] = i;
  const std::int64_t T = 4, N = 5;
  const Streams whole(tokens, T, N);
  for (const int ranks : {2, 3, 5}) {
    for (std::int64_t i = 0; i < whole.pieces() + 2; ++i) {
      const Batch all = whole.batch(i);
      Batch joined{std::vector<std::uint32_t>(all.x.size()), std::vector<std::uint32_t>(all.y.size())};
      for (int r = 0; r < ranks; ++r) {
        const Shard shard{r, ranks};
        const Streams part(tokens, T, N, 0, shard);
        EXPECT_EQ(part.pieces(), whole.pieces());
        const Batch batch = part.batch(i);
        const std::int64_t rows = shard.count(N);
        ASSERT_EQ(static_cast<std::int64_t>(batch.x.size()), T * rows);
        for (std::int64_t t = 0; t < T; ++t)
          for (std::int64_t n = 0; n < rows; ++n) {
            const auto to = static_cast<std::size_t>(t * N + shard.first(N) + n), from = static_cast<std::size_t>(t * rows + n);
            joined.x[to] = batch.x[from];
            joined.y[to] = batch.y[from];
          }
      }
      EXPECT_EQ(joined.x, all.x);
      EXPECT_EQ(joined.y, all.y);
    }
  }
  EXPECT_THROW(Streams(tokens, T, 2, 0, {2, 3}), InvalidGraph);
}

}  // namespace
}  // namespace volute::data
