// ner: finds the names of people, places and organisations, and dates, in sentences. A word is what its letters say
// (a GRU in both directions over its spelling) and what the words around it say (an LSTM in both directions).
// Invariant: training stops by the F1 of the validation part; what is reported comes from the test part, whose names
// occur nowhere else.
#include <numeric>

#include "samples/ner/spans.hpp"
#include "samples/recipe.hpp"

namespace {

using namespace volute;
using ner::Sentence;
using ner::Tokens;

constexpr std::int64_t T = 32, N = 32, L = 14;  // words of a sentence, sentences of all ranks, letters of a word

struct Model {
  nn::Embedding words, letters{128, 16};
  nn::GRU speller{16, 24, {.bidirectional = true}};
  nn::LSTM reader{32 + 48, 48, {.bidirectional = true}};
  nn::Linear head{96, ner::tag_count};

  explicit Model(std::int64_t vocabulary) : words(vocabulary, 32) {}
};

/// A graph of the model, to train or to tag with.
struct Tagger {
  std::int64_t sentences;
  Graph g;
  Tensor words, letters, sizes, lengths, tags, loss, guess;

  Tagger(const Model& model, Mode mode, std::int64_t count = N) : sentences(count), g(mode) {
    words = g.input("words", {T, count}, DType::u32);
    letters = g.input("letters", {L, T * count}, DType::u32);
    sizes = g.input("sizes", {T * count}, DType::u32);  // letters of each word, 0 behind a sentence
    lengths = g.input("lengths", {count}, DType::u32);
    Tensor spelt = model.speller.run(model.letters(letters), {.lengths = sizes}).last_output;      // [T N, 48]
    Tensor x = dropout(concat({model.words(words), reshape(spelt, {T, count, 48})}, -1), 0.3f);        // [T, N, 80]
    Tensor logits = model.head(dropout(model.reader(x, {.lengths = lengths}), 0.3f));              // [T, N, tags]
    if (mode == Mode::inference) {
      guess = argmax(logits);
      return;
    }
    tags = g.input("tags", {T, count}, DType::u32);
    loss = cross_entropy(logits, tags, {.ignore_index = 0});
  }
};

struct Batch {
  data::Padded<std::uint32_t> words, letters, tags;

