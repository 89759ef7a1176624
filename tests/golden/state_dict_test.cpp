// Parameter files to and from PyTorch: what it saved gives its outputs here, and what is trained here is saved as it
// wants it. With --folder=FOLDER the latter stays there, for make_state_dict_goldens.py --check, and every cell runs on
// the device; without, the reference runs every cell, and the device those of two layers in both directions.
// Invariant: outputs are within 1e-5 of PyTorch's float32.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>

#include <gtest/gtest.h>

#include <volute/reference.hpp>
#include <volute/volute.hpp>

#include "tests/support/arguments.hpp"
#include "tests/support/device.hpp"
#include "tests/support/files.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

constexpr std::int64_t T = 4, N = 3, I = 2, H = 3, P = 2, V = 7, E = 4;
const std::vector<std::uint32_t> lengths = {2, 4, 1};
const std::vector<std::string> kinds = {"rnn_tanh", "rnn_relu", "lstm", "lstm_projection", "gru"};

std::string golden(const std::string& name) {
  return std::string(VOLUTE_SOURCE_DIR) + "/tests/golden/data/state_dict_" + name + ".safetensors";
}

/// Tensors that are no layer's, for a file.
class Tensors : public nn::Module {
 public:
  void add(const std::string& name, const Shape& shape, const std::vector<float>& values) {
    parameters_.emplace_back(name, shape, values);
  }
};

/// Tensors of a file by name, of the shapes that are expected of them.
std::map<std::string, std::vector<float>> read(const std::string& path, const std::map<std::string, Shape>& shapes) {
  Tensors all;
  for (const auto& [name, shape] : shapes)
    all.add(name, shape, std::vector<float>(static_cast<std::size_t>(shape.elements())));
  io::load(path, {{"", all}});
  std::map<std::string, std::vector<float>> values;
  for (const Parameter& p : all.parameters()) values[p.name()] = p.values();
  return values;
}

using Outputs = std::map<std::string, Tensor>;

/// "FOLDER" of "--name=FOLDER"; empty if there is none.
std::string folder_argument(const std::string& name) {
  const std::string prefix = "--" + name + "=";
  for (const std::string& argument : arguments())
    if (argument.starts_with(prefix)) return argument.substr(prefix.size());
  return "";
}

/// Where what is trained is to stay; empty: nowhere.
std::string kept_folder() { return folder_argument("folder"); }

/// Layers of one kind under the names of make_state_dict_goldens.py.
struct Cells {
  explicit Cells(const std::string& kind, bool all) {
    for (const bool both : {false, true})
      for (const int layers : {1, 2})
        for (const bool bias : {false, true}) {
          if (!all && !(both && layers == 2 && bias)) continue;
          const bool relu = kind == "rnn_relu";
          const nn::RecurrentOptions o{.layers = layers,
                                       .bidirectional = both,
                                       .bias = bias ? nn::Bias::both : nn::Bias::none,
                                       .projection = kind == "lstm_projection" ? P : 0,
                                       .activation = relu ? nn::Activation::relu : nn::Activation::standard};
          const std::string name =
              kind + (both ? "_both_l" : "_one_l") + std::to_string(layers) + (bias ? "_bias" : "_plain");
          const nn::Recurrent layer = kind.starts_with("lstm") ? nn::Recurrent(nn::LSTM(I, H, o))
                                      : kind == "gru"          ? nn::Recurrent(nn::GRU(I, H, o))
                                                               : nn::Recurrent(nn::RNN(I, H, o));
          layers_.emplace_back(name, std::make_unique<nn::Recurrent>(layer));
        }
  }

  void add_entries(std::vector<io::Entry>& entries) const {
    for (const auto& [name, layer] : layers_) entries.emplace_back(name, *layer);
  }

  /// "NAME.full.out", "NAME.packed.h", ...
  Outputs operator()(Tensor x, Tensor steps) const {
    Outputs all;
    for (const auto& [name, layer] : layers_)
      for (const bool packed : {false, true}) {
        const auto result = layer->run(x, nn::RecurrentInputs{.lengths = packed ? steps : Tensor()});
        const std::string prefix = name + (packed ? ".packed." : ".full.");
        all[prefix + "out"] = result.outputs;
        all[prefix + "h"] = result.last[0];
        if (result.last.size() > 1) all[prefix + "c"] = result.last[1];
      }
    return all;
  }

  std::vector<std::pair<std::string, std::unique_ptr<nn::Recurrent>>> layers_;
};

