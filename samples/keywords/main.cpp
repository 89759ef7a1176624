// keywords: spots eight words in sentences of other words, in noise, with a bidirectional GRU and CTC: it is told which
// keywords a sentence has and in which order, never where. The speech is made up by espeak-ng.
// Invariant: neither the voices nor the other words of the test were heard in training or validation.
#include <algorithm>
#include <cmath>
#include <volute/volute.hpp>

#include "samples/keywords/speech.hpp"
#include "samples/one_pass.hpp"
#include "samples/recipe.hpp"

namespace {

using namespace volute;
using namespace keywords;

constexpr std::int64_t T = 76, N = 32, S = 3;  // steps of 30 ms, sentences of all ranks, keywords at most
const auto classes = static_cast<std::int64_t>(spotted.size()) + 1;

/// Everything the recipe needs, scaled by the mean and deviation of what is learnt from.
struct Corpus {
  Sentences learnt, chosen_on, tested;
  std::vector<one_pass::Template> templates;  // for the baseline: keywords said alone by voices of the training

  explicit Corpus(const recipe::Options& o) {
    Synthesiser synthesiser;
    learnt = speak(synthesiser, training, o.quick ? N : 2500, Generator(o.seed, /*stream*/ 1));
    chosen_on = speak(synthesiser, validation, o.quick ? N : 6 * N, Generator(o.seed, 2));
    tested = speak(synthesiser, test, o.quick ? N : 12 * N, Generator(o.seed, 3));
    Generator random(o.seed, 4);
    for (int k = 0; k < (o.quick ? 1 : 24); ++k)
      for (std::uint32_t i = 0; i < spotted.size(); ++i)
        templates.push_back({i + 1, hear(synthesiser, training, spotted[i], random)});
    std::vector<float> all;
    for (const std::vector<float>& frames : learnt.heard) all.insert(all.end(), frames.begin(), frames.end());
    const auto scale = data::Normalizer::fit(all, C);
    for (Sentences* part : {&learnt, &chosen_on, &tested})
      for (std::vector<float>& frames : part->heard) scale.apply(frames);
    for (one_pass::Template& t : templates) scale.apply(t.frames);
  }
};

/// What a program is fed of so many sentences.
struct Batch {
  std::vector<float> x;                              // [T, N, C]
  std::vector<std::uint32_t> lengths, y, y_lengths;  // [N], [N, S], [N]

  Batch(const Sentences& all, std::span<const std::size_t> rows, std::int64_t sentences)
      : y(sentences * S), y_lengths(sentences) {
    auto padded = data::pad(all.heard, C, rows, T, sentences);
    x = std::move(padded.values), lengths = std::move(padded.lengths);
    for (std::size_t n = 0; n < rows.size(); ++n) {
      const std::vector<std::uint32_t>& labels = all.said[rows[n]].labels;
      std::copy(labels.begin(), labels.end(), y.begin() + static_cast<std::ptrdiff_t>(n * S));
      y_lengths[n] = static_cast<std::uint32_t>(labels.size());
    }
  }
};

struct Model {
  nn::GRU gru{C, 64, {.bidirectional = true}};
  nn::Linear head{128, classes};

  /// x [T, N, C] -> [T, N, classes]
  Tensor operator()(Tensor x, Tensor lengths) const {
    return head(dropout(gru(dropout(x, 0.1f), {.lengths = lengths}), 0.3f));
  }
};

using Labels = std::vector<std::vector<std::uint32_t>>;

/// Listens with the model as it is now.
class Listener {
 public:
  Listener(Device& device, const Model& model) {
    x_ = graph_.input("x", {T, N, C}), lengths_ = graph_.input("lengths", {N}, DType::u32);
    scores_ = log_softmax(model(x_, lengths_));
    program_.emplace(device.compile(graph_, scores_));
  }
  Labels operator()(const Sentences& all) {
    Labels found;
    for (std::size_t at = 0; at < all.said.size(); at += N) {
      std::vector<std::size_t> rows;
      while (rows.size() < N && at + rows.size() < all.said.size()) rows.push_back(at + rows.size());
      const Batch batch(all, rows, N);
      program_->run({{x_, batch.x}, {lengths_, batch.lengths}});
      const auto beams = ctc_beam(program_->read(scores_), {T, N, classes}, batch.lengths, /*width*/ 8);
      for (std::size_t n = 0; n < rows.size(); ++n) found.push_back(beams[n].front().tokens);
    }
    return found;
  }
  /// log p of each class at each step of the last batch, [T, N, classes].
  std::vector<float> scores() { return program_->read(scores_); }

 private:
  Graph graph_{Mode::inference};
  Tensor x_, lengths_, scores_;
  std::optional<Program> program_;
};

/// Keywords missed, mistaken and made up, over keywords said.
double error_rate(const Sentences& all, const Labels& found) {
  double errors = 0, said = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    errors += static_cast<double>(metrics::edit_distance(all.said[i].labels, found[i]));
    said += static_cast<double>(all.said[i].labels.size());
  }
  return errors / said;
}

