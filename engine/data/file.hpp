// Whole files, in and out, as the readers of this folder need them.
// Invariant: every failure is a BadFile that names the file.
#pragma once

#include <string>
#include <string_view>

namespace volute::data {

/// The bytes of a file; grows by what was read, never by what a file claims to hold.
std::string read_file(const std::string& path);

/// Replaces the file as a whole: written beside it, then renamed.
void write_file(const std::string& path, std::string_view content);

}  // namespace volute::data
