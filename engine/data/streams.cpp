// Contiguous streams for truncated BPTT.
// Invariant: in stream n, piece i+1 starts `advance` tokens after piece i, so state carried from step
// `advance` (the end, by default) sees an unbroken text; streams start over only at multiples of pieces().
#include <volute/graph.hpp>
#include <volute/data.hpp>

namespace volute::data {

Streams::Streams(const std::vector<std::uint32_t>& tokens, std::int64_t T, std::int64_t N, std::int64_t advance,
                 Shard shard)
    : tokens_(&tokens), T_(T), first_(shard.first(N)), count_(shard.count(N)), advance_(advance ? advance : T),
      stride_(0), pieces_(0) {
  if (T < 1 || N < 1)
    throw InvalidGraph("streams: length and count must be positive, not " + std::to_string(T) + " and " +
                       std::to_string(N));
  if (advance_ < 1 || advance_ > T)
    throw InvalidGraph("streams: advance must be 1 to the length " + std::to_string(T) + ", got " +
                       std::to_string(advance));
  if (count_ < 1)
    throw InvalidGraph("streams: of " + std::to_string(N) + " streams rank " + std::to_string(shard.rank) + " of " +
                       std::to_string(shard.ranks) + " has none; there must be as many as ranks at least");
  const auto size = static_cast<std::int64_t>(tokens.size());
  stride_ = size / N;
  if (stride_ <= T)
    throw BadFile("the text is too short: " + std::to_string(N) + " streams of " + std::to_string(T) + " need " +
                  std::to_string(N) + " * " + std::to_string(T) + " + " + std::to_string(N) +
                  " characters, there are " + std::to_string(size));
  // The last character of a stream is only ever a target.
  pieces_ = (stride_ - 1 - T) / advance_ + 1;
}

Batch Streams::batch(std::int64_t i) const {
  if (i < 0) throw InvalidGraph("streams: batch " + std::to_string(i) + " does not exist");
  const std::int64_t first = (i % pieces_) * advance_;
  Batch batch;
  batch.x.reserve(static_cast<std::size_t>(T_ * count_));
  batch.y.reserve(static_cast<std::size_t>(T_ * count_));
  for (std::int64_t t = 0; t < T_; ++t) {
    for (std::int64_t n = first_; n < first_ + count_; ++n) {
      const auto at = static_cast<std::size_t>(n * stride_ + first + t);
      batch.x.push_back((*tokens_)[at]);
      batch.y.push_back((*tokens_)[at + 1]);
    }
  }
  return batch;
}

}  // namespace volute::data
