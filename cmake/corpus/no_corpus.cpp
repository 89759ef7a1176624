// Stands in for the corpus where VOLUTE_EMBED_CORPUS is off: char_lm then needs a file.
#include "samples/char_lm/corpus.hpp"

namespace char_lm {

std::string_view default_corpus() { return {}; }

}  // namespace char_lm
