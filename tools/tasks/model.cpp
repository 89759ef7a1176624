// A config's words made into options of the engine. Which cell has maths for which option the engine knows; what it
// says is pointed at the key.
#include "tools/tasks/model.hpp"

#include "tools/config/schema.hpp"
#include "tools/mistake.hpp"

namespace volute::tool {
namespace {

nn::Activation activation(const std::string& name) {
  using nn::Activation;
  if (name == "identity") return Activation::identity;
  if (name == "tanh") return Activation::tanh;
  if (name == "sigmoid") return Activation::sigmoid;
  if (name == "relu") return Activation::relu;
  if (name == "leaky_relu") return Activation::leaky_relu;
  if (name == "elu") return Activation::elu;
  if (name == "silu") return Activation::silu;
  if (name == "softplus") return Activation::softplus;
  if (name == "softsign") return Activation::softsign;
  if (name == "hard_sigmoid") return Activation::hard_sigmoid;
  return Activation::standard;
}

nn::Merge merge(const std::string& name) {
  if (name == "sum") return nn::Merge::sum;
  if (name == "mul") return nn::Merge::mul;
  return name == "average" ? nn::Merge::average : nn::Merge::concat;
}

nn::Bias bias(const std::string& name) {
  return name == "none" ? nn::Bias::none : name == "single" ? nn::Bias::single : nn::Bias::both;
}

std::optional<nn::Bounds> bounds(const Json& m, const char* key) {
  if (!m.contains(key)) return std::nullopt;
  return nn::Bounds(m[key].get<float>());
}

nn::RecurrentOptions options(const Json& m) {
  nn::RecurrentOptions o;
  o.layers = m["layers"];
  o.dropout = m["dropout"];
  o.variational = m["variational"];
  o.bidirectional = m["bidirectional"];
  o.merge = merge(m["merge"]);
  o.bias = bias(m["bias"]);
  o.peepholes = m["peepholes"];
  o.projection = m["projection"];
  o.coupled = m["coupled"];
  o.reset_after = m["reset_after"];
  o.activation = activation(m["activation"]);
  o.gate_activation = activation(m["gate_activation"]);
  o.output_activation = activation(m["output_activation"]);
  o.clip_inputs = bounds(m, "clip_inputs");
  o.clip_cell = bounds(m, "clip_cell");
  o.clip_state = bounds(m, "clip_state");
  o.layer_norm = m["layer_norm"];
  o.zoneout = m["zoneout"];
  o.zoneout_cell = m["zoneout_cell"];
  o.drop_connect = m["drop_connect"];
  o.recurrent_dropout = m["recurrent_dropout"];
  o.recurrent_variational = m["recurrent_variational"];
  if (m.contains("forget_bias")) o.forget_bias = m["forget_bias"].get<float>();
  o.initialiser = m["initialiser"] == "keras" ? nn::Initialiser::keras : nn::Initialiser::pytorch;
  return o;
}

std::unique_ptr<nn::Recurrent> make_cell(const std::string& cell, std::int64_t inputs, std::int64_t hidden,
                                         const nn::RecurrentOptions& o) {
  if (cell == "gru") return std::make_unique<nn::GRU>(inputs, hidden, o);
  if (cell == "rnn") return std::make_unique<nn::RNN>(inputs, hidden, o);
  if (cell == "indrnn") return std::make_unique<nn::IndRNN>(inputs, hidden, o);
  if (cell == "mingru") return std::make_unique<nn::MinGRU>(inputs, hidden, o);
  if (cell == "minlstm") return std::make_unique<nn::MinLSTM>(inputs, hidden, o);
  return std::make_unique<nn::LSTM>(inputs, hidden, o);
}

/// The cells that take the option alone.
std::string cells_with(const Json& model, const std::string& key) {
  Json alone = Json::object();
  for (const auto& [name, part] : schema_of("model").at("properties").items())
    if (part.contains("default")) alone[name] = part["default"];
  alone[key] = key == "projection" ? Json(1) : model.at(key);
  std::string cells;
  for (const Json& cell : schema_of("model.cell").at("enum")) try {
      make_cell(cell, 1, 2, options(alone));
      cells += (cells.empty() ? "" : ", ") + cell.get<std::string>();
    } catch (const InvalidGraph&) {
    }
  return cells;
}

/// "gru: peepholes has no meaning for this cell" points at model.peepholes.
[[noreturn]] void point_at(const Config& config, const std::string& message) {
  const std::size_t colon = message.find(": ");
  const std::string what = colon == std::string::npos ? message : message.substr(colon + 2);
  const std::string key = what.substr(0, what.find(' '));
  if (!config.model().contains(key)) config.complain("model", message);
  const std::string cell = config.model()["cell"], cells = cells_with(config.model(), key);
  const bool another = !cells.empty() && (", " + cells + ",").find(", " + cell + ",") == std::string::npos;
  config.complain("model." + key, "does not go with cell \"" + cell + "\": " + what +
                                      (another ? "; cells that have it: " + cells : ""));
}

}  // namespace

Model::Model(const Config& config, std::int64_t inputs, std::int64_t outputs, bool embedded)
    : dropout(config.model()["dropout"]) {
  const Json& m = config.model();
  manual_seed(config.training()["seed"]);
  if (m["variational"] && (dropout == 0 || m["layers"] == 1))
    config.complain("model.variational", "has no meaning without dropout and a second layer");
  if (m["recurrent_variational"] && m["recurrent_dropout"] == 0)
    config.complain("model.recurrent_variational", "has no meaning without recurrent_dropout");
  const std::int64_t E = embedded ? m["embedding"].get<std::int64_t>() : inputs;
  try {
    cell = make_cell(m["cell"], E, m["hidden"], options(m));
  } catch (const InvalidGraph& error) {
    point_at(config, error.what());
  }
  config.pointing_at("model", [&] {
    if (embedded) embedding.emplace(inputs, E);
    head.emplace(cell->features(), outputs);
  });
}

Tensor Model::output(Tensor h) const { return (*head)(dropout > 0 ? volute::dropout(h, dropout) : h); }

std::vector<io::Entry> Model::entries() const {
  std::vector<io::Entry> all;
  if (embedding) all.emplace_back("embed", *embedding);
  all.emplace_back(cell->name(), *cell);
  all.emplace_back("head", *head);
  return all;
}

std::vector<Parameter> Model::parameters() const {
  std::vector<Parameter> all;
  for (const io::Entry& part : entries())
    all.insert(all.end(), part.module->parameters().begin(), part.module->parameters().end());
  return all;
}

std::int64_t Model::weights() const {
  std::int64_t count = 0;
  for (const Parameter& parameter : parameters()) count += parameter.shape().elements();
  return count;
}

}  // namespace volute::tool
