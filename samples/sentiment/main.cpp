// sentiment: tells good reviews from bad ones, where single words say little. An LSTM reads the words in both
// directions, in batches of about the same length, each with its program on the same parameters and optimiser states.
// Invariant: training stops by the validation part; the accuracy reported is that of the test part, whose negations and
// nouns occur in no other.
#include <cmath>
#include <map>

#include "samples/naive_bayes.hpp"
#include "samples/recipe.hpp"
#include "samples/sentiment/reviews.hpp"

namespace {

using namespace volute;
using sentiment::Part;
using Tokens = std::vector<std::uint32_t>;

constexpr std::int64_t N = 32;  // reviews of all ranks

/// Reviews as tokens.
struct Reviews {
  std::vector<std::string> texts;
  std::vector<Tokens> tokens;
  std::vector<std::uint32_t> good;

  Reviews(Part part, std::size_t count, std::uint32_t seed) {
    sentiment::Writer writer(part, seed);
    while (texts.size() < count) {
      const sentiment::Review review = writer.review();
      texts.push_back(review.text);
      good.push_back(review.good);
    }
  }
  void encode(const data::Vocabulary& vocabulary) {
    for (const std::string& text : texts) tokens.push_back(vocabulary.encode(data::words(text)));
  }
  std::vector<std::int64_t> lengths() const {
    std::vector<std::int64_t> all;
    for (const Tokens& t : tokens) all.push_back(static_cast<std::int64_t>(t.size()));
    return all;
  }
};

struct Model {
  nn::Embedding words;
  nn::LSTM reader{24, 32, {.bidirectional = true}};
  nn::Linear head{64, 2};

  explicit Model(std::int64_t vocabulary) : words(vocabulary, 24) {}
  Tensor operator()(Tensor x, Tensor lengths) const {  // [T, N], [N] -> logits [N, 2]
    return head(dropout(reader.run(dropout(words(x), 0.2f), {.lengths = lengths}).last_output, 0.2f));
  }
};

/// Trains on reviews of up to T words.
struct Length {
  Tensor x, lengths, good;
  recipe::Step step;

  static Length make(const recipe::Options& o, Device& device, const Model& model, std::int64_t T,
                     const OptimizerStates& states) {
    Graph g;
    const std::int64_t n = o.rows(N);
    Tensor x = g.input("x", {T, n}, DType::u32), lengths = g.input("lengths", {n}, DType::u32);
    Tensor good = g.input("good", {n}, DType::u32);  // 2 where a batch has no review
    Tensor reviews = recipe::count(good, 2);         // a rank may have none
    Tensor losses = cross_entropy(model(x, lengths), good, {.ignore_index = 2, .reduction = Reduction::sum});
    Tensor loss = losses / maximum(reviews, g.full({}, 1.0f));
    return {x, lengths, good,
            recipe::Step::make(o, device, loss, reviews, Adam{}, {.clip_norm = 1.0f, .states = states})};
  }
};

/// Reviews of up to T words to how sure it is that they are good.
class Reader {
 public:
  Reader(Device& device, const Model& model, std::int64_t T) : T_(T) {
    x_ = graph_.input("x", {T, N}, DType::u32), lengths_ = graph_.input("lengths", {N}, DType::u32);
    good_ = slice(softmax(model(x_, lengths_)), 1, 1, 2);  // [N, 1]
    program_.emplace(device.compile(graph_, good_));
  }
  std::vector<float> operator()(const std::vector<Tokens>& reviews) {
    std::vector<float> all;
    const std::vector<std::size_t> rows = count_up(reviews.size());
    for (std::size_t at = 0; at < rows.size(); at += N) {
      const auto part = std::span(rows).subspan(at, std::min<std::size_t>(N, rows.size() - at));
      const auto batch = data::pad(reviews, part, T_, N);
      program_->run({{x_, batch.values}, {lengths_, batch.lengths}});
      const std::vector<float> good = program_->read(good_);
      all.insert(all.end(), good.begin(), good.begin() + static_cast<std::ptrdiff_t>(part.size()));
    }
    return all;
  }
  double accuracy(const Reviews& reviews) {
    const std::vector<float> good = (*this)(reviews.tokens);
    std::vector<std::uint32_t> guesses(good.size());
    for (std::size_t i = 0; i < good.size(); ++i) guesses[i] = good[i] > 0.5f;
    return metrics::accuracy(guesses, reviews.good);
  }

