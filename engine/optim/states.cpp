// An optimiser's states as parameters, which programs share.
// Invariant: a name stands for one shape, so programs that number their parameters differently are refused.

#include <volute/optim.hpp>

namespace volute {

struct OptimizerStates::Data {
  std::vector<Parameter> parameters;
  std::vector<float> initial;
};

OptimizerStates::OptimizerStates() : data_(std::make_shared<Data>()) {}

const std::vector<Parameter>& OptimizerStates::parameters() const { return data_->parameters; }

void OptimizerStates::reset() {
  for (std::size_t i = 0; i < data_->parameters.size(); ++i) {
    Parameter& parameter = data_->parameters[i];
    parameter.set(std::vector<float>(static_cast<std::size_t>(parameter.shape().elements()), data_->initial[i]));
  }
}

Parameter OptimizerStates::get(const std::string& name, const Shape& shape, float initial) {
  for (const Parameter& parameter : data_->parameters) {
    if (parameter.name() != name) continue;
    if (parameter.shape() == shape) return parameter;
    throw InvalidGraph("optimizer states: \"" + name + "\" has shape " + parameter.shape().str() + ", not " +
                       shape.str());
  }
  data_->parameters.emplace_back(name, shape, std::vector<float>(static_cast<std::size_t>(shape.elements()), initial));
  data_->initial.push_back(initial);
  return data_->parameters.back();
}

}  // namespace volute
