// Options of a run to metadata and back; see resume.hpp. Numbers are written so that reading gives the same bits.
#include "samples/char_lm/resume.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <charconv>

namespace char_lm {
namespace {

using volute::io::Checkpoint;
using volute::io::Metadata;

template <class Number>
std::string text_of(Number number) {
  char text[64];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}
std::string text_of(const std::string& text) { return text; }

template <class Number>
void parse(const std::string& path, const std::string& key, const std::string& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    unfit(path, "its metadata's '" + key + "' is no number");
}
void parse(const std::string&, const std::string&, const std::string& text, std::string& to) { to = text; }

/// Every option the bits of a training depend on, by its name.
template <class Visit>
void for_each_option(Options& o, Visit visit) {
  visit("cell", o.sizes.cell);
  visit("embed", o.sizes.embed);
  visit("hidden", o.sizes.hidden);
  visit("layers", o.sizes.layers);
  visit("batch", o.batch);
  visit("length", o.length);
  visit("lr", o.lr);
  visit("clip", o.clip);
  visit("dropout", o.dropout);
  visit("seed", o.seed);
  visit("precision", o.precision);
  visit("non-finite", o.non_finite);
}

std::string hash_of(const Corpus& corpus) {
  XXH64_hash_t hash = XXH3_64bits(corpus.vocabulary.data(), corpus.vocabulary.size());
  for (const auto* tokens : {&corpus.train, &corpus.validation})
    hash = XXH3_64bits_withSeed(tokens->data(), tokens->size() * sizeof(std::uint32_t), hash);
  return text_of(static_cast<std::uint64_t>(hash));
}

std::size_t size_of(const Corpus& corpus) { return corpus.train.size() + corpus.validation.size(); }

/// The older checkpoint's if the newer is broken; the load after it says so.
Metadata read_either(const std::string& path) {
  try {
    return volute::io::read_metadata(path);
  } catch (const volute::BadFile& error) {
    const std::string older = Checkpoint::previous(path);
    try {
      return volute::io::read_metadata(older);
    } catch (const volute::BadFile&) {
      throw UsageError(error.what());
    }
  }
}

}  // namespace

Metadata describe_run(const Options& options, const Model& model, const Corpus& corpus, const std::string& device) {
  Metadata metadata = describe_model(model, corpus.vocabulary);
  Options o = options;
  o.sizes = model.sizes;
  for_each_option(o, [&](const char* key, const auto& value) { metadata[key] = text_of(value); });
  metadata["steps"] = text_of(options.steps);
  metadata["text_size"] = text_of(size_of(corpus));
  metadata["text_hash"] = hash_of(corpus);
  metadata["device"] = device;
  return metadata;
}

Resumed resume_options(const Options& given) {
  Resumed resumed{given, "", {}};
  const std::string& path = given.checkpoint;
  if (path.empty()) return resumed;
  const bool exists = Checkpoint::exists(path);
  if (!given.resume && exists)
    throw UsageError("--checkpoint " + path + ": there is one already; go on from it with --resume, or remove it and " +
                     Checkpoint::previous(path));
  if (!given.resume) return resumed;
  if (!exists) throw UsageError("--resume: there is no checkpoint " + path);
  resumed.metadata = read_either(path);
  for_each_option(resumed.options, [&](const char* key, auto& value) {
    auto stored = value;
    parse(path, key, entry(path, resumed.metadata, key), stored);
    // A run that has stopped at infinity or NaN may go on otherwise.
    if (given.has(key) && std::string_view(key) == "non-finite") return;
    if (given.has(key) && stored != value)
      throw UsageError(std::string("--") + key + ": the run of the checkpoint " + path + " has " + key + " " +
                       text_of(stored));
    value = stored;
  });
  if (!given.has("steps")) parse(path, "steps", entry(path, resumed.metadata, "steps"), resumed.options.steps);
  resumed.vocabulary = read_description(path, resumed.metadata).vocabulary;
  check_ranges(resumed.options);
  return resumed;
}

void check_text(const Resumed& resumed, const Corpus& corpus) {
  if (!resumed.options.resume) return;
  const std::string& path = resumed.options.checkpoint;
  if (entry(path, resumed.metadata, "text_size") == text_of(size_of(corpus)) &&
      entry(path, resumed.metadata, "text_hash") == hash_of(corpus))
    return;
  throw UsageError("the text is not the one the run of the checkpoint " + path + " has, which had " +
                   resumed.metadata.at("text_size") + " characters; give it the same --text");
}

}  // namespace char_lm
