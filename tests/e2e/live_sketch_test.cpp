// The live_sketch program as a user runs it, off screen and, where there is a virtual display, in a window: a silent
// validation layer, a picture with strokes in it, and no way of the continuations through the host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stb/stb_image.h>
#include <sys/wait.h>
#include <volute/io.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <regex>
#include <string>

namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

struct Result {
  int status = -1;
  std::string text;  ///< standard output and standard error

  /// The number after the words.
  double number(const std::string& words) const {
    std::smatch match;
    if (std::regex_search(text, match, std::regex(words + "([-0-9.]+)"))) return std::stod(match[1]);
    ADD_FAILURE() << "no \"" << words << "\" in:\n" << text;
    return -1;
  }
};

Result run(const std::string& arguments, const std::string& before = "") {
  const std::string command = before + LIVE_SKETCH_PATH " " + arguments + " 2>&1";
  FILE* pipe = ::popen(command.c_str(), "r");
  Result result;
  if (!pipe) return result;
  std::array<char, 4096> part;
  while (const std::size_t got = std::fread(part.data(), 1, part.size(), pipe)) result.text.append(part.data(), got);
  const int status = ::pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

struct Picture {
  int width = 0, height = 0;
  std::unique_ptr<unsigned char, void (*)(void*)> rgb{nullptr, ::stbi_image_free};

  explicit Picture(const fs::path& path) {
    int channels = 0;
    rgb.reset(::stbi_load(path.c_str(), &width, &height, &channels, 3));
  }
  /// Pixels left of the panel that are nearly white, as strokes are, and that are of a strong colour.
  std::pair<int, int> strokes_and_continuations() const {
    int white = 0, coloured = 0;
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width - 350; ++x) {
        const unsigned char* p = rgb.get() + (y * width + x) * 3;
        const auto [least, most] = std::minmax({p[0], p[1], p[2]});
        white += least > 200;
        coloured += most > 120 && most - least > 60;
      }
    return {white, coloured};
  }
};

class LiveSketch : public ::testing::Test {
 protected:
  LiveSketch() { fs::create_directories(folder_); }
  ~LiveSketch() override { fs::remove_all(folder_); }

  std::string shot() const { return (folder_ / "shot.png").string(); }
  std::string model() const { return (folder_ / "model.safetensors").string(); }

  void expect_picture(int width, int height) const {
    const Picture picture(shot());
    ASSERT_TRUE(picture.rgb);
    EXPECT_EQ(picture.width, width);
    EXPECT_EQ(picture.height, height);
    const auto [white, coloured] = picture.strokes_and_continuations();
    EXPECT_GT(white, 1000);
    EXPECT_GT(coloured, 500);
  }

  const fs::path folder_ = fs::path(::testing::TempDir()) /
                           ("live_sketch_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
};

TEST_F(LiveSketch, DrawsOffScreenWithoutTheHost) {
  const Result r = run("--headless --frames 60 --validation --stats --budget 30 --shot " + shot());
  ASSERT_EQ(r.status, 0) << r.text;
  EXPECT_EQ(r.number("validation messages: "), 0) << r.text;
  EXPECT_EQ(r.number("frames: "), 60);
  EXPECT_GT(r.number("continuations: "), 1);
  const double steps = r.number("training steps: ");
  EXPECT_GT(steps, 1);
  EXPECT_EQ(r.number("maps "), 0);
  EXPECT_EQ(r.number("invalidations "), 0);
  EXPECT_EQ(r.number("waits for Volute "), 0);
  // What comes to the host is of training steps, two scalars each (the loss, the gradient's norm), padded to 16 bytes;
  // the step in progress may be ahead. Of the continuations, 32 KiB each, nothing.
  const double copies = r.number("copies to the host ");
  EXPECT_GE(copies, 2 * steps);
  EXPECT_LE(copies, 2 * (steps + 1));
  EXPECT_EQ(r.number("copies to the host [0-9]+ \\("), copies * 16);
  expect_picture(1280, 800);
}

TEST_F(LiveSketch, SavesAndLoads) {
  const std::string small = "--headless --frames 12 --size 800x600 --cell lstm --hidden 16 ";
  const Result first = run(small + "--save " + model());
  ASSERT_EQ(first.status, 0) << first.text;
  ASSERT_TRUE(fs::exists(model()));
  const std::string again = (folder_ / "again.safetensors").string();
  const std::string load = " --load " + model() + " --save " + again + " --shot " + shot();
  const Result second = run("--headless --frames 12 --size 640x480" + load);  // of the file's cell and size, not its own
  ASSERT_EQ(second.status, 0) << second.text;
  const auto stored = volute::io::read_metadata(model());
  EXPECT_EQ(stored.at("cell"), "LSTM");
  EXPECT_EQ(stored.at("hidden"), "16");
  EXPECT_EQ(volute::io::read_metadata(again), stored);
  EXPECT_EQ(Picture(shot()).width, 640);
}

TEST_F(LiveSketch, DrawsInAWindow) {
  if (std::string(XVFB_RUN).empty()) GTEST_SKIP() << "there is no xvfb-run";
  const Result r = run("--frames 40 --validation --stats --budget 30 --shot " + shot(),
                       std::string(XVFB_RUN) + " -a -s '-screen 0 1400x900x24' ");
  ASSERT_EQ(r.status, 0) << r.text;
  EXPECT_EQ(r.number("validation messages: "), 0) << r.text;
  EXPECT_EQ(r.number("frames: "), 40);
  EXPECT_EQ(r.number("maps "), 0);
  expect_picture(1280, 800);
}

TEST_F(LiveSketch, MistakesAreOneLine) {
  const std::array<std::array<const char*, 2>, 6> mistakes = {{{"--headless", "--headless needs --frames"},
                                                               {"--cell tree --frames 1", "--cell must be one of gru"},
                                                               {"--size 12", "--size must be like 1280x800"},
                                                               {"--budget nan", "--budget must be from"},
                                                               {"--load nowhere", "there is no such file"},
                                                               {"--shot a.png", "--shot needs --frames"}}};
  for (const auto& [arguments, message] : mistakes) {
    const Result r = run(arguments);
    EXPECT_EQ(r.status, 2) << arguments;
    EXPECT_THAT(r.text, HasSubstr(message));
    EXPECT_EQ(std::count(r.text.begin(), r.text.end(), '\n'), 1) << r.text;
  }
  EXPECT_EQ(run("--help").status, 0);
}

}  // namespace
