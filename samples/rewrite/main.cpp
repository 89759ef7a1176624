// rewrite: an encoder-decoder with attention learns to rewrite dates ("3 March 2024" to "2024-03-03") or to
// reverse strings, from examples made on the fly, and is measured on examples it never saw.
// Invariant: training stops by figures of one held-out set; what is reported at the end comes from another.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <volute/volute.hpp>

#include "samples/recipe.hpp"
#include "samples/rewrite/tasks.hpp"

namespace {

using namespace volute;
using namespace rewrite;

struct Settings {
  std::string task = "dates", save;
  std::int64_t batch = 64, embed = 32, hidden = 64, steps = 4000;
  double lr = 4e-3, sampling = 0, enough = 0.998;
};

void add_options(CLI::App& app, Settings& s) {
  app.add_option("--task", s.task, "what to learn")->check(CLI::IsMember({"dates", "reverse"}))->capture_default_str();
  app.add_option("--batch", s.batch)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--embed", s.embed)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--hidden", s.hidden)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--steps", s.steps)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--lr", s.lr)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--sampling", s.sampling, "share of inputs that are the model's own guesses")
      ->check(CLI::Range(0.0, 1.0))->capture_default_str();
  app.add_option("--enough", s.enough, "stop at this share of exact matches")->capture_default_str();
  app.add_option("--save", s.save, "write the weights to this file");
}

std::unique_ptr<Task> make_task(const std::string& name) {
  if (name == "reverse") return std::make_unique<Reverse>(4, 12);
  return std::make_unique<Dates>();
}

struct Score {
  double exact = 0;  ///< part that is rewritten without a mistake
  double cer = 0;    ///< character error rate
};

Score measure(const std::vector<Example>& examples, const std::vector<std::string>& got) {
  std::vector<std::string> wanted;
  for (const Example& e : examples) wanted.push_back(e.target);
  double exact = 0;
  for (std::size_t i = 0; i < got.size(); ++i) exact += got[i] == wanted[i];
  return {exact / static_cast<double>(got.size()), metrics::character_error_rate(wanted, got)};
}

std::vector<std::string> rewrite_all(nn::Translator& translator, const std::vector<Example>& examples) {
  std::vector<Tokens> sources;
  for (const Example& e : examples) sources.push_back(encode(e.source));
  std::vector<std::string> texts;
  for (const Tokens& tokens : translator.greedy(sources)) texts.push_back(decode(tokens));
  return texts;
}

/// Answers by memory: that of the one of `count` training examples whose source takes the fewest edits.
std::vector<std::string> nearest(const Task& task, const std::vector<Example>& examples, std::uint32_t seed,
                                 int count) {
  std::mt19937 random(seed);
  std::vector<Example> known;
  for (int i = 0; i < count; ++i) known.push_back(task.draw(random, false));
  std::vector<std::string> texts;
  for (const Example& e : examples) {
    const Tokens source = encode(e.source);
    const auto edits = [&](const Example& k) { return metrics::edit_distance(source, encode(k.source)); };
    texts.push_back(std::min_element(known.begin(), known.end(), [&](const Example& a, const Example& b) {
                      return edits(a) < edits(b);
                    })->target);
  }
  return texts;
}

void list(std::FILE* to, const std::vector<Example>& examples, const std::vector<std::string>& got, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    std::fprintf(to, "  %-20s %-12s %s\n", examples[i].source.c_str(), got[i].c_str(),
                 got[i] == examples[i].target ? "" : "wrong");
}

/// Multiplies the learning rate: full for two thirds of the way, then down to a tenth.
double decay(double progress) { return progress < 0.67 ? 1.0 : 1.0 - 0.9 * (progress - 0.67) / 0.33; }

int run(const recipe::Options& o, const Settings& s) {
  const std::unique_ptr<Task> task = make_task(s.task);
  Device device = recipe::open_device(o);
  const nn::Seq2Seq model({.source_vocabulary = vocabulary, .target_vocabulary = vocabulary, .embed = s.embed,
                           .hidden = s.hidden, .padding = padding, .begin = begin, .end = end});

  Graph g;
  const std::int64_t S = task->longest_source(), T = task->longest_target() + 1, n = o.rows(s.batch);
  Tensor source = g.input("source", {S, n}, DType::u32);
  Tensor inputs = g.input("inputs", {T, n}, DType::u32), targets = g.input("targets", {T, n}, DType::u32);
  Tensor sampling = s.sampling > 0 ? g.scalar("sampling", static_cast<float>(s.sampling)) : Tensor();
  Tensor loss = model.loss(source, inputs, targets, sampling);
  auto step = recipe::Step::make(o, device, loss, recipe::count(targets, padding), Adam{}, {.clip_norm = 1.0f});
  step.program.seed(o.seed);
  nn::Translator translator(device, model, S, 128, T);

  std::mt19937 random(static_cast<std::uint32_t>(o.own(o.seed)));
  std::vector<Example> test = held_out(*task, 1000003, 2512);
  const std::vector<Example> validation(test.begin(), test.begin() + 512);
  test.erase(test.begin(), test.begin() + 512);
  recipe::Training training(o, s.steps);
  while (training.next()) {
    const Batch batch(*task, random, n);
    step.program.set("lr", static_cast<float>(s.lr * decay(training.progress())));
    step.program.run({{source, batch.source}, {inputs, batch.inputs}, {targets, batch.targets}});
    if (!training.due(200)) continue;
    const double exact = o.judge([&] { return measure(validation, rewrite_all(translator, validation)).exact; });
    training.say("loss %.4f  held out: exact %.4f", step.value(), exact);
    if (exact >= s.enough) break;
  }
  const double trained = training.elapsed();
  if (!o.first()) return 0;

  const std::vector<std::string> got = rewrite_all(translator, test);
  list(stdout, test, got, 8);
  if (std::FILE* const file = std::fopen(recipe::path(o, "rewritten.txt").c_str(), "w")) {
    list(file, test, got, got.size());
    std::fclose(file);
  }
  if (!s.save.empty()) io::save(s.save, {{"model", model}});
  const Score score = measure(test, got);
  std::printf("exact match %.4f on %zu held-out examples\n", score.exact, test.size());
  constexpr int remembered = 1000;
  return recipe::finish(o, {.metric = "character error rate", .value = score.cer, .goal = 0.01,
                            .baseline = "the answer of the nearest of 1000 training examples",
                            .baseline_value = measure(test, nearest(*task, test, o.seed, remembered)).cer,
                            .higher = false}, trained);
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  return recipe::main(
      argc, argv, "Learns to rewrite dates or to reverse strings with an attention encoder-decoder",
      [&](const recipe::Options& o) { return run(o, settings); }, [&](CLI::App& app) { add_options(app, settings); });
}
