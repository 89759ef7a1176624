// The two programs. Training reads whole strokes and predicts each step from those before. Continuation warms the state
// up over a stroke, aligned to its end so that every row's last step is at the same place, then loops over its own
// samples and sums them up into vertices.
#include "samples/live_sketch/model.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "samples/live_sketch/cell.hpp"
#include "samples/live_sketch/mixture.hpp"

namespace live_sketch {

using volute::concat;
using volute::Feed;
using volute::Graph;
using volute::Program;
using volute::Tensor;

namespace {

constexpr std::int64_t features = 5;

std::unique_ptr<volute::nn::Recurrent> seeded_layer(const ModelOptions& o, std::uint64_t seed) {
  volute::manual_seed(seed);
  return make_layer(o.cell, features, o.hidden);
}

/// What the layer sees of strokes [T, N, 3]: each step in the frame of the one before, since a turn is the same
/// wherever a line heads, and where it heads; [T, N, 5]. The first step has none before.
Tensor features_of(Tensor steps) {
  const std::int64_t T = steps.dim(0);
  const Tensor none = graph_of(steps).full({1, steps.dim(1), 3}, 0.0f);
  const Tensor local = to_frame(steps, concat({none, slice(steps, 0, 0, T - 1)}, 0));
  return concat({local, slice(steps, -1, 0, 2)}, -1);
}

[[noreturn]] void unfit(const std::string& path, const std::string& what) {
  throw volute::BadFile(path + ": is not a model of live_sketch: " + what);
}

const std::string& entry(const std::string& path, const volute::io::Metadata& metadata, const std::string& key) {
  const auto at = metadata.find(key);
  if (at == metadata.end()) unfit(path, "its metadata has no '" + key + "'");
  return at->second;
}

std::int64_t size_entry(const std::string& path, const volute::io::Metadata& metadata, const std::string& key) {
  const std::string& text = entry(path, metadata, key);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > 4096)
    unfit(path, "its metadata's '" + key + "' is not a number from 1 to 4096");
  return value;
}

}  // namespace

struct Model::Data {
  Data(volute::Device device, const ModelOptions& o)
      : options(o),
        layer(seeded_layer(o, o.seed)),
        head(o.hidden, mixture_width(o.mixtures)),
        train(build_training(device)),
        continuations(build_continuations(device)) {}

  std::vector<volute::io::Entry> entries() const { return {{"layer", *layer}, {"head", head}}; }
  Program build_training(volute::Device& device);
  std::array<Program, 2> build_continuations(volute::Device& device);
  std::vector<Tensor> warm_up() const;
  Tensor drawn(Graph& g) const;
  Tensor vertices(Graph& g, Tensor moves) const;
  Tensor repeated(Tensor rows) const;
  Noise noise(Graph& g) const;

  ModelOptions options;
  std::unique_ptr<volute::nn::Recurrent> layer;
  volute::nn::Linear head;
  Graph training_graph, continuation_graph{volute::Mode::inference};
  Tensor steps, mask, loss;                                // of training
  Tensor prefix_steps, prefix_mask, prefix_start, points;  // of continuation
  Program train;
  std::array<Program, 2> continuations;
  Batch batch, prefix;
  std::vector<float> start;
  std::vector<Feed> batch_feeds, prefix_feeds;
  std::uint64_t resets = 0;
  std::int64_t batches = 0;  // since the weights were new
};

Program Model::Data::build_training(volute::Device& device) {
  const std::int64_t T = options.length, N = options.batch;
  Graph& g = training_graph;
  steps = g.input("steps", {T, N, 3});
  mask = g.input("mask", {T, N});
  const Tensor x = slice(steps, 0, 0, T - 1), y = slice(steps, 0, 1, T);  // [T - 1, N, 3]
  const Tensor counts = slice(mask, 0, 1, T);                             // [T - 1, N]
  const Mixture next = mixture_of(head((*layer)(features_of(x))));
  const Tensor nll = negative_log_likelihood(next, to_frame(y, x));  // [T - 1, N]
  loss = sum(where(counts, nll, g.full({}, 0.0f))) / maximum(sum(counts), g.full({}, 1.0f));
  return device.compile(g, minimize(loss, volute::Adam{.lr = rate_of(options)}, {.clip_norm = 1.0f}));
}

/// Rows of strokes to rows of continuations: [K, C] -> [K S, C].
Tensor Model::Data::repeated(Tensor rows) const {
  const std::int64_t K = options.prefixes, S = options.samples, C = rows.dim(1);
  return reshape(broadcast_to(reshape(rows, {K, 1, C}), {K, S, C}), {K * S, C});
}

