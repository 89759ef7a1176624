// See follower.hpp.
#include "engine/check/follower.hpp"

#include <bit>

namespace volute::check {

Follower::Follower(const Device& device, const Graph& graph, Targets targets, std::vector<Tensor> inputs,
                   std::vector<Parameter> parameters, const CompileOptions& options)
    : graph_(graph), targets_(std::move(targets)), inputs_(std::move(inputs)), parameters_(std::move(parameters)) {
  for (const auto& [data, node] : graph.data()->parameters) reference_.set(Tensor(node), widen(data->host));
  reference_.precision(targets_.precision);
  program_ = std::make_unique<Program>(compile_program(device.data(), graph, targets_, options));
  updates_ = targets_.updates;
  const auto& states = program_->data().states;  // those of the graph that the targets need
  for (const Update& update : graph.data()->carried)
    if (update.target.node()->op == Op::parameter || states.contains(label(update.target))) updates_.push_back(update);
}

void Follower::runs(int count, double tolerance, Findings& findings) {
  for (int i = 0; i < count; ++i, ++step_) {
    const auto scope = findings.within("run " + std::to_string(step_));
    run(tolerance, findings);
  }
  if (program_->data().guard_bytes)
    findings.expect(guards_intact(*program_), "memory between storages was written to");
}

void Follower::run(double tolerance, Findings& findings) {
  std::vector<std::vector<float>> values;
  for (const Tensor& input : inputs_)
    values.push_back(random_values(static_cast<std::size_t>(input.shape().elements()), 50 + step_));
  std::vector<Feed> feeds;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    feeds.emplace_back(inputs_[i], values[i]);
    reference_.set(inputs_[i], widen(values[i]));
  }
  reference_.step(step_);
  std::vector<Tensor> wanted = targets_.outputs;
  for (const Update& update : updates_) wanted.push_back(update.value);
  const auto expected = reference_.evaluate(wanted);
  program_->run(feeds);
  const std::size_t outputs = targets_.outputs.size();
  for (std::size_t i = 0; i < outputs; ++i)
    findings.close("output " + std::to_string(i), read(targets_.outputs[i]), expected[i], tolerance, tolerance);
  for (std::size_t i = 0; i < updates_.size(); ++i) {
    const Tensor target = updates_[i].target;
    findings.close(label(target), stored(target), expected[outputs + i], tolerance, tolerance);
    reference_.set(target, expected[outputs + i]);
  }
}

std::vector<double> Follower::read(Tensor output) {
  return output.dtype() == DType::f32 ? widen(program_->read(output)) : widen(program_->read_u32(output));
}

std::vector<double> Follower::stored(Tensor target) {
  const Node* node = target.node();
  if (node->op == Op::parameter) {
    for (const Parameter& p : parameters_)
      if (p.data() == node->parameter) return widen(p.values());
    throw InvalidGraph("the follower was not given parameter " + node->name);
  }
  if (node->dtype == DType::f32) return widen(program_->read_state(node->name));
  std::vector<double> words;
  for (float v : program_->read_state(node->name)) words.push_back(std::bit_cast<std::uint32_t>(v));
  return words;
}

}  // namespace volute::check
