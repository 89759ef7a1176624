// Losses, norms, attention and CTC as rows: each a composition to be checked against the reference and differences.
// Invariant: building a row is all that is needed to check it; what a row promises beyond its formula is in tests.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/check/composition.hpp"

namespace volute::check {

struct LayerRow {
  std::string name;  ///< "losses: mse, mean": a group, then what it is
  std::function<Tensor(Composition&)> build;
  double tolerance = 2e-5;
  Mode mode = Mode::training;
};

/// Of every group.
std::vector<LayerRow> layer_rows();
std::vector<LayerRow> loss_rows();
std::vector<LayerRow> norm_rows();
std::vector<LayerRow> attention_rows();
std::vector<LayerRow> ctc_rows();

void check_layer(const Device& device, const LayerRow& row, Findings& findings);

/// Sequences with their labels for CTC.
struct CtcProblem {
  std::int64_t T, N, C, S;
  std::uint32_t blank;
  std::vector<std::uint32_t> targets, input_lengths, target_lengths;
};
const std::vector<CtcProblem>& ctc_problems();

struct CtcFeeds {
  Tensor targets, input_lengths, target_lengths;
};
CtcFeeds feed(Composition& c, const CtcProblem& problem);

}  // namespace volute::check