struct Stack {
  nn::Embedding embed{V, E};
  nn::Linear linear{E, E};
  nn::BatchNorm batch_norm{E};
  nn::GRU cell{E, E};
  nn::LayerNorm norm{E};
  nn::MultiHeadAttention attention{E, 2};
  nn::Linear head{embed};

  std::vector<io::Entry> entries() const {
    return {{"embed", embed}, {"encoder.0", linear},     {"encoder.1", batch_norm}, {"cell", cell},
            {"norm", norm},   {"attention", attention}, {"head", head}};
  }
  Tensor operator()(Tensor tokens) const {
    Tensor x = norm(cell(batch_norm(linear(embed(tokens)))));
    return head(x + attention(x, attention.prepare(x)).context);
  }
};

std::vector<std::uint32_t> tokens() {
  std::vector<std::uint32_t> all;
  for (std::uint32_t t = 0; t < T; ++t)
    for (std::uint32_t n = 0; n < N; ++n) all.push_back((3 * t + 5 * n + t * n) % V);
  return all;
}

/// The outputs' names, and their values on the device or by the reference.
std::map<std::string, std::vector<float>> evaluate(const Cells& cells, const std::vector<float>& xs, bool on_device) {
  Graph graph(Mode::inference);
  Tensor x = graph.input("x", {T, N, I}), steps = graph.input("lengths", {N}, DType::u32);
  const Outputs outputs = cells(x, steps);
  std::vector<Tensor> tensors;
  for (const auto& [name, tensor] : outputs) tensors.push_back(tensor);
  std::map<std::string, std::vector<float>> values;
  if (on_device) {
    Program program = device().compile(graph, Targets(tensors));
    program.run({{x, xs}, {steps, lengths}});
    for (const auto& [name, tensor] : outputs) values[name] = program.read(tensor);
    return values;
  }
  Reference reference;
  reference.set(x, widen(xs));
  reference.set(steps, widen(lengths));
  const auto all = reference.evaluate(tensors);
  auto next = all.begin();
  for (const auto& [name, tensor] : outputs) {
    values[name].assign(next->begin(), next->end());
    ++next;
  }
  return values;
}

std::vector<float> evaluate(const Stack& stack) {
  Graph graph(Mode::inference);
  Tensor x = graph.input("tokens", {T, N}, DType::u32), out = stack(x);
  Program program = device().compile(graph, Targets(out));
  program.run({{x, tokens()}});
  return program.read(out);
}

std::map<std::string, Shape> shapes_of(const Cells& cells) {
  Graph graph(Mode::inference);
  std::map<std::string, Shape> shapes;
  for (const auto& [name, tensor] : cells(graph.input("x", {T, N, I}), graph.input("lengths", {N}, DType::u32)))
    shapes[name] = tensor.shape();
  return shapes;
}

/// Some steps towards outputs of 0.25, from where nothing is learnt yet.
void train(const std::vector<Tensor>& outputs, Graph graph, const std::vector<Feed>& feeds) {
  Tensor loss = mean((outputs[0] - 0.25f) * (outputs[0] - 0.25f));
  for (std::size_t i = 1; i < outputs.size(); ++i) loss = loss + mean((outputs[i] - 0.25f) * (outputs[i] - 0.25f));
  Program program = device().compile(graph, minimize(loss, Adam{.lr = 0.02f}));
  program.run(feeds);
  const float first = program.value(loss);
  for (int step = 1; step < 10; ++step) program.run();
  EXPECT_LT(program.value(loss), first);
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(static_cast<double>(a[i]) - b[i]));
  return worst;
}

void expect_pytorchs_outputs(bool all, bool on_device) {
  const auto x = read(golden("expected"), {{"x", {T, N, I}}}).at("x");
  double worst = 0;
  for (const std::string& kind : kinds) {
    const Cells cells(kind, all);
    std::vector<io::Entry> entries;
    cells.add_entries(entries);
    io::load(golden("cells"), entries);
    const auto want = read(golden("expected"), shapes_of(cells));
    for (const auto& [name, values] : evaluate(cells, x, on_device)) {
      EXPECT_TRUE(close(values, want.at(name), 0, 1e-5)) << name;
      worst = std::max(worst, largest_difference(values, want.at(name)));
    }
  }
  std::printf("PyTorch's cells here: largest difference %.1e\n", worst);
}

TEST(StateDict, CellsOfPyTorchHaveItsOutputs) { expect_pytorchs_outputs(true, false); }

