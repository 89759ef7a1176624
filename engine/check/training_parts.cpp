// Parts about training: gradients of every cell, losses and attention, optimisers, equal bits.
#include <volute/volute.hpp>

#include "engine/check/combinations.hpp"
#include "engine/check/follower.hpp"
#include "engine/check/layer_rows.hpp"
#include "engine/check/parts.hpp"

namespace volute::check {
namespace {

constexpr std::pair<const char*, CellKind> cells[] = {
    {"LSTM", CellKind::lstm},     {"GRU", CellKind::gru},         {"RNN", CellKind::rnn},
    {"IndRNN", CellKind::indrnn}, {"minGRU", CellKind::mingru},   {"minLSTM", CellKind::minlstm},
    {"a cell of one's own", CellKind::custom}};

// clang-format off
/// Every option of the cell at least once, several together.
std::vector<Setting> settings_of(CellKind kind) {
  const bool products = kind != CellKind::mingru && kind != CellKind::minlstm;
  std::vector<Setting> all = {
      {.options = {}, .note = "plain"},
      {.options = {.layers = 2, .bidirectional = true, .bias = nn::Bias::none}, .masking = Masking::lengths,
       .note = "2 layers, bidirectional, lengths, no bias"},
      {.options = {.layers = 2, .dropout = 0.3f, .reverse = true, .batch_first = true, .bias = nn::Bias::single,
                   .zoneout = 0.3f},
       .start = Start::fed, .note = "2 layers, dropout, reverse, batch first, single bias, zoneout, states fed"},
      {.options = {.learned_states = true, .clip_inputs = 0.7f, .clip_state = {{-0.3f, 0.2f}}, .layer_norm = true},
       .note = "layer norm, clips, learned states"},
  };
  if (products)
    all.push_back({.options = {.drop_connect = 0.25f, .recurrent_dropout = 0.4f}, .masking = Masking::mask_f32,
                   .note = "DropConnect, recurrent dropout, mask"});
  if (kind == CellKind::lstm) {
    all.push_back({.options = {.peepholes = true, .projection = 3, .clip_cell = 0.4f},
                   .note = "projection, peepholes, cell clip"});
    all.push_back({.options = {.coupled = true, .zoneout_cell = 0.2f}, .note = "coupled gates, cell zoneout"});
  }
  if (kind == CellKind::gru)
    all.push_back({.options = {.bidirectional = true, .reset_after = false}, .masking = Masking::lengths,
                   .note = "reset before the product, bidirectional, lengths"});
  if (kind == CellKind::rnn)
    all.push_back({.options = {.activation = nn::Activation::relu}, .start = Start::fed, .note = "relu, states fed"});
  for (Setting& s : all) s.kind = kind;
  return all;
}
// clang-format on

void check_cell(const Scene& scene, CellKind kind) {
  std::uint32_t seed = 0;
  for (const Setting& setting : settings_of(kind)) {
    const auto scope = scene.findings.begin(setting.note);
    check_gradients(scene.device, setting, ++seed, scene.findings);
  }
  for (std::uint32_t number = 0; scene.thorough && number < 300; ++number) {
    const Setting setting = combination(number);
    if (setting.kind != kind) continue;
    const auto scope = scene.findings.begin("combination " + std::to_string(number) + ", " + setting.note);
    check_gradients(scene.device, setting, number, scene.findings);
  }
}

void check_layers(const Scene& scene, const std::vector<LayerRow>& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!scene.thorough && i % 3) continue;
    const auto scope = scene.findings.begin(rows[i].name);
    check_layer(scene.device, rows[i], scene.findings);
  }
}

const std::pair<const char*, Optimizer> optimizers[] = {
    {"SGD", SGD{.lr = 0.1f}},
    {"SGD, Nesterov momentum", SGD{.lr = 0.1f, .momentum = 0.9f, .nesterov = true, .weight_decay = 0.01f}},
    {"Adam", Adam{.lr = 0.01f}},
    {"AdamW", AdamW{.lr = 0.01f}},
    {"RMSprop, centred, momentum", RMSprop{.lr = 0.01f, .momentum = 0.5f, .centered = true}},
    {"Adagrad", Adagrad{.lr = 0.01f, .lr_decay = 0.1f}}};

