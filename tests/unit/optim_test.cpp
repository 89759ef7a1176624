// Optimisers and clipping on the device against a plain loop in double, over two parameters of one name.
// The problem: loss = sum over parameters of sum(c (p - t)^2) / 2, whose gradient is c (p - t).

#include <cmath>
#include <functional>
#include <limits>
#include <optional>

#include <gtest/gtest.h>

#include <volute/volute.hpp>

#include "tests/support/device.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

using Vector = std::vector<double>;

/// A parameter of the problem as the loop sees it.
struct Plain {
  Vector p, target, scale, m, v;
  Vector gradient() const {
    Vector g(p.size());
    for (std::size_t i = 0; i < g.size(); ++i) g[i] = scale[i] * (p[i] - target[i]);
    return g;
  }
};

struct Settings {
  std::optional<Adam> adam;
  std::optional<SGD> sgd;
  MinimizeOptions clip;
};

/// The loop's step t = 1, 2, ...; returns the norm after clipping by value and before clipping by norm.
double plain_step(std::vector<Plain>& problem, const Settings& s, int t) {
  std::vector<Vector> gradients;
  double squares = 0;
  for (const Plain& part : problem) gradients.push_back(part.gradient());
  for (Vector& gradient : gradients)
    for (double& g : gradient) {
      if (s.clip.clip_value) g = std::clamp(g, -double{*s.clip.clip_value}, double{*s.clip.clip_value});
      squares += g * g;
    }
  const double norm = std::sqrt(squares);
  const double factor = s.clip.clip_norm ? std::min(1.0, *s.clip.clip_norm / (norm + 1e-6)) : 1.0;
  for (std::size_t k = 0; k < problem.size(); ++k)
    for (std::size_t i = 0; i < gradients[k].size(); ++i) {
      const double g = gradients[k][i] * factor;
      double &p = problem[k].p[i], &m = problem[k].m[i], &v = problem[k].v[i];
      if (s.adam) {
        const double b1 = s.adam->beta1, b2 = s.adam->beta2;
        m = b1 * m + (1 - b1) * g;
        v = b2 * v + (1 - b2) * g * g;
        p -= s.adam->lr * (m / (1 - std::pow(b1, t))) / (std::sqrt(v / (1 - std::pow(b2, t))) + s.adam->eps);
      } else {
        m = t == 1 ? g : s.sgd->momentum * m + g;
        p -= s.sgd->lr * (s.sgd->nesterov ? g + s.sgd->momentum * m : m);
      }
    }
  return norm;
}

/// The same problem as a graph and as a loop, from the same values.
struct Twin {
  Graph g;
  std::vector<Parameter> parameters;
  std::vector<Plain> plain;
  Tensor loss;

  Twin() : loss(g.full({}, 0.0f)) {
    add({3}, 1);
    add({2, 5}, 2);
  }
  void add(Shape shape, std::uint32_t seed) {
    const auto n = static_cast<std::size_t>(shape.elements());
    const auto p = random_values(n, seed), t = random_values(n, seed + 10), c = random_values(n, seed + 20, 0.5f, 3);
    parameters.emplace_back("w", shape, p);
    plain.push_back({widen(p), widen(t), widen(c), Vector(n), Vector(n)});
    Tensor target = constant(shape, t), scale = constant(shape, c);
    Tensor difference = g.parameter(parameters.back()) - target;
    loss = loss + sum(scale * difference * difference) * 0.5f;
  }
  std::vector<std::pair<Tensor, std::vector<float>>> constants;
  Tensor constant(const Shape& shape, const std::vector<float>& values) {
    constants.emplace_back(g.input("constant" + std::to_string(constants.size()), shape), values);
    return constants.back().first;
  }
  std::vector<Feed> feeds() const {
    std::vector<Feed> all;
    for (auto& [tensor, values] : constants) all.emplace_back(tensor, values);
    return all;
  }
  double plain_loss() const {
    double total = 0;
    for (const Plain& part : plain)
      for (std::size_t i = 0; i < part.p.size(); ++i)
        total += part.scale[i] * std::pow(part.p[i] - part.target[i], 2) / 2;
    return total;
  }
  void expect_same(double tolerance = 1e-5) const {
    for (std::size_t k = 0; k < plain.size(); ++k)
      EXPECT_TRUE(close(parameters[k].values(), plain[k].p, tolerance, tolerance)) << "parameter " << k;
  }
};

Targets targets_of(Tensor loss, const Settings& s) {
  return s.adam ? minimize(loss, *s.adam, s.clip) : minimize(loss, *s.sgd, s.clip);
}

struct Row {
  const char* name;
  Settings settings;
};

// Bounds lie inside the range the problem's gradients and norms pass through, so both sides are taken.
const Row rows[] = {
    {"adam", {.adam = Adam{.lr = 0.05f}}},
    {"adam_other_rates", {.adam = Adam{.lr = 0.02f, .beta1 = 0.5f, .beta2 = 0.9f, .eps = 1e-3f}}},
    {"adam_beta1_zero", {.adam = Adam{.lr = 0.05f, .beta1 = 0.0f}}},
    {"sgd", {.sgd = SGD{.lr = 0.1f}}},
    {"momentum", {.sgd = SGD{.lr = 0.05f, .momentum = 0.8f}}},
    {"nesterov", {.sgd = SGD{.lr = 0.05f, .momentum = 0.8f, .nesterov = true}}},
    {"clip_norm", {.sgd = SGD{.lr = 0.1f, .momentum = 0.5f}, .clip = {.clip_norm = 1.5f}}},
    {"clip_value", {.sgd = SGD{.lr = 0.1f}, .clip = {.clip_value = 0.5f}}},
    {"clip_both", {.adam = Adam{.lr = 0.05f}, .clip = {.clip_norm = 1.5f, .clip_value = 0.7f}}},
    {"clip_off", {.sgd = SGD{.lr = 0.1f}, .clip = {.clip_norm = std::numeric_limits<float>::infinity()}}},
};

