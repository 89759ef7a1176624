// Learning to continue a text: truncated BPTT over contiguous streams, judged by what it finds likely in text it has
// not seen, from a state that starts at zero.
// Invariant: in an evaluation for a result every token but the first is a target exactly once.
#include <algorithm>
#include <cmath>

#include "tools/mistake.hpp"
#include "tools/tasks/task.hpp"
#include "tools/tasks/tokens.hpp"

namespace volute::tool {
namespace {

constexpr std::int64_t pieces_of_a_trend = 8;

class LanguageModel : public Task {
 public:
  LanguageModel(const Config& config, const Data& data)
      : section_(config.data()), T_(section_["length"]), N_(config.training()["batch"]), shard_(data.shard),
        tokens_(load(config, data)),
        model_(config, tokens_.size(), tokens_.size(), /*embedded=*/true) {
    if (data.from == Data::From::config)
      config.pointing_at("language_model.length", [&] { streams_.emplace(train_, T_, N_, 0, shard_); });
  }

  const Model& model() const override { return model_; }
  io::Metadata describe() const override {
    io::Metadata metadata;
    tokens_.describe(metadata);
    return metadata;
  }
  std::string summary() const override {
    return parts_text(item(), train_.size(), validation_.size(), test_.size()) + "; " + grouped(tokens_.size()) +
           " different";
  }
  std::uint64_t fingerprint() const override {
    std::uint64_t all = 0;
    for (const auto* part : {&train_, &validation_, &test_}) all = hash(part->data(), part->size() * 4, all);
    return all;
  }

  std::int64_t steps(std::int64_t epochs) const override { return epochs * streams_->pieces(); }
  std::int64_t items() const override { return T_ * N_; }
  const char* item() const override { return tokens_.kind() == Tokens::Kind::words ? "words" : "bytes"; }

  Tensor loss(Graph& g) override {
    x_ = g.input("x", {T_, shard_.count(N_)}, DType::u32);
    y_ = g.input("y", {T_, shard_.count(N_)}, DType::u32);
    return cross_entropy(logits(g, x_), y_);
  }
  void step(Program& program, std::int64_t i) override {
    if (i > 0 && i % streams_->pieces() == 0) program.reset(model_.cell->name() + ".");
    const data::Batch batch = streams_->batch(i);
    program.run({{x_, batch.x}, {y_, batch.y}});
  }

  Scores evaluate(Device& device, Extent extent, const Watch& watch) override;
  bool tests() const override { return !test_.empty(); }
  std::vector<std::pair<std::string, Tensor>> inference(Graph& g, std::int64_t T, std::int64_t N) override {
    return {{"logits", logits(g, g.input("x", {T ? T : T_, N ? N : 1}, DType::u32))}};
  }
  std::string generate(Device& device, const GenerateOptions& options) override;

 private:
  /// x [T, N] -> [T, N, V]
  Tensor logits(const Graph& g, Tensor x) const { return model_.output((*model_.cell)(model_.embed(x), g.carried())); }

  Tokens load(const Config& config, const Data& data);
  /// Ends of what is learnt and of what validates among so many tokens; what is behind tests.
  std::pair<std::ptrdiff_t, std::ptrdiff_t> cuts(std::size_t count) const;
  void cut(const Config& config);
  void compile_evaluation(Device& device);
  /// What result scores are of.
  const std::vector<std::uint32_t>& results() const { return tests() ? test_ : validation_; }
  /// Tokens of a stream.
  std::int64_t stride(const std::vector<std::uint32_t>& judged) const {
    return (static_cast<std::int64_t>(judged.size()) - 2 + rows_) / rows_;
  }
  /// Feeds piece i of the tokens to the evaluation; returns how many of its targets count.
  std::int64_t fill(const std::vector<std::uint32_t>& judged, std::int64_t i);

