// music: an LSTM learns to write tunes over a bass, in any key, from tunes that a program has made after strict rules.
// What it writes itself is held against these rules, beside what n-grams of the same tokens write, and kept as MIDI.
// Invariant: no tune that figures are taken from was trained on; what is chosen is chosen by validation.
#include "samples/music/midi.hpp"
#include "samples/music/network.hpp"
#include "samples/ngram.hpp"
#include "samples/recipe.hpp"

namespace {

using namespace volute;
using namespace music;

/// N-grams of the length that validation prefers.
struct Ngrams {
  ngram::Model model{vocabulary, 1};
  int length = 0;

  Ngrams(const std::vector<Tune>& train, const std::vector<Tune>& validation) {
    double best = 0;
    for (int n = 1; n <= 5; ++n) {
      ngram::Model longer(vocabulary, n);
      for (const Tune& tune : train) longer.train(with_begin(tune));
      const double nats = test(longer, validation);
      if (length == 0 || nats < best) best = nats, model = std::move(longer), length = n;
    }
  }
  static Tune with_begin(const Tune& tune) {
    Tune all{begin};
    all.insert(all.end(), tune.begin(), tune.end());
    return all;
  }
  /// Nats a token.
  static double test(const ngram::Model& model, const std::vector<Tune>& tunes) {
    double total = 0, count = 0;
    for (const Tune& tune : tunes) {
      total += static_cast<double>(tune.size()) * model.cross_entropy(with_begin(tune), 1);
      count += static_cast<double>(tune.size());
    }
    return total / count;
  }
  Tune write(data::Generator& random) const {
    Tune tune{begin};
    Composer composer;
    while (!composer.finished() && tune.size() <= T) {
      std::vector<double> chances(begin);
      tune.push_back(0);
      for (std::uint32_t token = 0; token < begin; ++token) {
        tune.back() = token;
        chances[token] = model.probability(tune, tune.size() - 1);
      }
      tune.back() = draw(chances, random);
      composer.take(tune.back());
    }
    return {tune.begin() + 1, tune.end()};
  }
};

/// Percent of tokens that the rules forbid where they stand.
double mistakes(const std::vector<Tune>& tunes) {
  double wrong = 0, all = 0;
  for (const Tune& tune : tunes) {
    Composer composer;
    for (const std::uint32_t token : tune) {
      wrong += composer.next()[token] == 0, ++all;
      composer.take(token);
    }
  }
  return 100 * wrong / all;
}

/// Nats a token of who knows the rules.
double least_nats(const std::vector<Tune>& tunes) {
  double total = 0, count = 0;
  for (const Tune& tune : tunes) {
    Composer composer;
    for (const std::uint32_t token : tune) {
      total -= std::log(composer.next()[token]), ++count;
      composer.take(token);
    }
  }
  return total / count;
}

/// Files to hear, a text to read and a picture of the first tune.
void keep(const recipe::Options& o, const std::vector<Tune>& tunes) {
  std::ofstream text(recipe::path(o, "tunes.txt"));
  for (std::size_t i = 0; i < 8; ++i) {
    save_midi(recipe::path(o, "tune" + std::to_string(i + 1) + ".mid"), tunes[i]);
    text << text_of(tunes[i]) << "\n";
    if (i < 3) std::printf("  %s\n", text_of(tunes[i]).c_str());
  }
  io::ChartSeries bass{.name = "bass"}, melody{.name = "melody"};
  for (const Sound& s : sounds(tunes[0])) {
    io::ChartSeries& voice = s.bass ? bass : melody;
    voice.x.insert(voice.x.end(), {s.start / 8.0 + 1, s.end / 8.0 + 0.97, NAN});  // a gap between notes
    voice.y.insert(voice.y.end(), {1.0 * s.pitch, 1.0 * s.pitch, NAN});
  }
  io::save_chart(recipe::path(o, "tune1.svg"), {.title = "The first tune", .x_label = "bar", .y_label = "MIDI pitch",
                                                .series = {bass, melody}, .height = 320});
}

int run(const recipe::Options& o) {
  data::Generator random(o.seed);
  const auto tunes = [&](int count) {
    std::vector<Tune> all(count);
    std::generate(all.begin(), all.end(), [&] { return compose(random); });
    return all;
  };
  const std::vector<Tune> train = tunes(o.quick ? 64 : 24000), validation = tunes(o.quick ? N : 256), test = tunes(512);
  const Ngrams ngrams(train, validation);
  Device device = recipe::open_device(o);
  Network network(o, device);
  EarlyStopping best({.keep = network.parameters()});
  recipe::Training training(o, 2800);
  while (training.next()) {
    std::vector<std::size_t> rows(N);
    for (std::size_t& row : rows) row = random.below(train.size());
    const double rate = 5e-3 * std::min(1.0, 2 * (1 - training.progress()) + 0.02);
    const float loss = network.train(Batch(train, o.shard().of(rows)), static_cast<float>(rate));
    if (!training.due(200)) continue;
    const double nats = o.judge([&] { return network.test(validation); });
    best.observe(nats);
    training.say("loss %.3f  validation %.3f nats a token", loss, nats);
  }
  const double trained = training.elapsed();
  if (best.best_look() >= 0) best.restore();
  if (!o.first()) return 0;

  std::vector<Tune> by_ngrams(written);
  std::generate(by_ngrams.begin(), by_ngrams.end(), [&] { return ngrams.write(random); });
  const std::vector<Tune> by_network = network.write(random);
  std::printf("nats a token: %d-grams %.3f, LSTM %.3f, who knows the rules %.3f\n", ngrams.length,
              Ngrams::test(ngrams.model, test), network.test(test), least_nats(test));
  keep(o, by_network);
  return recipe::finish(o, {.metric = "% of its notes against the rules", .value = mistakes(by_network), .goal = 20,
                            .baseline = std::to_string(ngrams.length) + "-grams", .baseline_value = mistakes(by_ngrams),
                            .higher = false},
                        trained);
}

}  // namespace

int main(int argc, char** argv) {
  return recipe::main(argc, argv, "Learns to write tunes over a bass, and writes some as MIDI", run);
}
