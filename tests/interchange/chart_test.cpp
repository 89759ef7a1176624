// Charts: curves with all their points in SVG, pixels in PNG, ticks at round numbers, and what is refused.
#include <gmock/gmock.h>
#include <stb/stb_image.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <regex>

#include <volute/io.hpp>

#include "engine/interchange/axis.hpp"
#include "tests/support/files.hpp"

namespace volute::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::vector<double> counted(int size) {
  std::vector<double> x;
  for (int i = 0; i < size; ++i) x.push_back(i);
  return x;
}

/// No three of them in a line: Cairo would join those.
std::vector<double> curve(int size) {
  std::vector<double> y;
  for (int i = 0; i < size; ++i) y.push_back(2 + std::sin(i * i * 0.37));
  return y;
}

/// Corners of each path that is stroked, or filled, in a colour: "0%,44.7" the beginning of its red and green.
std::vector<int> corners(const std::string& svg, const std::string& property, const std::string& colour) {
  std::vector<int> all;
  const std::regex path("<path style=\"([^\"]*)\" d=\"([^\"]*)\"");
  for (auto i = std::sregex_iterator(svg.begin(), svg.end(), path); i != std::sregex_iterator(); ++i) {
    const std::string style = (*i)[1], d = (*i)[2];
    if (style.find(property + ":rgb(" + colour) == std::string::npos) continue;
    all.push_back(static_cast<int>(std::count_if(d.begin(), d.end(), [](char c) { return c == 'M' || c == 'L'; })));
  }
  return all;
}

/// Tags are closed in the order they were opened, and nothing follows the root.
bool is_well_formed(const std::string& xml) {
  std::vector<std::string> open;
  bool ended = false;
  const std::regex tag("<(/?)([A-Za-z:]+)((?:\\s+[A-Za-z:_-]+=\"[^\"<]*\")*)\\s*(/?)>");
  std::string text = xml;
  if (text.rfind("<?xml", 0) == 0) text = text.substr(text.find("?>") + 2);
  auto last = text.cbegin();
  for (auto i = std::sregex_iterator(text.begin(), text.end(), tag); i != std::sregex_iterator(); ++i) {
    if (ended || std::string(last, (*i)[0].first).find('<') != std::string::npos) return false;
    last = (*i)[0].second;
    if ((*i)[1].length() > 0) {
      if (open.empty() || open.back() != (*i)[2]) return false;
      open.pop_back();
    } else if ((*i)[4].length() == 0) {
      open.push_back((*i)[2]);
    }
    ended = open.empty();
  }
  return ended;
}

const std::string blue = "0%,44.7", orange = "83.5", green = "0%,61.9";

TEST(Chart, SvgHasEveryPointOfEverySeries) {
  const Folder folder;
  io::Chart chart{.title = "Loss & more <of it>", .x_label = "step", .y_label = "nats"};
  chart.series = {{.name = "training", .x = counted(50), .y = curve(50)},
                  {.name = "validation", .x = counted(30), .y = curve(30)},
                  {.x = counted(20), .low = curve(20), .high = std::vector<double>(20, 4.0)}};
  chart.series[1].y[10] = nan;
  chart.series[2].high[3] = 4.5;
  io::save_chart(folder / "loss.svg", chart);
  const std::string svg = read_bytes(folder / "loss.svg");
  EXPECT_TRUE(is_well_formed(svg));
  EXPECT_FALSE(is_well_formed(svg + svg));
  // The key in the legend first, then the curve; a gap parts it.
  EXPECT_THAT(corners(svg, "stroke", blue), ElementsAre(2, 50));
  EXPECT_THAT(corners(svg, "stroke", orange), ElementsAre(2, 10, 19));
  // Lower and upper corners of the band but those along its straight upper side, and where the path is closed.
  EXPECT_THAT(corners(svg, "fill", green), ElementsAre(20 + 5 + 1));
  chart.series.pop_back();
  io::save_chart(folder / "loss.svg", chart);
  EXPECT_THAT(corners(read_bytes(folder / "loss.svg"), "stroke", blue), ElementsAre(2, 50));
  EXPECT_EQ(folder.names(), std::set<std::string>{"loss.svg"});
}

struct Picture {
  int width = 0, height = 0;
  std::unique_ptr<unsigned char, void (*)(void*)> rgb{nullptr, ::stbi_image_free};
  explicit Picture(const std::string& path) {
    int channels = 0;
    rgb.reset(::stbi_load(path.c_str(), &width, &height, &channels, 3));
  }
  /// Pixels of exactly that colour.
  int count(unsigned colour) const {
    int found = 0;
    for (int i = 0; i < width * height; ++i) {
      const unsigned char* p = rgb.get() + 3 * i;
      found += (unsigned{p[0]} << 16 | unsigned{p[1]} << 8 | p[2]) == colour;
    }
    return found;
  }
};

