// The checksum of files: XXH3-128, taken as the bytes come by.
// Invariant: it tells any damage from none, not a forger from the writer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace volute::io {

class Checksum {
 public:
  static constexpr std::size_t digits = 32;

  Checksum();
  ~Checksum();
  void add(const void* bytes, std::uint64_t count);
  /// Of what was added so far, in lower-case hexadecimal.
  std::string text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace volute::io