/// The same without a network: templates, which may stand anywhere in a sentence. What one costs, and what a step
/// outside of them, is chosen on the first of the validation sentences.
double template_error(const Corpus& corpus) {
  const auto error = [&](const Sentences& all, std::size_t count, one_pass::Costs costs) {
    Labels found;
    for (std::size_t i = 0; i < count; ++i)
      found.push_back(one_pass::match(corpus.templates, all.heard[i], C, costs));
    return error_rate(all, found);
  };
  one_pass::Costs best{};
  double least = 100;
  for (const float entering : {0.0f, 30.0f, 60.0f, 120.0f})
    for (const float between : {15.0f, 20.0f, 25.0f, 30.0f})
      if (const double e = error(corpus.chosen_on, N, {entering, between}); e < least)
        least = e, best = {entering, between};
  return error(corpus.tested, corpus.tested.said.size(), best);
}

/// What the network hears over time in one sentence that has three keywords.
void draw(const recipe::Options& o, Listener& listen, const Sentences& all) {
  std::size_t i = 0;
  while (i + 1 < all.said.size() && all.said[i].labels.size() < 3) ++i;
  listen({{all.said[i]}, {all.heard[i]}});
  const std::vector<float> scores = listen.scores();
  io::Chart chart{.title = "\"" + all.said[i].text + "\"", .x_label = "seconds", .y_label = "probability"};
  for (std::size_t k = 0; k < spotted.size(); ++k) {
    io::ChartSeries series{.name = spotted[k]};
    for (std::size_t t = 0; t < all.heard[i].size() / C; ++t) {
      series.x.push_back(0.03 * static_cast<double>(t));
      series.y.push_back(std::exp(scores[t * N * static_cast<std::size_t>(classes) + k + 1]));
    }
    if (*std::max_element(series.y.begin(), series.y.end()) > 0.05) chart.series.push_back(std::move(series));
  }
  if (!chart.series.empty()) io::save_chart(recipe::path(o, "sentence.svg"), chart);
}

int run(const recipe::Options& o) {
  const Corpus corpus(o);
  Device device = recipe::open_device(o);
  const Model model;
  Graph g;
  const std::int64_t n = o.rows(N);
  Tensor x = g.input("x", {T, n, C}), lengths = g.input("lengths", {n}, DType::u32);
  Tensor y = g.input("y", {n, S}, DType::u32), y_lengths = g.input("y_lengths", {n}, DType::u32);
  Tensor loss = ctc_loss_from_logits(model(x, lengths), y, lengths, y_lengths);
  auto step = recipe::Step::make(o, device, loss, n, Adam{}, {.clip_norm = 1.0f});
  Listener listen(device, model);

  constexpr std::int64_t steps = 1000;
  const Schedule rate = Schedule::one_cycle(1e-2, steps);
  EarlyStopping best({.keep = step.program.parameters()});
  Generator random(o.seed, 5);
  recipe::Training progress(o, steps);
  while (progress.next()) {
    std::vector<std::size_t> rows(N);
    for (std::size_t& row : rows) row = random.below(corpus.learnt.said.size());
    const Batch batch(corpus.learnt, o.shard().of(rows), n);
    step.program.set("lr", rate(std::llround(progress.progress() * steps) - 1));
    step.program.run({{x, batch.x}, {lengths, batch.lengths}, {y, batch.y}, {y_lengths, batch.y_lengths}});
    if (!progress.due(50)) continue;
    const double wrong = o.judge([&] { return error_rate(corpus.chosen_on, listen(corpus.chosen_on)); });
    best.observe(wrong);
    if (progress.due(100))
      progress.say("loss %.4f  validation: %.1f %% of keywords wrong", step.value(), 100 * wrong);
  }
  const double seconds = progress.elapsed();
  if (best.best_look() >= 0) best.restore();
  if (!o.first()) return 0;

  const Labels found = listen(corpus.tested);
  for (std::size_t i = 0; i < 10; ++i) {
    const Sentence& said = corpus.tested.said[i];
    const char* verdict = found[i] == said.labels ? "" : " wrong";
    std::printf("  %-38s %-18s%s\n", said.text.c_str(), spelt(found[i]).c_str(), verdict);
  }
  draw(o, listen, corpus.tested);
  return recipe::finish(o, {.metric = "keyword error rate, voices and other words unseen",
                            .value = error_rate(corpus.tested, found), .goal = 0.3,
                            .baseline = "warping against templates of 24 voices",
                            .baseline_value = template_error(corpus), .higher = false}, seconds);
}

}  // namespace

int main(int argc, char** argv) {
  return recipe::main(argc, argv, "Spots keywords in sentences with a GRU and CTC", run);
}