/// States after the steps there are, [K S, H] each.
std::vector<Tensor> Model::Data::warm_up() const {
  std::vector<Tensor> states;
  for (Tensor last : last_states(layer->run(features_of(prefix_steps), {.mask = prefix_mask})))  // [K, H]
    states.push_back(repeated(last));
  return states;
}

/// For all steps at once: [P - 1, K S, ...]. The first continuation of each stroke has none.
Noise Model::Data::noise(Graph& g) const {
  const std::int64_t K = options.prefixes, S = options.samples, R = K * S, M = options.mixtures;
  const Tensor random = less(g.full({}, 0.5f), to_f32(g.iota(S)));  // [S]
  const Tensor rows = reshape(broadcast_to(random, {K, S}), {R, 1});
  const Tensor uniform = random_like(g.full({options.points - 1, R, M + 25}, 0.0f));
  return noise_of(uniform, M, rows * g.scalar("temperature", 0.5f));
}

/// The model's steps after those it was warmed up with, in the canvas's frame: [P - 1, K S, 3].
Tensor Model::Data::drawn(Graph& g) const {
  const std::int64_t W = options.warm_up, K = options.prefixes;
  std::vector<Tensor> states = {repeated(reshape(slice(prefix_steps, 0, W - 1, W), {K, 3}))};
  for (Tensor state : warm_up()) states.push_back(state);
  const Noise random = noise(g);
  const auto body = [&](std::span<const Tensor> xs, std::span<const Tensor> old) {
    const std::vector<Tensor> kept(old.begin() + 1, old.end());
    const Mixture mixture = mixture_of(head(output_of(options.cell, kept)));
    const Tensor local = sample(mixture, {xs[0], xs[1], xs[2]});  // [K S, 3]
    const Tensor next = from_frame(local, old[0]);                // [K S, 3]
    std::vector<Tensor> columns = split(local, 1, 3);
    for (int i = 0; i < 2; ++i) columns.push_back(slice(next, 1, i, i + 1));
    std::vector<Tensor> now = step(options.cell, *layer, columns, kept);
    now.insert(now.begin(), next);
    return volute::ScanStep{now, {next}};
  };
  return scan({random.component, random.step, random.end}, states, body).outputs[0];
}

/// Steps summed up, from the ends of the strokes on. A loop of its own, without products, is one dispatch.
Tensor Model::Data::vertices(Graph& g, Tensor moves) const {
  const std::int64_t W = options.warm_up, K = options.prefixes, R = K * options.samples, P = options.points;
  const Tensor there = reshape(slice(prefix_mask, 0, W - 1, W), {K, 1});
  const Tensor first = repeated(concat({prefix_start, there}, 1));  // [R, 3] x, y, pen
  const Tensor by = slice(moves, 2, 0, 2) * step_length, stays = 1.0f - slice(moves, 2, 2, 3);
  const auto body = [](std::span<const Tensor> xs, std::span<const Tensor> old) {
    const std::vector<Tensor> now = {old[0] + xs[0], old[1] * xs[1]};
    return volute::ScanStep{now, now};
  };
  const std::vector<Tensor> begin = {slice(first, 1, 0, 2), slice(first, 1, 2, 3)};
  const std::vector<Tensor> rest = scan({by, stays}, begin, body).outputs;
  const Tensor lines = concat({reshape(first, {1, R, 3}), concat(rest, 2)}, 0);                   // [P, R, 3]
  const Tensor age = reshape(to_f32(g.iota(P)) / static_cast<float>(P - 1), {P, 1, 1});
  return transpose(concat({lines, broadcast_to(age, {P, R, 1})}, 2), {1, 0, 2});                  // [R, P, 4]
}

std::array<Program, 2> Model::Data::build_continuations(volute::Device& device) {
  const std::int64_t W = options.warm_up, K = options.prefixes;
  Graph& g = continuation_graph;
  prefix_steps = g.input("steps", {W, K, 3});
  prefix_mask = g.input("mask", {W, K});
  prefix_start = g.input("start", {K, 2});
  points = vertices(g, drawn(g));
  return {device.compile(g, points), device.compile(g, points)};
}

float rate_of(const ModelOptions& options) { return options.lr > 0 ? options.lr : rate_of(options.cell); }

