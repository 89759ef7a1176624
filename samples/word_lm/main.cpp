// word_lm: a language model of words on a small corpus, what this project says about itself: an LSTM whose embedding is
// its head's weight too, with much dropout, its state carried from piece to piece (truncated BPTT).
// Invariant: training stops by the perplexity of the validation files, by which the share of a mixture with the trigram
// is chosen too; all that is reported is of the test files. Both models and the mixture are asked for the same words.
#include <cmath>
#include <limits>

#include "samples/recipe.hpp"
#include "samples/word_lm/corpus.hpp"
#include "samples/word_lm/trigram.hpp"

namespace {

using namespace volute;
using word_lm::Tokens;

constexpr std::int64_t T = 32, N = 8, E = 128;  // words of a piece, streams of all ranks, width

struct Model {
  nn::Embedding words;
  nn::LSTM lstm{E, E, {.drop_connect = 0.25f}};
  nn::Linear head;
  nn::Dropout drop_inputs{0.25f, true}, drop_outputs{0.4f, true};  // one mask for all steps

  explicit Model(std::int64_t vocabulary) : words(vocabulary, E), head(words) {
    // From N(0, 1) the head's first logits would be far apart: the usual width for tied weights.
    Parameter weight = words.parameters()[0];
    std::vector<float> values = weight.values();
    for (float& value : values) value *= 0.1f;
    weight.set(values);
  }
  Tensor operator()(Tensor x) const {  // [T, N] -> [T, N, V]
    return head(drop_outputs(lstm(drop_inputs(words(x)), graph_of(x).carried())));
  }
};

/// p(word | all before it) of the words after the first, one after the other.
class Reader {
 public:
  Reader(Device& device, const Model& model) {
    x_ = graph_.input("x", {T, 1}, DType::u32), y_ = graph_.input("y", {T, 1}, DType::u32);
    losses_ = cross_entropy(model(x_), y_, {.reduction = Reduction::none});  // [T, 1]
    program_.emplace(device.compile(graph_, losses_));
  }
  std::vector<double> operator()(const Tokens& tokens, std::int64_t most) {
    const data::Streams pieces(tokens, T, 1);
    std::vector<double> probabilities;
    program_->reset();
    for (std::int64_t i = 0; i < std::min(most, pieces.pieces()); ++i) {
      const auto [x, y] = pieces.batch(i);
      program_->run({{x_, x}, {y_, y}});
      for (const float loss : program_->read(losses_)) probabilities.push_back(std::exp(-static_cast<double>(loss)));
    }
    return probabilities;
  }