  const Json& section_;
  std::int64_t T_, N_;
  data::Shard shard_;
  std::vector<std::uint32_t> train_, validation_, test_;
  Tokens tokens_;
  Model model_;
  std::optional<data::Streams> streams_;
  Tensor x_, y_;
  // Evaluation.
  Graph graph_{Mode::inference};
  Tensor seen_, wanted_, sum_;
  std::int64_t rows_ = 0;
  std::vector<std::uint32_t> xs_, ys_;
  std::optional<Program> evaluation_;
};

Tokens LanguageModel::load(const Config& config, const Data& data) {
  const auto kind = section_["tokens"] == "words" ? Tokens::Kind::words : Tokens::Kind::characters;
  std::vector<std::string> files = data.files;
  if (data.from == Data::From::config)
    for (const Json& name : section_["text"]) files.push_back(config.resolve(name));
  std::optional<data::Text> text;
  if (data.judges())
    text = config.pointing_at("language_model.text", [&] {
      return data.text.empty() ? data::Text::load(files) : data::Text::from_string(data.text);
    });
  std::optional<Tokens> tokens;
  if (data.saved) tokens = Tokens::restore(kind, *data.saved);
  if (!text) return *tokens;
  std::string bytes = text->decode(text->train());
  if (kind == Tokens::Kind::characters && !tokens) tokens = Tokens::characters(text->vocabulary());
  bytes += text->decode(text->validation());
  if (kind == Tokens::Kind::characters) {
    validation_ = tokens->encode(bytes, "the text does not fit the model");
  } else {
    const std::vector<std::string> words = data::words(bytes);
    if (!tokens)
      tokens = Tokens::words({std::vector<std::string>(words.begin(), words.begin() + cuts(words.size()).first)},
                             section_["min_count"], section_["max_vocabulary"]);
    validation_ = tokens->encode(words);
  }
  if (validation_.size() < 2 || (data.from == Data::From::config && validation_.size() < 20))
    config.complain("language_model.text", "the text is too short: it has " + std::to_string(validation_.size()) + " " +
                                               std::string(section_["tokens"]));
  if (data.from == Data::From::config) cut(config);
  return *tokens;
}

std::pair<std::ptrdiff_t, std::ptrdiff_t> LanguageModel::cuts(std::size_t count) const {
  const auto all = static_cast<std::ptrdiff_t>(count), tenth = all - all * 9 / 10;
  const auto end = all - static_cast<std::ptrdiff_t>(static_cast<double>(count) * section_["test"].get<double>());
  return {std::max<std::ptrdiff_t>(end - tenth, 0), end};
}

/// validation_, which has all so far.
void LanguageModel::cut(const Config& config) {
  const auto [learned, validated] = cuts(validation_.size());
  const auto begin = validation_.begin();
  train_.assign(begin, begin + learned);
  test_.assign(begin + validated, validation_.end());
  validation_ = std::vector<std::uint32_t>(begin + learned, begin + validated);
  if (test_.size() < 2 && section_["test"] > 0)
    config.complain("language_model.test", "leaves " + std::to_string(test_.size()) + " " +
                                               section_["tokens"].get<std::string>() +
                                               " to test, too few; 0 does without");
}

void LanguageModel::compile_evaluation(Device& device) {
  const auto targets = static_cast<std::int64_t>(results().size()) - 1;
  rows_ = std::clamp<std::int64_t>(targets / T_, 1, N_);
  seen_ = graph_.input("x", {T_, rows_}, DType::u32);
  wanted_ = graph_.input("y", {T_, rows_}, DType::u32);
  sum_ = cross_entropy(logits(graph_, seen_), wanted_, {.reduction = Reduction::sum});
  xs_.resize(static_cast<std::size_t>(T_ * rows_));
  ys_.resize(xs_.size());
  evaluation_ = device.compile(graph_, sum_);
}

std::int64_t LanguageModel::fill(const std::vector<std::uint32_t>& judged, std::int64_t i) {
  const std::int64_t targets = static_cast<std::int64_t>(judged.size()) - 1, stride = this->stride(judged);
  std::int64_t count = 0;
  std::size_t k = 0;
  for (std::int64_t t = 0; t < T_; ++t) {
    for (std::int64_t n = 0; n < rows_; ++n, ++k) {
      const std::int64_t within = i * T_ + t, at = n * stride + within;
      const bool counts = within < stride && at < targets;
      xs_[k] = counts ? judged[static_cast<std::size_t>(at)] : 0;
      ys_[k] = counts ? judged[static_cast<std::size_t>(at + 1)] : ClassOptions().ignore_index;
      count += counts;
    }
  }
  return count;
}

Scores LanguageModel::evaluate(Device& device, Extent extent, const Watch& watch) {
  if (!evaluation_) compile_evaluation(device);
  const std::vector<std::uint32_t>& judged = extent == Extent::result ? results() : validation_;
  std::int64_t pieces = (stride(judged) + T_ - 1) / T_;
  if (extent == Extent::trend) pieces = std::min(pieces, pieces_of_a_trend);
  evaluation_->reset();
  double total = 0;
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < pieces; ++i) {
    watch(static_cast<double>(i) / static_cast<double>(pieces));
    count += fill(judged, i);
    evaluation_->run({{seen_, xs_}, {wanted_, ys_}});
    total += evaluation_->value(sum_);
  }
  const double loss = total / static_cast<double>(count);
  Scores scores{{"loss", loss}, {"perplexity", metrics::perplexity(loss)}};
  if (tokens_.kind() == Tokens::Kind::characters) scores.emplace_back("bits_per_byte", loss / std::log(2.0));
  return scores;
}

/// Drawn with numbers of our own making: std::discrete_distribution differs between libraries.
std::uint32_t draw(const std::vector<float>& logits, double temperature, data::Generator& random) {
  const double top = *std::max_element(logits.begin(), logits.end());
  std::vector<double> weights;
  double total = 0;
  for (const float logit : logits) total += weights.emplace_back(std::exp((logit - top) / temperature));
  if (!std::isfinite(total)) throw std::runtime_error("the model's predictions are not numbers");
  double left = static_cast<double>(random.next() >> 11) * 0x1p-53 * total;
  for (std::size_t i = 0; i < weights.size(); ++i)
    if ((left -= weights[i]) < 0) return static_cast<std::uint32_t>(i);
  // Rounding can leave a remainder; the likeliest takes it.
  return static_cast<std::uint32_t>(std::max_element(weights.begin(), weights.end()) - weights.begin());
}

std::string LanguageModel::generate(Device& device, const GenerateOptions& options) {
  Graph g(Mode::inference);
  const Tensor x = g.input("x", {1, 1}, DType::u32);
  const Tensor scores = logits(g, x);  // [1, 1, V]
  Program program = device.compile(g, scores);
  std::vector<std::uint32_t> tokens;
  if (!options.prompt.empty()) tokens = tokens_.encode(options.prompt, "--prompt");
  const bool prompted = !tokens.empty();
  // Without a prompt a text begins as a line, or after a full stop, does.
  if (!prompted) {
    const char* before = tokens_.kind() == Tokens::Kind::words ? "." : "\n";
    try {
      tokens = tokens_.encode(before, "");
    } catch (const Mistake&) {
      tokens = {0};
    }
  }
  const std::size_t given = tokens.size();
  for (std::size_t i = 0; i + 1 < given; ++i) program.run({{x, std::vector<std::uint32_t>{tokens[i]}}});
  data::Generator random(options.seed);
  const std::int64_t length = options.length ? options.length : tokens_.kind() == Tokens::Kind::words ? 100 : 500;
  for (std::int64_t i = 0; i < length; ++i) {
    program.run({{x, std::vector<std::uint32_t>{tokens.back()}}});
    tokens.push_back(draw(program.read(scores), options.temperature, random));
  }
  if (!prompted) tokens.erase(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(given));
  return tokens_.decode(tokens) + "\n";
}

}  // namespace

std::unique_ptr<Task> make_language_model(const Config& config, const Data& data) {
  return std::make_unique<LanguageModel>(config, data);
}

}  // namespace volute::tool
