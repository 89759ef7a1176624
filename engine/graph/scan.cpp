// scan: the body is built once, in a scope of its own, with one element node per sequence and one carry
// node per state. Invariant: next[j] has the shape and type of carry j.

#include <limits>

#include "engine/graph/build.hpp"

namespace volute {

Tensor add_element(Scan* scan, Tensor xs) {
  std::vector<std::int64_t> dims(xs.shape().dims().begin() + 1, xs.shape().dims().end());
  Node node;
  node.op = Op::element;
  node.dtype = xs.dtype();
  node.shape = Shape(std::move(dims));
  node.inputs = {xs.node()};
  node.scope = node.scan = scan;
  scan->elements.push_back(xs.node()->graph->add(std::move(node)));
  return Tensor(scan->elements.back());
}

Tensor add_carry(Scan* scan, Tensor initial) {
  Node node;
  node.op = Op::carry;
  node.dtype = initial.dtype();
  node.shape = initial.shape();
  node.inputs = {initial.node()};
  node.scope = node.scan = scan;
  node.index = static_cast<int>(scan->carries.size());
  scan->carries.push_back(initial.node()->graph->add(std::move(node)));
  return Tensor(scan->carries.back());
}

void finish_scan(Scan* scan, GraphData* graph) {
  Node node;
  node.op = Op::scan;
  node.scan = scan;
  node.scope = scan->outer;
  scan->node = graph->add(std::move(node));
}

namespace {

Tensor result(Op op, Scan* scan, GraphData* graph, Shape shape, DType dtype, Node* body, int index) {
  Node node;
  node.op = op;
  node.dtype = dtype;
  node.shape = std::move(shape);
  node.scan = scan;
  node.scope = scan->outer;
  node.body = body;
  node.index = index;
  return Tensor(graph->add(std::move(node)));
}

void check_inputs(const std::vector<Tensor>& xs, const std::vector<Tensor>& initial, const ScanOptions& options) {
  std::vector<Tensor> all = xs;
  all.insert(all.end(), initial.begin(), initial.end());
  if (all.empty()) throw InvalidGraph("scan: needs at least one sequence or state");
  require_tensors("scan", all);
  for (const Tensor& x : xs) {
    if (x.rank() < 1 || x.dim(0) != xs[0].dim(0)) invalid("scan", "sequences must share their first extent T", xs);
  }
  if (xs.empty() && options.length <= 0)
    throw InvalidGraph("scan: without sequences ScanOptions::length must be positive");
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
  if ((xs.empty() ? options.length : xs[0].dim(0)) > most)
    throw InvalidGraph("scan: has at most " + std::to_string(most) + " steps");
  if (!xs.empty() && options.length != 0 && options.length != xs[0].dim(0))
    invalid("scan", "ScanOptions::length " + std::to_string(options.length) + " differs from T", xs);
  for (const Tensor& t : all)
    if (t.node()->scope) invalid("scan", "a scan inside the body of another scan is not supported", all);
}

/// What the body returns may come from the body or from outside, but from nowhere else.
void check_origin(const GraphData* graph, const Scan* loop, Tensor tensor) {
  if (tensor.node()->graph != graph) invalid("scan", "the body returned a tensor of another graph", {tensor});
  if (!encloses(tensor.node()->scope, loop))
    invalid("scan", "the body returned a tensor of another scan's body", {tensor});
}

void check_step(const ScanStep& step, const std::vector<Tensor>& initial, const GraphData* graph, const Scan* loop) {
  if (step.states.size() != initial.size()) {
    throw InvalidGraph("scan: the body returned " + std::to_string(step.states.size()) + " states; got " +
                       std::to_string(initial.size()) + " initial ones");
  }
  for (std::size_t j = 0; j < initial.size(); ++j) {
    if (!step.states[j] || step.states[j].shape() != initial[j].shape() || step.states[j].dtype() != initial[j].dtype())
      invalid("scan", "state " + std::to_string(j) + " changes shape or type over a step",
              {initial[j], step.states[j]});
    check_origin(graph, loop, step.states[j]);
  }
  for (const Tensor& out : step.outputs) {
    if (!out) throw InvalidGraph("scan: the body returned an empty output");
    check_origin(graph, loop, out);
  }
}

}  // namespace

Tensor stack(Scan* scan, Tensor body) {
  std::vector<std::int64_t> dims{scan->length};
  dims.insert(dims.end(), body.shape().dims().begin(), body.shape().dims().end());
  if (body.node()->scope != scan) return broadcast_to(body, Shape(std::move(dims)));
  return result(Op::stack, scan, body.node()->graph, Shape(std::move(dims)), body.dtype(), body.node(), 0);
}

Tensor total(Scan* scan, Tensor body) {
  if (body.node()->scope != scan) return body * constant_like(body, static_cast<double>(scan->length));
  return result(Op::total, scan, body.node()->graph, body.shape(), body.dtype(), body.node(), 0);
}

Tensor last(Scan* scan, int state) {
  const Node* carry = scan->carries[state];
  return result(Op::last, scan, carry->graph, carry->shape, carry->dtype, nullptr, state);
}

ScanResult scan(std::vector<Tensor> xs, std::vector<Tensor> initial, const ScanBody& body, ScanOptions options) {
  check_inputs(xs, initial, options);
  GraphData* graph = (xs.empty() ? initial[0] : xs[0]).node()->graph;
  Scan* loop = graph->add_scan();
  loop->length = xs.empty() ? options.length : xs[0].dim(0);
  loop->reverse = options.reverse;
  loop->exported_as = std::move(options.exported_as);
  std::vector<Tensor> elements, carries;
  for (const Tensor& x : xs) elements.push_back(add_element(loop, x));
  for (const Tensor& s : initial) carries.push_back(add_carry(loop, s));
  const ScanStep step = body(elements, carries);
  check_step(step, initial, graph, loop);
  for (const Tensor& s : step.states) loop->next.push_back(s.node());
  finish_scan(loop, graph);
  ScanResult out;
  for (const Tensor& o : step.outputs) out.outputs.push_back(stack(loop, o));
  for (std::size_t j = 0; j < initial.size(); ++j) out.last.push_back(last(loop, static_cast<int>(j)));
  return out;
}

std::pair<Tensor, Tensor> scan(Tensor xs, Tensor initial, const std::function<Tensor(Tensor, Tensor)>& body,
                               ScanOptions options) {
  const ScanResult result = scan({xs}, {initial},
      [&](std::span<const Tensor> x, std::span<const Tensor> s) -> ScanStep {
        const Tensor next = body(x[0], s[0]);
        return {{next}, {next}};
      }, options);
  return {result.outputs[0], result.last[0]};
}

}  // namespace volute