/// Five steps beside the reference, clipped, on shapes off texels.
void check_optimizer(const Scene& scene, const Optimizer& optimizer, const MinimizeOptions& options) {
  const Parameter w("w", {7, 33}, random_values(7 * 33, 9)), b("b", {33}, random_values(33, 10));
  Graph g;
  const Tensor x = g.input("x", {3, 7}), y = tanh(matmul(x, g.parameter(w)) + g.parameter(b));
  Follower follower(scene.device, g, minimize(mean(y * y), optimizer, options), {x}, {w, b});
  follower.runs(5, 2e-5, scene.findings);
}

void check_optimizers(const Scene& scene) {
  for (const auto& [name, optimizer] : optimizers) {
    const auto scope = scene.findings.begin(name);
    check_optimizer(scene, optimizer, {.clip_norm = 0.5f, .clip_value = 0.1f});
  }
  const auto scope = scene.findings.begin("Adam, accumulated over 2 runs");
  check_optimizer(scene, Adam{.lr = 0.01f}, {.accumulate = 2});
}

/// A step from begin() on, as frames of a render loop would run it.
void advance_whole_step(Program& program, const std::vector<Feed>& feeds) {
  program.begin(feeds);
  while (!program.advance(std::chrono::duration<double>(1e-6)).finished) {
  }
}

/// Weights of a small character model after some steps.
std::vector<std::vector<float>> train(const Device& device, const CompileOptions& options, bool in_parts, int steps) {
  constexpr std::int64_t T = 12, N = 3, V = 17, E = 7, H = 13;
  manual_seed(5);
  nn::Embedding embed(V, E);
  nn::LSTM lstm(E, H, {.layers = 2, .dropout = 0.3f});
  nn::Linear head(H, V);
  Graph g;
  const Tensor x = g.input("x", {T, N}, DType::u32), y = g.input("y", {T, N}, DType::u32);
  const Tensor loss = cross_entropy(head(lstm(embed(x), g.carried())), y);
  Program program =
      compile_program(device.data(), g, minimize(loss, Adam{.lr = 1e-2f}, {.clip_norm = 1.0f}), options);
  program.seed(42);
  for (int i = 0; i < steps; ++i) {
    const auto tokens = random_indices(T * N + N, static_cast<std::uint32_t>(i), V);
    const std::vector xs(tokens.begin(), tokens.end() - N), ys(tokens.begin() + N, tokens.end());
    if (in_parts) advance_whole_step(program, {{x, xs}, {y, ys}});
    else program.run({{x, xs}, {y, ys}});
  }
  std::vector<std::vector<float>> weights;
  for (const nn::Module* module : std::initializer_list<const nn::Module*>{&embed, &lstm, &head})
    for (const Parameter& p : module->parameters()) weights.push_back(p.values());
  return weights;
}

void check_determinism(const Scene& scene) {
  struct Run {
    const char* name;
    CompileOptions options;
    bool in_parts = false;
  };
  const Run runs[] = {{"a second time", {}},
                      {"in many submissions", {.submission_seconds = 5e-5}},
                      {"advanced in parts", {.part_seconds = 5e-5}, true},
                      {"unrolled", {.scans = Scans::unrolled}},
                      {"walked", {.scans = Scans::persistent}},
                      {"without shared memory of storages", {.guard_bytes = 64, .alias = false}}};
  const int steps = scene.thorough ? 100 : 12;
  const auto first = train(scene.device, {}, false, steps);
  for (const Run& run : runs) {
    const auto scope = scene.findings.begin(run.name);
    scene.findings.expect(same_bits(train(scene.device, run.options, run.in_parts, steps), first),
                          "trained weights have other bits");
  }
}

}  // namespace

std::vector<Part> gradient_parts() {
  std::vector<Part> parts;
  for (const auto& [name, kind] : cells)
    parts.push_back({std::string("gradients: ") + name, [kind = kind](const Scene& s) { check_cell(s, kind); }});
  return parts;
}

std::vector<Part> layer_parts() {
  return {{"layers: losses", [](const Scene& s) { check_layers(s, loss_rows()); }},
          {"layers: norms", [](const Scene& s) { check_layers(s, norm_rows()); }},
          {"layers: attention", [](const Scene& s) { check_layers(s, attention_rows()); }},
          {"layers: CTC", [](const Scene& s) { check_layers(s, ctc_rows()); }}};
}

std::vector<Part> optimizer_parts() { return {{"optimisers", check_optimizers}}; }

std::vector<Part> determinism_parts() { return {{"determinism", check_determinism}}; }

}  // namespace volute::check
