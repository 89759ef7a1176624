// From a labelled table to a trained classifier: words, vocabulary, stratified split, buckets of lengths with
// one program each, optimiser states shared by them, batches prepared while the device works.

#include <gtest/gtest.h>

#include <volute/volute.hpp>

#include "tests/support/device.hpp"

namespace volute::test {
namespace {

constexpr std::int64_t N = 8;

/// Sentences of 1 to 24 words out of 30, one of them "good" or "bad", which is the label.
std::string table() {
  data::Generator generator(11);
  std::string text = "text,label\n";
  for (int i = 0; i < 240; ++i) {
    const std::string label = generator.below(3) ? "good" : "bad";
    const std::uint64_t length = 1 + generator.below(24), place = generator.below(length);
    std::string sentence;
    for (std::uint64_t k = 0; k < length; ++k)
      sentence += (k ? " " : "") + (k == place ? label : "word" + std::to_string(generator.below(28)));
    text += "\"" + sentence + ", really\"," + label + "\n";
  }
  return text;
}

/// log p(class) of the mean embedding of the valid steps, and the loss over the valid rows.
struct Classifier {
  Graph g;
  Tensor x, lengths, y, scores, loss;

  Classifier(const nn::Embedding& embed, const nn::Linear& head, std::int64_t T) {
    x = g.input("x", {T, N}, DType::u32), lengths = g.input("lengths", {N}, DType::u32);
    y = g.input("y", {N}, DType::u32);
    Tensor mask = less(reshape(g.iota(T), {T, 1}), lengths);                       // [T, N]
    Tensor total = sum(embed(x) * reshape(mask, {T, N, 1}), {0});                  // [N, E]
    Tensor rows = less(g.full({}, 0.0f), to_f32(lengths));                         // [N] 1 for a sequence
    Tensor many = maximum(to_f32(lengths), g.full({}, 1.0f));                      // [N]
    scores = log_softmax(head(total / reshape(many, {N, 1})));                     // [N, 2]
    Tensor hit = equal(g.iota(2), reshape(y, {N, 1}));                             // [N, 2]
    loss = -sum(hit * scores * reshape(rows, {N, 1})) / sum(rows);
  }
};

struct Prepared {
  std::size_t bucket;
  data::Padded<std::uint32_t> batch;
  std::vector<std::uint32_t> labels;
  std::size_t rows;
};

struct Corpus {
  data::Labelled texts = data::Labelled::from(data::Csv::parse(table()));
  data::Split parts = data::stratified_split(texts.labels, 0, 0.25, 1);
  data::Vocabulary vocabulary;
  std::vector<std::vector<std::uint32_t>> sequences;

  Corpus() {
    std::vector<std::vector<std::string>> train;
    for (std::size_t i : parts.train) train.push_back(data::words(texts.texts[i]));
    vocabulary = data::Vocabulary::build(train, {.min_count = 2});
    for (const std::string& text : texts.texts) sequences.push_back(vocabulary.encode(data::words(text)));
  }
  Prepared prepare(const std::vector<std::int64_t>& bounds, std::span<const std::size_t> samples,
                   std::int64_t T) const {
    const auto bucket = static_cast<std::size_t>(std::find(bounds.begin(), bounds.end(), T) - bounds.begin());
    Prepared p{bucket, data::pad(sequences, samples, T, N), std::vector<std::uint32_t>(N, 0), samples.size()};
    for (std::size_t n = 0; n < samples.size(); ++n) p.labels[n] = texts.labels[samples[n]];
    return p;
  }
};

/// Batches of epochs 0 .. epochs-1.
std::function<std::optional<Prepared>()> batches(const Corpus& corpus, const data::Buckets& buckets,
                                                 const std::vector<std::int64_t>& bounds, std::uint64_t epochs) {
  return [&, epochs, epoch = std::uint64_t{0}, at = std::size_t{0}, now = buckets.epoch(5, 0)]() mutable {
    if (at == now.size()) now = buckets.epoch(5, ++epoch), at = 0;
    if (epoch == epochs) return std::optional<Prepared>();
    std::vector<std::size_t> samples;
    for (std::size_t row : now[at].rows) samples.push_back(corpus.parts.train[row]);
    return std::optional(corpus.prepare(bounds, samples, now[at++].T));
  };
}

/// Trains; the part of held-out texts that is classified rightly, and the weights.
std::pair<double, std::vector<float>> train_and_test(const Corpus& corpus) {
  manual_seed(3);
  nn::Embedding embed(corpus.vocabulary.size(), 8);
  nn::Linear head(8, 2);
  std::vector<std::int64_t> lengths;
  for (std::size_t i : corpus.parts.train) lengths.push_back(static_cast<std::int64_t>(corpus.sequences[i].size()));
  const auto bounds = data::Buckets::best_bounds(lengths, 3);
  const data::Buckets buckets(lengths, bounds, N);
  std::vector<std::unique_ptr<Classifier>> models;
  std::vector<Program> programs;
  const MinimizeOptions options{.states = OptimizerStates()};
  for (std::int64_t T : bounds) {
    models.push_back(std::make_unique<Classifier>(embed, head, T));
    Targets targets = minimize(models.back()->loss, Adam{.lr = 0.05f}, options);
    targets.outputs.push_back(models.back()->scores);
    programs.push_back(device().compile(models.back()->g, targets));
  }
  const auto run = [&](const Prepared& p) {
    const Classifier& m = *models[p.bucket];
    programs[p.bucket].run({{m.x, p.batch.values}, {m.lengths, p.batch.lengths}, {m.y, p.labels}});
  };
  data::Prefetcher<Prepared> prefetcher(batches(corpus, buckets, bounds, 12));
  while (const auto prepared = prefetcher.next()) run(*prepared);

  for (Program& program : programs) program.set("lr", 0);
  std::size_t right = 0;
  for (std::size_t sample : corpus.parts.test) {
    const std::vector<std::size_t> one{sample};
    const Prepared p = corpus.prepare(bounds, one, bounds.back());
    run(p);
    const auto scores = programs[p.bucket].read(models[p.bucket]->scores);
    right += (scores[1] > scores[0]) == (p.labels[0] == 1);
  }
  return {static_cast<double>(right) / static_cast<double>(corpus.parts.test.size()), embed.parameters()[0].values()};
}

TEST(TextClasses, AreLearntFromBucketsAndRepeatBitByBit) {
  const Corpus corpus;
  const auto [accuracy, weights] = train_and_test(corpus);
  EXPECT_GE(accuracy, 0.95);
  EXPECT_EQ(train_and_test(corpus).second, weights);
}

}  // namespace
}  // namespace volute::test
