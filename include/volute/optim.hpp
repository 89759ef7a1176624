// Training: optimisers and what surrounds them. An optimiser adds its update to the graph, so clipping,
// accumulation, the update and EMA weights are part of the recorded program; only the learning rate comes
// from the host, by a schedule. Formulas, names and defaults are PyTorch's (torch.optim).
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <volute/ops.hpp>

namespace volute {

// Optimisers. p parameter, g its gradient after accumulation and clipping, t = 1, 2, ... the update. ------------
// weight_decay adds weight_decay p to g, after clipping; AdamW alone takes it from p instead.

/// b = momentum b + (1 - dampening) g (b = g at the first update); p -= lr b, or lr (g + momentum b) with Nesterov.
struct SGD {
  float lr = 1e-2f;           ///< learning rate
  float momentum = 0.0f;      ///< 0: none
  bool nesterov = false;      ///< needs momentum > 0 and dampening 0
  float dampening = 0.0f;     ///< of the new gradient in b
  float weight_decay = 0.0f;  ///< L2
};

/// p -= lr/(1-beta1^t) * m / (sqrt(v/(1-beta2^t)) + eps). Kingma and Ba 2015.
struct Adam {
  float lr = 1e-3f;           ///< learning rate
  float beta1 = 0.9f;         ///< of m
  float beta2 = 0.999f;       ///< of v
  float eps = 1e-8f;          ///< keeps the denominator from 0
  float weight_decay = 0.0f;  ///< L2
};

/// p -= lr weight_decay p, then as Adam. Loshchilov and Hutter 2019.
struct AdamW {
  float lr = 1e-3f;            ///< learning rate
  float beta1 = 0.9f;          ///< of m
  float beta2 = 0.999f;        ///< of v
  float eps = 1e-8f;           ///< keeps the denominator from 0
  float weight_decay = 1e-2f;  ///< of the parameter, not the gradient
};

/// v = alpha v + (1 - alpha) g^2; d = g / (sqrt(v) + eps), centred d = g / (sqrt(v - a^2) + eps) with
/// a = alpha a + (1 - alpha) g; p -= lr d, or with momentum b = momentum b + d; p -= lr b.
struct RMSprop {
  float lr = 1e-2f;           ///< learning rate
  float alpha = 0.99f;        ///< of v
  float eps = 1e-8f;          ///< keeps the denominator from 0
  float momentum = 0.0f;      ///< 0: none
  bool centered = false;      ///< takes the mean from the variance
  float weight_decay = 0.0f;  ///< L2
};

/// s += g^2; p -= lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps). Duchi, Hazan and Singer 2011.
struct Adagrad {
  float lr = 1e-2f;                  ///< learning rate
  float eps = 1e-10f;                ///< keeps the denominator from 0
  float lr_decay = 0.0f;             ///< per update
  float initial_accumulator = 0.0f;  ///< s before the first update
  float weight_decay = 0.0f;         ///< L2
};
/// Any of them.
using Optimizer = std::variant<SGD, Adam, AdamW, RMSprop, Adagrad>;

/// Parameters trained otherwise than the rest.
struct Group {
  std::string name = {};                   ///< of its scalar; by default its number in the list, from 0
  std::vector<Parameter> parameters = {};  ///< no other group may have them
  std::optional<float> lr = {};            ///< its own rate, the scalar "lr.<name>"; else lr_scale * "lr"
  float lr_scale = 1.0f;                   ///< follows the schedule of "lr"
  std::optional<float> weight_decay = {};  ///< instead of the optimiser's
  bool frozen = false;                     ///< no gradient, no update, no part in the norm
};

/// An exponential moving average of parameters, taken on the device after every update:
/// shadow += (1 - decay) (parameter - shadow), from the values parameters have when it is made.
/// Copies share the shadows. swap() puts the averages where every program and file of the module finds them:
///   ema.swap(); evaluate(); ema.swap();
class VOLUTE_API EMA {
 public:
  /// Throws InvalidGraph unless decay is in [0, 1) and there are parameters, none of them twice.
  explicit EMA(std::vector<Parameter> parameters, float decay = 0.999f);
  const std::vector<Parameter>& parameters() const { return parameters_; }  ///< what is averaged
  /// "ema.<name>", in the order of parameters(): to read, save, or use in a graph as they are.
  const std::vector<Parameter>& shadows() const { return shadows_; }
  float decay() const { return decay_; }  ///< as given to the constructor
  /// Exchanges the values of parameters and shadows; a second call restores them bit by bit. Waits for
  /// running programs. Training while exchanged would average the wrong way round. If the device fails meanwhile,
  /// nothing is exchanged, unless it fails again while that is put back.
  void swap();

