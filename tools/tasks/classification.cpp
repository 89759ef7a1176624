// Learning the label of a text: words, embedding, recurrent layers up to each text's length, the last output.
#include <algorithm>
#include <cmath>

#include "tools/mistake.hpp"
#include "tools/tasks/task.hpp"
#include "tools/tasks/tokens.hpp"

namespace volute::tool {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (end > begin) lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

class Classification : public Task {
 public:
  Classification(const Config& config, const Data& data)
      : section_(config.data()),
        N_(config.training()["batch"]),
        seed_(config.training()["seed"]),
        shard_(data.shard),
        tokens_(load(config, data)),
        T_(length()),
        rows_(split_.train.size(), seed_),
        model_(config, tokens_.size(), static_cast<std::int64_t>(texts_.classes.size()), /*embedded=*/true) {}

  const Model& model() const override { return model_; }
  io::Metadata describe() const override {
    io::Metadata metadata{{"classes", Json(texts_.classes).dump(-1, ' ', true)}};
    tokens_.describe(metadata);
    return metadata;
  }
  std::string summary() const override {
    return parts_text("texts", split_.train.size(), split_.validation.size(), split_.test.size()) + "; " +
           std::to_string(texts_.classes.size()) + " labels, " + grouped(tokens_.size()) + " words";
  }
  std::uint64_t fingerprint() const override {
    std::uint64_t all = hash(texts_.labels.data(), texts_.labels.size() * 4);
    for (const std::string& text : texts_.texts) all = hash(text.data(), text.size(), all);
    return all;
  }

  std::int64_t steps(std::int64_t epochs) const override { return rows_.steps(epochs, N_); }
  std::int64_t items() const override { return N_; }
  const char* item() const override { return "texts"; }

  Tensor loss(Graph& g) override {
    feeds_ = inputs(g, shard_.count(N_));
    return cross_entropy(logits(feeds_), feeds_.y);
  }
  void step(Program& program, std::int64_t i) override {
    std::vector<std::size_t> rows = shard_.of(rows_.batch(i, N_));
    for (std::size_t& row : rows) row = split_.train[row];
    run(program, feeds_, rows);
  }

  Scores evaluate(Device& device, Extent extent, const Watch& watch) override;
  bool tests() const override { return !split_.test.empty(); }
  std::vector<std::pair<std::string, Tensor>> inference(Graph& g, std::int64_t T, std::int64_t N) override {
    Inputs in;
    in.x = g.input("x", {T ? T : T_, N ? N : 1}, DType::u32);
    in.lengths = g.input("lengths", {N ? N : 1}, DType::u32);
    return {{"logits", logits(in)}};
  }
  std::string generate(Device& device, const GenerateOptions& options) override;

 private:
  struct Inputs {
    Tensor x, lengths, y;
  };
  Inputs inputs(Graph& g, std::int64_t N) const {
    return {g.input("x", {T_, N}, DType::u32), g.input("lengths", {N}, DType::u32), g.input("y", {N}, DType::u32)};
  }
  /// [N, classes]
  Tensor logits(const Inputs& in) const {
    return model_.output(model_.cell->run(model_.embed(in.x), {.lengths = in.lengths}).last_output);
  }
  /// Rows beyond the given ones count for nothing.
  void run(Program& program, const Inputs& in, const std::vector<std::size_t>& rows) const {
    const std::int64_t N = in.x.dim(1);
    const auto batch = data::pad(sequences_, rows, T_, N);
    std::vector<std::uint32_t> labels(static_cast<std::size_t>(N), ClassOptions().ignore_index);
    for (std::size_t i = 0; i < rows.size(); ++i) labels[i] = texts_.labels[rows[i]];
    program.run({{in.x, batch.values}, {in.lengths, batch.lengths}, {in.y, labels}});
  }
  Tokens load(const Config& config, const Data& data);
  void compile_evaluation(Device& device);
  /// Scores of the given rows, [rows, classes]; adds up their loss.
  std::vector<float> judge(const std::vector<std::size_t>& rows, double& loss);
  std::int64_t length() const {
    std::size_t most = 1;
    for (const auto& sequence : sequences_) most = std::max(most, sequence.size());
    // Without data nobody knows how long texts are.
    const std::int64_t bound = section_["length"];
    return sequences_.empty() ? bound : std::min<std::int64_t>(bound, static_cast<std::int64_t>(most));
  }

