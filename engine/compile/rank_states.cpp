// See rank_states.hpp.

#include "engine/compile/rank_states.hpp"

#include <algorithm>
#include <vector>

#include "engine/compile/agree.hpp"

namespace volute {

Shape with_rows(const Shape& shape, std::int64_t rows) {
  std::vector<std::int64_t> dims = shape.dims();
  dims[dims.size() - 2] = rows;
  return Shape(std::move(dims));
}

namespace {

std::int64_t blocks_of(const Shape& shape) {
  std::int64_t count = 1;
  for (int axis = 0; axis + 2 < shape.rank(); ++axis) count *= shape[axis];
  return count;
}

/// Where the rank's rows lie among its own words and among those of all, block by block of the axes before -2.
template <class Copy>
void each_block(const Share& share, int rank, const Shape& shape, Copy copy) {
  const std::int64_t width = shape[-1], rows = share.rows(rank);
  for (std::int64_t b = 0; b < blocks_of(shape); ++b)
    copy(b * rows * width, (b * share.all() + share.first[rank]) * width, rows * width);
}

}  // namespace

void RankStates::add(const std::string& name, const Shape& shape) {
  Share share{{0}};
  for (const std::uint64_t rows : of_each(*communicator_, static_cast<std::uint64_t>(shape[-2])))
    share.first.push_back(share.first.back() + static_cast<std::int64_t>(rows));
  shares_[name] = std::move(share);
}

const Share* RankStates::share_of(const std::string& name) const {
  const auto found = shares_.find(name);
  return found == shares_.end() ? nullptr : &found->second;
}

void RankStates::join(HostArray& array) const {
  const Share& share = shares_.at(array.name);
  std::vector<std::vector<std::uint32_t>> words;
  std::vector<std::span<std::byte>> blocks;
  for (int r = 0; r < communicator_->size(); ++r)
    words.emplace_back(static_cast<std::size_t>(with_rows(array.shape, share.rows(r)).elements()));
  words[static_cast<std::size_t>(communicator_->rank())] = std::move(array.words);
  for (auto& each : words) blocks.push_back(std::as_writable_bytes(std::span(each)));
  communicator_->all_gather(blocks);
  array.shape = with_rows(array.shape, share.all());
  array.words.assign(static_cast<std::size_t>(array.shape.elements()), 0);
  for (int r = 0; r < communicator_->size(); ++r)
    each_block(share, r, array.shape, [&](std::int64_t own, std::int64_t all, std::int64_t count) {
      std::copy_n(words[static_cast<std::size_t>(r)].begin() + own, count, array.words.begin() + all);
    });
}

HostArray RankStates::part_of(const HostArray& array) const {
  const Share& share = shares_.at(array.name);
  const int rank = communicator_->rank();
  HostArray part{array.name, array.dtype, with_rows(array.shape, share.rows(rank)), {}};
  part.words.resize(static_cast<std::size_t>(part.shape.elements()));
  each_block(share, rank, array.shape, [&](std::int64_t own, std::int64_t all, std::int64_t count) {
    std::copy_n(array.words.begin() + all, count, part.words.begin() + own);
  });
  return part;
}

}  // namespace volute
