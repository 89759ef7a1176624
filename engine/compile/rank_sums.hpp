// Sums of values over the ranks of a job.
// Invariant: each element is 0 + rank 0's + rank 1's + ..., in f32, and has the same bits on every rank.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <volute/device.hpp>

namespace volute {

/// Each rank adds up a slice of the values and sends the sums to all: what a rank sends and receives does not grow with
/// their number, nor does the order of a sum depend on the network.
class RankSums {
 public:
  /// `half`: values travel as f16 with a power of two for each slice, so that its largest stays in range; the sums are
  /// taken in f32 and travel the same way.
  RankSums(std::shared_ptr<Communicator> communicator, bool half);
  /// values[i] becomes the sum of all ranks' values[i]. Collective: as many on every rank.
  void run(std::span<float> values);

 private:
  std::span<float> slice(std::span<float> values, int rank) const;
  void run_f32(std::span<float> values);
  void run_f16(std::span<float> values);

  std::shared_ptr<Communicator> communicator_;
  bool half_;
  int ranks_, rank_;
  std::vector<std::byte> sent_, received_;  ///< kept for their memory, like ...
  std::vector<std::span<const std::byte>> send_;
  std::vector<std::span<std::byte>> receive_, blocks_;  ///< ... these
};

/// Slices as they travel in f16: a power of two, then values divided by it.
std::size_t packed_bytes(std::size_t count);
void pack_f16(std::span<const float> values, std::byte* target);
void unpack_f16(const std::byte* source, std::span<float> values);

}  // namespace volute
