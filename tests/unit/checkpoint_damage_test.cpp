// Damaged checkpoint files: every one is refused with a typed error, and nothing has changed.
// Invariant: files lie in memory (memfd), so that hundreds of thousands of loads take seconds.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include <volute/io.hpp>

#include "tests/support/arguments.hpp"
#include "tests/support/files.hpp"
#include "tests/support/memory_file.hpp"

namespace volute::io {
namespace {

class DamagedCheckpoint : public ::testing::Test {
 protected:
  DamagedCheckpoint() {
    checkpoint_.add("m", module_).add("epoch", epoch_).add("text", text_).add("plateau", plateau_);
    checkpoint_.save(folder_ / "good", {{"cell", "lstm"}});
    good_ = test::read_bytes(folder_ / "good");
    std::memcpy(&header_, good_.data(), sizeof header_);
    header_ += sizeof header_;
    before_ = state();
  }
  std::vector<float> state() const {
    std::vector<float> all{static_cast<float>(epoch_), plateau_.lr(), static_cast<float>(text_.size())};
    for (const Parameter& parameter : module_.parameters())
      for (const float value : parameter.values()) all.push_back(value);
    return all;
  }
  /// Whether the file as it is was refused by all that read it.
  bool refused() {
    bool all = true;
    const auto expect = [&](const auto& read) {
      try {
        read();
        all = false;
      } catch (const BadFile&) {
      }
    };
    expect([&] { checkpoint_.load(file_.path()); });
    if (every_reader_) {
      expect([&] { load(file_.path(), {{"m", module_}}); });
      expect([&] { read_metadata(file_.path()); });
    }
    return all;
  }
  std::string flipped(double part, std::size_t first, std::size_t end) {
    std::string bytes = good_;
    const auto bits = static_cast<std::uint64_t>(end - first) * 8;
    const auto count = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(part * static_cast<double>(bits)));
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t bit = random_() % bits;
      bytes[first + bit / 8] = static_cast<char>(bytes[first + bit / 8] ^ (1 << bit % 8));
    }
    return bytes;
  }

  test::Folder folder_;
  nn::Linear module_{4, 3};
  std::int64_t epoch_ = 3;
  std::string text_ = "a text";
  Plateau plateau_{0.1};
  Checkpoint checkpoint_;
  std::string good_;
  std::uint64_t header_ = 0;  ///< bytes before the data
  std::vector<float> before_;
  test::MemoryFile file_;
  bool every_reader_ = true;
  std::mt19937_64 random_{20261121};
};

TEST_F(DamagedCheckpoint, TheGoodOneLoads) {
  file_.set(good_);
  EXPECT_EQ(checkpoint_.load(file_.path()).problem, "");
  EXPECT_EQ(state(), before_);
}

TEST_F(DamagedCheckpoint, EverySingleBitIsNoticed) {
  file_.set(good_);
  int flips = 0;
  for (std::size_t at = 0; at < good_.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit, ++flips) {
      file_.put(std::string(1, static_cast<char>(good_[at] ^ (1 << bit))), at);
      ASSERT_TRUE(refused()) << "bit " << bit << " of byte " << at;
    }
    file_.put(good_.substr(at, 1), at);
  }
  EXPECT_EQ(state(), before_);
  std::printf("%d flips of one bit, all refused\n", flips);
}

/// One percent of all bits, or of those of the header or the data alone; and a few bits at a time.
TEST_F(DamagedCheckpoint, RandomBitsAreNoticed) {
  const int files = test::count_argument("files", 1000);
  int loads = 0;
  for (const double part : {0.01, 0.0}) {
    for (const auto& [first, end] : {std::pair<std::size_t, std::size_t>{0, good_.size()}, {0, header_},
                                     {header_, good_.size()}}) {
      for (int i = 0; i < files; ++i, ++loads) {
        const std::string bytes = flipped(part, first, end);
        if (bytes == good_) continue;  // an even number of flips of one bit
        file_.set(bytes);
        ASSERT_TRUE(refused()) << "file " << i;
      }
    }
  }
  EXPECT_EQ(state(), before_);
  std::printf("%d files with bits flipped, all refused\n", loads);
}

TEST_F(DamagedCheckpoint, EveryLengthButItsOwnIsNoticed) {
  for (std::size_t size = 0; size < good_.size(); ++size) {
    file_.set(good_.substr(0, size));
    ASSERT_TRUE(refused()) << size;
  }
  for (std::size_t more = 1; more < 300; ++more) {
    file_.set(good_ + std::string(more, more % 2 ? '\0' : ' '));
    ASSERT_TRUE(refused()) << more;
  }
  EXPECT_EQ(state(), before_);
}

TEST_F(DamagedCheckpoint, BlocksOfOtherFilesAreNoticed) {
  ++epoch_;
  checkpoint_.save(folder_ / "other", {{"cell", "lstm"}});
  const std::string other = test::read_bytes(folder_ / "other");
  --epoch_;
  ASSERT_EQ(other.size(), good_.size());
  for (std::size_t cut = 8; cut < good_.size(); cut += 8) {
    const std::string mixed = good_.substr(0, cut) + other.substr(cut);
    if (mixed == good_ || mixed == other) continue;
    file_.set(mixed);
    ASSERT_TRUE(refused()) << cut;
  }
}

TEST_F(DamagedCheckpoint, HeadersThatClaimTooMuchTakeNoMemory) {
  every_reader_ = false;
  for (const std::uint64_t length : {std::uint64_t{1} << 27, std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
    std::string bytes = good_;
    std::memcpy(bytes.data(), &length, sizeof length);
    file_.set(bytes);
    EXPECT_TRUE(refused());
  }
}

}  // namespace
}  // namespace volute::io