 private:
  std::vector<Parameter> parameters_, shadows_;
  float decay_;
};

/// An optimiser's moments and counters outside of any program. Programs for several lengths (data::Buckets) that
/// are given the same states train as one would: else each would keep its own. Copies share the values.
class VOLUTE_API OptimizerStates {
 public:
  OptimizerStates();
  /// Those made so far, named as the states of a program would be; counters are f32 scalars.
  const std::vector<Parameter>& parameters() const;
  /// Back to the initial values; Program::reset leaves them alone. Waits for running programs.
  void reset();
  /// The state of that name, made with `initial` everywhere if there is none. Throws InvalidGraph if there is
  /// one of another shape: two programs number their parameters differently.
  Parameter get(const std::string& name, const Shape& shape, float initial = 0.0f);

 private:
  struct Data;
  std::shared_ptr<Data> data_;
};

/// Dynamic loss scaling (Micikevicius et al. 2018), for gradients too small for f16: the loss is multiplied by a
/// scale before it is differentiated, gradients by its inverse before they are accumulated, checked and clipped.
/// A run whose gradients are not finite (the sum of their squares is infinite or NaN) changes no parameter, moment,
/// average or count of updates; it multiplies the scale by `backoff`. `interval` updates in a row multiply it by
/// `growth`. Defaults are PyTorch's (torch.amp.GradScaler); powers of two leave the digits of gradients as they are.
/// The scale stays within 2^-126 and 2^126; growth 1 and backoff 1 keep it constant.
struct LossScale {
  float initial = 65536.0f;  ///< at the first run
  float growth = 2.0f;       ///< after `interval` updates
  float backoff = 0.5f;      ///< after a run that overflowed
  int interval = 2000;       ///< updates
};

/// How `minimize` treats gradients before the optimiser sees them, and what it does after.
struct MinimizeOptions {
  /// g *= min(1, clip_norm / (norm + 1e-6)), the norm over all trained parameters together, after clip_value.
  std::optional<float> clip_norm = {};
  std::optional<float> clip_value = {};  ///< every element into [-clip_value, clip_value]
  /// Runs per update. Gradients are summed over that many runs, divided by the count, then clipped and
  /// applied in the last of them; parameters and the optimiser's states stay as they are in the others. The
  /// update is that of one batch of all the runs' samples if the loss is a mean over as many targets in each, or has a
  /// weight.
  int accumulate = 1;
  /// [] f32, how many samples (valid targets, say) the loss of a run is the mean of. A rank may have none, 0, if its loss
  /// is finite; all together must have some in every run. Gradients, and the watched loss, of ranks and of accumulated
  /// runs are weighted: sum of weight g / sum of weight, as of one batch however samples are spread. Without one all
  /// count the same. It multiplies the loss that is differentiated, as a loss scale does: one that adapts settles lower.
  Tensor weight = {};
  std::vector<Group> groups = {};  ///< a parameter in none of them follows the optimiser
  std::optional<EMA> ema = {};     ///< averages to take after every update
  /// What a run does whose loss, or sum of squares of all gradients before clipping (with `accumulate` of the mean so
  /// far), is infinite or NaN: Targets::watched. With a loss scale that adapts, overflowing gradients are its business:
  /// only the loss counts. A skipped run counts for Adam's t unless updates are counted by a state ("updates" below).
  NonFinite non_finite = NonFinite::off;
  /// Of the program: products in f16 or bf16, all that is kept from run to run in f32.
  Precision precision = Precision::f32;
  std::optional<LossScale> loss_scale = {};  ///< without one, f16 takes LossScale{} and the others do not scale
  std::optional<OptimizerStates> states = {};  ///< instead of states of the program
  /// Begins the names of scalars and states ("generator.lr"); needed by the second minimize of a graph.
  std::string name = {};
};

/// Targets that read `loss` and train every parameter it depends on, in the recorded program. The learning
/// rate is the program's scalar "lr", the bounds are "clip_norm" and "clip_value"; Program::set changes them.
/// Outputs: the loss and, with clip_norm, the norm before clipping by norm (of the mean gradient so far, if
/// accumulating).
/// States: "<optimiser>.<moment>.<i>.<parameter>", i counting the loss's parameters; with accumulation "updates",
/// "accumulate.count", "accumulate.sum.<i>.<parameter>" and, with a weight, "accumulate.weight"; with MinimizeOptions::states "updates" too; with a loss
/// scale "updates", "loss_scale", "loss_scale.good" (updates since the scale changed) and "loss_scale.skipped" (runs
/// whose gradients were not finite).
/// In a program with a Communicator the gradients of each run are averaged over the ranks first, so that all else
/// agrees on every rank; the output loss is the rank's own: add mean_over_ranks(loss) to the outputs to read that of all.
/// Throws InvalidGraph if the loss is no f32 scalar or depends on no parameter that is not frozen, an option
/// is out of range, a group names a parameter the loss does not depend on or another group has, or a
/// scalar's name is taken.
VOLUTE_API Targets minimize(Tensor loss, const Optimizer& optimizer, const MinimizeOptions& options = {});

/// All outputs (each once) and updates of several targets: two losses trained in one program, each with a
/// name of its own. The strictest policy of NonFinite holds for all of it, and what parts without one watched is not.
/// Throws InvalidGraph if a parameter is updated twice, or if precisions differ.
VOLUTE_API Targets merge(const std::vector<Targets>& targets);

// Learning rates from the host: program.set("lr", schedule(step)). -----------------------------------------
/// How one_cycle goes up and down; PyTorch's names behind.
struct OneCycle {
  double rising = 0.3;               ///< pct_start: part of the steps spent on the way up
  bool linear = false;               ///< straight lines instead of half cosines
  double div_factor = 25;            ///< first lr: max_lr / div_factor
  double final_div_factor = 1e4;    ///< last lr: first lr / final_div_factor
  bool three_phase = false;          ///< down as long as up, and only then to the last lr
};

/// lr as a function of the step, 0 for the first update. Named and computed as torch.optim.lr_scheduler, in
/// closed form, so any step may be asked for in any order. Factories throw InvalidGraph on a rate below 0, a
/// length below 1, or a factor that is not finite; a call does on a step below 0.
class VOLUTE_API Schedule {
 public:
  /// From a function of the step.
  explicit Schedule(std::function<double(std::int64_t)> lr) : lr_(std::move(lr)) {}
  float operator()(std::int64_t step) const { return static_cast<float>(exact(step)); }  ///< what Program::set takes
  double exact(std::int64_t step) const;  ///< in f64

