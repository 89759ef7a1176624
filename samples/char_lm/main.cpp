// char_lm: trains a character language model, saves it and prints text sampled from it.
// Invariant: whatever can be wrong with arguments and files is found before a device is touched or a file
// written: one line, exit status 2. What fails later is one line and exit status 1.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>

#include "samples/char_lm/corpus.hpp"
#include "samples/char_lm/model.hpp"
#include "samples/char_lm/options.hpp"
#include "samples/char_lm/progress.hpp"
#include "samples/char_lm/resume.hpp"
#include "samples/char_lm/sample.hpp"
#include "samples/char_lm/train.hpp"
#include "samples/ngram.hpp"

namespace char_lm {
namespace {

/// A file that is not what it should be is the user's mistake as long as nothing has been computed.
template <class Function>
auto as_usage(Function function) {
  try {
    return function();
  } catch (const volute::BadFile& error) {
    throw UsageError(error.what());
  }
}

/// Sizes of the loaded model, which options may repeat but not contradict.
Sizes merge_sizes(const Options& o, const Sizes& loaded) {
  const auto conflict = [&](const char* name, const auto& asked, const auto& stored) {
    if (!o.has(name) || asked == stored) return;
    std::string text;
    if constexpr (std::is_same_v<std::decay_t<decltype(stored)>, std::string>)
      text = stored;
    else
      text = std::to_string(stored);
    throw UsageError(std::string("--") + name + ": the model in " + o.load + " has " + name + " " + text);
  };
  conflict("cell", o.sizes.cell, loaded.cell);
  conflict("embed", o.sizes.embed, loaded.embed);
  conflict("hidden", o.sizes.hidden, loaded.hidden);
  conflict("layers", o.sizes.layers, loaded.layers);
  return loaded;
}

void check_length(const Options& o, const Corpus& corpus) {
  const std::int64_t needed = o.batch * (o.length + 1);
  const auto train = static_cast<std::int64_t>(corpus.train.size());
  if (train >= needed && corpus.validation.size() >= 2) return;
  throw UsageError("the text is too short: --batch " + std::to_string(o.batch) + " and --length " +
                   std::to_string(o.length) + " need at least " +
                   std::to_string(std::max<std::int64_t>(needed * 10 / 9 + 1, 20)) + " characters, it has " +
                   std::to_string(corpus.train.size() + corpus.validation.size()));
}

std::vector<std::uint32_t> prompt_tokens(const Options& o, const std::string& vocabulary) {
  const bool unknown_newline = vocabulary.find('\n') == std::string::npos;
  if (!o.has("prompt") && unknown_newline) return {0};
  return encode(o.prompt, vocabulary, "--prompt");
}

/// Everything checked and loaded that needs no device.
struct Setup {
  Resumed resumed;
  Corpus corpus;
  std::vector<std::uint32_t> prompt;
  Model model;
};

Setup prepare(const Options& given) {
  Resumed resumed = resume_options(given);
  const Options& o = resumed.options;
  Sizes sizes = o.sizes;
  Corpus corpus;
  corpus.vocabulary = resumed.vocabulary;
  if (!o.load.empty()) {
    Description loaded = read_description(o.load, volute::io::read_metadata(o.load));
    sizes = merge_sizes(o, loaded.sizes);
    corpus.vocabulary = std::move(loaded.vocabulary);
  }
  if (o.needs_text()) {
    corpus = load_corpus(o.text, corpus.vocabulary);
    check_text(resumed, corpus);
    check_length(o, corpus);
  }
  const auto vocab = static_cast<std::int64_t>(corpus.vocabulary.size());
  check_sizes(o, sizes, vocab);
  std::vector<std::uint32_t> prompt = prompt_tokens(o, corpus.vocabulary);

  volute::manual_seed(static_cast<std::uint64_t>(o.seed));
  Model model(sizes, vocab, static_cast<float>(o.dropout));
  if (!o.load.empty()) volute::io::load(o.load, model.entries());
  return {std::move(resumed), std::move(corpus), std::move(prompt), std::move(model)};
}

volute::Device open_device(const Options& o, const samples::Ranks& ranks) {
  try {
    return volute::Device(o.device.empty() && ranks ? volute::device_of(*ranks) : o.device);
  } catch (const volute::Unsupported& error) {
    if (o.device.empty()) throw;
    throw UsageError("--device " + o.device + ": " + error.what());
  }
}

void save_if_asked(const Options& o, const Setup& setup) {
  if (!o.out.empty()) save_model(o.out, setup.model, setup.corpus.vocabulary);
}

void introduce(const Options& o, const Setup& setup) {
  const Sizes& s = setup.model.sizes;
  std::fprintf(stderr, "%s, embed %lld, hidden %lld, layers %lld: %lld weights, %zu characters in the vocabulary\n",
               s.cell.c_str(), static_cast<long long>(s.embed), static_cast<long long>(s.hidden),
               static_cast<long long>(s.layers), static_cast<long long>(setup.model.weights()),
               setup.corpus.vocabulary.size());
  if (o.out.empty() && o.checkpoint.empty() && o.steps > 0)
    std::fprintf(stderr, "the model will not be saved: there is no --out\n");
}

void resume(const Setup& setup, const volute::Device& device, Trainer& trainer) {
  as_usage([&] { trainer.resume(); });
  if (setup.resumed.options.quiet) return;
  std::fprintf(stderr, "resumed after step %lld\n", static_cast<long long>(trainer.done()));
  const auto before = setup.resumed.metadata.find("device");
  if (before != setup.resumed.metadata.end() && before->second != device.name())
    std::fprintf(stderr, "the checkpoint is from %s: the last bits of results may differ\n", before->second.c_str());
}

/// Validates and says what came out. `last`: nothing if no step was made.
void conclude(Trainer& trainer, bool trained, Progress& progress) {
  Report last = trainer.last();
  last.validation_loss = trainer.validate();
  if (trained) progress.report(last, 0);
  progress.end_line();
  char line[160];
  std::snprintf(line, sizeof line,
                "validation loss %.4f nats per character over all %lld characters of the validation text",
                last.validation_loss, static_cast<long long>(trainer.targets()));
  progress.note(line);
}

/// What counting gives on the same texts.
void compare(const Corpus& corpus, Progress& progress) {
  ngram::Model counts(static_cast<std::int64_t>(corpus.vocabulary.size()), 6);
  counts.train(corpus.train);
  char line[160];
  std::snprintf(line, sizeof line, "n-grams of up to 6 characters: %.4f nats per character",
                counts.cross_entropy(corpus.validation, 1));
  progress.note(line);
}

void train(const Options& o, Setup& setup, volute::Device& device, const samples::Ranks& ranks) {
  if (!o.quiet) introduce(o, setup);
  Trainer trainer(device, setup.model, setup.corpus, o, describe_run(o, setup.model, setup.corpus, device.name()),
                  ranks);
  if (o.resume) resume(setup, device, trainer);
  const std::int64_t before = trainer.done();
  catch_interrupt();
  Progress progress =
      as_usage([&] { return Progress(o, setup.model, o.resume ? std::optional(before) : std::nullopt); });
  volute::set_warning_handler([&](const std::string& message) { progress.note("warning: " + message); });
  const auto restore_handler = [](void*) { volute::set_warning_handler({}); };
  const std::unique_ptr<void, decltype(restore_handler)> restored(&progress, restore_handler);

  trainer.run(progress);
  const std::int64_t done = trainer.done();
  if (done > 0 && !o.out.empty()) {
    save_if_asked(o, setup);
    progress.note("saved: " + o.out);
  }
  if (interrupted()) progress.note("stopped after step " + std::to_string(done) + "; Ctrl-C again to quit at once");
  conclude(trainer, done > before, progress);
  if (o.baseline) compare(setup.corpus, progress);
  if (done > before && !trainer.saved())
    throw std::runtime_error("the last steps are not in the checkpoint " + o.checkpoint +
                             ", which could not be written");
}

void sample(const Options& o, const Setup& setup, volute::Device& device) {
  if (o.sample_length == 0) return;
  Sampler sampler(device, setup.model, static_cast<std::uint64_t>(o.seed));
  std::string text = o.has("prompt") ? o.prompt : "";
  for (std::uint32_t token : sampler.sample(setup.prompt, o.sample_length, o.temperature))
    text.push_back(setup.corpus.vocabulary[token]);
  text.push_back('\n');
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) != 0) throw std::runtime_error("the sampled text cannot be written to standard output");
  if (o.sample_out.empty()) return;
  std::ofstream file(o.sample_out, std::ios::binary | std::ios::trunc);
  file << text << std::flush;
  if (!file) throw std::runtime_error(o.sample_out + ": cannot be written");
}