  const Json& section_;
  std::int64_t N_;
  std::uint64_t seed_;
  data::Shard shard_;
  data::Labelled texts_;
  std::vector<std::vector<std::uint32_t>> sequences_;
  data::Split split_;
  Tokens tokens_;
  std::int64_t T_;
  Rows rows_;
  Model model_;
  Inputs feeds_;
  Graph graph_{Mode::inference};
  Inputs judged_;
  Tensor scores_, sum_;
  std::optional<Program> evaluation_;
};

std::vector<std::string> classes_of(const io::Metadata& metadata) {
  const auto found = metadata.find("classes");
  const Json json = Json::parse(found == metadata.end() ? "" : found->second, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array() || json.empty() ||
      !std::all_of(json.begin(), json.end(), [](const Json& c) { return c.is_string(); }))
    throw BadFile("its metadata has no 'classes'");
  return json.get<std::vector<std::string>>();
}

Tokens Classification::load(const Config& config, const Data& data) {
  if (data.saved) texts_.classes = classes_of(*data.saved);
  std::optional<Tokens> tokens;
  if (data.saved) tokens = Tokens::restore(Tokens::Kind::words, *data.saved);
  if (!data.judges()) return *tokens;
  const std::string file = data.from == Data::From::files ? data.files.front() : config.resolve(section_["file"]);
  const auto table = config.pointing_at("classification.file",
                                        [&] { return data::Csv::load(file, {.delimiter = delimiter(section_)}); });
  for (const char* column : {"text", "label"})
    config.pointing_at(std::string("classification.") + column,
                       [&] { table.column(section_[column].get_ref<const std::string&>()); });
  texts_ = config.pointing_at("classification.label", [&] {
    return data::Labelled::from(table, section_["text"], section_["label"], texts_.classes);
  });
  if (texts_.classes.size() < 2)
    config.complain("classification.label", "must have two different labels at least; " + file + " has " +
                                                std::to_string(texts_.classes.size()));
  for (const std::string& label : texts_.classes)
    if (!is_utf8(label)) config.complain("classification.label", "the label \"" + label + "\" is not UTF-8");
  if (data.from == Data::From::files) {
    split_.validation = data::shuffled(texts_.texts.size(), seed_);
    std::sort(split_.validation.begin(), split_.validation.end());
  } else {
    split_ = config.pointing_at("classification.validation", [&] {
      return data::stratified_split(texts_.labels, section_["validation"], section_["test"], seed_);
    });
    const std::string rows = file + " has " + std::to_string(texts_.texts.size()) + " rows";
    if (split_.validation.empty()) config.complain("classification.validation", "leaves no text to validate; " + rows);
    if (split_.test.empty() && section_["test"] > 0)
      config.complain("classification.test", "leaves no text to test; " + rows + "; 0 does without");
  }
  std::vector<std::vector<std::string>> words, learned;
  for (const std::string& text : texts_.texts) words.push_back(data::words(text));
  for (const std::size_t row : split_.train) learned.push_back(words[row]);
  if (!tokens) tokens = Tokens::words(learned, section_["min_count"], section_["max_vocabulary"]);
  for (const auto& text : words) sequences_.push_back(tokens->encode(text));
  return *tokens;
}

void Classification::compile_evaluation(Device& device) {
  judged_ = inputs(graph_, N_);
  scores_ = logits(judged_);
  sum_ = cross_entropy(scores_, judged_.y, {.reduction = Reduction::sum});
  evaluation_ = device.compile(graph_, {scores_, sum_});
}

std::vector<float> Classification::judge(const std::vector<std::size_t>& rows, double& loss) {
  run(*evaluation_, judged_, rows);
  loss += evaluation_->value(sum_);
  std::vector<float> scores = evaluation_->read(scores_);
  scores.resize(rows.size() * texts_.classes.size());
  return scores;
}

Scores Classification::evaluate(Device& device, Extent extent, const Watch& watch) {
  if (!evaluation_) compile_evaluation(device);
  const std::vector<std::size_t>& all = extent == Extent::result && tests() ? split_.test : split_.validation;
  const auto classes = static_cast<std::ptrdiff_t>(texts_.classes.size());
  metrics::ConfusionMatrix matrix(classes);
  double loss = 0;
  for (std::size_t begin = 0; begin < all.size(); begin += static_cast<std::size_t>(N_)) {
    watch(static_cast<double>(begin) / static_cast<double>(all.size()));
    const std::size_t end = std::min(all.size(), begin + static_cast<std::size_t>(N_));
    const std::vector<std::size_t> rows(all.begin() + static_cast<std::ptrdiff_t>(begin),
                                        all.begin() + static_cast<std::ptrdiff_t>(end));
    const std::vector<float> scores = judge(rows, loss);
    std::vector<std::uint32_t> guesses, wanted;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto first = scores.begin() + static_cast<std::ptrdiff_t>(i) * classes;
      guesses.push_back(static_cast<std::uint32_t>(std::max_element(first, first + classes) - first));
      wanted.push_back(texts_.labels[rows[i]]);
    }
    matrix.add(guesses, wanted);
  }
  return {{"loss", loss / static_cast<double>(all.size())},
          {"accuracy", matrix.accuracy()},
          {"f1", matrix.f1(metrics::Average::macro)}};
}

std::string Classification::generate(Device& device, const GenerateOptions& options) {
  if (!evaluation_) compile_evaluation(device);
  const std::vector<std::string> lines = lines_of(options.prompt);
  if (lines.empty()) throw Mistake("--prompt: the run labels texts; give it one, or one a line on standard input");
  std::string out;
  for (const std::string& line : lines) {
    texts_.texts = {line};
    texts_.labels = {0};
    sequences_ = {tokens_.encode(data::words(line))};
    double unused = 0;
    const std::vector<float> scores = judge({0}, unused);
    const auto best = std::max_element(scores.begin(), scores.end());
    double total = 0;
    for (const float score : scores) total += std::exp(static_cast<double>(score) - *best);
    char share[32];
    std::snprintf(share, sizeof share, "%.3f", 1 / total);
    out += texts_.classes[static_cast<std::size_t>(best - scores.begin())] + "\t" + share + "\t" + line + "\n";
  }
  return out;
}

}  // namespace

std::unique_ptr<Task> make_classification(const Config& config, const Data& data) {
  return std::make_unique<Classification>(config, data);
}

}  // namespace volute::tool
