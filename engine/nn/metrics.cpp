// Metrics of classifiers: shares and ratios of counts, in float64.
// Invariant: a ratio without anything to count is 0 (precision, recall, F1), a mean over nothing is NaN.

#include <cmath>
#include <limits>

#include <volute/layers.hpp>

#include "engine/nn/check.hpp"

namespace volute::metrics {
namespace {

void check_counts(const char* name, std::size_t predicted, std::size_t targets) {
  if (predicted != targets)
    nn::refuse(name, std::to_string(predicted) + " predictions for " + std::to_string(targets) + " targets");
}

double ratio(double part, double whole) { return whole == 0 ? 0 : part / whole; }

}  // namespace

double accuracy(std::span<const std::uint32_t> predicted, std::span<const std::uint32_t> targets,
                std::optional<std::uint32_t> ignore_index) {
  check_counts("accuracy", predicted.size(), targets.size());
  double right = 0, count = 0;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (targets[i] == ignore_index) continue;
    ++count;
    right += predicted[i] == targets[i];
  }
  return count == 0 ? std::numeric_limits<double>::quiet_NaN() : right / count;
}

double perplexity(double mean_cross_entropy) { return std::exp(mean_cross_entropy); }

ConfusionMatrix::ConfusionMatrix(std::int64_t classes) : classes_(classes) {
  nn::require_positive("confusion_matrix", "classes", classes);
  counts_.assign(static_cast<std::size_t>(classes * classes), 0);
}

void ConfusionMatrix::add(std::span<const std::uint32_t> predicted, std::span<const std::uint32_t> targets) {
  check_counts("confusion_matrix", predicted.size(), targets.size());
  for (std::size_t i = 0; i < targets.size(); ++i)
    if (predicted[i] >= classes_ || targets[i] >= classes_)
      nn::refuse("confusion_matrix", "prediction " + std::to_string(predicted[i]) + ", target " +
                                         std::to_string(targets[i]) + " at " + std::to_string(i) + " are not below " +
                                         std::to_string(classes_) + " classes");
  for (std::size_t i = 0; i < targets.size(); ++i) ++counts_[targets[i] * classes_ + predicted[i]];
}

std::int64_t ConfusionMatrix::at(std::int64_t of) const {
  if (of < 0 || of >= classes_)
    nn::refuse("confusion_matrix", "class " + std::to_string(of) + " is not below " + std::to_string(classes_));
  return of;
}

std::int64_t ConfusionMatrix::count(std::int64_t target, std::int64_t predicted) const {
  return counts_[at(target) * classes_ + at(predicted)];
}

std::int64_t ConfusionMatrix::predicted_as(std::int64_t of) const {
  std::int64_t total = 0;
  for (std::int64_t c = 0; c < classes_; ++c) total += count(c, of);
  return total;
}

std::int64_t ConfusionMatrix::targets_of(std::int64_t of) const {
  std::int64_t total = 0;
  for (std::int64_t c = 0; c < classes_; ++c) total += count(of, c);
  return total;
}

double ConfusionMatrix::accuracy() const {
  double right = 0, all = 0;
  for (std::int64_t c = 0; c < classes_; ++c) {
    right += static_cast<double>(count(c, c));
    all += static_cast<double>(targets_of(c));
  }
  return all == 0 ? std::numeric_limits<double>::quiet_NaN() : right / all;
}

double ConfusionMatrix::precision(std::int64_t of) const {
  return ratio(static_cast<double>(count(of, of)), static_cast<double>(predicted_as(of)));
}

double ConfusionMatrix::recall(std::int64_t of) const {
  return ratio(static_cast<double>(count(of, of)), static_cast<double>(targets_of(of)));
}

// 2 tp / (2 tp + fp + fn)
double ConfusionMatrix::f1(std::int64_t of) const {
  return ratio(2.0 * static_cast<double>(count(of, of)), static_cast<double>(predicted_as(of) + targets_of(of)));
}

// With one label an example, every false positive is another class's false negative: micro figures are the accuracy.
double ConfusionMatrix::precision(Average average) const {
  if (average == Average::micro) return accuracy();
  double total = 0;
  for (std::int64_t c = 0; c < classes_; ++c) total += precision(c);
  return total / static_cast<double>(classes_);
}

double ConfusionMatrix::recall(Average average) const {
  if (average == Average::micro) return accuracy();
  double total = 0;
  for (std::int64_t c = 0; c < classes_; ++c) total += recall(c);
  return total / static_cast<double>(classes_);
}

double ConfusionMatrix::f1(Average average) const {
  if (average == Average::micro) return accuracy();
  double total = 0;
  for (std::int64_t c = 0; c < classes_; ++c) total += f1(c);
  return total / static_cast<double>(classes_);
}

}  // namespace volute::metrics
