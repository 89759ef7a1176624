// Beam search over any model that gives the next token's log-probabilities.
// Invariant: a hypothesis that ended stays a candidate with its score; the search stops when no open row can
// still enter the best `width`, or at the length limit, where open rows count as they are, cut off.

#include <algorithm>
#include <cmath>

#include <volute/layers.hpp>

#include "engine/nn/check.hpp"

namespace volute {
namespace {

struct Row {
  std::vector<std::uint32_t> tokens;
  double log_p = 0;
};

struct Candidate {
  double log_p;
  std::uint32_t row, token;
};

void check(const BeamOptions& o) {
  if (o.width < 1) nn::refuse("beam_search", "width must be positive, got " + std::to_string(o.width));
  nn::require_positive("beam_search", "max_length", o.max_length);
  if (!(o.length_penalty >= 0.0))
    nn::refuse("beam_search", "length_penalty must not be negative, got " + std::to_string(o.length_penalty));
}

double penalised(double log_p, std::size_t length, double penalty) {
  return log_p / std::pow(static_cast<double>(std::max<std::size_t>(length, 1)), penalty);
}

/// The `width` best continuations of the open rows.
std::vector<Candidate> best_candidates(const std::vector<Row>& rows, const std::vector<float>& log_p,
                                       std::size_t width) {
  const std::size_t V = log_p.size() / width;
  std::vector<Candidate> all;
  for (std::uint32_t r = 0; r < rows.size(); ++r)
    for (std::uint32_t v = 0; v < V; ++v) all.push_back({rows[r].log_p + log_p[r * V + v], r, v});
  const std::size_t kept = std::min(width, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept), all.end(),
                    [](const Candidate& a, const Candidate& b) {
                      if (a.log_p != b.log_p) return a.log_p > b.log_p;
                      return std::pair(a.row, a.token) < std::pair(b.row, b.token);
                    });
  all.resize(kept);
  return all;
}

class Search {
 public:
  Search(const BeamStep& step, const BeamOptions& options)
      : step_(step), options_(options), width_(static_cast<std::size_t>(options.width)) {}

  std::vector<Hypothesis> run() {
    std::vector<std::uint32_t> tokens(width_, options_.begin), parents(width_, 0);
    for (std::int64_t t = 0; t < options_.max_length && !open_.empty() && !settled(); ++t) {
      const std::vector<float> log_p = step_(tokens, parents);
      if (log_p.empty() || log_p.size() % width_)
        nn::refuse("beam_search", "the step must give [" + std::to_string(width_) + ", V] values, got " +
                                      std::to_string(log_p.size()));
      take(best_candidates(open_, log_p, width_), tokens, parents);
    }
    for (const Row& row : open_) finish(row.tokens, row.log_p);
    std::stable_sort(done_.begin(), done_.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
    if (done_.size() > width_) done_.resize(width_);
    return done_;
  }

 private:
  /// Without a penalty scores only fall, so full lists of better ones end the search early.
  bool settled() const {
    if (done_.size() < width_ || options_.length_penalty != 0.0) return false;
    return std::all_of(done_.begin(), done_.end(), [&](const Hypothesis& h) { return h.score >= open_[0].log_p; });
  }

  void take(const std::vector<Candidate>& best, std::vector<std::uint32_t>& tokens,
            std::vector<std::uint32_t>& parents) {
    std::vector<Row> next;
    for (const Candidate& c : best) {
      const Row& row = open_[c.row];
      if (c.token == options_.end) {
        finish(row.tokens, c.log_p);
        continue;
      }
      tokens[next.size()] = c.token;
      parents[next.size()] = c.row;
      next.push_back({row.tokens, c.log_p});
      next.back().tokens.push_back(c.token);
    }
    open_ = std::move(next);
  }

  void finish(const std::vector<std::uint32_t>& tokens, double log_p) {
    done_.push_back({tokens, penalised(log_p, tokens.size(), options_.length_penalty)});
  }

  const BeamStep& step_;
  const BeamOptions& options_;
  std::size_t width_;
  std::vector<Row> open_{Row{}};
  std::vector<Hypothesis> done_;
};

}  // namespace

std::vector<Hypothesis> beam_search(const BeamStep& step, const BeamOptions& options) {
  check(options);
  return Search(step, options).run();
}

}  // namespace volute
