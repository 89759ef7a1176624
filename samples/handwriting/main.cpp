// handwriting: reads words from the movements of a pen, with a bidirectional LSTM and CTC, which needs no letter to be
// located. Words and writers are made up on the fly.
// Invariant: neither words nor writers of the test were seen in training; validation, with others again, chose the
// weights that are tested.
#include <algorithm>
#include <volute/volute.hpp>

#include "samples/handwriting/picture.hpp"
#include "samples/one_pass.hpp"
#include "samples/recipe.hpp"

namespace {

using namespace volute;
using namespace handwriting;

constexpr std::int64_t T = 76, N = 32, S = 7;  // steps of two points, words of all ranks, letters at most
constexpr std::int64_t features = 3;           // of a point: dx, dy, and whether the pen was off the paper
constexpr std::int64_t classes = 27;           // blank, a to z
constexpr std::uint64_t writers = 100000;      // of each part

struct Sample {
  std::string word;
  Drawing drawing;
  std::vector<float> movements;  // [points, 3]
};

std::vector<float> movements(const Drawing& drawing) {
  std::vector<float> values;
  for (std::size_t i = 1; i < drawing.size(); ++i) {
    const Point a = drawing[i - 1], b = drawing[i];
    for (const double value : {b.x - a.x, b.y - a.y, b.down ? 0.0 : 1.0}) values.push_back(static_cast<float>(value));
  }
  return values;
}

Sample make_sample(Generator& random, Part part) {
  const std::uint64_t writer = static_cast<std::uint64_t>(part) * writers + random.below(writers);
  const std::string word = make_word(random, part);
  const Drawing drawing = Writer(writer).write(word, random);
  return {word, drawing, movements(drawing)};
}

std::vector<Sample> make_samples(std::uint64_t seed, Part part, std::size_t count) {
  Generator random(seed, static_cast<std::uint64_t>(part));
  std::vector<Sample> samples;
  while (samples.size() < count) samples.push_back(make_sample(random, part));
  return samples;
}

/// What a program is fed of so many words.
struct Batch {
  std::vector<float> x;                                 // [T, N, 6]
  std::vector<std::uint32_t> lengths, y, y_lengths;     // [N], [N, S], [N]

  Batch(std::span<const Sample> samples, std::int64_t words) : y(words * S), y_lengths(words) {
    std::vector<std::vector<float>> sequences;
    std::vector<std::size_t> rows;
    for (const Sample& s : samples) {
      for (std::size_t i = 0; i < s.word.size(); ++i)
        y[rows.size() * S + i] = 1 + static_cast<std::uint32_t>(s.word[i] - 'a');
      y_lengths[rows.size()] = static_cast<std::uint32_t>(s.word.size());
      rows.push_back(rows.size());
      sequences.push_back(s.movements);
      sequences.back().resize((s.movements.size() + 2 * features - 1) / (2 * features) * (2 * features));
    }
    auto padded = data::pad(sequences, 2 * features, rows, T, words);
    x = std::move(padded.values), lengths = std::move(padded.lengths);
  }
};

struct Model {
  nn::LSTM lstm{2 * features, 64, {.bidirectional = true}};
  nn::Linear head{128, classes};

  Tensor operator()(Tensor x, Tensor lengths) const { return head(lstm(x, {.lengths = lengths})); }  // [T, N, classes]
};

std::string spelt(std::span<const std::uint32_t> labels) {
  std::string word;
  for (const std::uint32_t label : labels) word += static_cast<char>('a' + label - 1);
  return word;
}

/// Reads words with the model as it is now.
class Reader {
 public:
  Reader(Device& device, const Model& model) {
    x_ = graph_.input("x", {T, N, 2 * features}), lengths_ = graph_.input("lengths", {N}, DType::u32);
    scores_ = log_softmax(model(x_, lengths_));
    program_.emplace(device.compile(graph_, scores_));
  }
  std::vector<std::string> operator()(std::span<const Sample> samples) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < samples.size(); at += N) {
      const auto part = samples.subspan(at, std::min<std::size_t>(N, samples.size() - at));
      const Batch batch(part, N);
      program_->run({{x_, batch.x}, {lengths_, batch.lengths}});
      const auto beams = ctc_beam(program_->read(scores_), {T, N, classes}, batch.lengths, /*width*/ 8);
      for (std::size_t n = 0; n < part.size(); ++n) words.push_back(spelt(beams[n].front().tokens));
    }
    return words;
  }

 private:
  Graph graph_{Mode::inference};
  Tensor x_, lengths_, scores_;
  std::optional<Program> program_;
};

