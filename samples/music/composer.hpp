// Tunes of eight bars of 4/4 over a bass, after rules that reach over beats, bars and the whole tune.
// Invariant: next() is the true distribution of the token that follows; what it gives no chance is against the rules.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <numeric>
#include <string>
#include <vector>

namespace music {

inline constexpr int bars = 8, bar_length = 8;                     // eighths
inline constexpr int lowest = 60, pitches = 24, bass_lowest = 36;  // MIDI: middle C, and two octaves below
inline constexpr int longest_note = 4;
/// Tokens: the bass of a bar (12 pitch classes), notes (by duration, then pitch), and what stands before a tune.
inline constexpr std::uint32_t notes_begin = 12, begin = notes_begin + longest_note * pitches, vocabulary = begin + 1;
inline constexpr std::int64_t most_tokens = 56;

inline bool is_bass(std::uint32_t token) { return token < notes_begin; }
inline int duration_of(std::uint32_t token) { return 1 + static_cast<int>(token - notes_begin) / pitches; }
inline int pitch_of(std::uint32_t token) {
  if (is_bass(token)) return bass_lowest + static_cast<int>(token);
  return lowest + static_cast<int>(token - notes_begin) % pitches;
}

/// Follows a tune token by token.
class Composer {
 public:
  bool finished() const { return bar_ == bars - 1 && time_ >= bar_length; }
  /// Eighths since the beginning, as far as bars were full.
  int position() const { return std::max(bar_, 0) * bar_length + std::min(time_, bar_length - 1); }

  /// Probabilities [vocabulary] of what may come next.
  std::vector<double> next() const {
    std::vector<double> p(vocabulary);
    if (time_ >= bar_length)
      for (const auto& [degree, weight] : basses()) p[(tonic() + degree) % 12] += weight;
    else
      for (const auto& [duration, weight] : durations()) {
        const auto first = p.begin() + notes_begin + (duration - 1) * pitches;
        for (int i = 0; i < pitches; ++i) first[i] = fit(lowest + i, time_ + duration == bar_length);
        scale(first, first + pitches, weight);  // the duration is drawn first, then the pitch
      }
    scale(p.begin(), p.end(), 1);
    return p;
  }

  void take(std::uint32_t token) {
    if (is_bass(token)) {
      if (bar_ + 1 < bars) ++bar_;
      time_ = 0, basses_[bar_] = static_cast<int>(token), rhythms_[bar_].clear();
      return;
    }
    leap_ = previous_ ? pitch_of(token) - previous_ : 0;
    previous_ = pitch_of(token);
    time_ += duration_of(token);
    rhythms_[std::max(bar_, 0)].push_back(duration_of(token));
  }

 private:
  using Weights = std::map<int, double>;
  int tonic() const { return bar_ < 0 ? 0 : basses_[0]; }
  int degree(int bar) const { return (basses_[bar] - tonic() + 12) % 12; }
  static bool in_scale(int degree) { return std::string("101011010101")[(degree + 12) % 12] == '1'; }

  /// Semitones above the tonic of the next bar's bass: a question of four bars that ends on V, and an answer that
  /// begins like it and ends on I.
  Weights basses() const {
    static const std::array<Weights, 12> after = [] {
      std::array<Weights, 12> w;
      w[0] = {{5, 3}, {9, 3}, {2, 2}, {7, 2}}, w[2] = {{7, 2}, {5, 1}}, w[5] = {{2, 1}, {0, 2}, {9, 1}};
      w[7] = {{9, 2}, {5, 1}, {0, 1}}, w[9] = {{5, 2}, {2, 2}};
      return w;
    }();
    switch (bar_ + 1) {
      case 0: {
        Weights any;
        for (int i = 0; i < 12; ++i) any[i] = 1;
        return any;
      }
      case 3: case 6: return {{7, 1}};
      case 4: case 7: return {{0, 1}};
      case 5: return {{degree(1), 1}};
      default: return after[degree(bar_)];
    }
  }

  /// Bars 1, 4 and 5 have the rhythm of the first bar, bar 6 that of bar 2; the ends of both halves are fixed.
  Weights durations() const {
    static const std::vector<std::vector<int>> patterns = {
        {2, 2, 2, 2},    {2, 2, 4},       {4, 2, 2},    {3, 1, 2, 2}, {1, 1, 2, 2, 2},
        {2, 1, 1, 2, 2}, {2, 2, 1, 1, 2}, {3, 1, 3, 1}, {2, 2, 3, 1}, {1, 1, 1, 1, 2, 2}};
    const std::vector<int>& now = rhythms_[bar_];
    std::vector<std::vector<int>> open = patterns;
    if (bar_ == 3) open = {{2, 2, 4}};
    if (bar_ == 7) open = {{4, 4}};
    if (bar_ == 1 || bar_ == 4 || bar_ == 5) open = {rhythms_[0]};
    if (bar_ == 6) open = {rhythms_[2]};
    Weights next;
    for (const auto& pattern : open)
      if (pattern.size() > now.size() && std::equal(now.begin(), now.end(), pattern.begin()))
        next[pattern[now.size()]] += 1;
    return next;
  }

  /// How well a pitch follows: notes of the scale, mostly by step; a bar begins with a note of its chord; whoever leaps
  /// a fourth or fifth lands on such a note and steps back; the tune ends on the tonic.
  double fit(int pitch, bool last_of_bar) const {
    const int above = ((pitch - tonic()) % 12 + 12) % 12, root = degree(bar_);
    const int move = previous_ ? pitch - previous_ : 0, size = std::abs(move);
    const bool chord = above == root || in_chord(above, root);
    if (!in_scale(above)) return 0;
    if (!previous_) return chord && pitch >= 64 && pitch < 78 ? 1 : 0;
    if (bar_ == bars - 1 && last_of_bar) return above == 0 && size < 12 ? 1.0 / (1 + size) : 0;
    if (std::abs(leap_) >= 5) return size >= 1 && size <= 2 && move * leap_ < 0 ? 1 : 0;
    if (time_ == 0) return chord && size <= 4 ? 1 : 0;
    if (size >= 5) return chord && !last_of_bar && size <= 7 ? 0.5 : 0;
    return size == 0 ? 0.5 : size <= 2 ? 4 : 1;
  }
  /// Thirds and fifths of the scale above the root.
  static bool in_chord(int above, int root) {
    int step = 0;
    for (int degree = root; step <= 4; ++degree)
      if (in_scale(degree)) {
        if ((step == 2 || step == 4) && degree % 12 == above) return true;
        ++step;
      }
    return false;
  }
  static void scale(std::vector<double>::iterator first, std::vector<double>::iterator last, double total) {
    const double sum = std::accumulate(first, last, 0.0);
    if (sum > 0) std::for_each(first, last, [&](double& each) { each *= total / sum; });
  }

  int bar_ = -1, time_ = bar_length, previous_ = 0, leap_ = 0;
  std::array<int, bars> basses_ = {};
  std::array<std::vector<int>, bars> rhythms_;
};

}  // namespace music
