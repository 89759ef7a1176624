// Random graphs through the public API: pointwise chains, products, reductions, views, lookups, dropout and
// scans, with training or without. Invariant: a graph depends on its seed alone; values stay of order one.
#pragma once

#include <algorithm>
#include <random>

#include <volute/optim.hpp>

#include "tests/support/values.hpp"

namespace volute::test {

class RandomGraph {
 public:
  explicit RandomGraph(std::uint32_t seed) : RandomGraph(seed, -1, Precision::f32) {}
  /// Trains, and divides the result of operation `poison_at` by the scalar "poison", which is 1.
  RandomGraph(std::uint32_t seed, int poison_at, Precision precision) : engine_(seed), poison_at_(poison_at) {
    const std::int64_t T = extent(), N = extent(), C = extent();
    pool_ = {input({T, N, C}), input({C}), parameter({N, C}), graph.state("state", {N, C}, 0.25f)};
    carried_ = pool_.back();
    indices = graph.input("indices", {T, N}, DType::u32);
    indices_ = indices;
    for (int i = below(6) + 3; i > 0; --i) grow(pool_);
    if (below(4) > 0) add_scan();
    if (below(4) == 0) add_scan();
    for (int i = below(6); i > 0; --i) grow(pool_);
    finish(poison_at >= 0, precision);
  }

  Graph graph;
  Targets targets;
  std::vector<Tensor> inputs;  ///< f32
  Tensor indices;              ///< u32, below 4
  std::vector<Parameter> parameters;
  Tensor poisoned;

 private:
  using Pool = std::vector<Tensor>;

  int below(int bound) { return static_cast<int>(engine_() % static_cast<std::uint32_t>(bound)); }
  std::int64_t extent() { return std::array{1, 2, 3, 4, 5, 7, 8, 9}[static_cast<std::size_t>(below(8))]; }

  Tensor input(Shape shape) {
    inputs.push_back(graph.input("x" + std::to_string(inputs.size()), std::move(shape)));
    return inputs.back();
  }
  Tensor parameter(Shape shape) {
    auto values = random_values(static_cast<std::size_t>(shape.elements()), engine_());
    parameters.emplace_back("p" + std::to_string(parameters.size()), shape, std::move(values));
    return graph.parameter(parameters.back());
  }
  /// The newest more often than the others, so that graphs grow deep.
  Tensor pick(const Pool& pool) {
    const int size = static_cast<int>(pool.size());
    return pool[static_cast<std::size_t>(below(2) ? size - 1 - below(std::min(size, 3)) : below(size))];
  }

  static bool broadcasts(Tensor a, Tensor b) {
    for (int i = 1; i <= std::min(a.rank(), b.rank()); ++i)
      if (a.dim(-i) != b.dim(-i) && a.dim(-i) != 1 && b.dim(-i) != 1) return false;
    return true;
  }

  void grow(Pool& pool) {
    const Tensor a = pick(pool);
    Tensor out;
    switch (below(7)) {
      case 0:
        out = unary(a);
        break;
      case 1:
        out = binary(a, pick(pool));
        break;
      case 2:
        out = product(a, pick(pool));
        break;
      case 3:
        out = reduction(a);
        break;
      case 4:
      case 5:
        out = view(a, pick(pool));
        break;
      default:
        out = special(a);
        break;
    }
    if (poison_at_-- == 0) out = poisoned = out / graph.scalar("poison", 1.0f);
    if (out.shape().elements() <= 4000 && out.rank() <= 4) pool.push_back(out);
  }