  static Schedule constant(double lr);  ///< always lr
  /// StepLR: lr gamma^floor(step / size)
  static Schedule step(double lr, std::int64_t size, double gamma = 0.1);
  /// MultiStepLR: lr gamma^(milestones at or before the step); milestones ascend.
  static Schedule multi_step(double lr, std::vector<std::int64_t> milestones, double gamma = 0.1);
  /// ExponentialLR: lr gamma^step
  static Schedule exponential(double lr, double gamma);
  /// CosineAnnealingLR: least + (lr - least) (1 + cos(pi step / length)) / 2; rises again after `length`.
  static Schedule cosine(double lr, std::int64_t length, double least = 0);
  /// CosineAnnealingWarmRestarts: cosines of lengths first, first factor, first factor^2, ...
  static Schedule cosine_restarts(double lr, std::int64_t first, std::int64_t factor = 1, double least = 0);
  /// LinearLR: lr times a factor that goes from `start` to `end` over `length` steps and stays.
  static Schedule linear(double lr, double start = 1.0 / 3, double end = 1, std::int64_t length = 5);
  /// OneCycleLR. Steps beyond length - 1 throw InvalidGraph, as PyTorch's do; momentum is not cycled.
  static Schedule one_cycle(double max_lr, std::int64_t length, OneCycle options = {});
  /// SequentialLR: parts[i] from milestones[i-1] on, its step counted from there.
  static Schedule sequential(std::vector<Schedule> parts, std::vector<std::int64_t> milestones);
  /// `steps` of linear warm-up from start times the first rate of `then`, then `then` from its step 0:
  /// SequentialLR of LinearLR and `then`.
  static Schedule warm_up(std::int64_t steps, Schedule then, double start = 1.0 / 3);