TEST(Chart, PngShowsAllThatIsDrawn) {
  const Folder folder;
  io::Chart chart{.title = "Loss", .series = {{.name = "a", .x = counted(50), .y = curve(50)}}, .log_y = true};
  io::save_chart(folder / "a.png", chart);
  const Picture one(folder / "a.png");
  ASSERT_NE(one.rgb, nullptr);
  EXPECT_EQ(one.width, 1600);
  EXPECT_EQ(one.height, 900);
  EXPECT_GT(one.count(0xffffff), 1600 * 900 / 2);
  EXPECT_GT(one.count(0x0072b2), 2000);
  EXPECT_EQ(one.count(0xd55e00), 0);
  chart.series.push_back({.name = "b", .x = {10, 20, 30}, .y = {2, 2.5, 1.5}, .look = io::ChartLook::points});
  chart.scale = 1;
  io::save_chart(folder / "a.png", chart);
  const Picture two(folder / "a.png");
  EXPECT_EQ(two.width, 800);
  EXPECT_GT(two.count(0xd55e00), 3 * 9);
}

TEST(Chart, AnyValuesAreDrawn) {
  const Folder folder;
  const double most = std::numeric_limits<double>::max(), least = std::numeric_limits<double>::denorm_min();
  const std::vector<std::vector<double>> values{{},        {1},           {0, 0},          {nan, nan},   {most, -most},
                                                {least, 0}, {1, 1 + 1e-16}, {1e99, -1e99}, {-5, nan, 5}, {1e-90, 1e90}};
  for (const bool log : {false, true})
    for (const auto& y : values) {
      const auto x = counted(static_cast<int>(y.size()));
      io::save_chart(folder / "a.svg", {.series = {{.x = x, .y = y, .low = y, .high = y}}, .log_x = log, .log_y = log});
      const std::string svg = read_bytes(folder / "a.svg");
      EXPECT_TRUE(is_well_formed(svg));
      EXPECT_THAT(svg, testing::Not(testing::ContainsRegex("[ \"](nan|inf|-nan|-inf)[ \"]")));
    }
}

TEST(Chart, TicksAreRoundNumbers) {
  const auto labels = [](bool log, double low, double high, int about) {
    io::Axis axis(log, 0);
    axis.include(low);
    axis.include(high);
    axis.settle();
    std::vector<std::string> all;
    for (const io::Axis::Tick& tick : axis.ticks(about)) all.push_back(tick.label);
    return all;
  };
  EXPECT_THAT(labels(false, 0, 3000, 6), ElementsAre("0", "500", "1000", "1500", "2000", "2500", "3000"));
  EXPECT_THAT(labels(false, -0.11, 0.1, 4), ElementsAre("-0.1", "0.0", "0.1"));
  EXPECT_THAT(labels(false, 1e8, 3e8, 2), ElementsAre("1e+08", "2e+08", "3e+08"));
  EXPECT_THAT(labels(true, 1.2, 4.6, 5), ElementsAre("2", "3", "4"));
  EXPECT_THAT(labels(true, 0.9, 120, 6), ElementsAre("1", "2", "5", "10", "20", "50", "100"));
  EXPECT_THAT(labels(true, 1e-5, 1, 6), ElementsAre("1e-05", "0.0001", "0.001", "0.01", "0.1", "1"));
}

TEST(Chart, ErrorsAreTyped) {
  const Folder folder;
  const auto message = [&](const std::string& name, const io::Chart& chart) -> std::string {
    try {
      io::save_chart(folder / name, chart);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THROW(io::save_chart(folder / "none/a.svg", {}), BadFile);
  EXPECT_THROW(io::save_chart(folder / "a.pdf", {}), BadFile);
  EXPECT_THROW(io::save_chart(folder / "a.svg", {.width = 0}), InvalidGraph);
  EXPECT_THROW(io::save_chart(folder / "a.png", {.scale = nan}), InvalidGraph);
  EXPECT_THAT(message("a.pdf", {}), HasSubstr("ends in .svg or .png"));
  EXPECT_THAT(message("a.svg", {.title = "\xff"}), HasSubstr("cannot be drawn"));
  EXPECT_THAT(message("a.svg", {.series = {{.name = "s", .x = {1, 2}, .y = {1}}}}), HasSubstr("'s' has 2 x, 1 y"));
  EXPECT_THAT(message("a.svg", {.series = {{.x = {1}}}}), HasSubstr("1 x, 0 y"));
  EXPECT_THAT(message("a.svg", {.series = {{.x = {1}, .y = {1}, .low = {1}}}}), HasSubstr("1 low and 0 high"));
  EXPECT_TRUE(folder.names().empty());
}

}  // namespace
}  // namespace volute::test