  /// Of so many sentences. With `random`, three words in ten are made unknown: the network must learn to do without.
  Batch(std::span<const Sentence> sentences, std::int64_t count, const data::Vocabulary& vocabulary,
        data::Generator* random = nullptr) {
    std::vector<Tokens> tokens, tagged, spelt(static_cast<std::size_t>(T * count));
    for (std::size_t n = 0; n < sentences.size(); ++n) {
      tokens.emplace_back();
      for (std::size_t t = 0; t < sentences[n].words.size() && t < T; ++t) {
        const std::string& word = sentences[n].words[t];
        const bool drop = random != nullptr && random->below(10) < 3;
        tokens.back().push_back(drop ? data::Vocabulary::unknown : vocabulary.token(ner::lower(word)));
        spelt[t * count + n].assign(word.begin(), word.end());
      }
      tagged.push_back(sentences[n].tags);
    }
    std::vector<std::size_t> rows(spelt.size());
    std::iota(rows.begin(), rows.end(), 0);
    words = data::pad(tokens, std::span(rows).first(tokens.size()), T, count);
    tags = data::pad(tagged, std::span(rows).first(tokens.size()), T, count);
    letters = data::pad(spelt, rows, L, T * count);
  }
  std::vector<Feed> feeds(const Tagger& to) const {
    return {{to.words, words.values}, {to.letters, letters.values}, {to.sizes, letters.lengths},
            {to.lengths, words.lengths}};
  }
};

std::vector<Tokens> tag(Program& program, const Tagger& tagger, const data::Vocabulary& vocabulary,
                        std::span<const Sentence> sentences) {
  std::vector<Tokens> tagged;
  for (std::size_t at = 0; at < sentences.size(); at += N) {
    const auto part = sentences.subspan(at, std::min<std::size_t>(N, sentences.size() - at));
    const Batch batch(part, N, vocabulary);
    program.run(batch.feeds(tagger));
    const Tokens guess = program.read_u32(tagger.guess);  // [T, N]
    for (std::size_t n = 0; n < part.size(); ++n) {
      tagged.emplace_back(part[n].words.size(), ner::outside);
      for (std::size_t t = 0; t < tagged.back().size() && t < T; ++t) tagged.back()[t] = guess[t * N + n];
    }
  }
  return tagged;
}

std::vector<Sentence> sentences(ner::Part part, std::size_t count, std::uint32_t seed) {
  ner::Writer writer(part, seed);
  std::vector<Sentence> made;
  while (made.size() < count) made.push_back(writer.sentence());
  return made;
}

/// Words and letters to tags: trains by epochs until the F1 of the validation part no longer improves.
double train(const recipe::Options& o, Device& device, const Model& model, const data::Vocabulary& vocabulary,
             const std::vector<Sentence>& sentences, const std::function<double()>& validate) {
  const Tagger tagger(model, Mode::training, o.rows(N));
  auto step = recipe::Step::make(o, device, tagger.loss, recipe::count(tagger.tags, 0), Adam{}, {.clip_norm = 5.0f});
  const auto epoch_steps = static_cast<std::int64_t>(sentences.size()) / N;
  const Schedule schedule = Schedule::cosine(4e-3, 6 * epoch_steps, 2e-4);
  EarlyStopping stopping({.goal = Goal::highest, .patience = 4, .keep = step.program.parameters()});
  data::Generator random(o.seed, o.own(9));
  std::vector<std::size_t> order;
  recipe::Training training(o, 6 * epoch_steps);
  while (!stopping.stop() && training.next()) {
    const std::int64_t at = (training.step() - 1) % epoch_steps;
    if (at == 0) order = data::shuffled(sentences.size(), o.seed, static_cast<std::uint64_t>(training.step()));
    std::vector<Sentence> chosen;
    for (std::int64_t n = 0; n < N; ++n) chosen.push_back(sentences[order[at * N + n]]);
    const Batch batch(o.shard().of(chosen), tagger.sentences, vocabulary, &random);
    std::vector<Feed> feeds = batch.feeds(tagger);
    feeds.emplace_back(tagger.tags, batch.tags.values);
    step.program.set("lr", schedule(training.step() - 1));
    step.program.run(feeds);
    if (!training.due(epoch_steps)) continue;
    const double f1 = o.judge(validate);
    stopping.observe(f1);
    training.say("loss %.4f  validation F1 %.4f", step.value(), f1);
  }
  if (stopping.best_look() >= 0) stopping.restore();
  return training.elapsed();
}

int run(const recipe::Options& o) {
  const auto training = sentences(ner::Part::training, o.quick ? 3 * N : 4000, o.seed);
  const auto validation = sentences(ner::Part::validation, o.quick ? N : 500, o.seed);
  const auto test = sentences(ner::Part::test, o.quick ? N : 1000, o.seed);
  std::vector<std::vector<std::string>> words;
  for (const Sentence& s : training) {
    words.emplace_back();
    for (const std::string& word : s.words) words.back().push_back(ner::lower(word));
  }
  const auto vocabulary = data::Vocabulary::build(words, {.min_count = 5});

  Device device = recipe::open_device(o);
  const Model model(vocabulary.size());
  const Tagger tagger(model, Mode::inference);
  Program program = device.compile(tagger.g, tagger.guess);
  const double seconds = train(o, device, model, vocabulary, training,
                               [&] { return ner::f1(validation, tag(program, tagger, vocabulary, validation)); });
  if (!o.first()) return 0;

  const auto tagged = tag(program, tagger, vocabulary, test), by_word = ner::tag_by_word(training, test);
  std::ofstream file(recipe::path(o, "tagged.txt"));
  for (std::size_t i = 0; i < test.size(); ++i) {
    const bool right = tagged[i] == test[i].tags;
    const std::string text = ner::written(test[i], tagged[i]);
    file << text << '\n';
    if (!right) file << "    should be: " << ner::written(test[i], test[i].tags) << '\n';
    if (i < 8) std::printf("%s  %s\n", right ? "right" : "WRONG", text.c_str());
  }
  for (int kind = 0; kind < 4; ++kind)
    std::printf("F1 of %-4s %.4f, by word alone %.4f\n", ner::kind_names[kind].c_str(), ner::f1(test, tagged, kind),
                ner::f1(test, by_word, kind));
  return recipe::finish(o, {.metric = "entity F1 on sentences with unseen names", .value = ner::f1(test, tagged),
                            .goal = 0.88, .baseline = "each word's most frequent tag",
                            .baseline_value = ner::f1(test, by_word)}, seconds);
}

}  // namespace

int main(int argc, char** argv) {
  return recipe::main(argc, argv, "Finds names and dates in sentences with an LSTM over words and their letters", run);
}
