// safetensors files from bytes of a fuzzer. A checksum over the whole and offsets that must fit leave nearly every
// mutation refused at once, so the first byte of an input says what is put right before it is read.
#pragma once

#include <string>

#include "tests/fuzz/input.hpp"

namespace volute::fuzz {

/// The bytes behind the first, with, by bits of the first: 1 the length of the header, 2 offsets and data as shapes and
/// types say, 4 the checksum.
std::string repaired(Input& in);

/// What every error of a file must be: named, and short whatever the file holds.
void check_error(const std::string& message, const std::string& path);

}  // namespace volute::fuzz
