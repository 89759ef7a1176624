// Orders of gates, as maps between a framework's arrays and Volute's.
// Invariant: a map is checked when it is made: each of our gates is at one place of theirs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <volute/io.hpp>

namespace volute::io {

/// The gates of a cell on both sides, "ifgo" against "iofg", and the sign that turns one of theirs into ours.
class GateOrder {
 public:
  /// `flipped`: the letter of the gate whose part changes its sign, if any.
  GateOrder(std::string ours, std::string theirs, std::int64_t hidden, char flipped = '\0')
      : ours_(std::move(ours)), theirs_(std::move(theirs)), H_(hidden), flipped_(flipped) {}

  std::int64_t our_rows() const { return static_cast<std::int64_t>(ours_.size()) * H_; }
  std::int64_t their_rows() const { return static_cast<std::int64_t>(theirs_.size()) * H_; }
  std::int64_t hidden() const { return H_; }

  /// theirs [their_rows, columns], or [columns, their_rows], -> [our_rows, columns]
  std::vector<float> ours_of(const std::vector<float>& theirs, std::int64_t columns, bool transposed) const;
  /// The way back. A gate we have not, f of a coupled LSTM, becomes minus i.
  std::vector<float> theirs_of(const std::vector<float>& ours, std::int64_t columns, bool transposed) const;

 private:
  float sign(char gate) const { return gate == flipped_ ? -1.0f : 1.0f; }

  std::string ours_, theirs_;
  std::int64_t H_;
  char flipped_;
};

/// Throws InvalidGraph unless its orders are of the gates there are.
void check_layout(const WeightLayout& layout);

}  // namespace volute::io
