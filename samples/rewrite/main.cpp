// rewrite: an encoder-decoder with attention learns to rewrite dates ("3 March 2024" to "2024-03-03") or to
// reverse strings, from examples made on the fly, and is measured on examples it never saw.
// Invariant: training stops by figures of one held-out set; what is reported at the end comes from another.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <volute/volute.hpp>

#include "samples/rewrite/tasks.hpp"

namespace {

using namespace volute;
using namespace rewrite;

struct Options {
  std::string task = "dates", save;
  std::int64_t batch = 64, embed = 32, hidden = 64, steps = 4000;
  double lr = 4e-3, seconds = 600, sampling = 0, enough = 0.998;
  std::uint32_t seed = 1;
};

Options parse(int argc, char** argv) {
  Options o;
  CLI::App app("Learns to rewrite dates or to reverse strings with an attention encoder-decoder");
  app.add_option("--task", o.task, "what to learn")->check(CLI::IsMember({"dates", "reverse"}))->capture_default_str();
  app.add_option("--batch", o.batch)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--embed", o.embed)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--hidden", o.hidden)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--steps", o.steps)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--lr", o.lr)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--seconds", o.seconds, "stop training after this long")->capture_default_str();
  app.add_option("--sampling", o.sampling, "share of inputs that are the model's own guesses")
      ->check(CLI::Range(0.0, 1.0))->capture_default_str();
  app.add_option("--enough", o.enough, "stop at this share of exact matches")->capture_default_str();
  app.add_option("--seed", o.seed)->capture_default_str();
  app.add_option("--save", o.save, "write the weights to this file");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  return o;
}

std::unique_ptr<Task> make_task(const Options& o) {
  if (o.task == "reverse") return std::make_unique<Reverse>(4, 12);
  return std::make_unique<Dates>();
}

struct Score {
  double exact = 0, cer = 0;
};

Score measure(nn::Translator& translator, const std::vector<Example>& examples, int shown) {
  std::vector<Tokens> sources;
  std::vector<std::string> wanted, got;
  for (const Example& e : examples) {
    sources.push_back(encode(e.source));
    wanted.push_back(e.target);
  }
  double exact = 0;
  for (const Tokens& tokens : translator.greedy(sources)) got.push_back(decode(tokens));
  for (std::size_t i = 0; i < got.size(); ++i) {
    exact += got[i] == wanted[i];
    if (static_cast<int>(i) < shown)
      std::printf("  %-20s %-12s %s\n", examples[i].source.c_str(), got[i].c_str(), got[i] == wanted[i] ? "" : "wrong");
  }
  return {exact / static_cast<double>(got.size()), metrics::character_error_rate(wanted, got)};
}

/// Multiplies the learning rate: full for two thirds of the way, then down to a tenth.
double decay(double progress) { return progress < 0.67 ? 1.0 : 1.0 - 0.9 * (progress - 0.67) / 0.33; }

int run(const Options& o) {
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  const std::unique_ptr<Task> task = make_task(o);
  manual_seed(o.seed);
  Device device;
  const nn::Seq2Seq model({.source_vocabulary = vocabulary, .target_vocabulary = vocabulary, .embed = o.embed,
                           .hidden = o.hidden, .padding = padding, .begin = begin, .end = end});

  Graph g;
  const std::int64_t S = task->longest_source(), T = task->longest_target() + 1;
  Tensor source = g.input("source", {S, o.batch}, DType::u32);
  Tensor inputs = g.input("inputs", {T, o.batch}, DType::u32), targets = g.input("targets", {T, o.batch}, DType::u32);
  Tensor sampling = o.sampling > 0 ? g.scalar("sampling", static_cast<float>(o.sampling)) : Tensor();
  Tensor loss = model.loss(source, inputs, targets, sampling);
  Program train = device.compile(g, minimize(loss, Adam{.lr = static_cast<float>(o.lr)}, {.clip_norm = 1.0f}));
  nn::Translator translator(device, model, S, 128, T);
  std::printf("%s on %s, compiled in %.1f s\n", o.task.c_str(), device.name().c_str(), elapsed());

  std::mt19937 random(o.seed);
  std::vector<Example> test = held_out(*task, 1000003, 2512);
  const std::vector<Example> validation(test.begin(), test.begin() + 512);
  test.erase(test.begin(), test.begin() + 512);
  for (std::int64_t step = 1; step <= o.steps && elapsed() < o.seconds; ++step) {
    const Batch batch(*task, random, o.batch);
    train.set("lr", static_cast<float>(o.lr * decay(static_cast<double>(step) / static_cast<double>(o.steps))));
    train.run({{source, batch.source}, {inputs, batch.inputs}, {targets, batch.targets}});
    if (step % 100 != 0) continue;
    const bool measured = step % 200 == 0;
    const Score score = measured ? measure(translator, validation, 0) : Score{};
    std::printf("step %5lld  %6.1f s  loss %.4f", static_cast<long long>(step), elapsed(), train.value(loss));
    if (measured) std::printf("  held out: exact %.4f", score.exact);
    std::printf("\n");
    std::fflush(stdout);
    if (measured && score.exact >= o.enough) break;
  }
  const double trained = elapsed();
  const Score score = measure(translator, test, 8);
  std::printf("exact match %.4f, character error rate %.5f on 2000 held-out examples after %.1f s of training\n",
              score.exact, score.cer, trained);
  if (!o.save.empty()) io::save(o.save, {{"model", model}});
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rewrite: %s\n", error.what());
    return 1;
  }
}
