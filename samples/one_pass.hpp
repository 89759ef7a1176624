// A baseline without a network for two recipes: dynamic time warping against templates joined in any order, all
// boundaries and labels found in one pass (Vintsyuk 1971, Ney 1984).
// Invariant: every frame is paid for once, so templates of any length compete fairly.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace one_pass {

/// What one label may look like: frames [length, C].
struct Template {
  std::uint32_t label;
  std::vector<float> frames;
};

/// What a path costs besides distances of frames.
struct Costs {
  float entering;  ///< once a template
  float between;   ///< each frame that belongs to no template
};

namespace detail {

constexpr float never = std::numeric_limits<float>::max() / 4;

/// The cheapest path to a place, and the time at which the template it is in was entered.
struct Path {
  float cost = never;
  std::size_t entered = 0;
};

inline float distance(const float* a, const float* b, std::size_t C) {
  float total = 0;
  for (std::size_t c = 0; c < C; ++c) total += (a[c] - b[c]) * (a[c] - b[c]);
  return total;
}

/// Moves the paths through one template by a frame: each stays, goes on by a place, or leaves one out.
inline void advance(std::vector<Path>& paths, const Template& of, const float* frame, std::size_t C, Path entry) {
  for (std::size_t j = paths.size(); j-- > 0;) {
    Path best = paths[j];
    const auto consider = [&](const Path& from) { if (from.cost < best.cost) best = from; };
    consider(j >= 1 ? paths[j - 1] : entry);
    if (j >= 1) consider(j >= 2 ? paths[j - 2] : entry);
    paths[j] = {std::min(never, best.cost + distance(frame, &of.frames[j * C], C)), best.entered};
  }
}

}  // namespace detail

/// Labels of the cheapest sequence of templates through frames [T, C].
inline std::vector<std::uint32_t> match(const std::vector<Template>& templates, std::span<const float> frames,
                                        std::size_t C, Costs costs) {
  using detail::Path;
  struct Step {
    float cost;            // of the best path through the frames so far that is inside no template
    std::size_t before;    // time at which what it ended with was entered
    std::int64_t label;    // of that; -1: a frame between templates
  };
  const std::size_t T = frames.size() / C;
  std::vector<std::vector<Path>> inside;
  for (const Template& t : templates) inside.emplace_back(t.frames.size() / C);
  std::vector<Step> steps{{0, 0, -1}};  // steps[t]: after t frames
  for (std::size_t t = 0; t < T; ++t) {
    Step step{steps[t].cost + costs.between, t, -1};
    for (std::size_t k = 0; k < templates.size(); ++k) {
      detail::advance(inside[k], templates[k], &frames[t * C], C, {steps[t].cost + costs.entering, t});
      const Path& last = inside[k].back();
      if (last.cost < step.cost) step = {last.cost, last.entered, templates[k].label};
    }
    steps.push_back(step);
  }
  std::vector<std::uint32_t> labels;
  for (std::size_t t = T; t > 0; t = steps[t].before)
    if (steps[t].label >= 0) labels.push_back(static_cast<std::uint32_t>(steps[t].label));
  std::reverse(labels.begin(), labels.end());
  return labels;
}

}  // namespace one_pass
