// The building blocks of a cell's step; see CellStep. Every option of a recurrent product or an activation is
// applied here, so a cell that uses the blocks has it.

#include "engine/nn/affine.hpp"
#include "engine/nn/recurrent.hpp"

namespace volute::nn {
namespace {

/// Rows [first H, (first + count) H) of a tensor with gates H rows.
Tensor rows_of(Tensor t, int first, int count, int gates) {
  if (count == gates) return t;
  const std::int64_t H = t.dim(0) / gates;
  return slice(t, 0, first * H, (first + count) * H);
}

std::vector<Tensor> sums(std::vector<Tensor> a, const std::vector<Tensor>& b) {
  for (std::size_t k = 0; k < a.size(); ++k) a[k] = a[k] + b[k];
  return a;
}

}  // namespace

CellStep::CellStep(const Data& data) : x(data.x), states(data.states), options(data.options), data_(data) {}

Tensor CellStep::weight(const std::string& name) const {
  const auto found = data_.weights.find(name);
  if (found != data_.weights.end()) return found->second;
  std::string known;
  for (const auto& [key, value] : data_.weights) known += (known.empty() ? "" : ", ") + key;
  throw InvalidGraph(data_.cell.name + ": the cell has no weight \"" + name + "\"; it has " +
                     (known.empty() ? "none" : known));
}

// The bias joins the whole product, where it is hoisted with it; after a layer norm it joins the parts.
std::vector<Tensor> CellStep::input() const {
  const int gates = data_.cell.gates;
  const bool biased = data_.weights.contains("bias_ih");
  Tensor a = matmul(x, weight("weight_ih"), false, true);  // [N, G H]
  if (!options.layer_norm) return split(biased ? a + weight("bias_ih") : a, 1, gates);
  std::vector<Tensor> parts = layer_norm(split(a, 1, gates), weight("gamma_ih"));  // [N, H] each
  return biased ? sums(parts, split(weight("bias_ih"), 0, gates)) : parts;
}

std::vector<Tensor> CellStep::recurrent() const { return recurrent(0, data_.cell.gates); }

std::vector<Tensor> CellStep::recurrent(int first, int count, Tensor scale) const {
  const int gates = data_.cell.gates;
  if (first < 0 || count < 1 || first + count > gates)
    throw InvalidGraph(data_.cell.name + ": gates " + std::to_string(first) + " to " + std::to_string(first + count) +
                       " of a cell with " + std::to_string(gates));
  const auto rows = [&](const char* name) { return rows_of(weight(name), first, count, gates); };
  Tensor h = scale ? scale * data_.h : data_.h;  // [N, P]
  if (data_.cell.recurrence == Cell::Recurrence::vector) {
    std::vector<Tensor> products;
    for (Tensor u : split(rows("weight_hh"), 0, count)) products.push_back(u * h);  // [N, H]
    return products;
  }
  const bool biased = data_.weights.contains("bias_hh");
  Tensor u = matmul(h, rows("weight_hh"), false, true);  // [N, count H]
  if (!options.layer_norm) return split(biased ? u + rows("bias_hh") : u, 1, count);
  std::vector<Tensor> parts = layer_norm(split(u, 1, count), rows("gamma_hh"));  // [N, H] each
  return biased ? sums(parts, split(rows("bias_hh"), 0, count)) : parts;
}

Tensor CellStep::project(Tensor h) const {
  return options.projection ? matmul(h, weight("weight_hr"), false, true) : h;  // [N, P]
}

Tensor CellStep::activate(Tensor a) const {
  const Activation& f = options.activation.is_standard() ? data_.cell.activation : options.activation;
  return f(clipped(a, options.clip_inputs));
}

Tensor CellStep::gate(Tensor a) const {
  a = clipped(a, options.clip_inputs);
  return options.gate_activation.is_standard() ? sigmoid(a) : options.gate_activation(a);
}

Tensor CellStep::keep(const std::string& name, Tensor value) const {
  data_.kept[name] = value;
  return value;
}

}  // namespace volute::nn
