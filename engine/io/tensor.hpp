// What the reader and the writer of safetensors files share: element types, bytes of a tensor, the keys that are ours.
// Invariant: an element type is its name in the file; bytes are as the file has them, little-endian. Only types that
// every PyTorch can load are written: numbers without a sign become I64.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <volute/graph.hpp>

namespace volute::io {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

using Bytes = std::vector<std::byte>;

constexpr std::string_view own_keys = "volute.";
constexpr std::string_view format_key = "volute.format", version_key = "volute.version",
                           checksum_key = "volute.checksum";
constexpr std::string_view parameters_format = "parameters", checkpoint_format = "checkpoint";
constexpr int format_version = 1;
constexpr std::uint64_t length_bytes = 8;  // of the header's length, with which a file begins

/// Bytes of an element; 0 for a type that does not exist.
std::uint64_t size_of(std::string_view dtype);

template <class T>
std::string_view dtype_of();
template <>
inline std::string_view dtype_of<float>() { return "F32"; }
template <>
inline std::string_view dtype_of<double>() { return "F64"; }
template <>
inline std::string_view dtype_of<std::uint8_t>() { return "U8"; }
template <>
inline std::string_view dtype_of<std::int64_t>() { return "I64"; }

template <class T>
Bytes bytes_of(std::span<const T> values) {
  Bytes bytes(values.size_bytes());
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

template <class T>
std::vector<T> values_of(const Bytes& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

/// The value of the 16 bits of a half or of a bfloat16.
float f32_of_f16(std::uint16_t bits);
float f32_of_bf16(std::uint16_t bits);

/// Values of a tensor of F32, F64 (to nearest), F16 or BF16; nothing for another type.
std::optional<std::vector<float>> floats_of(std::string_view dtype, const Bytes& bytes);

/// "element [1, 2]" of the one that is `at` in row-major order.
std::string element_name(const Shape& shape, std::int64_t at);

/// "element [1, 2] is nan" for the first that is not finite, nothing if all are.
std::optional<std::string> not_finite(const Shape& shape, std::span<const float> values);

}  // namespace volute::io
