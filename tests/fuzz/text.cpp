// Texts and vocabularies: any bytes are characters and words; only a file that Vocabulary::save could have written is a
// vocabulary, and saving it again gives the same bytes.
#include <unistd.h>

#include <filesystem>

#include <volute/data.hpp>

#include "tests/fuzz/input.hpp"

namespace volute::fuzz {
namespace {

using data::Vocabulary;

std::string file_of(const std::string& path) {
  const data::Text text = data::Text::load({path});
  return text.decode(text.train()) + text.decode(text.validation());
}

/// Saving replaces the file by a rename, so it needs a name of its own.
std::string saved(const Vocabulary& vocabulary) {
  static const std::string path =
      std::filesystem::temp_directory_path() / ("volute_fuzz_text_" + std::to_string(::getpid()));
  vocabulary.save(path);
  const std::string bytes = file_of(path);
  std::filesystem::remove(path);
  return bytes;
}

void check_vocabulary(const Vocabulary& vocabulary) {
  for (std::uint32_t token = 0; token < vocabulary.size(); ++token)
    require(vocabulary.token(vocabulary.word(token)) == token, "a word has the token that names it");
}

void load(std::string_view bytes) {
  const MemoryFile file(bytes);
  try {
    const Vocabulary vocabulary = Vocabulary::load(file.path());
    check_vocabulary(vocabulary);
    require(saved(vocabulary) == bytes, "a vocabulary is saved as it was loaded");
  } catch (const BadFile& error) {
    require(std::string_view(error.what()).starts_with(file.path() + ":"), "errors name the file");
    require(std::string_view(error.what()).size() < 500, "errors are short");
  }
}

void build(Input in) {
  const data::VocabularyOptions options{in.number<std::int8_t>(), in.number<std::int8_t>()};
  const auto text = data::words(in.rest());
  try {
    const Vocabulary vocabulary = Vocabulary::build({text}, options);
    check_vocabulary(vocabulary);
    const auto tokens = vocabulary.encode(text);
    const auto back = vocabulary.decode(tokens);
    for (std::size_t i = 0; i < text.size(); ++i)
      require(tokens[i] == Vocabulary::unknown || back[i] == text[i], "what was encoded is decoded");
    const MemoryFile file(saved(vocabulary));
    const Vocabulary loaded = Vocabulary::load(file.path());
    require(loaded.encode(text) == tokens, "a vocabulary that was saved gives the same tokens");
  } catch (const InvalidGraph&) {
    require(options.min_count < 1 || (options.max_size != 0 && options.max_size < 2), "good options are taken");
  }
}

void characters(Input in) {
  const std::int64_t T = in.number<std::int8_t>(), N = in.number<std::int8_t>(), advance = in.number<std::int8_t>();
  const std::string_view bytes = in.rest();
  try {
    const MemoryFile file(bytes);
    require(file_of(file.path()) == bytes, "a text is decoded to its bytes");
    const data::Text text = data::Text::from_string(bytes);
    const data::Streams streams(text.train(), T, N, advance);
    for (const std::int64_t i : {std::int64_t{0}, streams.pieces() - 1, streams.pieces()})
      require(streams.batch(i).x.size() == static_cast<std::size_t>(T * N), "batches are [T, N]");
  } catch (const BadFile&) {
  } catch (const InvalidGraph&) {
    require(T < 1 || N < 1 || advance < 0 || advance > T, "good options are taken");
  }
}

}  // namespace
}  // namespace volute::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  volute::fuzz::Input in(data, size);
  switch (in.below(3)) {
    case 0: volute::fuzz::load(in.rest()); break;
    case 1: volute::fuzz::build(in); break;
    default: volute::fuzz::characters(in); break;
  }
  return 0;
}
