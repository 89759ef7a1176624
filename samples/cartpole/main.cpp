// cartpole: a GRU learns to balance poles on carts from an expert that sees what it does not: the speeds, and how long
// and heavy each pole is. It drives carts itself, and the expert says what should have been done (DAgger).
// Invariant: all policies learn in the same way, are chosen by drives on the same carts, and are judged on others.
#include "samples/cartpole/policies.hpp"
#include "samples/recipe.hpp"

namespace {

using namespace volute;
using namespace cartpole;

constexpr std::int64_t N = 32, T = 200, H = 32, fleet = 100;  // episodes of all ranks, ticks, units, carts
constexpr int practice = 500, trial = 1500;  // ticks

/// Drives a fleet that the seed names. An episode ends when its pole has fallen.
std::vector<Episode> drive(Policy& policy, std::uint64_t seed, int ticks) {
  data::Generator random(seed);
  std::vector<Cart> carts;
  for (std::int64_t n = 0; n < fleet; ++n) carts.emplace_back(random);
  std::vector<Episode> episodes(fleet);
  policy.begin();
  for (int t = 0; t < ticks; ++t) {
    std::vector<float> sensed;
    for (Cart& cart : carts)
      for (const float value : cart.sense(random)) sensed.push_back(value);
    const std::vector<float> forces = policy.act(sensed, carts);
    for (std::int64_t n = 0; n < fleet; ++n) {
      if (!carts[n].fallen()) {
        Episode& e = episodes[n];
        e.sensed.insert(e.sensed.end(), &sensed[sensors * n], &sensed[sensors * n] + sensors);
        e.wanted.push_back(carts[n].expert());
        e.angles.push_back(carts[n].angle() * 180 / std::numbers::pi);
      }
      carts[n].move(forces[n], random);
    }
  }
  return episodes;
}

/// Mean time until the pole fell, or the time was over.
double seconds(const std::vector<Episode>& episodes) {
  double sum = 0;
  for (const Episode& e : episodes) sum += tick * static_cast<double>(e.wanted.size());
  return sum / static_cast<double>(episodes.size());
}

/// Learns what the expert wanted wherever it has been itself so far (Ross, Gordon and Bagnell 2011).
void imitate(const recipe::Options& o, Learner& learner, int rounds) {
  Expert expert;
  data::Generator random(o.seed);
  const std::uint64_t validation = random.next();
  std::vector<Episode> seen = drive(expert, random.next(), practice);
  for (int round = 0; round < rounds; ++round) {
    learner.fit(seen);
    learner.observe(o.judge([&] { return seconds(drive(learner, validation, trial)); }));
    const std::vector<Episode> more = drive(learner, random.next(), practice);
    seen.insert(seen.end(), more.begin(), more.end());
  }
  learner.restore();
}

/// A GRU or, to see what its memory is worth, a layer of as many units that knows the last reading alone.
class Network : public Learner {
 public:
  Network(const recipe::Options& o, Device& device, bool recurrent, int rounds, int steps)
      : recurrent_(recurrent), steps_(steps), gru_(sensors, H), layer_(sensors, H), head_(H, 1),
        best_({.goal = Goal::highest, .keep = parameters()}), training_(o, rounds * steps),
        random_(o.seed, o.own(0)), n_(o.rows(N)) {
    Graph g;
    x_ = g.input("x", {T, n_, sensors}), lengths_ = g.input("lengths", {n_}, DType::u32);
    y_ = g.input("y", {T, n_, 1});
    Tensor mask = reshape(less(reshape(g.iota(T), {T, 1}), lengths_), {T, n_, 1});  // 1 until the pole fell
    Tensor squares = mse_loss(forces(x_, {.lengths = lengths_}), y_, Reduction::none);
    Tensor ticks = sum(mask);  // []
    learn_.emplace(recipe::Step::make(o, device, sum(mask * squares) / ticks, ticks, Adam{}, {.clip_norm = 1.0f}));
    Graph now(Mode::inference);
    sensed_ = now.input("sensed", {1, fleet, sensors});
    forces_ = forces(sensed_, {.carried = now.carried()});
    act_.emplace(device.compile(now, forces_));
  }
  void fit(const std::vector<Episode>& episodes) override {
    for (int step = 0; step < steps_ && training_.next(); ++step) {
      std::vector<std::vector<float>> sensed, wanted;
      std::vector<std::size_t> rows;
      for (std::int64_t n = 0; n < n_; ++n) {
        const Episode& e = episodes[random_.below(episodes.size())];
        sensed.push_back(e.sensed), wanted.push_back(e.wanted), rows.push_back(rows.size());
      }
      const auto xs = data::pad(sensed, sensors, rows, T, n_), ys = data::pad(wanted, 1, rows, T, n_);
      learn_->program.set("lr", static_cast<float>(5e-3 * (1 - 0.95 * training_.progress())));
      learn_->program.run({{x_, xs.values}, {lengths_, xs.lengths}, {y_, ys.values}});
    }
  }
  void observe(double score) override {
    best_.observe(score);
    training_.say("loss %.4f  balances for %.1f s", learn_->value(), score);
  }
  void restore() override { best_.restore(); }
  void begin() override { act_->reset(); }
  std::vector<float> act(const std::vector<float>& sensed, const std::vector<Cart>&) override {
    act_->run({{sensed_, sensed}});
    return act_->read(forces_);
  }
  double trained() const { return training_.elapsed(); }

