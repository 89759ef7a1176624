// XXH3-128 of libxxhash, from its header alone; see checksum.hpp.
#include "engine/io/checksum.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace volute::io {

struct Checksum::State {
  XXH3_state_t hash;
};

Checksum::Checksum() : state_(std::make_unique<State>()) { XXH3_128bits_reset(&state_->hash); }
Checksum::~Checksum() = default;

void Checksum::add(const void* bytes, std::uint64_t count) { XXH3_128bits_update(&state_->hash, bytes, count); }

std::string Checksum::text() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(&state_->hash);
  std::string text;
  for (const std::uint64_t half : {std::uint64_t{hash.high64}, std::uint64_t{hash.low64}})
    for (int shift = 60; shift >= 0; shift -= 4) text.push_back("0123456789abcdef"[half >> shift & 15]);
  return text;
}

}  // namespace volute::io
