// memory: the two classic tests of long memory, adding and copying over 1000 steps, by an LSTM and by a plain RNN.
// Invariant: both learn at the same lengths for the same numbers of steps; figures come from sequences of full length
// that neither has seen.
#include "samples/memory/tasks.hpp"
#include "samples/recipe.hpp"

namespace {

using namespace memory;

constexpr std::int64_t N = 32;  // sequences of all ranks

struct Task {
  std::string name, title, metric, baseline;
  bool copies;
  std::int64_t inputs, outputs, H;
  float lr;
  double longest;                     ///< for which the LSTM's cells keep values at first
  std::vector<std::int64_t> lengths;  ///< T of the curriculum, the last is the one that counts
  std::int64_t steps;                 ///< at most
  double enough;                      ///< loss at which sequences become longer
  double goal;

  Batch batch(data::Generator& random, std::int64_t T, std::int64_t rows, bool practice) const {
    return copies ? copying(random, T, rows, practice) : adding(random, T, rows);
  }
};

std::vector<Task> tasks(const std::string& chosen, bool quick) {
  const Task adding{.name = "adding", .title = "Adding two numbers out of T, T = 50 to 1000",
                    .metric = "adding, T = 1000: mean squared error", .baseline = "RNN, same curriculum",
                    .copies = false, .inputs = 2, .outputs = 1, .H = 64, .lr = 5e-3f, .longest = 1000,
                    .lengths = {50, 100, 250, 500, 1000}, .steps = 4000, .enough = 0.01, .goal = 0.01};
  const Task copying{.name = "copy", .title = "Copying ten symbols over T blanks, T = 20 to 1000",
                     .metric = "copy, T = 1000: symbols recalled", .baseline = "RNN, same curriculum",
                     .copies = true, .inputs = alphabet + 2, .outputs = alphabet, .H = 128, .lr = 1e-2f, .longest = 100,
                     .lengths = {20, 40, 80, 160, 320, 640, 1000}, .steps = 5000, .enough = 0.1, .goal = 0.95};
  std::vector<Task> all;
  for (Task task : {adding, copying}) {
    if (quick) task.lengths = {6, 12};
    if (chosen == "both" || chosen == task.name) all.push_back(task);
  }
  return all;
}

/// A recurrent layer under a head, and a program for each length, all on the same parameters.
class Learner {
 public:
  Learner(const recipe::Options& o, Device& device, const Task& task, const nn::Recurrent& cell)
      : task_(task), cell_(cell), head_(task.H, task.outputs), part_(o.rows(N)) {
    for (const std::int64_t T : task.lengths) lengths_.push_back(build(o, device, T, part_, Mode::training));
    final_.push_back(build(o, device, task.lengths.back(), N, Mode::inference));
  }
  /// The loss of a step at one of the lengths.
  float train(std::size_t length, data::Generator& random, float lr) {
    Length& l = lengths_[length];
    l.step.program.set("lr", lr);
    run(l, task_.batch(random, task_.lengths[length], part_, true));
    return l.step.value();
  }
  /// Mean squared error, or the share of symbols recalled, at the full length.
  double test(data::Generator& random, int batches) {
    double sum = 0;
    for (int i = 0; i < batches; ++i) {
      run(final_[0], task_.batch(random, task_.lengths.back(), N, false));
      sum += final_[0].step.value();
    }
    return sum / batches;
  }