double error_rate(std::span<const Sample> samples, const std::vector<std::string>& read) {
  std::vector<std::string> words;
  for (const Sample& sample : samples) words.push_back(sample.word);
  return metrics::character_error_rate(words, read);
}

/// The same without a network: letters of some writers as templates, in the cheapest order. What a letter and a
/// movement between letters cost is chosen on the validation words.
double template_error(const recipe::Options& o, std::span<const Sample> validation, std::span<const Sample> test) {
  Generator random(o.seed, /*stream*/ 9);
  std::vector<one_pass::Template> templates;
  for (int k = 0; k < (o.quick ? 2 : 30); ++k) {
    const Writer writer(random.below(writers));
    for (std::uint32_t i = 0; i < 26; ++i)
      templates.push_back({1 + i, movements(writer.write(std::string(1, static_cast<char>('a' + i)), random))});
  }
  const auto error = [&](std::span<const Sample> samples, one_pass::Costs costs) {
    std::vector<std::string> read;
    for (const Sample& s : samples) read.push_back(spelt(one_pass::match(templates, s.movements, features, costs)));
    return error_rate(samples, read);
  };
  one_pass::Costs best{};
  double least = 2;
  for (const float entering : {1.0f, 2.0f, 3.0f})
    for (const float between : {0.5f, 1.0f, 2.0f, 4.0f})
      if (const double e = error(validation.first(validation.size() / 4), {entering, between}); e < least)
        least = e, best = {entering, between};
  return error(test, best);
}

int run(const recipe::Options& o) {
  Device device = recipe::open_device(o);
  const std::size_t count = o.quick ? N : 12 * N;
  const auto validation = make_samples(o.seed, Part::validation, count), test = make_samples(o.seed, Part::test, count);
  const Model model;
  Graph g;
  const std::int64_t n = o.rows(N);
  Tensor x = g.input("x", {T, n, 2 * features}), lengths = g.input("lengths", {n}, DType::u32);
  Tensor y = g.input("y", {n, S}, DType::u32), y_lengths = g.input("y_lengths", {n}, DType::u32);
  Tensor loss = ctc_loss_from_logits(model(x, lengths), y, lengths, y_lengths);
  auto step = recipe::Step::make(o, device, loss, n, Adam{}, {.clip_norm = 1.0f});
  Reader read(device, model);

  data::Prefetcher<Batch> batches([n, random = Generator(o.seed, o.own(5))]() mutable -> std::optional<Batch> {
    std::vector<Sample> samples;
    for (std::int64_t i = 0; i < n; ++i) samples.push_back(make_sample(random, Part::train));
    return Batch(samples, n);
  });
  constexpr std::int64_t steps = 900;
  const Schedule rate = Schedule::one_cycle(1e-2, steps);
  EarlyStopping best({.keep = step.program.parameters()});
  recipe::Training training(o, steps);
  while (training.next()) {
    const Batch batch = *batches.next();
    step.program.set("lr", rate(std::llround(training.progress() * steps) - 1));
    step.program.run({{x, batch.x}, {lengths, batch.lengths}, {y, batch.y}, {y_lengths, batch.y_lengths}});
    if (!training.due(100)) continue;
    const double wrong = o.judge([&] { return error_rate(validation, read(validation)); });
    best.observe(wrong);
    training.say("loss %.4f  validation: %.1f %% of letters wrong", step.value(), 100 * wrong);
  }
  const double seconds = training.elapsed();
  if (best.best_look() >= 0) best.restore();
  if (!o.first()) return 0;

  const std::vector<std::string> words = read(test);
  std::vector<Read> shown;
  for (std::size_t i = 0; i < 15; ++i) {
    shown.push_back({test[i].drawing, test[i].word, words[i]});
    const char* verdict = words[i] == test[i].word ? "" : " wrong";
    std::printf("  %-8s read as %-8s%s\n", test[i].word.c_str(), words[i].c_str(), verdict);
  }
  save_picture(recipe::path(o, "words.svg"), shown);
  const double reached = error_rate(test, words), templates = template_error(o, validation, test);
  return recipe::finish(o, {.metric = "character error rate, words and writers unseen", .value = reached, .goal = 0.05,
                            .baseline = "warping against letters of 30 writers", .baseline_value = templates,
                            .higher = false}, seconds);
}

}  // namespace

int main(int argc, char** argv) { return recipe::main(argc, argv, "Reads handwriting with an LSTM and CTC", run); }
