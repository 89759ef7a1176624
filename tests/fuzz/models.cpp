// What samples read from model files before they build a model of it: sizes in range, a vocabulary, or an error.
#include <volute/io.hpp>

#include "samples/char_lm/model.hpp"
#include "samples/live_sketch/model.hpp"
#include "tests/fuzz/container.hpp"

namespace volute::fuzz {
namespace {

void read_char_lm(const std::string& path) {
  try {
    const char_lm::Description d = char_lm::read_description(path, io::read_metadata(path));
    for (const std::int64_t size : {d.sizes.embed, d.sizes.hidden, d.sizes.layers})
      require(size >= 1 && size <= 16384, "sizes are in range");
    require(!d.vocabulary.empty() && d.vocabulary.size() <= 256, "the vocabulary is one of bytes");
    if (d.sizes.embed > 16 || d.sizes.hidden > 16 || d.sizes.layers > 4) return;
    const char_lm::Model model(d.sizes, static_cast<std::int64_t>(d.vocabulary.size()), 0.0f);
    io::load(path, model.entries());
  } catch (const char_lm::UsageError& error) {
    check_error(error.what(), path);
  } catch (const BadFile& error) {
    check_error(error.what(), path);
  }
}

void read_live_sketch(const std::string& path) {
  try {
    const live_sketch::ModelOptions options = live_sketch::read_options(path);
    require(options.hidden >= 1 && options.mixtures >= 1, "sizes are in range");
    require(static_cast<int>(options.cell) < live_sketch::cells, "the cell is one there is");
  } catch (const BadFile& error) {
    check_error(error.what(), path);
  }
}

}  // namespace
}  // namespace volute::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  volute::fuzz::Input in(data, size);
  const volute::fuzz::MemoryFile file(volute::fuzz::repaired(in));
  volute::fuzz::read_char_lm(file.path());
  volute::fuzz::read_live_sketch(file.path());
  return 0;
}