 private:
  struct Length {
    Tensor x, y;
    recipe::Step step;
  };
  Length build(const recipe::Options& o, Device& device, std::int64_t T, std::int64_t rows, Mode mode) {
    Graph g(mode);
    Tensor x = g.input("x", {task_.copies ? T + 2 * recalled : T, rows, task_.inputs}), y, loss, score;
    if (task_.copies) {
      y = g.input("y", {recalled, rows}, DType::u32);
      Tensor logits = head_(slice(cell_(x), 0, T + recalled, T + 2 * recalled));  // [recalled, rows, alphabet]
      loss = cross_entropy(logits, y);
      score = mean(equal(argmax(logits), y));
    } else {
      y = g.input("y", {rows, 1});
      loss = score = mse_loss(head_(cell_.run(x).last_output), y);
    }
    if (mode == Mode::inference) return {x, y, {score, device.compile(g, score)}};
    return {x, y, recipe::Step::make(o, device, loss, rows, Adam{}, {.clip_norm = 1.0f, .states = states_})};
  }
  void run(Length& l, const Batch& batch) {
    l.step.program.run({{l.x, batch.x}, task_.copies ? Feed(l.y, batch.symbols) : Feed(l.y, batch.sums)});
  }
  const Task& task_;
  const nn::Recurrent& cell_;
  nn::Linear head_;
  std::int64_t part_;  // sequences of this rank
  OptimizerStates states_;
  std::vector<Length> lengths_, final_;
};

/// Biases that let cells keep their values for times up to `longest`, spread evenly (Tallec and Ollivier 2018):
/// that of the forget gate is the logarithm of such a time, that of the input gate its negative.
void remember(const nn::LSTM& lstm, double longest, data::Generator& random) {
  const std::int64_t H = lstm.hidden();
  std::vector<float> bias(4 * H);  // i f g o
  for (std::int64_t h = 0; h < H; ++h) {
    bias[H + h] = static_cast<float>(std::log(1 + (longest - 2) * uniform(random)));
    bias[h] = -bias[H + h];
  }
  for (Parameter parameter : lstm.parameters())
    if (parameter.name() == "bias_ih_l0") parameter.set(bias);
}

struct Curve {
  std::vector<double> step, loss;
};

/// Trains at the lengths of `schedule`, one for each step. An empty one is written: a length is left as soon as the
/// loss is small enough there, and the last one, which must do better, ends the training. Whoever follows a schedule
/// does so at a fifth of the rate: at the LSTM's, an RNN is worse than chance.
Curve learn(const recipe::Options& o, const Task& task, Learner& learner, std::vector<std::size_t>& schedule) {
  const bool leads = schedule.empty();
  data::Generator random(o.seed, o.own(1));
  Curve curve;
  std::size_t length = 0;
  std::int64_t since = 0;
  double recent = 0;
  const std::size_t last = task.lengths.size() - 1;
  recipe::Training training(o, leads ? task.steps : static_cast<std::int64_t>(schedule.size()));
  while (training.next()) {
    if (!leads && schedule[training.step() - 1] != length) length = schedule[training.step() - 1], since = 0;
    if (leads) schedule.push_back(length);
    const float lr = task.lr * (leads ? 1.0f : 0.2f) * (length == last ? 0.3f : 1.0f);
    const double its = learner.train(length, random, lr), loss = o.judge([&] { return its; });
    recent = since++ == 0 ? loss : 0.95 * recent + 0.05 * loss;
    if (training.due(20)) curve.step.push_back(static_cast<double>(training.step())), curve.loss.push_back(recent);
    if (training.due(200)) training.say("T %4d  loss %.4f", static_cast<int>(task.lengths[length]), recent);
    if (!leads || since < 30 || recent > task.enough * (length == last ? 0.4 : 1.0)) continue;
    training.say("T %4d  loss %.4f", static_cast<int>(task.lengths[length]), recent);
    if (length == last) break;
    ++length, since = 0;
  }
  return curve;
}

int compare(Device& device, recipe::Options o, const Task& task, bool first) {
  o.seconds /= 2;
  data::Generator random(o.seed);
  const nn::LSTM lstm(task.inputs, task.H, {.bias = nn::Bias::single});
  const nn::RNN rnn(task.inputs, task.H, {.bias = nn::Bias::single});
  remember(lstm, task.longest, random);
  Learner gated(o, device, task, lstm), plain(o, device, task, rnn);
  std::vector<std::size_t> schedule;
  const auto start = std::chrono::steady_clock::now();
  std::printf("%s, LSTM\n", task.name.c_str());
  const Curve with = learn(o, task, gated, schedule);
  std::printf("%s, RNN\n", task.name.c_str());
  const Curve without = learn(o, task, plain, schedule);
  const double trained = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!o.first()) return 0;

  const double chance = task.copies ? std::log(static_cast<double>(alphabet)) : 1.0 / 6;  // of who remembers nothing
  io::save_chart(recipe::path(o, task.name + ".svg"),
                 {.title = task.title,
                  .x_label = "step",
                  .y_label = task.copies ? "nats a symbol" : "mean squared error",
                  .series = {{.name = "no memory", .x = {0, with.step.back()}, .y = {chance, chance}},
                             {.name = "RNN", .x = without.step, .y = without.loss},
                             {.name = "LSTM", .x = with.step, .y = with.loss}},
                  .log_y = true});
  const int batches = o.quick ? 1 : 20;
  data::Generator fresh(o.seed, 2), same(o.seed, 2);
  const recipe::Result result{.metric = task.metric, .value = gated.test(fresh, batches), .goal = task.goal,
                              .baseline = task.baseline, .baseline_value = plain.test(same, batches),
                              .higher = task.copies};
  std::printf("who remembers nothing: %.4g\n", task.copies ? 1.0 / alphabet : 1.0 / 6);
  return recipe::finish(o, result, trained, !first);
}

int run(const recipe::Options& o, const std::string& chosen) {
  Device device = recipe::open_device(o);
  const std::vector<Task> all = tasks(chosen, o.quick);
  int status = 0;
  for (const Task& task : all) status = std::max(status, compare(device, o, task, &task == &all[0]));
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  std::string task = "both";
  return recipe::main(
      argc, argv, "Has an LSTM and a plain RNN add and copy over 1000 steps",
      [&](const recipe::Options& o) { return run(o, task); },
      [&](CLI::App& app) {
        app.add_option("--task", task, "what to learn; --seconds are for each")
            ->check(CLI::IsMember({"adding", "copy", "both"}))->capture_default_str();
      });
}