 private:
  Tensor forces(Tensor x, const nn::RecurrentInputs& inputs) const {
    return head_(recurrent_ ? gru_(x, inputs) : tanh(layer_(x)));
  }
  std::vector<Parameter> parameters() const {
    std::vector<Parameter> all = recurrent_ ? gru_.parameters() : layer_.parameters();
    all.insert(all.end(), head_.parameters().begin(), head_.parameters().end());
    return all;
  }
  bool recurrent_;
  int steps_;
  nn::GRU gru_;
  nn::Linear layer_, head_;
  EarlyStopping best_;
  recipe::Training training_;
  data::Generator random_;
  std::int64_t n_;  // episodes of this rank
  Tensor x_, lengths_, y_, sensed_, forces_;
  std::optional<recipe::Step> learn_;
  std::optional<Program> act_;
};

io::ChartSeries curve(const std::string& name, const Episode& e) {
  io::ChartSeries series{.name = name, .y = e.angles};
  if (series.y.size() > practice) series.y.resize(practice);
  for (std::size_t t = 0; t < series.y.size(); ++t) series.x.push_back(tick * static_cast<double>(t));
  return series;
}

int run(const recipe::Options& o) {
  const int rounds = o.quick ? 1 : 12, steps = 125;
  const std::uint64_t test = data::Generator(o.seed, 1).next();
  Device device = recipe::open_device(o);
  Network network(o, device, true, rounds, steps);
  Expert expert;
  std::printf("GRU\n");
  imitate(o, network, rounds);
  const double trained = network.trained();
  std::printf("without memory\n");
  Network memoryless(o, device, false, rounds, steps);
  cartpole::Linear last(1), latest(10);
  for (Learner* other : std::initializer_list<Learner*>{&memoryless, &last, &latest}) imitate(o, *other, rounds);
  if (!o.first()) return 0;

  const auto by_gru = drive(network, test, trial), by_memoryless = drive(memoryless, test, trial);
  const auto by_expert = drive(expert, test, trial), by_latest = drive(latest, test, trial);
  std::printf("seconds balanced of 30: the expert %.1f, the GRU %.1f, least squares on ten readings %.1f, on one %.1f, "
              "a network on one %.1f\n", seconds(by_expert), seconds(by_gru), seconds(by_latest),
              seconds(drive(last, test, trial)), seconds(by_memoryless));
  io::save_chart(recipe::path(o, "angle.svg"),
                 {.title = "A pole of the test", .x_label = "seconds", .y_label = "degrees from upright",
                  .series = {curve("without memory", by_memoryless[0]), curve("GRU", by_gru[0]),
                             curve("expert", by_expert[0])}});
  return recipe::finish(o, {.metric = "seconds balanced of 30", .value = seconds(by_gru), .goal = 25,
                            .baseline = "the same without memory", .baseline_value = seconds(by_memoryless)},
                        trained);
}

}  // namespace

int main(int argc, char** argv) {
  return recipe::main(argc, argv, "Learns to balance poles from an expert that sees more", run);
}