TEST(StateDict, CellsOfPyTorchHaveItsOutputsOnTheDevice) { expect_pytorchs_outputs(!kept_folder().empty(), true); }

TEST(StateDict, EveryTensorOfTheFileIsAskedFor) {
  std::vector<Cells> all;
  for (const std::string& kind : kinds) all.emplace_back(kind, true);
  std::vector<io::Entry> entries;
  for (const Cells& cells : all) cells.add_entries(entries);
  io::load(golden("cells"), entries, {.strict = true});
}

// In the file that is tied, safetensors' save_model left one name out.
TEST(StateDict, AStackOfOtherLayersHasPyTorchsOutputs) {
  for (const std::string name : {"f32", "f64", "f16", "bf16", "tied"}) {
    const Stack stack;
    const io::LoadReport report = io::load(golden("stack_" + name), stack.entries(), {.strict = true});
    EXPECT_EQ(report.left_over, std::vector<std::string>{"encoder.1.num_batches_tracked"});
    const std::string key = "stack_" + (name == "tied" ? "f32" : name);
    const auto want = read(golden("expected"), {{key, {T, N, V}}}).at(key);
    EXPECT_TRUE(close(evaluate(stack), want, 0, 1e-5)) << name;
  }
}

TEST(StateDict, WhatIsTrainedHereIsSavedAndHasTheSameOutputs) {
  const Folder own;
  const bool whole = !kept_folder().empty();
  const std::string folder = whole ? kept_folder() : own.path();
  const std::vector<float> xs = read(golden("expected"), {{"x", {T, N, I}}}).at("x");
  std::vector<Cells> all;
  for (const std::string& kind : kinds) all.emplace_back(kind, whole);
  std::vector<io::Entry> entries;
  Tensors expected;
  expected.add("x", {T, N, I}, xs);
  for (const Cells& cells : all) {
    Graph graph;
    Tensor x = graph.input("x", {T, N, I}), steps = graph.input("lengths", {N}, DType::u32);
    std::vector<Tensor> outputs;
    for (const auto& [name, tensor] : cells(x, steps))
      if (name.ends_with("full.out")) outputs.push_back(tensor);
    train(outputs, graph, {{x, xs}});
    const auto shapes = shapes_of(cells);
    for (const auto& [name, values] : evaluate(cells, xs, true)) expected.add(name, shapes.at(name), values);
    cells.add_entries(entries);
  }
  const Stack stack;
  Graph graph;
  Tensor x = graph.input("tokens", {T, N}, DType::u32);
  train({stack(x)}, graph, {{x, tokens()}});
  expected.add("stack", {T, N, V}, evaluate(stack));
  io::save(folder + "/cells.safetensors", entries);
  io::save(folder + "/stack.safetensors", stack.entries());
  io::save(folder + "/expected.safetensors", {{"", expected}});

  const Cells again(kinds[2], whole);
  std::vector<io::Entry> some;
  again.add_entries(some);
  io::load(folder + "/cells.safetensors", some);
  EXPECT_EQ(evaluate(again, xs, true), evaluate(all[2], xs, true));
  const Stack second;
  io::load(folder + "/stack.safetensors", second.entries(), {.strict = true});
  EXPECT_EQ(evaluate(second), evaluate(stack));
}

std::vector<std::vector<float>> values_of(const std::vector<io::Entry>& entries) {
  std::vector<std::vector<float>> all;
  for (const io::Entry& entry : entries)
    for (const Parameter& p : entry.module->parameters()) all.push_back(p.values());
  return all;
}

TEST(StateDict, WhatPyTorchSavesAgainIsTheSame) {
  const std::string folder = folder_argument("back");
  if (folder.empty()) GTEST_SKIP() << "needs --back=FOLDER, of files PyTorch has had";
  std::vector<Cells> all;
  for (const std::string& kind : kinds) all.emplace_back(kind, true);
  const Stack stack;
  std::vector<io::Entry> cells;
  for (const Cells& one : all) one.add_entries(cells);
  for (const auto& [name, entries] : {std::pair("/cells", cells), std::pair("/stack", stack.entries())}) {
    io::load(folder + name + ".safetensors", entries, {.strict = true});
    const auto saved = values_of(entries);
    io::load(folder + name + "_back.safetensors", entries, {.strict = true});
    EXPECT_EQ(values_of(entries), saved) << name;
  }
}

}  // namespace
}  // namespace volute::test
