// Wrong uses of optimisers, schedules and data: each is refused before anything runs, by a typed error whose
// text names the option and the value.

#include <cmath>
#include <functional>
#include <limits>

#include <gtest/gtest.h>

#include <volute/volute.hpp>

namespace volute::test {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

/// What every row may use: a graph with a loss of one parameter, and a parameter of no loss.
struct Setup {
  Parameter p{"w", {2}, {1, 2}}, other{"other", {3}, {1, 2, 3}};
  Graph g;
  Tensor w = g.parameter(p), loss = sum(w * w);
};

struct Row {
  const char* text;  ///< the whole message
  std::function<void(Setup&)> use;
};

const Row optimizer_rows[] = {
    {"minimize: the loss must be a f32 scalar, got f32 [2]", [](Setup& s) { minimize(s.w, Adam{}); }},
    {"minimize: the loss must be a f32 scalar, got u32 []", [](Setup& s) { minimize(s.g.step(), Adam{}); }},
    {"minimize: the loss must be a f32 scalar, got an empty tensor", [](Setup&) { minimize(Tensor(), SGD{}); }},
    {"minimize: the loss depends on no parameter", [](Setup& s) { minimize(sum(s.g.input("x", {3})), SGD{}); }},
    {"minimize: lr must be finite and not negative, got -1.000000", [](Setup& s) { minimize(s.loss, SGD{.lr = -1}); }},
    {"minimize: lr must be finite and not negative, got nan", [](Setup& s) { minimize(s.loss, Adagrad{.lr = NAN}); }},
    {"adam: beta1 must be in [0.000000, 1.000000), got 1.000000", [](Setup& s) { minimize(s.loss, Adam{.beta1 = 1}); }},
    {"adamw: beta2 must be in [0.000000, 1.000000), got -0.500000",
     [](Setup& s) { minimize(s.loss, AdamW{.beta2 = -0.5f}); }},
    {"adamw: eps must be finite and not negative, got -1.000000", [](Setup& s) { minimize(s.loss, AdamW{.eps = -1}); }},
    {"adam: weight_decay must be finite and not negative, got inf",
     [](Setup& s) { minimize(s.loss, Adam{.weight_decay = kInf}); }},
    {"sgd: momentum must be finite and not negative, got -0.100000",
     [](Setup& s) { minimize(s.loss, SGD{.momentum = -0.1f}); }},
    {"sgd: dampening must be in [0.000000, 1.000000), got 1.000000",
     [](Setup& s) { minimize(s.loss, SGD{.momentum = 0.5f, .dampening = 1}); }},
    {"sgd: nesterov needs a momentum above 0 and no dampening, got momentum 0.000000 and dampening 0.000000",
     [](Setup& s) { minimize(s.loss, SGD{.nesterov = true}); }},
    {"sgd: nesterov needs a momentum above 0 and no dampening, got momentum 0.500000 and dampening 0.500000",
     [](Setup& s) { minimize(s.loss, SGD{.momentum = 0.5f, .nesterov = true, .dampening = 0.5f}); }},
    {"rmsprop: alpha must be in [0.000000, 1.000000), got 1.500000",
     [](Setup& s) { minimize(s.loss, RMSprop{.alpha = 1.5f}); }},
    {"rmsprop: momentum must be finite and not negative, got -1.000000",
     [](Setup& s) { minimize(s.loss, RMSprop{.momentum = -1}); }},
    {"adagrad: initial_accumulator must be finite and not negative, got -1.000000",
     [](Setup& s) { minimize(s.loss, Adagrad{.initial_accumulator = -1}); }},
    {"adagrad: lr_decay must be finite and not negative, got -0.250000",
     [](Setup& s) { minimize(s.loss, Adagrad{.lr_decay = -0.25f}); }},
    {"minimize: clip_norm must be positive, got 0.000000", [](Setup& s) { minimize(s.loss, SGD{}, {.clip_norm = 0}); }},
    {"minimize: clip_value must be positive, got nan", [](Setup& s) { minimize(s.loss, SGD{}, {.clip_value = NAN}); }},
    {"minimize: accumulate must be 1 to 16777216 runs, got 0",
     [](Setup& s) { minimize(s.loss, SGD{}, {.accumulate = 0}); }},
    {"minimize: the graph already has an input named \"lr\"; give each minimize of a graph its own "
     "MinimizeOptions::name",
     [](Setup& s) { minimize(s.loss, SGD{}), minimize(s.loss, SGD{}); }},
    {"minimize: the graph already has an input named \"a.lr\"; give each minimize of a graph its own "
     "MinimizeOptions::name",
     [](Setup& s) { minimize(s.loss, SGD{}, {.name = "a"}), minimize(s.loss, SGD{}, {.name = "a"}); }},
    {"merge: \"w\" is updated twice",
     [](Setup& s) {
       merge({minimize(s.loss, SGD{}), minimize(s.loss, SGD{}, {.name = "second"})});
     }},
    {"merge: one program has one precision, got f32 and bf16",
     [](Setup& s) {
       merge({minimize(s.loss, SGD{}), minimize(s.loss, SGD{}, {.precision = Precision::bf16, .name = "second"})});
     }},
    {"loss_scale: initial must be finite and positive, got 0.000000",
     [](Setup& s) { minimize(s.loss, SGD{}, {.loss_scale = LossScale{.initial = 0}}); }},
    {"loss_scale: initial must be finite and positive, got inf",
     [](Setup& s) { minimize(s.loss, SGD{}, {.loss_scale = LossScale{.initial = kInf}}); }},
    {"loss_scale: growth must be finite and at least 1, got 0.500000",
     [](Setup& s) { minimize(s.loss, SGD{}, {.loss_scale = LossScale{.growth = 0.5f}}); }},
    {"loss_scale: backoff must be in (0, 1], got nan",
     [](Setup& s) { minimize(s.loss, SGD{}, {.loss_scale = LossScale{.backoff = NAN}}); }},
    {"loss_scale: interval must be 1 to 16777216 updates, got 0",
     [](Setup& s) { minimize(s.loss, SGD{}, {.loss_scale = LossScale{.interval = 0}}); }},
    {"optimizer states: \"sgd.momentum.0.w\" has shape [2], not [5]",
     [](Setup& s) {
       OptimizerStates states;
       minimize(s.loss, SGD{.momentum = 0.5f}, {.states = states});
       Graph g;
       minimize(sum(g.parameter(Parameter("w", {5}, std::vector<float>(5)))), SGD{.momentum = 0.5f},
                {.states = states});
     }},
    {"ema: decay must be in [0, 1), got 1.000000", [](Setup& s) { EMA({s.p}, 1); }},
    {"ema: there are no parameters to follow", [](Setup&) { EMA(std::vector<Parameter>{}); }},
    {"ema: parameter \"w\" is named twice",
     [](Setup& s) {
       EMA({s.p, s.p});
     }},
    {"minimize: ema follows no parameter that this loss trains",
     [](Setup& s) { minimize(s.loss, SGD{}, {.ema = EMA({s.other})}); }},
};

void with_group(Setup& s, Group group) { minimize(s.loss, SGD{}, {.groups = {std::move(group)}}); }

const Row group_rows[] = {
    {"minimize: group \"0\" has no parameters", [](Setup& s) { with_group(s, {}); }},
    {"minimize: group \"head\": lr must be finite and not negative, got -1.000000",
     [](Setup& s) { with_group(s, {.name = "head", .parameters = {s.p}, .lr = -1}); }},
    {"minimize: group \"0\": lr_scale must be finite and not negative, got nan",
     [](Setup& s) { with_group(s, {.parameters = {s.p}, .lr_scale = NAN}); }},
    {"minimize: group \"0\": lr 0.100000 and lr_scale 0.500000 exclude each other",
     [](Setup& s) { with_group(s, {.parameters = {s.p}, .lr = 0.1f, .lr_scale = 0.5f}); }},
    {"minimize: group \"0\": weight_decay must be finite and not negative, got -0.500000",
     [](Setup& s) { with_group(s, {.parameters = {s.p}, .weight_decay = -0.5f}); }},
    {"minimize: group \"0\": the loss does not depend on parameter \"other\" [3]",
     [](Setup& s) { with_group(s, {.parameters = {s.other}}); }},
    {"minimize: group \"1\": parameter \"w\" is already in group \"0\"",
     [](Setup& s) {
       minimize(s.loss, SGD{}, {.groups = {{.parameters = {s.p}}, {.parameters = {s.p}}}});
     }},
    {"minimize: group \"a\" exists twice",
     [](Setup& s) {
       minimize(s.loss, SGD{},
                {.groups = {{.name = "a", .parameters = {s.p}}, {.name = "a", .parameters = {s.other}}}});
     }},
    {"minimize: every parameter of the loss is frozen",
     [](Setup& s) { with_group(s, {.parameters = {s.p}, .frozen = true}); }},
};

const Row schedule_rows[] = {
    {"schedule step: lr must be finite and not negative, got -0.500000", [](Setup&) { Schedule::step(-0.5, 3); }},
    {"schedule step: size must be at least 1, got 0", [](Setup&) { Schedule::step(1, 0); }},
    {"schedule multi_step: milestones must be positive and ascend, got 5 at 1",
     [](Setup&) { Schedule::multi_step(1, {5, 5}); }},
    {"schedule exponential: gamma must be finite and not negative, got nan",
     [](Setup&) { Schedule::exponential(1, NAN); }},
    {"schedule cosine: length must be at least 1, got -2", [](Setup&) { Schedule::cosine(1, -2); }},
    {"schedule cosine_restarts: factor must be at least 1, got 0", [](Setup&) { Schedule::cosine_restarts(1, 3, 0); }},
    {"schedule one_cycle: rising must be in [0, 1.000000], got 1.500000",
     [](Setup&) { Schedule::one_cycle(1, 10, {.rising = 1.5}); }},
    {"schedule one_cycle: div_factor and final_div_factor must be positive, got 0.000000 and 10000.000000",
     [](Setup&) { Schedule::one_cycle(1, 10, {.div_factor = 0}); }},
    {"schedule one_cycle: step 10 is beyond a cycle of 10", [](Setup&) { Schedule::one_cycle(1, 10)(10); }},
    {"schedule sequential: 1 parts need one milestone less, got 1",
     [](Setup&) { Schedule::sequential({Schedule::constant(1)}, {3}); }},
    {"schedule warm_up: steps must be at least 1, got 0", [](Setup&) { Schedule::warm_up(0, Schedule::constant(1)); }},
    {"schedule: step -1 does not exist", [](Setup&) { Schedule::constant(1)(-1); }},
    {"plateau: factor must be between 0 and 1, got 1.000000", [](Setup&) { Plateau(1, {.factor = 1}); }},
    {"plateau: patience must not be negative, got -1.000000", [](Setup&) { Plateau(1, {.patience = -1}); }},
    {"early stopping: patience must be at least 1, got 0", [](Setup&) { EarlyStopping({.patience = 0}); }},
    {"early stopping: min_delta must not be negative, got -0.500000",
     [](Setup&) { EarlyStopping({.min_delta = -0.5}); }},
    {"tbptt: k1 must be 1 to k2, the length of the window, got k1 5 and xs [4, 2]",
     [](Setup& s) { tbptt(s.g, "h", s.g.input("x", {4, 2}), 5, {}, {}); }},
    {"tbptt: unroll returned 0 last states; got 1 shapes",
     [](Setup& s) {
       tbptt(s.g, "h", s.g.input("x", {4, 2}), 2, {{2}}, [](Tensor x, const auto&) { return Unrolled{x, {}}; });
     }},
};

const data::Series& series() {
  static const data::Series ten{{"a"}, std::vector<float>(10)};
  return ten;
}

void bucket(std::vector<std::int64_t> lengths, std::vector<std::int64_t> bounds, std::int64_t N) {
  data::Buckets(std::move(lengths), std::move(bounds), N);
}

void pad_one(std::size_t row, std::int64_t T, std::int64_t N) {
  data::pad(std::vector<std::vector<std::uint32_t>>{{1, 2}}, std::vector<std::size_t>{row, row}, T, N);
}

const Row data_rows[] = {
    {"split: validation and test must be in [0, 1) and together below 1, got 0.500000 and 0.500000",
     [](Setup&) { data::split(10, 0.5, 0.5, 1); }},
    {"split: there are no samples", [](Setup&) { data::stratified_split({}, 0.1, 0.1, 1); }},
    {"generator: below(0) has no values", [](Setup&) { data::Generator(1).below(0); }},
    {"pad: T, N and C must be positive, got 0, 2 and 1", [](Setup&) { pad_one(0, 0, 2); }},
    {"pad: 2 rows do not fit into N = 1", [](Setup&) { pad_one(0, 3, 1); }},
    {"pad: row 7 of 1 sequences does not exist", [](Setup&) { pad_one(7, 3, 2); }},
    {"pad: sequence 0 has 3 values, no multiple of C = 2",
     [](Setup&) {
       data::pad(std::vector<std::vector<float>>{{1, 2, 3}}, 2, std::vector<std::size_t>{0}, 3, 1);
     }},
    {"buckets: N must be positive, got 0", [](Setup&) { bucket({1}, {1}, 0); }},
    {"buckets: there are no sequences", [](Setup&) { bucket({}, {1}, 1); }},
    {"buckets: bounds must be positive and ascend, got 3 at 1", [](Setup&) { bucket({1}, {5, 3}, 1); }},
    {"buckets: a length is negative: -4", [](Setup&) { bucket({1, -4}, {5}, 1); }},
    {"buckets: the number of bounds must be positive, got 0",
     [](Setup&) { data::Buckets::best_bounds(std::vector<std::int64_t>{1}, 0); }},
    {"normalizer fit: 3 values are no rows of 2 columns",
     [](Setup&) { data::Normalizer::fit(std::vector<float>{1, 2, 3}, 2); }},
    {"normalizer fit: row 1, column 0 is not finite",
     [](Setup&) { data::Normalizer::fit(std::vector<float>{1, 2, kInf, 3}, 2); }},
    {"vocabulary: min_count must be at least 1, got 0", [](Setup&) { data::Vocabulary::build({}, {.min_count = 0}); }},
    {"vocabulary: max_size must leave room for two special tokens, got 1",
     [](Setup&) { data::Vocabulary::build({}, {.max_size = 1}); }},
    {"vocabulary: token 2 is outside a vocabulary of 2", [](Setup&) { data::Vocabulary::build({}).word(2); }},
    {"csv: the delimiter must not be a quote, a line break or NUL",
     [](Setup&) { data::Csv::parse("a", "f", {.delimiter = '"'}); }},
    {"windows: length, horizon and stride must be positive, got 3, 1 and 0",
     [](Setup&) { data::Windows(series(), {.length = 3, .stride = 0}); }},
    {"windows: length 8 and horizon 3 do not fit into 10 rows",
     [](Setup&) { data::Windows(series(), {.length = 8, .horizon = 3}); }},
    {"windows: rows 4 to 11 are not within the series of 10",
     [](Setup&) { data::Windows(series(), {.length = 2, .begin = 4, .end = 11}); }},
    {"windows: target column 1 of 1 does not exist",
     [](Setup&) { data::Windows(series(), {.length = 2, .targets = {1}}); }},
    {"windows: window 8 of 8 does not exist",
     [](Setup&) { data::Windows(series(), {.length = 2}).batch(std::vector<std::size_t>{8}); }},
    {"streams: advance must be 1 to the length 4, got 5",
     [](Setup&) { data::Streams(std::vector<std::uint32_t>(50), 4, 1, 5); }},
    {"prefetcher: depth must be at least 1, got 0",
     [](Setup&) { data::Prefetcher<int>([] { return std::optional(1); }, 0); }},
    {"prefetcher: there is no function to call", [](Setup&) { data::Prefetcher<int>(nullptr); }},
};

void expect_refused(std::span<const Row> rows) {
  for (const Row& row : rows) {
    Setup setup;
    try {
      row.use(setup);
      ADD_FAILURE() << "accepted, expected: " << row.text;
    } catch (const InvalidGraph& error) {
      EXPECT_STREQ(error.what(), row.text);
    }
  }
}

TEST(WrongUses, OfOptimizersNameTheOption) { expect_refused(optimizer_rows); }
TEST(WrongUses, OfGroupsNameTheGroup) { expect_refused(group_rows); }
TEST(WrongUses, OfSchedulesNameTheOption) { expect_refused(schedule_rows); }
TEST(WrongUses, OfDataNameTheOption) { expect_refused(data_rows); }

}  // namespace
}  // namespace volute::test