 private:
  static std::vector<std::size_t> count_up(std::size_t count) {
    std::vector<std::size_t> numbers(count);
    for (std::size_t i = 0; i < count; ++i) numbers[i] = i;
    return numbers;
  }
  std::int64_t T_;
  Graph graph_{Mode::inference};
  Tensor x_, lengths_, good_;
  std::optional<Program> program_;
};

double train(const recipe::Options& o, Device& device, const Model& model, const Reviews& reviews,
             const std::function<double()>& validate) {
  const std::vector<std::int64_t> lengths = reviews.lengths(), bounds = data::Buckets::best_bounds(lengths, 3);
  const data::Buckets buckets(lengths, bounds, N);
  const OptimizerStates states;
  std::map<std::int64_t, Length> programs;
  for (const std::int64_t T : bounds) programs.emplace(T, Length::make(o, device, model, T, states));
  EarlyStopping stopping({.goal = Goal::highest, .patience = 5,
                          .keep = programs.begin()->second.step.program.parameters()});
  std::vector<data::Buckets::Rows> order = buckets.epoch(o.seed, 0);
  const auto epoch_steps = static_cast<std::int64_t>(order.size());
  const Schedule schedule = Schedule::cosine(8e-3, 20 * epoch_steps, 2e-4);
  recipe::Training training(o, 20 * epoch_steps);
  while (!stopping.stop() && training.next()) {
    const std::int64_t at = (training.step() - 1) % epoch_steps, epoch = (training.step() - 1) / epoch_steps;
    if (at == 0) order = buckets.epoch(o.seed, static_cast<std::uint64_t>(epoch));
    Length& length = programs.at(order[at].T);
    const std::vector<std::size_t> rows = o.shard().of(order[at].rows);
    const auto batch = data::pad(reviews.tokens, rows, order[at].T, o.rows(N));
    std::vector<std::uint32_t> good(static_cast<std::size_t>(o.rows(N)), 2);
    for (std::size_t n = 0; n < rows.size(); ++n) good[n] = reviews.good[rows[n]];
    length.step.program.set("lr", schedule(training.step() - 1));
    length.step.program.run({{length.x, batch.values}, {length.lengths, batch.lengths}, {length.good, good}});
    if (!training.due(epoch_steps)) continue;
    const double accuracy = o.judge(validate);
    stopping.observe(accuracy);
    training.say("loss %.4f  validation accuracy %.4f", length.step.value(), accuracy);
  }
  if (stopping.best_look() >= 0) stopping.restore();
  return training.elapsed();
}

/// How sure the network is after each word of a review, as bars.
std::string word_by_word(Reader& reader, const data::Vocabulary& vocabulary, const std::string& text) {
  const std::vector<std::string> words = data::words(text);
  const Tokens tokens = vocabulary.encode(words);
  std::vector<Tokens> prefixes;
  for (auto end = tokens.begin(); end != tokens.end();) prefixes.emplace_back(tokens.begin(), ++end);
  std::string bars;
  const std::vector<float> good = reader(prefixes);
  for (std::size_t i = 0; i < words.size(); ++i) {
    char line[80];
    std::snprintf(line, sizeof line, "  %-14s %.2f ", words[i].c_str(), good[i]);
    bars += line + std::string(static_cast<std::size_t>(std::lround(30 * good[i])), '#') + "\n";
  }
  return bars;
}

int run(const recipe::Options& o) {
  Reviews training(Part::training, o.quick ? 96 : 4000, o.seed);
  Reviews validation(Part::validation, o.quick ? 32 : 600, o.seed);
  Reviews test(Part::test, o.quick ? 32 : 2000, o.seed);
  std::vector<std::vector<std::string>> words;
  for (const std::string& text : training.texts) words.push_back(data::words(text));
  const auto vocabulary = data::Vocabulary::build(words, {.min_count = 2});
  std::int64_t longest = 0;
  for (Reviews* part : {&training, &validation, &test}) {
    part->encode(vocabulary);
    for (const std::int64_t length : part->lengths()) longest = std::max(longest, length);
  }

  Device device = recipe::open_device(o);
  const Model model(vocabulary.size());
  Reader reader(device, model, longest);
  const double seconds = train(o, device, model, training, [&] { return reader.accuracy(validation); });
  if (!o.first()) return 0;

  const std::vector<float> good = reader(test.tokens);
  std::ofstream file(recipe::path(o, "reviews.txt")), bars(recipe::path(o, "word_by_word.txt"));
  for (std::size_t i = 0; i < test.texts.size(); ++i) {
    const bool right = (good[i] > 0.5f) == (test.good[i] == 1);
    char line[32];
    std::snprintf(line, sizeof line, "%.3f  %s  ", good[i], right ? "right" : "WRONG");
    file << line << test.texts[i] << '\n';
    if (i < 8) std::printf("%s%s\n", line, test.texts[i].c_str());
    if (i < 20) bars << test.texts[i] << '\n' << word_by_word(reader, vocabulary, test.texts[i]) << '\n';
  }
  const std::int64_t V = vocabulary.size();
  const auto by_words = recipe::naive_bayes(recipe::with_pairs(training.tokens, V), training.good,
                                            recipe::with_pairs(test.tokens, V), V * (V + 1));
  return recipe::finish(o, {.metric = "accuracy on reviews with unseen negations and nouns",
                            .value = reader.accuracy(test), .goal = 0.95,
                            .baseline = "naive Bayes on words and pairs of words",
                            .baseline_value = metrics::accuracy(by_words, test.good)}, seconds);
}

}  // namespace

int main(int argc, char** argv) {
  return recipe::main(argc, argv, "Tells good reviews from bad ones with an LSTM in both directions", run);
}