 private:
  std::function<double(std::int64_t)> lr_;
};
/// Whether a lower or a higher metric is better.
enum class Goal { lowest, highest };
/// When Plateau reduces; names are PyTorch's.
struct PlateauOptions {
  Goal goal = Goal::lowest;  ///< mode
  double factor = 0.1;       ///< in (0, 1)
  int patience = 10;         ///< looks without progress that are let pass
  double threshold = 1e-4;   ///< progress: below best (1 - threshold), or best - threshold
  bool relative = true;      ///< threshold_mode
  int cooldown = 0;          ///< looks after a reduction that do not count
  double least = 0;          ///< min_lr: no rate goes below
  double eps = 1e-8;         ///< reductions smaller than that are not made
};

/// ReduceLROnPlateau. A metric that is not a number is no progress.
class VOLUTE_API Plateau {
 public:
  explicit Plateau(double lr, PlateauOptions options = {});  ///< lr: the first rate
  /// The rate from here on, after one more look at the metric.
  float observe(double metric);
  float lr() const { return static_cast<float>(state_.lr); }  ///< the rate now
  /// What it remembers, for checkpoints.
  struct State {
    double lr = 0;             ///< the rate now
    double best = 0;           ///< the best metric so far
    std::int64_t bad = 0;      ///< looks in a row without progress
    std::int64_t cooling = 0;  ///< looks of the cooldown that are left
  };
  const State& state() const { return state_; }         ///< to save
  void restore(const State& state) { state_ = state; }  ///< goes on from a state()

 private:
  bool better(double metric) const;
  PlateauOptions options_;
  State state_;
};
/// When EarlyStopping gives up.
struct EarlyStoppingOptions {
  Goal goal = Goal::lowest;          ///< which way is better
  int patience = 10;                 ///< stop after that many looks in a row without progress; at least 1
  double min_delta = 0;              ///< progress is more than that beyond the best so far
  std::vector<Parameter> keep = {};  ///< their values at the best look are kept on the host
};

/// Ends training when a metric no longer improves (Keras' EarlyStopping). NaN is no progress.
class VOLUTE_API EarlyStopping {
 public:
  explicit EarlyStopping(EarlyStoppingOptions options = {});  ///< throws InvalidGraph for an option out of range
  /// One more look; whether it was the best so far. Keeping values waits for running programs.
  bool observe(double metric);
  bool stop() const { return state_.waited >= options_.patience; }  ///< whether patience has run out
  double best() const { return state_.best; }                       ///< the best metric so far
  /// Which look (0 the first) was the best; -1 before the first progress.
  std::int64_t best_look() const { return state_.best_look; }
  /// Puts the kept values back. Throws InvalidGraph if nothing was kept.
  void restore();
  /// What it remembers, for checkpoints; `kept` has the values of the options' `keep`, or nothing yet.
  struct State {
    double best = 0;                            ///< the best metric so far
    std::int64_t looks = 0;                     ///< so far
    std::int64_t best_look = -1;                ///< which was the best
    std::int64_t waited = 0;                    ///< looks since then
    std::vector<std::vector<float>> kept = {};  ///< in the order of keeps()
  };
  const State& state() const { return state_; }  ///< to save
  /// Throws InvalidGraph if `kept` does not fit the parameters to keep.
  void restore(State state);
  const std::vector<Parameter>& keeps() const { return options_.keep; }  ///< as in the options

 private:
  EarlyStoppingOptions options_;
  State state_;
};

// Truncated BPTT(k1, k2). -------------------------------------------------------------------------------------

/// A recurrent network over [T, ...] from initial states: outputs [T, ...] and the last states.
struct Unrolled {
  Tensor outputs;            ///< [T, ...]
  std::vector<Tensor> last;  ///< after the last step
};
/// Calls a network; see tbptt.
using Unroll = std::function<Unrolled(Tensor xs, const std::vector<Tensor>& initial)>;

/// BPTT(k2; k1) of Williams and Peng 1990: each run sees a window of k2 steps, k1 of them new, and the gradient
/// of the k1 new losses reaches to the start of the window. Windows overlap by k2 - k1 steps (data::Streams
/// with advance k1), so states are carried from step k1 of a window to the next, with the gradient cut there;
/// they are "<name>.<i>" of the given shapes, zero at first. Returns the outputs of the new steps [k1, ...];
/// take the loss over the last k1 targets of the window. With k1 == k2 this is the carried state of a module.
/// Throws InvalidGraph unless 1 <= k1 <= k2 = xs.dim(0).
///   Tensor h = tbptt(g, "lstm", embed(x), k1, {{1, N, H}, {1, N, H}}, [&](Tensor xs, auto& s) {
///     auto r = lstm.run(xs, s); return Unrolled{r.outputs, r.last}; });
VOLUTE_API Tensor tbptt(Graph graph, const std::string& name, Tensor xs, std::int64_t k1,
                        const std::vector<Shape>& states, const Unroll& unroll);

}  // namespace volute
