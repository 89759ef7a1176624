// Optimisers, parameter groups, accumulation and schedules against PyTorch, over 20 updates of a small network.
// Invariant: settings come from the golden file, and what it does not name is Volute's default, so defaults
// are compared too; the float64 reference holds 2e-6 (betas are f32 constants), the device 5e-5.

#include <map>

#include <gtest/gtest.h>

#include <volute/volute.hpp>

#include "tests/support/device.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/reference_run.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

using nlohmann::json;

const Golden& golden() {
  static const Golden file("optimizers");
  return file;
}

const char* const names[] = {"w1", "b1", "w2"};

template <class T>
void set(const json& settings, const char* name, T& value) {
  if (settings.contains(name)) value = settings.at(name).get<T>();
}

template <class AdamLike>
AdamLike adam_of(const json& s) {
  AdamLike adam;
  set(s, "lr", adam.lr), set(s, "eps", adam.eps), set(s, "weight_decay", adam.weight_decay);
  if (s.contains("betas")) adam.beta1 = s["betas"][0].get<float>(), adam.beta2 = s["betas"][1].get<float>();
  return adam;
}

Optimizer optimizer_of(const json& test) {
  const std::string name = test.at("optimizer");
  const json& s = test.at("settings");
  if (name == "adam") return adam_of<Adam>(s);
  if (name == "adamw") return adam_of<AdamW>(s);
  if (name == "sgd") {
    SGD sgd;
    set(s, "lr", sgd.lr), set(s, "momentum", sgd.momentum), set(s, "nesterov", sgd.nesterov);
    set(s, "dampening", sgd.dampening), set(s, "weight_decay", sgd.weight_decay);
    return sgd;
  }
  if (name == "rmsprop") {
    RMSprop rmsprop;
    set(s, "lr", rmsprop.lr), set(s, "alpha", rmsprop.alpha), set(s, "eps", rmsprop.eps);
    set(s, "momentum", rmsprop.momentum), set(s, "centered", rmsprop.centered);
    set(s, "weight_decay", rmsprop.weight_decay);
    return rmsprop;
  }
  Adagrad adagrad;
  set(s, "lr", adagrad.lr), set(s, "lr_decay", adagrad.lr_decay), set(s, "weight_decay", adagrad.weight_decay);
  set(s, "initial_accumulator_value", adagrad.initial_accumulator);
  return adagrad;
}

/// The network of the file: mean of (tanh(x w1^T + b1) w2^T - y)^2.
struct Network {
  Graph g;
  std::map<std::string, Parameter> parameters;
  Tensor x, y, loss;
  std::vector<float> xs, ys;
  std::size_t batches, x_size, y_size;

  Network() : xs(golden().values<float>("x")), ys(golden().values<float>("y")) {
    for (const char* name : names)
      parameters.emplace(name, Parameter(name, golden().shape(name), golden().values<float>(name)));
    const Shape shape = golden().shape("x");
    batches = static_cast<std::size_t>(shape[0]);
    x_size = xs.size() / batches, y_size = ys.size() / batches;
    x = g.input("x", {shape[1], shape[2]});
    y = g.input("y", {shape[1], golden().shape("y")[2]});
    Tensor a = tanh(matmul(x, at("w1"), false, true) + at("b1"));
    Tensor difference = matmul(a, at("w2"), false, true) - y;
    loss = mean(difference * difference);
  }
  Tensor at(const std::string& name) { return g.parameter(parameters.at(name)); }
  std::span<const float> x_of(int step) const { return {xs.data() + step % batches * x_size, x_size}; }
  std::span<const float> y_of(int step) const { return {ys.data() + step % batches * y_size, y_size}; }
};

MinimizeOptions options_of(const json& test, const Network& network) {
  MinimizeOptions options;
  if (test.contains("clip_norm")) options.clip_norm = test["clip_norm"].get<float>();
  if (test.contains("clip_value")) options.clip_value = test["clip_value"].get<float>();
  set(test, "accumulate", options.accumulate);
  const json groups = test.value("groups", json::array());
  for (const json& each : groups) {
    Group group;
    for (const auto& name : each.at("parameters")) group.parameters.push_back(network.parameters.at(name));
    if (each.contains("lr")) group.lr = each["lr"].get<float>();
    if (each.contains("weight_decay")) group.weight_decay = each["weight_decay"].get<float>();
    set(each, "lr_scale", group.lr_scale), set(each, "frozen", group.frozen);
    options.groups.push_back(group);
  }
  return options;
}

class OptimizerCase : public ::testing::TestWithParam<std::string> {
 protected:
  const json test = golden().setting<json>("cases").at(GetParam());
  const int count = test.value("accumulate", 1);
  std::vector<double> want(const std::string& name) const { return golden().values(GetParam() + "." + name); }
};

TEST_P(OptimizerCase, DeviceFollowsPyTorch) {
  Network network;
  const Targets targets = minimize(network.loss, optimizer_of(test), options_of(test, network));
  Program program = device().compile(network.g, targets);
  const auto losses = want("losses");
  ASSERT_EQ(losses.size(), 20u * count);
  for (int i = 0; i < 20 * count; ++i) {
    program.run({{network.x, network.x_of(i)}, {network.y, network.y_of(i)}});
    ASSERT_NEAR(program.value(network.loss), losses[i], 5e-5) << "run " << i;
    if (i + 1 != count) continue;
    for (const auto& [name, parameter] : network.parameters)
      EXPECT_TRUE(close(parameter.values(), want("first." + name), 2e-5, 2e-5)) << name << " after the first update";
  }
  for (const auto& [name, parameter] : network.parameters)
    EXPECT_TRUE(close(parameter.values(), want(name), 5e-5, 5e-5)) << name;
}

