// Handwriting made up on the fly: an alphabet of pen strokes, writers who each have their own way with it, and words.
// Invariant: a word is in training, validation or test by its letters alone, and each part has writers of its own.
#pragma once

#include <array>
#include <cmath>
#include <numbers>
#include <sstream>
#include <string>
#include <vector>
#include <volute/data.hpp>

namespace handwriting {

using volute::data::Generator;

inline double uniform(Generator& random, double low, double high) {
  return low + (high - low) * static_cast<double>(random.below(1u << 24)) / (1u << 24);
}
/// About normal: the sum of twelve uniform numbers has variance 1.
inline double normal(Generator& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += uniform(random, 0, 1);
  return sum;
}

/// Where the pen is, and whether it was on the paper on its way there.
struct Point {
  double x, y;
  bool down;
};
using Drawing = std::vector<Point>;

/// Corners of each letter's strokes, as digits x and y: descenders reach down to 0, letters stand on 3, small ones
/// are as high as 6, tall ones as 9.
inline const std::array<const char*, 26> alphabet = {
    "45 36 16 05 04 13 33 45 46 43",           // a
    "09 03 05 16 36 45 44 33 13 04",           // b
    "45 36 16 05 04 13 33 44",                 // c
    "45 36 16 05 04 13 33 44 49 43",           // d
    "05 45 36 16 05 04 13 33 44",              // e
    "48 39 28 23, 06 46",                      // f
    "45 36 16 05 04 13 33 44 46 41 30 10 01",  // g
    "09 03 05 16 36 45 43",                    // h
    "06 04 13 23, 08 18",                      // i
    "26 21 10 00, 28 38",                      // j
    "09 03, 46 04 43",                         // k
    "09 04 13 23",                             // l
    "06 03 05 16 26 35 33 35 46 56 65 63",     // m
    "06 03 05 16 36 45 43",                    // n
    "26 16 05 04 13 33 44 45 36 16",           // o
    "06 00 05 16 36 45 44 33 13 04",           // p
    "45 36 16 05 04 13 33 44 46 40 51",        // q
    "06 03 05 16 36 45",                       // r
    "45 36 16 05 34 44 33 13 04",              // s
    "18 14 23 33, 06 36",                      // t
    "06 04 13 33 45 46 43",                    // u
    "06 23 46",                                // v
    "06 13 35 53 66",                          // w
    "06 43, 46 03",                            // x
    "06 24, 46 00",                            // y
    "06 46 03 43",                             // z
};

/// The corners of a letter, the first of each stroke reached in the air.
inline Drawing corners(char letter) {
  Drawing points;
  bool down = false;
  std::istringstream words(alphabet[static_cast<std::size_t>(letter - 'a')]);
  for (std::string word; words >> word; down = word.back() != ',')
    points.push_back({static_cast<double>(word[0] - '0'), static_cast<double>(word[1] - '0'), down});
  return points;
}

/// Corners cut twice (Chaikin 1974), which makes curves of them; ends of strokes stay.
inline Drawing rounded(Drawing corners) {
  for (int pass = 0; pass < 2; ++pass) {
    Drawing next;
    for (std::size_t i = 0; i < corners.size(); ++i) {
      const Point p = corners[i];
      const bool last = i + 1 == corners.size() || !corners[i + 1].down;
      if (!p.down || last) next.push_back(p);
      if (last) continue;
      const Point q = corners[i + 1];
      if (p.down) next.push_back({0.75 * p.x + 0.25 * q.x, 0.75 * p.y + 0.25 * q.y, true});
      const bool ends = i + 2 == corners.size() || !corners[i + 2].down;
      if (!ends) next.push_back({0.25 * p.x + 0.75 * q.x, 0.25 * p.y + 0.75 * q.y, true});
    }
    corners = std::move(next);
  }
  return corners;
}

/// Points along the strokes at distances of about `spacing`, as a pen of nearly constant speed leaves them.
inline Drawing resampled(const Drawing& drawing, double spacing, Generator& random) {
  Drawing out;
  double left = 0;  // way to the next point
  for (std::size_t i = 0; i < drawing.size(); ++i) {
    const Point b = drawing[i];
    if (b.down && i > 0) {
      const Point a = drawing[i - 1];
      const double length = std::hypot(b.x - a.x, b.y - a.y);
      double at = left;
      for (; at < length; at += spacing * uniform(random, 0.7, 1.3))
        out.push_back({a.x + (b.x - a.x) * at / length, a.y + (b.y - a.y) * at / length, true});
      left = at - length;
    } else {
      out.push_back(b);
      left = spacing;
    }
  }
  return out;
}

/// Somebody's hand: the same every time but for a little unsteadiness.
class Writer {
 public:
  explicit Writer(std::uint64_t number) {
    Generator random(number, /*stream*/ 77);
    slant_ = uniform(random, -0.25, 0.6), turn_ = uniform(random, -0.15, 0.15);
    width_ = uniform(random, 0.75, 1.25), size_ = uniform(random, 0.85, 1.2);
    gap_ = uniform(random, 0.8, 2.2), joins_ = uniform(random, 0, 1);
    for (std::size_t i = 0; i < own_.size(); ++i) {
      own_[i] = corners(static_cast<char>('a' + i));
      for (Point& p : own_[i]) p.x += 0.35 * normal(random), p.y += 0.35 * normal(random);
    }
  }
  /// The word as this writer draws it. Some letters of one stroke run into the next without lifting the pen.
  Drawing write(const std::string& word, Generator& random) const {
    Drawing all;
    double x = 0;
    bool join = false;
    for (const char letter : word) {
      Drawing points = own_[static_cast<std::size_t>(letter - 'a')];
      points.front().down = join;
      bool strokes = false;
      double right = 0;
      for (Point& p : points) {
        p.x += 0.15 * normal(random), p.y += 0.15 * normal(random);
        right = std::max(right, p.x);
        strokes |= !p.down && &p != &points.front();
        all.push_back({x + p.x, p.y, p.down});
      }
      x += right + gap_;
      join = !strokes && uniform(random, 0, 1) < joins_;
    }
    for (Point& p : all) {
      const double u = size_ * (width_ * p.x + slant_ * (p.y - 3)), v = size_ * (p.y - 3);
      p.x = u * std::cos(turn_) - v * std::sin(turn_), p.y = u * std::sin(turn_) + v * std::cos(turn_);
    }
    return resampled(rounded(all), 1.2, random);
  }

 private:
  double slant_, turn_, width_, size_, gap_, joins_;
  std::array<Drawing, 26> own_;
};

enum class Part { train, validation, test };

/// 3 to 7 letters that can be spoken.
inline std::string make_word(Generator& random, Part part) {
  const std::string consonants = "bcdfghjklmnpqrstvwxz", vowels = "aeiouy";
  for (;;) {
    const std::size_t length = 3 + random.below(5);
    std::string word;
    for (bool vowel = random.below(3) == 0; word.size() < length; vowel = random.below(5) == 0 ? vowel : !vowel)
      word += vowel ? vowels[random.below(vowels.size())] : consonants[random.below(consonants.size())];
    std::uint64_t hash = 0;
    for (const char c : word) hash = hash * 31 + static_cast<std::uint64_t>(c);
    const Part its = hash % 10 == 0 ? Part::test : hash % 10 == 1 ? Part::validation : Part::train;
    if (its == part) return word;
  }
}

}  // namespace handwriting