 private:
  Graph graph_{Mode::inference};
  Tensor x_, y_, losses_;
  std::optional<Program> program_;
};

/// The same words by counting. The first one has a single word before it.
std::vector<double> count(const word_lm::Trigram& trigram, const Tokens& tokens, std::size_t words) {
  std::vector<double> probabilities;
  for (std::size_t i = 1; i <= words; ++i)
    probabilities.push_back(trigram(i > 1 ? tokens[i - 2] : data::Vocabulary::padding, tokens[i - 1], tokens[i]));
  return probabilities;
}

/// Of a mixture, `share` of it the first.
double perplexity(const std::vector<double>& first, const std::vector<double>& second, double share) {
  double sum = 0;
  for (std::size_t i = 0; i < first.size(); ++i) sum -= std::log(share * first[i] + (1 - share) * second[i]);
  return metrics::perplexity(sum / static_cast<double>(first.size()));
}
double perplexity(const std::vector<double>& probabilities) { return perplexity(probabilities, probabilities, 1); }

double train(const recipe::Options& o, Device& device, const Model& model, const Tokens& tokens,
             const std::function<double()>& validate) {
  Graph g;
  const std::int64_t n = o.rows(N);
  Tensor x = g.input("x", {T, n}, DType::u32), y = g.input("y", {T, n}, DType::u32);
  Tensor loss = cross_entropy(model(x), y);
  auto step = recipe::Step::make(o, device, loss, n, AdamW{.weight_decay = 0.02f}, {.clip_norm = 0.5f});
  const data::Streams pieces(tokens, T, N, 0, o.shard());
  const std::int64_t epochs = 14;
  EarlyStopping stopping({.patience = 4, .keep = step.program.parameters()});
  recipe::Training training(o, epochs * pieces.pieces());
  const Schedule schedule = Schedule::cosine(8e-3, 1000, 1e-4);  // of the steps, or of the time if that is shorter
  while (!stopping.stop() && training.next()) {
    const std::int64_t at = training.step() - 1;
    if (at % pieces.pieces() == 0) step.program.reset("lstm");
    const auto [xs, ys] = pieces.batch(at);
    step.program.set("lr", schedule(std::llround(1000 * training.progress())));
    step.program.run({{x, xs}, {y, ys}});
    if (!training.due(pieces.pieces())) continue;
    const double perplexity = o.judge(validate);
    stopping.observe(perplexity);
    training.say("loss %.4f  validation perplexity %.1f", step.value(), perplexity);
  }
  if (stopping.best_look() >= 0) stopping.restore();
  return training.elapsed();
}

/// Text of its own, word by word, drawn from softmax(logits / temperature); never "<unk>".
std::string write(Device& device, const Model& model, const data::Vocabulary& vocabulary, int words, float temperature,
                  std::uint32_t seed) {
  Graph g(Mode::inference);
  Tensor x = g.input("x", {1, 1}, DType::u32);
  Tensor probabilities = softmax(model(x) / temperature);  // [1, 1, V]
  Program program = device.compile(g, probabilities);
  data::Generator random(seed);
  std::string text;
  std::uint32_t word = vocabulary.token(word_lm::paragraph);
  while (words-- > 0) {
    program.run({{x, Tokens{word}}});
    std::vector<float> p = program.read(probabilities);
    p[data::Vocabulary::padding] = p[data::Vocabulary::unknown] = 0;
    double left = 0;
    for (const float each : p) left += each;
    left *= static_cast<double>(random.below(1 << 24)) / (1 << 24);
    for (word = 0; word + 1 < p.size() && (left -= p[word]) >= 0;) ++word;
    const std::string& written = vocabulary.word(word);
    const bool joined = text.empty() || std::string("\n(").find(text.back()) != std::string::npos ||
                        std::string(".,;:)").find(written[0]) != std::string::npos;
    text += written == word_lm::paragraph ? "\n" : (joined ? "" : " ") + written;
  }
  return text + "\n";
}

int run(const recipe::Options& o, const std::vector<std::string>& files) {
  const word_lm::Corpus corpus(files);
  const std::int64_t most = o.quick ? 3 : std::numeric_limits<std::int64_t>::max();  // pieces to read
  std::printf("%zu words to train on, %zu to validate, %zu to test; a vocabulary of %lld\n", corpus.training.size(),
              corpus.validation.size(), corpus.test.size(), static_cast<long long>(corpus.vocabulary.size()));

  Device device = recipe::open_device(o);
  const Model model(corpus.vocabulary.size());
  Reader reader(device, model);
  const double seconds = train(o, device, model, corpus.training,
                               [&] { return perplexity(reader(corpus.validation, most)); });
  if (!o.first()) return 0;

  const word_lm::Trigram trigram(corpus.training, corpus.vocabulary.size());
  const auto validation = reader(corpus.validation, most), test = reader(corpus.test, most);
  const auto validation_counted = count(trigram, corpus.validation, validation.size());
  const auto test_counted = count(trigram, corpus.test, test.size());
  double share = 0.5;
  const auto mixed = [&](double by) { return perplexity(validation, validation_counted, by); };
  for (double each = 0.05; each < 1; each += 0.05) share = mixed(each) < mixed(share) ? each : share;
  std::printf("perplexity of the test files: LSTM %.1f, trigram %.1f, a mixture with %.2f of the LSTM %.1f\n",
              perplexity(test), perplexity(test_counted), share, perplexity(test, test_counted, share));

  std::ofstream file(recipe::path(o, "written.txt"));
  for (const float temperature : {0.5f, 0.8f, 1.0f}) {
    const std::string text = write(device, model, corpus.vocabulary, o.quick ? 10 : 150, temperature, o.seed);
    file << "temperature " << temperature << "\n\n" << text << '\n';
    std::printf("\ntemperature %.1f\n%s", static_cast<double>(temperature), text.c_str());
  }
  return recipe::finish(o, {.metric = "perplexity a word on files not trained on", .value = perplexity(test),
                            .goal = perplexity(test_counted), .baseline = "Kneser-Ney trigram",
                            .baseline_value = perplexity(test_counted), .higher = false}, seconds);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> files;
  return recipe::main(argc, argv, "A language model of words, by an LSTM and by counting",
                      [&](const recipe::Options& o) { return run(o, files); },
                      [&](CLI::App& app) { app.add_option("--text", files, "files to learn from, ten at least"); });
}