  Tensor unary(Tensor a) {
    switch (below(6)) {
      case 0:
        return tanh(a);
      case 1:
        return sigmoid(a);
      case 2:
        return relu(a);
      case 3:
        return -a;
      case 4:
        return exp(-abs(a));
      default:
        return sqrt(a * a + 1.0f);
    }
  }
  Tensor binary(Tensor a, Tensor b) {
    if (!broadcasts(a, b)) b = mean(b);
    switch (below(5)) {
      case 0:
        return a - b;
      case 1:
        return tanh(a) * b;
      case 2:
        return a / (1.0f + b * b);
      case 3:
        return maximum(a, b);
      default:
        return a + b;
    }
  }
  Tensor product(Tensor a, Tensor b) {
    if (a.rank() < 2) return a * 0.5f;
    const bool fits = b.rank() >= 2 && b.dim(-2) == a.dim(-1) &&
                      (b.rank() == 2 || a.rank() == 2 || broadcasts(slice(a, -1, 0, 1), transpose(slice(b, -2, 0, 1))));
    if (fits && b.rank() == 2) return tanh(matmul(a, b));
    if (b.rank() == 2 && b.dim(-1) == a.dim(-1)) return tanh(matmul(a, b, false, true));
    return tanh(matmul(a, parameter({a.dim(-1), extent()})));
  }
  Tensor reduction(Tensor a) {
    if (a.rank() == 0) return a * 2.0f;
    std::vector<int> axes;
    for (int axis = 0; axis < a.rank(); ++axis)
      if (below(2)) axes.push_back(axis);
    const bool keep = below(2);
    switch (below(4)) {
      case 0:
        return mean(a, axes, keep);
      case 1:
        return max(a, axes, keep);
      case 2:
        return softmax(a, below(a.rank()));
      default:
        return tanh(sum(a, axes, keep));
    }
  }
  Tensor view(Tensor a, Tensor b) {
    if (a.rank() == 0) return broadcast_to(a, {extent(), extent()});
    const int axis = below(a.rank());
    switch (below(5)) {
      case 0:
        return reshape(a, {-1});
      case 1:
        return a.rank() < 2 ? reshape(a, {1, -1}) : transpose(a);
      case 2:
        return slice(a, axis, below(static_cast<int>(a.dim(axis))), a.dim(axis));
      case 3:
        return concat({a, broadcasts(a, b) && (a * b).shape() == a.shape() ? a * b : tanh(a), a}, axis);
      default: {
        std::vector<std::int64_t> dims = a.shape().dims();
        dims.insert(dims.begin(), 2);
        return broadcast_to(a, Shape(dims));
      }
    }
  }
  Tensor special(Tensor a) {
    switch (below(4)) {
      case 0:
        return dropout(a, 0.25f);
      case 1:
        return a.rank() == 2 ? embedding(a, indices_) : stop_gradient(a);
      case 2:
        return where(less(a, graph.full({}, 0.3071f)), a * 0.5f, -a);  // a tie would be a matter of rounding
      default:
        return a.rank() ? log_softmax(a) : a - 1.0f;
    }
  }

  /// v brought to a shape: as it is, or its mean.
  Tensor fitted(Tensor v, const Shape& shape) { return broadcast_to(v.shape() == shape ? v : mean(v), shape); }

  void add_scan() {
    Tensor xs = pick(pool_);
    for (int i = 0; i < 4 && xs.rank() < 2; ++i) xs = pick(pool_);
    if (xs.rank() < 1) xs = broadcast_to(xs, {4, 3});
    std::vector<Tensor> initial = {below(2) ? graph.full({extent(), extent()}, 0.5f) : tanh(pick(pool_))};
    if (below(2)) initial.push_back(parameter({extent(), extent()}));
    const bool inner_indices = xs.dim(0) == indices.dim(0) && below(2);
    const Pool outside = {pick(pool_), pick(pool_)};
    const ScanResult result = scan(inner_indices ? std::vector{xs, indices} : std::vector{xs}, initial,
                                   [&](std::span<const Tensor> x, std::span<const Tensor> states) {
                                     Pool local = outside;
                                     local.push_back(x[0]);
                                     local.insert(local.end(), states.begin(), states.end());
                                     if (inner_indices) indices_ = x[1];
                                     for (int i = below(6) + 1; i > 0; --i) grow(local);
                                     indices_ = indices;
                                     return step(local, states);
                                   },
                                   {.reverse = below(2) == 1});
    for (const Tensor& t : result.outputs)
      if (t.shape().elements() <= 4000) pool_.push_back(t);
    pool_.insert(pool_.end(), result.last.begin(), result.last.end());
  }

  ScanStep step(const Pool& local, std::span<const Tensor> states) {
    ScanStep out;
    for (const Tensor& state : states) {
      Tensor mixed = state;
      if (state.rank() >= 2 && below(2)) mixed = matmul(state, parameter({state.dim(-1), state.dim(-1)}));
      out.states.push_back(below(8) ? tanh(mixed + fitted(pick(local), state.shape()))
                                    : fitted(pick(local), state.shape()));
    }
    for (int i = below(3); i > 0; --i) out.outputs.push_back(pick(local));
    if (below(2)) out.outputs.push_back(out.states[0]);
    return out;
  }

  void finish(bool train, Precision precision) {
    if (below(2)) graph.carry(carried_, tanh(fitted(pick(pool_), carried_.shape())));
    if (below(3) || train) {
      const Tensor loss = mean(pool_.back() * pool_.back()) + mean(pick(pool_)) + sum(graph.parameter(parameters[0]));
      MinimizeOptions options{.precision = precision};
      if (train) options.non_finite = NonFinite::skip;
      if (below(2)) {
        targets = minimize(loss, SGD{.lr = 0.1f, .momentum = 0.5f}, options);
      } else {
        options.clip_norm = 1.0f;
        targets = minimize(loss, Adam{}, options);
      }
    }
    for (int i = below(3) + 1; i > 0; --i) targets.outputs.push_back(pick(pool_));
  }

  std::mt19937 engine_;
  int poison_at_;
  Pool pool_;
  Tensor carried_, indices_;
};

}  // namespace volute::test
