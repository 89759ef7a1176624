// Operators of imported models that walk over time: LSTM, GRU and RNN as layers, Scan as scan. See onnx_builder.hpp.
#include <algorithm>

#include "engine/interchange/onnx_builder.hpp"
#include "engine/nn/init.hpp"

namespace volute::onnx {
namespace {

using Ints = std::vector<std::int64_t>;

/// Weights that are fed, computed or shared, put into PyTorch's gate order in the graph.
std::map<std::string, Tensor> computed_weights(const Call& c, const RecurrentNode& spec, std::int64_t inputs) {
  const std::vector<Shape> shapes = spec.weight_shapes(inputs);
  std::map<std::string, Tensor> weights;
  for (const int input : {1, 2, 3, 7}) {
    if (!c.has(static_cast<std::size_t>(input))) continue;
    const Tensor from = c.real(static_cast<std::size_t>(input));
    const Shape& expected = shapes[input == 7 ? 3 : static_cast<std::size_t>(input) - 1];
    if (from.shape() != expected)
      throw InvalidGraph("input " + std::to_string(input) + " must be " + expected.str() + ", got " +
                         from.shape().str());
    Ints dims(expected.dims().begin() + 1, expected.dims().end());
    for (const WeightPart& part : weight_parts(spec, input)) {
      const Tensor one = reshape(slice(from, 0, part.direction, part.direction + 1), Shape(dims));
      std::vector<Tensor> rows;
      for (const std::int64_t row : part.rows)
        rows.push_back(slice(one, 0, row * spec.hidden, (row + 1) * spec.hidden));
      weights[part.name] = concat(rows, 0);
    }
  }
  return weights;
}

/// Lengths [N]; empty if all are T.
Tensor lengths_of(const Call& c, std::int64_t T) {
  if (!c.has(4)) return {};
  const Operand& given = c.operand(4);
  const auto whole = [&](double value) { return value == static_cast<double>(T); };
  if (given.constant && std::all_of(given.constant->values.begin(), given.constant->values.end(), whole)) return {};
  return c.indices(4);
}

/// Initial states [D, N, H] each, zeros for one that was left out; none if all were.
std::vector<Tensor> initial_of(const Call& c, const RecurrentNode& spec, std::int64_t N) {
  const bool lstm = spec.kind == nn::Cell::Kind::lstm;
  if (!c.has(5) && !(lstm && c.has(6))) return {};
  Graph graph = c.graph();
  std::vector<Tensor> states;
  for (std::size_t i = 5; i < (lstm ? 7u : 6u); ++i) {
    Tensor state = c.has(i) ? c.real(i) : graph.full({spec.directions, N, spec.hidden}, 0.0f);
    states.push_back(c.has(i) && spec.batch_first ? transpose(state, {1, 0, 2}) : state);
  }
  return states;
}

Results recurrent(const Call& c) {
  const RecurrentNode spec(c.node);
  Tensor x = c.real(0);
  if (x.rank() != 3) throw InvalidGraph("X must have three axes, got " + x.shape().str());
  if (spec.batch_first) x = transpose(x, {1, 0, 2});  // [T, N, I]
  const std::int64_t T = x.dim(0), N = x.dim(1), D = spec.directions, H = spec.hidden;
  nn::RecurrentInputs in;
  const auto& layers = c.builder().parts().layers;
  if (const auto found = layers.find(&c.node); found != layers.end())
    for (const auto& [name, parameter] : found->second) in.weights[name] = c.graph().parameter(parameter);
  else
    in.weights = computed_weights(c, spec, x.dim(2));
  if (!c.has(1) || !c.has(2)) c.broken("W or R is missing");
  in.lengths = lengths_of(c, T);
  in.initial = initial_of(c, spec, N);
  const bool peepholes = spec.kind == nn::Cell::Kind::lstm && c.has(7);
  const nn::KeptGenerator kept;  // the layer's initial values are none of the user's
  const nn::RecurrentResult run = spec.layer(x.dim(2), c.has(3), peepholes)->run(x, in);
  const Tensor steps = reshape(run.outputs, {T, N, D, H});
  using Order = std::vector<int>;
  Results results = {real(transpose(steps, spec.batch_first ? Order{1, 0, 2, 3} : Order{0, 2, 1, 3}))};
  for (Tensor last : run.last) results.push_back(real(spec.batch_first ? transpose(last, {1, 0, 2}) : last));
  return results;
}

/// One value for every sequence or stacked output of a Scan; that of all unless given.
Ints each_of(const Call& c, const char* name, std::size_t count) {
  Ints values = attribute(c.node, name, Ints(count, 0));
  if (values.size() != count)
    c.broken(std::string("the attribute ") + name + " must have " + std::to_string(count) + " values");
  return values;
}

/// x with `axis` first.
Tensor with_axis_first(const Call& c, Tensor x, std::int64_t given) {
  const int axis = c.axis(given, x.rank());
  std::vector<int> order = {axis};
  for (int i = 0; i < x.rank(); ++i)
    if (i != axis) order.push_back(i);
  return axis == 0 ? x : transpose(x, order);
}

struct ScanNode {
  const ::onnx::GraphProto* body;
  std::size_t states, sequences, stacked;
  bool reverse = false;
};

ScanNode scan_node(const Call& c) {
  const auto* attribute_body = find_attribute(c.node, "body");
  if (!attribute_body || !attribute_body->has_g()) c.broken("has no body");
  const ::onnx::GraphProto& body = attribute_body->g();
  const std::int64_t sequences = attribute(c.node, "num_scan_inputs", std::int64_t{0});
  const auto count = static_cast<std::int64_t>(c.count());
  if (sequences < 1 || sequences > count || body.input_size() != count || body.output_size() < count - sequences)
    c.broken("inputs, body and num_scan_inputs do not fit");
  const auto states = static_cast<std::size_t>(count - sequences);
  const std::size_t stacked = static_cast<std::size_t>(body.output_size()) - states;
  ScanNode made{&body, states, static_cast<std::size_t>(sequences), stacked};
  const Ints in = each_of(c, "scan_input_directions", made.sequences);
  const Ints out = each_of(c, "scan_output_directions", made.stacked);
  made.reverse = in[0] != 0;
  const auto other = [&](std::int64_t direction) { return (direction != 0) != made.reverse; };
  if (std::any_of(in.begin(), in.end(), other) || std::any_of(out.begin(), out.end(), other))
    c.refuse("inputs and outputs that run in different directions are not supported");
  for (const std::int64_t axis : each_of(c, "scan_output_axes", made.stacked))
    if (axis != 0) c.refuse("scan_output_axes other than 0 are not supported");
  return made;
}

Results scan_of(const Call& c) {
  const ScanNode node = scan_node(c);
  const Ints axes = each_of(c, "scan_input_axes", node.sequences);
  std::vector<Tensor> states, xs;
  std::vector<Element> elements;
  for (std::size_t i = 0; i < c.count(); ++i) {
    const Tensor value = c.builder().materialise(c.operand(i), c.operand(i).tensor ? c.operand(i).tensor.dtype()
                                                                                  : dtype_of(c.operand(i).element));
    elements.push_back(c.operand(i).element);
    if (i < node.states) states.push_back(value);
    else xs.push_back(with_axis_first(c, value, axes[i - node.states]));
  }
  std::vector<Element> result_elements;
  const auto body = [&](std::span<const Tensor> in, std::span<const Tensor> old) {
    Builder inside(c.builder(), *node.body);
    for (std::size_t i = 0; i < c.count(); ++i)
      inside.set(node.body->input(static_cast<int>(i)).name(),
                 {i < node.states ? old[i] : in[i - node.states], {}, elements[i]});
    inside.run(*node.body);
    ScanStep step;
    for (int i = 0; i < node.body->output_size(); ++i) {
      const Operand result = inside.get(node.body->output(i).name());
      const bool state = static_cast<std::size_t>(i) < node.states;
      const Tensor value = inside.materialise(result, state ? old[static_cast<std::size_t>(i)].dtype()
                                                      : result.tensor ? result.tensor.dtype()
                                                                      : dtype_of(result.element));
      result_elements.push_back(result.element);
      (state ? step.states : step.outputs).push_back(value);
    }
    return step;
  };
  const ScanResult run = scan(xs, states, body, {.reverse = node.reverse});
  Results results;
  for (const Tensor& last : run.last) results.push_back({last, {}, result_elements[results.size()]});
  for (const Tensor& stacked : run.outputs) results.push_back({stacked, {}, result_elements[results.size()]});
  return results;
}

}  // namespace

void add_recurrent(Handlers& to) {
  for (const char* name : {"LSTM", "GRU", "RNN"}) to[name] = {recurrent, false};
  to["Scan"] = {scan_of, false};
}

}  // namespace volute::onnx