class Optimizer : public ::testing::TestWithParam<Row> {};

TEST_P(Optimizer, FollowsThePlainLoop) {
  const Settings& s = GetParam().settings;
  Twin twin;
  const Targets targets = targets_of(twin.loss, s);
  ASSERT_EQ(targets.outputs.size(), s.clip.clip_norm ? 2u : 1u);
  Program program = device().compile(twin.g, targets);
  for (int t = 1; t <= 40; ++t) {
    const double loss = twin.plain_loss();
    const double norm = plain_step(twin.plain, s, t);
    program.run(t == 1 ? twin.feeds() : std::vector<Feed>{});
    EXPECT_NEAR(program.value(targets.outputs[0]), loss, 1e-5 + 1e-4 * loss) << "step " << t;
    if (s.clip.clip_norm) {
      EXPECT_NEAR(program.value(targets.outputs[1]), norm, 1e-5 + 1e-4 * norm) << "step " << t;
    }
    if (t == 1) twin.expect_same(1e-6);
  }
  twin.expect_same(1e-4);
}

INSTANTIATE_TEST_SUITE_P(All, Optimizer, ::testing::ValuesIn(rows),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(OptimizerScalars, RatesAndBoundsChangeBetweenRuns) {
  Twin twin;
  Settings s{.adam = Adam{.lr = 0.05f}, .clip = {.clip_norm = 1.0f, .clip_value = 0.7f}};
  Program program = device().compile(twin.g, targets_of(twin.loss, s));
  for (int t = 1; t <= 12; ++t) {
    if (t == 4) program.set("lr", s.adam->lr = 0.01f);
    if (t == 7) program.set("clip_norm", *(s.clip.clip_norm = 0.3f));
    if (t == 10) program.set("clip_value", *(s.clip.clip_value = 0.1f));
    plain_step(twin.plain, s, t);
    program.run(twin.feeds());
  }
  twin.expect_same();
}

TEST(OptimizerStates, AreNamedByIndexAndParameterAndStartOverAtReset) {
  Twin twin;
  Settings s{.adam = Adam{}};
  Program program = device().compile(twin.g, targets_of(twin.loss, s));
  for (const char* name : {"adam.m.0.w", "adam.v.0.w", "adam.m.1.w", "adam.v.1.w"})
    EXPECT_EQ(program.read_state(name), std::vector<float>(program.read_state(name).size(), 0.0f)) << name;
  auto three_steps = [&] {
    for (std::size_t k = 0; k < twin.parameters.size(); ++k) {
      twin.plain[k].m.assign(twin.plain[k].m.size(), 0), twin.plain[k].v = twin.plain[k].m;
      twin.parameters[k].set(std::vector<float>(twin.plain[k].p.begin(), twin.plain[k].p.end()));
    }
    for (int t = 1; t <= 3; ++t) plain_step(twin.plain, s, t), program.run(twin.feeds());
    twin.expect_same();
  };
  three_steps();
  EXPECT_TRUE(close(program.read_state("adam.m.1.w"), twin.plain[1].m, 1e-5, 1e-6));
  EXPECT_TRUE(close(program.read_state("adam.v.1.w"), twin.plain[1].v, 1e-5, 1e-6));
  program.reset();
  three_steps();
}

TEST(OptimizerErrors, MistakesAreRefused) {
  Parameter p("w", {2}, {1, 2});
  auto refused = [&](const std::function<void(Graph&, Tensor)>& make) {
    Graph g;
    Tensor w = g.parameter(p);
    EXPECT_THROW(make(g, w), InvalidGraph);
  };
  refused([](Graph&, Tensor w) { minimize(w, Adam{}); });
  refused([](Graph& g, Tensor) { minimize(g.step(), Adam{}); });
  refused([](Graph& g, Tensor) { minimize(sum(g.input("x", {3})), Adam{}); });
  refused([](Graph&, Tensor w) { minimize(sum(w), Adam{.beta1 = 1.0f}); });
  refused([](Graph&, Tensor w) { minimize(sum(w), Adam{.lr = -1.0f}); });
  refused([](Graph&, Tensor w) { minimize(sum(w), SGD{.momentum = -0.1f}); });
  refused([](Graph&, Tensor w) { minimize(sum(w), SGD{.nesterov = true}); });
  refused([](Graph&, Tensor w) { minimize(sum(w), Adam{}, {.clip_norm = 0.0f}); });
  refused([](Graph&, Tensor w) { minimize(sum(w), SGD{}, {.clip_value = NAN}); });
  refused([](Graph&, Tensor w) { minimize(sum(w), SGD{}), minimize(sum(w), SGD{}); });
}

}  // namespace
}  // namespace volute::test