TEST_P(OptimizerCase, ReferenceFollowsPyTorch) {
  Network network;
  Targets targets = minimize(network.loss, optimizer_of(test), options_of(test, network));
  for (const char* name : names) targets.outputs.push_back(network.at(name));
  ReferenceRun run(network.g, targets);
  const auto feed = [&](int i) {
    const auto x = network.x_of(i), y = network.y_of(i);
    run.set(network.x, {x.begin(), x.end()}), run.set(network.y, {y.begin(), y.end()});
    return run.run();
  };
  const auto losses = want("losses");
  for (int i = 0; i < 20 * count; ++i) ASSERT_NEAR(feed(i)[0][0], losses[i], 2e-6) << "run " << i;
  const auto after = feed(0);  // an update is seen by the next run
  for (std::size_t k = 0; k < 3; ++k)
    EXPECT_TRUE(close(after[after.size() - 3 + k], want(names[k]), 2e-6, 2e-6)) << names[k];
}

std::vector<std::string> case_names() {
  std::vector<std::string> all;
  const json cases = golden().setting<json>("cases");
  for (const auto& [name, test] : cases.items()) all.push_back(name);
  return all;
}

INSTANTIATE_TEST_SUITE_P(PyTorch, OptimizerCase, ::testing::ValuesIn(case_names()),
                         [](const auto& row) { return row.param; });

// Schedules. --------------------------------------------------------------------------------------------

struct ScheduleRow {
  const char* name;
  Schedule schedule;
};

std::vector<ScheduleRow> schedule_rows() {
  using S = Schedule;
  return {{"step", S::step(0.5, 7, 0.5)},
          {"multi_step", S::multi_step(0.5, {3, 4, 20})},
          {"exponential", S::exponential(0.5, 0.93)},
          {"cosine", S::cosine(0.5, 25, 0.01)},
          {"cosine_restarts", S::cosine_restarts(0.5, 5, 2, 0.01)},
          {"cosine_restarts_equal", S::cosine_restarts(0.5, 6)},
          {"linear", S::linear(0.5)},
          {"linear_down", S::linear(0.5, 1.0, 0.2, 12)},
          {"one_cycle", S::one_cycle(0.5, 40)},
          {"one_cycle_linear",
           S::one_cycle(0.5, 40, {.rising = 0.37, .linear = true, .div_factor = 10, .final_div_factor = 100})},
          {"one_cycle_three", S::one_cycle(0.5, 40, {.rising = 0.4, .three_phase = true})},
          {"warm_up_cosine", S::warm_up(8, S::cosine(0.5, 32), 0.1)},
          {"sequential", S::sequential({S::constant(0.5), S::exponential(0.5, 0.9)}, {10})}};
}

TEST(Schedules, FollowPyTorchInAnyOrder) {
  const Golden file("schedules");
  for (const auto& [name, schedule] : schedule_rows()) {
    const auto want = file.values(name);
    ASSERT_EQ(want.size(), 40u);
    for (int i = 39; i >= 0; --i) EXPECT_NEAR(schedule.exact(i), want[i], 1e-7) << name << " at step " << i;
  }
}

TEST(Plateaus, FollowPyTorch) {
  const double metrics[] = {5,    4,   3.9999, 3.9998, 3.9997, 3.5, 3.6, 3.7, 3.6,  3.55, 3.52,     NAN,
                            3.4,  3.4, 3.4,    3.4,    3.4,    3.4, 3.4, 3.4, 3.4,  3.4,  -1,       -1,
                            -1.00001, -1.2, -1.1, -1.1, -1.1, -1.1, -1.1, -1.1, -1.1, -1.1};
  const std::pair<const char*, PlateauOptions> rows[] = {
      {"plateau", {.patience = 2}},
      {"plateau_highest", {.goal = Goal::highest, .factor = 0.5, .patience = 1}},
      {"plateau_absolute", {.factor = 0.5, .patience = 1, .threshold = 0.25, .relative = false}},
      {"plateau_highest_absolute",
       {.goal = Goal::highest, .factor = 0.3, .patience = 0, .threshold = 0.1, .relative = false}},
      {"plateau_cooldown", {.factor = 0.5, .patience = 1, .cooldown = 3, .least = 0.06}},
      {"plateau_eps", {.factor = 0.5, .patience = 1, .eps = 0.1}}};
  const Golden file("schedules");
  for (const auto& [name, options] : rows) {
    Plateau plateau(0.5, options);
    const auto want = file.values<float>(name);
    ASSERT_EQ(want.size(), std::size(metrics)) << name;
    for (std::size_t i = 0; i < want.size(); ++i)
      EXPECT_NEAR(plateau.observe(metrics[i]), want[i], 1e-7) << name << " after look " << i;
  }
}

}  // namespace
}  // namespace volute::test
