// Which nodes an export needs, and which loops it can write as operators.
// Invariant: a loop becomes an operator only if every result of it that is needed is one the operator has: the outputs
// of all steps and the last states.
#include "engine/interchange/onnx_exporter.hpp"

namespace volute::onnx {
namespace {

bool is_result(const Node* node) { return node->op == Op::stack || node->op == Op::last; }

bool has_operator(nn::Activation::Function function) { return function != nn::Activation::silu; }

/// ONNX says that clip bounds what every activation is applied to; ONNX Runtime leaves out LSTM's last, and so the
/// operator would not give what the graph gives.
bool has_operator(const RecurrentOperator& made) {
  if (made.kind == nn::Cell::Kind::lstm && made.clip) return false;
  return has_operator(made.candidate) && has_operator(made.gate) && has_operator(made.output);
}

}  // namespace

void Exporter::push_inputs(const Node* node, std::vector<const Node*>& pending) const {
  const auto push = [&](Tensor tensor) {
    if (tensor) pending.push_back(tensor.node());
  };
  pending.insert(pending.end(), node->inputs.begin(), node->inputs.end());
  if (node->op == Op::state)
    for (const Update& update : graph_->carried)
      if (update.target.node() == node) push(update.value);
  if (is_result(node)) pending.push_back(node->scan->node);
  const RecurrentOperator* made = node->scan ? node->scan->exported_as.get() : nullptr;
  const bool as_operator = made && operators_.contains(made);
  if (node->op == Op::stack && !as_operator) pending.push_back(node->body);
  if (node->op != Op::scan) return;
  if (!as_operator) {
    pending.insert(pending.end(), node->scan->next.begin(), node->scan->next.end());
    pending.insert(pending.end(), node->scan->carries.begin(), node->scan->carries.end());
    return;
  }
  push(made->x);
  push(made->lengths);
  for (const auto& [key, weight] : made->weights) push(weight);
  for (const Tensor start : made->start) push(start);
}

std::unordered_set<const Node*> Exporter::reached_from(std::vector<const Node*> pending) const {
  std::unordered_set<const Node*> reached;
  while (!pending.empty()) {
    const Node* node = pending.back();
    pending.pop_back();
    if (reached.insert(node).second) push_inputs(node, pending);
  }
  return reached;
}

void Exporter::choose_operators(const std::unordered_set<const Node*>& reached) {
  std::unordered_map<const Scan*, bool> fits;
  for (const Node* node : reached) {
    if (node->op != Op::scan && !is_result(node)) continue;
    const RecurrentOperator* made = node->scan->exported_as.get();
    if (!made || !has_operator(*made)) continue;
    bool& fit = fits.try_emplace(node->scan, true).first->second;
    if (node->op == Op::stack && node->body != made->outputs.node()->body) fit = false;
  }
  for (const auto& [scan, fit] : fits)
    if (fit) operators_[scan->exported_as.get()] = scan;
}

void Exporter::reach() {
  std::vector<const Node*> roots;
  for (const Output& output : outputs_) roots.push_back(output.value.node());
  needed_ = reached_from(roots);
  if (options_.operators) {
    choose_operators(needed_);
    needed_ = reached_from(roots);
    // Operators that were reached through bodies alone are not needed.
    std::erase_if(operators_, [&](const auto& entry) { return !needed_.contains(entry.second->node); });
  }
  for (const Node* node : needed_)
    if (is_result(node)) results_[node->scan].push_back(node);
}

}  // namespace volute::onnx
