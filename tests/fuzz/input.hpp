// A fuzzer's bytes, read as choices, and as a file.
// Invariant: reading past the end gives zeros, so every input is a complete program of choices.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "tests/support/memory_file.hpp"

namespace volute::fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  std::size_t size() const { return size_; }
  bool empty() const { return at_ >= size_; }
  std::uint8_t byte() { return empty() ? 0 : data_[at_++]; }
  bool flag() { return byte() & 1; }
  std::uint32_t below(std::uint32_t bound) { return byte() % bound; }
  template <class T>
  T number() {
    std::array<unsigned char, sizeof(T)> bytes{};
    for (std::size_t i = 0; i < sizeof(T); ++i) bytes[i] = byte();
    T value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  /// What is left.
  std::string_view rest() {
    const std::size_t from = at_;
    at_ = size_;
    return {reinterpret_cast<const char*>(data_) + from, size_ - from};
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_, at_ = 0;
};

using test::MemoryFile;

/// Ends the process with the message, as a finding: what the target promises does not hold.
[[noreturn]] void broken(const std::string& promise);
inline void require(bool holds, const char* promise) {
  if (!holds) broken(promise);
}

}  // namespace volute::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
