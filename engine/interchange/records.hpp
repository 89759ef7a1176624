// Records of an event file (TFRecord): length, its checksum, the bytes, their checksum, all little-endian.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace volute::io {

/// CRC-32C (Castagnoli; RFC 3720, B.4).
std::uint32_t crc32c(std::string_view bytes);
/// As it is stored: rotated and with a constant added, since a checksum over data with its checksum is none.
std::uint32_t masked_crc32c(std::string_view bytes);
std::string record_of(std::string_view bytes);

}  // namespace volute::io
