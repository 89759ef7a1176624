// An LSTM over the tokens of tunes, and tunes as it reads and writes them.
// Invariant: what it is told of a token's place follows from the tokens before, so it can write as it has read.
#pragma once

#include <optional>
#include <span>
#include <volute/volute.hpp>

#include "samples/music/composer.hpp"
#include "samples/recipe.hpp"

namespace music {

using namespace volute;

inline constexpr std::int64_t T = most_tokens, N = 32, E = 64, H = 128, written = 128;  // N: of all ranks
inline constexpr std::uint32_t ignored = vocabulary;
using Tune = std::vector<std::uint32_t>;

/// An index with a chance in proportion to its weight.
template <class Weights>
std::uint32_t draw(const Weights& weights, data::Generator& random) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double left = static_cast<double>(random.next() >> 11) * 0x1p-53 * total;
  std::uint32_t last = 0;
  for (std::uint32_t i = 0; i < weights.size(); ++i)
    if (weights[i] > 0) {
      last = i;
      if ((left -= weights[i]) < 0) break;
    }
  return last;
}

inline Tune compose(data::Generator& random) {
  Tune tune;
  for (Composer composer; !composer.finished(); composer.take(tune.back()))
    tune.push_back(draw(composer.next(), random));
  return tune;
}

/// Tunes side by side: what is read (`begin`, then the tokens), where in the tune it stands, and what follows.
struct Batch {
  std::vector<std::uint32_t> tokens, places, targets;  // [T, N]

  Batch(const std::vector<Tune>& tunes, std::span<const std::size_t> rows) {
    std::vector<Tune> read, where;
    std::vector<std::size_t> order;
    for (const std::size_t row : rows) {
      read.push_back({begin}), where.emplace_back(), order.push_back(order.size());
      read.back().insert(read.back().end(), tunes[row].begin(), tunes[row].end() - 1);
      Composer composer;
      for (const std::uint32_t token : tunes[row]) {
        where.back().push_back(static_cast<std::uint32_t>(composer.position()));
        composer.take(token);
      }
    }
    const auto count = static_cast<std::int64_t>(rows.size());
    tokens = data::pad(read, order, T, count).values, places = data::pad(where, order, T, count).values;
    targets = data::pad(tunes, rows, T, count, ignored).values;
  }
};

/// The network's parameters, and programs that train it, test it and write with it.
class Network {
 public:
  Network(const recipe::Options& o, Device& device)
      : embed_(vocabulary, E), place_(bars * bar_length, E), lstm_(E, H), head_(H, vocabulary) {
    Graph learn;
    train_.emplace(make(o, device, learn, o.rows(N), true));
    Graph look(Mode::inference);
    test_.emplace(make(o, device, look, N, false));
    Graph write(Mode::inference);
    token_ = write.input("token", {1, written}, DType::u32), at_ = write.input("place", {1, written}, DType::u32);
    next_ = softmax(head_(lstm_(embed_(token_) + place_(at_), write.carried())));  // [1, written, V]
    write_.emplace(device.compile(write, next_));
  }
  std::vector<Parameter> parameters() const { return train_->step.program.parameters(); }
  float train(const Batch& batch, float lr) {
    train_->step.program.set("lr", lr);
    return run(*train_, batch);
  }
  /// Nats a token.
  double test(const std::vector<Tune>& tunes) {
    double total = 0, count = 0;
    for (std::size_t first = 0; first + N <= tunes.size(); first += N) {
      std::vector<std::size_t> rows(N);
      std::iota(rows.begin(), rows.end(), first);
      double tokens = 0;
      for (const std::size_t row : rows) tokens += static_cast<double>(tunes[row].size());
      total += tokens * run(*test_, Batch(tunes, rows)), count += tokens;
    }
    return total / count;
  }
  std::vector<Tune> write(data::Generator& random) {
    std::vector<Tune> tunes(written);
    std::vector<Composer> composers(written);
    std::vector<std::uint32_t> tokens(written, begin), places(written);
    write_->reset();
    for (std::int64_t t = 0; t < T; ++t) {
      for (std::int64_t n = 0; n < written; ++n) places[n] = static_cast<std::uint32_t>(composers[n].position());
      write_->run({{token_, tokens}, {at_, places}});
      const std::vector<float> chances = write_->read(next_);
      for (std::int64_t n = 0; n < written; ++n) {
        tokens[n] = draw(std::span(chances).subspan(n * vocabulary, begin), random);  // all but `begin`
        if (composers[n].finished()) continue;
        tunes[n].push_back(tokens[n]);
        composers[n].take(tokens[n]);
      }
    }
    return tunes;
  }

 private:
  struct Whole {
    Tensor x, place, y;
    recipe::Step step;
  };
  Whole make(const recipe::Options& o, Device& device, Graph& g, std::int64_t rows, bool training) {
    Tensor x = g.input("x", {T, rows}, DType::u32), place = g.input("place", {T, rows}, DType::u32);
    Tensor y = g.input("y", {T, rows}, DType::u32);
    Tensor read = dropout(lstm_(embed_(x) + place_(place)), 0.1f);  // [T, N, H]
    Tensor loss = cross_entropy(head_(read), y, {.ignore_index = ignored});
    if (!training) return {x, place, y, {loss, device.compile(g, loss)}};
    Tensor tokens = recipe::count(y, ignored);
    return {x, place, y, recipe::Step::make(o, device, loss, tokens, Adam{}, {.clip_norm = 1.0f})};
  }
  static float run(Whole& w, const Batch& batch) {
    w.step.program.run({{w.x, batch.tokens}, {w.place, batch.places}, {w.y, batch.targets}});
    return w.step.value();
  }
  nn::Embedding embed_, place_;
  nn::LSTM lstm_;
  nn::Linear head_;
  std::optional<Whole> train_, test_;
  Tensor token_, at_, next_;
  std::optional<Program> write_;
};

}  // namespace music
