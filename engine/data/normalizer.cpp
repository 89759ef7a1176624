// Normalisation to mean 0 and deviation 1 by column.
// Invariant: nothing but the values given to fit decides, so what fit has not seen cannot leak.
#include <cmath>

#include <volute/graph.hpp>
#include <volute/data.hpp>

namespace volute::data {
namespace {

void check_rows(const char* what, std::size_t values, std::size_t C) {
  if (C == 0 || values % C != 0)
    throw InvalidGraph(std::string("normalizer ") + what + ": " + std::to_string(values) + " values are no rows of " +
                       std::to_string(C) + " columns");
}

}  // namespace

// Welford's sums: exact enough for a column with a mean far from 0. The deviation is the population's.
Normalizer Normalizer::fit(std::span<const float> values, std::int64_t C) {
  if (C < 1) throw InvalidGraph("normalizer fit: C must be positive, got " + std::to_string(C));
  check_rows("fit", values.size(), static_cast<std::size_t>(C));
  if (values.empty()) throw InvalidGraph("normalizer fit: there are no rows");
  Normalizer result;
  const auto columns = static_cast<std::size_t>(C), rows = values.size() / columns;
  for (std::size_t c = 0; c < columns; ++c) {
    double mean = 0, squares = 0;
    for (std::size_t row = 0; row < rows; ++row) {
      const double x = values[row * columns + c], before = x - mean;
      if (!std::isfinite(x))
        throw InvalidGraph("normalizer fit: row " + std::to_string(row) + ", column " + std::to_string(c) +
                           " is not finite");
      mean += before / static_cast<double>(row + 1);
      squares += before * (x - mean);
    }
    const double deviation = std::sqrt(squares / static_cast<double>(rows));
    result.means_.push_back(mean);
    result.deviations_.push_back(deviation > 0 ? deviation : 1.0);
  }
  return result;
}

void Normalizer::apply(std::span<float> values) const {
  check_rows("apply", values.size(), means_.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t c = i % means_.size();
    values[i] = static_cast<float>((values[i] - means_[c]) / deviations_[c]);
  }
}

void Normalizer::undo(std::span<float> values, std::vector<std::size_t> columns) const {
  if (columns.empty())
    for (std::size_t c = 0; c < means_.size(); ++c) columns.push_back(c);
  for (std::size_t c : columns)
    if (c >= means_.size())
      throw InvalidGraph("normalizer undo: column " + std::to_string(c) + " of " + std::to_string(means_.size()) +
                         " does not exist");
  check_rows("undo", values.size(), columns.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t c = columns[i % columns.size()];
    values[i] = static_cast<float>(values[i] * deviations_[c] + means_[c]);
  }
}

}  // namespace volute::data