/// Of several ranks the first prints, samples and writes files.
Options for_rank(Options o, const samples::Ranks& ranks) {
  if (samples::is_first(ranks)) return o;
  o.quiet = true;
  o.baseline = false;
  o.sample_length = 0;
  for (std::string* file : {&o.out, &o.metrics, &o.events, &o.chart, &o.sample_out}) file->clear();
  return o;
}

void run(const Options& given, const samples::Ranks& ranks) {
  Setup setup = as_usage([&] { return prepare(for_rank(given, ranks)); });
  const Options& o = setup.resumed.options;
  if (ranks && o.needs_text() && o.batch < ranks->size())
    throw UsageError("--batch " + std::to_string(o.batch) + ": " + std::to_string(ranks->size()) +
                     " ranks share it, and each needs a row at least");
  volute::Device device = open_device(o, ranks);
  if (!o.quiet) std::fprintf(stderr, "device: %s\n", device.name().c_str());
  if (!o.quiet && ranks) std::fprintf(stderr, "ranks: %d share every batch\n", ranks->size());
  if (o.needs_text())
    train(o, setup, device, ranks);
  else
    save_if_asked(o, setup);
  sample(o, setup, device);
}

/// `together`: all ranks fail at this place, and each says what it knows.
int fail(int status, std::string message, const samples::Ranks& ranks, bool together = false) {
  if (ranks) message = "rank " + std::to_string(ranks->rank()) + ": " + message;
  // Device lists come in several lines; the promise is one.
  std::replace(message.begin(), message.end(), '\n', ' ');
  std::fprintf(stderr, "char_lm: %s\n", message.c_str());
  if (ranks && together) ranks->barrier();
  if (ranks) ranks->abort(status);  // the others may wait for this one
  return status;
}

}  // namespace
}  // namespace char_lm

int main(int argc, char** argv) {
  samples::Ranks ranks;  // outlives what fails, so that a message says whose it is
  try {
    const auto options = char_lm::parse(argc, argv);
    if (!options) return 0;
    ranks = samples::ranks_of_job();
    char_lm::run(*options, ranks);
    return 0;
  } catch (const char_lm::UsageError& error) {
    return char_lm::fail(2, error.what(), ranks);
  } catch (const std::bad_alloc&) {
    return char_lm::fail(1, "not enough memory", ranks);
  } catch (const volute::NotFinite& error) {
    const std::string message = std::string(error.what()) + "; a smaller --lr or --clip may help";
    return char_lm::fail(1, message, ranks, /*together=*/true);
  } catch (const std::exception& error) {
    return char_lm::fail(1, error.what(), ranks);
  }
}
