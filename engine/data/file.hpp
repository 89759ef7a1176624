// Whole files, in and out, as the readers of this folder need them.
// Invariant: every failure is a BadFile that names the file.
#pragma once

#include <string>
#include <string_view>

#include <volute/data.hpp>

namespace volute::data {

/// The bytes of a regular file; grows by what was read, never by what a file claims to hold. More than `most` bytes,
/// those a file gains while it is read too, are a BadFile.
std::string read_file(const std::string& path, std::uint64_t most = max_file_bytes);

/// What came from a file, for a message: in quotes, cut after 60 bytes, control characters as \xHH.
std::string in_quotes(std::string_view text);

/// Replaces the file as a whole: written beside it, then renamed.
void write_file(const std::string& path, std::string_view content);

}  // namespace volute::data
