// The published schema (schema.json), held against a config: what is wrong is said with place, key and what is
// allowed; what is not given takes the schema's default.
// Invariant: allowed values, ranges and defaults are the schema's alone. What it uses of JSON Schema (draft 7) is what
// is understood here; a keyword that is not is an error of the program, not of the config.
#pragma once

#include <string>
#include <vector>

#include "tools/config/source.hpp"

namespace volute::tool {

/// The schema's text, as `volute train --schema` prints it.
std::string_view schema_text();
const Json& schema();
/// Of a key, "model.hidden". It must be one of the schema's.
const Json& schema_of(const std::string& path);

/// "a whole number from 1 to 16384", "one of lstm, gru, rnn"
std::string allowed(const Json& part);
/// " (did you mean \"hidden\"?)", or nothing if none of them is near.
std::string nearest(const std::string& word, const std::vector<std::string>& known);

enum class Files { must_exist, may_be_missing };

/// Fills in defaults and throws Mistake with a line for each thing that is wrong, in the order of their places.
void check(Source& source, Files files = Files::must_exist);

}  // namespace volute::tool
