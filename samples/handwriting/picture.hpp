// Words as they were drawn, with what was read under each, as one SVG.
// Invariant: all words have the same scale; what was read wrongly is red.
#pragma once

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "samples/handwriting/data.hpp"

namespace handwriting {

struct Read {
  Drawing drawing;
  std::string is, read;
};

/// Strokes of one word as SVG's path data, in a box with its origin at the upper left.
inline std::string path_data(const Drawing& drawing, double scale, double middle) {
  double left = drawing.front().x, low = drawing.front().y, high = low;
  for (const Point& p : drawing) left = std::min(left, p.x), low = std::min(low, p.y), high = std::max(high, p.y);
  std::string data;
  for (const Point& p : drawing) {
    char point[48];
    std::snprintf(point, sizeof point, "%c%.1f %.1f", p.down ? 'L' : 'M', scale * (p.x - left),
                  middle - scale * (p.y - (low + high) / 2));
    data += point;
  }
  return data;
}

inline void save_picture(const std::string& path, const std::vector<Read>& words) {
  constexpr int columns = 3, width = 270, height = 110;
  const int rows = (static_cast<int>(words.size()) + columns - 1) / columns;
  std::ofstream svg(path);
  svg << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " << columns * width << ' ' << rows * height
      << "\" font-family=\"sans-serif\" font-size=\"15\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
  for (std::size_t i = 0; i < words.size(); ++i) {
    const Read& word = words[i];
    const int x = static_cast<int>(i % columns) * width + 15, y = static_cast<int>(i / columns) * height;
    const bool right = word.read == word.is;
    svg << "<g transform=\"translate(" << x << ' ' << y << ")\"><path d=\"" << path_data(word.drawing, 5, 45)
        << "\" fill=\"none\" stroke=\"#123\" stroke-width=\"1.6\" stroke-linecap=\"round\"/><text y=\"104\" fill=\""
        << (right ? "#060\">" : "#b00\">") << word.read << (right ? "" : " (" + word.is + ")") << "</text></g>\n";
  }
  svg << "</svg>\n";
}

}  // namespace handwriting
