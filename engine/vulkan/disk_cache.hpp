// Small files kept between runs in environment().cache_dir: SPIR-V and the driver's pipeline cache.
// Invariant: what load() returns is byte for byte what store() was given; anything else is "not there".
// A cache never fails a program: errors of the file system read as a miss and are ignored on writing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace volute::vk {

/// 64-bit FNV-1a, continued from `seed`.
std::uint64_t hash_bytes(std::span<const std::byte> bytes, std::uint64_t seed = 0xcbf29ce484222325ull);
/// 128 bits of hash as 32 hexadecimal digits, for file names.
std::string hash_name(std::string_view text);

/// Path of a cache file, empty if there is no cache.
std::string cache_path(const std::string& name);
std::optional<std::vector<std::byte>> load_cached(const std::string& name);
/// Writes a temporary file and renames it, so readers and other processes see all of it or none.
void store_cached(const std::string& name, std::span<const std::byte> bytes);

/// Replaces a file by this text in the same way: readers see the old file or the new one. Errors are ignored.
void replace_file(const std::string& path, std::string_view text);

}  // namespace volute::vk
