// See rank_sums.hpp.

#include "engine/compile/rank_sums.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace volute {
namespace {

/// To nearest, ties to even; infinite beyond 65504.
std::uint16_t to_half_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
  if (size >= 0x7f800000u) return static_cast<std::uint16_t>(sign | (size > 0x7f800000u ? 0x7e00u : 0x7c00u));
  if (size > 0x477fe000u) return static_cast<std::uint16_t>(sign | 0x7c00u);
  if (size < 0x38800000u) {  // below 2^-14 steps are 2^-24: adding 0.5, whose steps those are, rounds to them
    const float shifted = std::bit_cast<float>(size) + 0.5f;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u));
  }
  const std::uint32_t odd = size >> 13 & 1u;
  return static_cast<std::uint16_t>(sign | (size - 0x38000000u + 0xfffu + odd) >> 13);
}

float from_half_bits(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000u) << 16, size = half & 0x7fffu;
  if (size >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | (size & 0x3ffu) << 13);
  if (size < 0x400u) {
    const float value = static_cast<float>(size) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(value));
  }
  return std::bit_cast<float>(sign | ((size << 13) + 0x38000000u));
}

/// The power of two by which the values are divided so that those that are finite lie in [-4, 4].
float scale_of(std::span<const float> values) {
  float most = 0;
  for (float value : values)
    if (std::isfinite(value)) most = std::max(most, std::abs(value));
  if (most == 0) return 1;
  return std::ldexp(1.0f, std::clamp(std::ilogb(most) + 1, -126, 126));
}

void add_to(std::span<float> sum, const float* values) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += values[i];
}

}  // namespace

std::size_t packed_bytes(std::size_t count) { return sizeof(float) + count * sizeof(std::uint16_t); }

void pack_f16(std::span<const float> values, std::byte* target) {
  const float scale = scale_of(values), inverse = 1 / scale;
  std::memcpy(target, &scale, sizeof scale);
  target += sizeof scale;
  for (float value : values) {
    const std::uint16_t half = to_half_bits(value * inverse);
    std::memcpy(target, &half, sizeof half);
    target += sizeof half;
  }
}

void unpack_f16(const std::byte* source, std::span<float> values) {
  float scale = 1;
  std::memcpy(&scale, source, sizeof scale);
  source += sizeof scale;
  for (float& value : values) {
    std::uint16_t half = 0;
    std::memcpy(&half, source, sizeof half);
    source += sizeof half;
    value = from_half_bits(half) * scale;
  }
}

RankSums::RankSums(std::shared_ptr<Communicator> communicator, bool half)
    : communicator_(std::move(communicator)), half_(half), ranks_(communicator_->size()),
      rank_(communicator_->rank()) {
  const auto count = static_cast<std::size_t>(ranks_);
  send_.resize(count);
  receive_.resize(count);
  blocks_.resize(count);
}

std::span<float> RankSums::slice(std::span<float> values, int rank) const {
  const auto at = [&](int r) { return values.size() * static_cast<std::size_t>(r) / static_cast<std::size_t>(ranks_); };
  return values.subspan(at(rank), at(rank + 1) - at(rank));
}

void RankSums::run(std::span<float> values) {
  if (half_) run_f16(values);
  else run_f32(values);
}

void RankSums::run_f32(std::span<float> values) {
  const std::span<float> own = slice(values, rank_);
  received_.resize(own.size_bytes() * static_cast<std::size_t>(ranks_));
  for (int r = 0; r < ranks_; ++r) {
    const std::span<float> part = slice(values, r);
    send_[r] = std::as_bytes(part);
    receive_[r] = std::span(received_).subspan(own.size_bytes() * static_cast<std::size_t>(r), own.size_bytes());
    blocks_[r] = std::as_writable_bytes(part);
  }
  communicator_->all_to_all(send_, receive_);
  std::ranges::copy(std::as_bytes(own), receive_[rank_].begin());
  std::fill(own.begin(), own.end(), 0.0f);
  for (int r = 0; r < ranks_; ++r) add_to(own, reinterpret_cast<const float*>(receive_[r].data()));
  communicator_->all_gather(blocks_);
}

void RankSums::run_f16(std::span<float> values) {
  const std::span<float> own = slice(values, rank_);
  const std::size_t mine = packed_bytes(own.size());
  sent_.resize(values.size() * sizeof(std::uint16_t) + sizeof(float) * static_cast<std::size_t>(ranks_));
  received_.resize(mine * static_cast<std::size_t>(ranks_));
  std::byte* to = sent_.data();
  for (int r = 0; r < ranks_; ++r) {
    const std::span<float> part = slice(values, r);
    pack_f16(part, to);
    send_[r] = blocks_[r] = {to, packed_bytes(part.size())};
    receive_[r] = std::span(received_).subspan(mine * static_cast<std::size_t>(r), mine);
    to += packed_bytes(part.size());
  }
  communicator_->all_to_all(send_, receive_);
  std::memcpy(receive_[rank_].data(), send_[rank_].data(), mine);
  std::fill(own.begin(), own.end(), 0.0f);
  std::vector<float> part(own.size());
  for (int r = 0; r < ranks_; ++r) {
    unpack_f16(receive_[r].data(), part);
    add_to(own, part.data());
  }
  pack_f16(own, blocks_[rank_].data());
  communicator_->all_gather(blocks_);
  for (int r = 0; r < ranks_; ++r) unpack_f16(blocks_[r].data(), slice(values, r));
}

}  // namespace volute