ModelOptions read_options(const std::string& path, ModelOptions base) {
  const volute::io::Metadata metadata = volute::io::read_metadata(path);
  const std::string& name = entry(path, metadata, "cell");
  int cell = 0;
  while (cell < cells && name != name_of(static_cast<Cell>(cell))) ++cell;
  if (cell == cells) unfit(path, "its metadata's 'cell' is none of GRU, LSTM, RNN and minGRU");
  base.cell = static_cast<Cell>(cell);
  base.hidden = size_entry(path, metadata, "hidden");
  base.mixtures = size_entry(path, metadata, "mixtures");
  return base;
}

Model::Model(volute::Device device, const ModelOptions& options) {
  if (options.length < 2 || options.points < 2)
    throw volute::InvalidGraph("live_sketch: length and points must be at least 2");
  data_ = std::make_unique<Data>(std::move(device), options);
}

Model::~Model() = default;

const ModelOptions& Model::options() const { return data_->options; }
Program& Model::train() { return data_->train; }
Tensor Model::loss() const { return data_->loss; }
Program& Model::continuation(std::size_t turn) { return data_->continuations.at(turn); }
Tensor Model::points() const { return data_->points; }

std::int64_t Model::weights() const {
  std::int64_t count = 0;
  for (const auto& part : data_->entries())
    for (const auto& parameter : part.module->parameters()) count += parameter.shape().elements();
  return count;
}

const std::vector<Feed>& Model::batch(TrainingSet& strokes) {
  return batch(strokes.next(data_->options.length, data_->options.batch));
}

const std::vector<Feed>& Model::batch(Batch strokes) {
  data_->batch = std::move(strokes);
  const float halvings = static_cast<float>(data_->batches++) / 250;
  data_->train.set("lr", rate_of(data_->options) * std::max(0.1f, std::exp2(-halvings)));
  return data_->batch_feeds = {{data_->steps, data_->batch.steps}, {data_->mask, data_->batch.mask}};
}

const std::vector<Feed>& Model::prefixes(const std::vector<Stroke>& strokes) {
  Data& d = *data_;
  const auto W = static_cast<std::size_t>(d.options.warm_up), K = static_cast<std::size_t>(d.options.prefixes);
  d.prefix = {std::vector<float>(W * K * 3), std::vector<float>(W * K)};
  d.start.assign(K * 2, 0.0f);
  const std::size_t skipped = strokes.size() > K ? strokes.size() - K : 0;
  for (std::size_t k = 0; k < strokes.size() - skipped; ++k) {
    const Stroke& stroke = strokes[skipped + k];
    const std::vector<Step> all = steps_of(stroke);
    const std::size_t count = std::min(W, all.size());
    for (std::size_t i = 0; i < count; ++i) {
      const Step& step = all[all.size() - count + i];
      const std::size_t at = (W - count + i) * K + k;
      d.prefix.steps[at * 3] = step.dx, d.prefix.steps[at * 3 + 1] = step.dy;  // what goes on has not ended
      d.prefix.mask[at] = 1;
    }
    if (count > 0) d.start[k * 2] = stroke.back().x, d.start[k * 2 + 1] = stroke.back().y;
  }
  return d.prefix_feeds = {{d.prefix_steps, d.prefix.steps}, {d.prefix_mask, d.prefix.mask}, {d.prefix_start, d.start}};
}

void Model::save(const std::string& path) const {
  const ModelOptions& o = data_->options;
  volute::io::save(path, data_->entries(),
                   {{"cell", name_of(o.cell)},
                    {"hidden", std::to_string(o.hidden)},
                    {"mixtures", std::to_string(o.mixtures)}});
}

void Model::load(const std::string& path) {
  const ModelOptions& o = data_->options;
  const ModelOptions file = read_options(path, o);
  if (file.cell != o.cell || file.hidden != o.hidden || file.mixtures != o.mixtures)
    throw volute::BadFile(path + ": is of another cell or size: " + name_of(file.cell) + ", hidden " +
                          std::to_string(file.hidden) + ", mixtures " + std::to_string(file.mixtures));
  volute::io::load(path, data_->entries());
  data_->train.reset();
  data_->batches = 0;
}

void Model::reset() {
  const ModelOptions& o = data_->options;
  const auto layer = seeded_layer(o, o.seed + ++data_->resets);
  const volute::nn::Linear head(o.hidden, mixture_width(o.mixtures));
  const auto copy = [](const volute::nn::Module& from, const volute::nn::Module& to) {
    for (std::size_t i = 0; i < from.parameters().size(); ++i)
      volute::Parameter(to.parameters()[i]).set(from.parameters()[i].values());
  };
  copy(*layer, *data_->layer);
  copy(head, data_->head);
  data_->train.reset();
  data_->batches = 0;
}

}  // namespace live_sketch
