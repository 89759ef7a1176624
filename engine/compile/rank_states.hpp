// States of which each rank has its rows: from the ranks' parts to one array and back, so that a snapshot is of all ranks.
// Invariant: rows are axis -2, and those of all ranks follow one another in the order of ranks.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <volute/device.hpp>

namespace volute {

/// Which rows are whose.
struct Share {
  std::vector<std::int64_t> first;  ///< of each rank; the last is the number of all

  std::int64_t all() const { return first.back(); }
  std::int64_t rows(int rank) const { return first[rank + 1] - first[rank]; }
};

/// The shape with so many rows of axis -2.
Shape with_rows(const Shape& shape, std::int64_t rows);

class RankStates {
 public:
  explicit RankStates(std::shared_ptr<Communicator> communicator) : communicator_(std::move(communicator)) {}

  /// A state of which this rank has so many rows, and others may have more or fewer. Collective.
  void add(const std::string& name, const Shape& shape);
  /// Null for a state that is the same, or a matter of its own, on every rank.
  const Share* share_of(const std::string& name) const;
  /// What each rank has becomes what all have. Collective.
  void join(HostArray& array) const;
  /// The other way: this rank's of all.
  HostArray part_of(const HostArray& array) const;

 private:
  std::shared_ptr<Communicator> communicator_;
  std::map<std::string, Share> shares_;
};

}  // namespace volute
