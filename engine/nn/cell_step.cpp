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

/// u [G H], h [N, H] -> [N, G H]: each gate's part of u times h.
Tensor elementwise(Tensor u, Tensor h, int gates) {
  if (gates == 1) return h * u;
  const std::int64_t N = h.dim(0), H = h.dim(1);
  return reshape(reshape(h, {N, 1, H}) * reshape(u, {gates, H}), {N, gates * H});
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

Tensor CellStep::input() const {
  Tensor a = matmul(x, weight("weight_ih"), false, true);               // [N, G H]
  if (options.layer_norm) a = layer_norm(a, weight("gamma_ih"));        // [N, G H]
  return data_.weights.contains("bias_ih") ? a + weight("bias_ih") : a;  // [N, G H]
}

Tensor CellStep::recurrent() const { return recurrent(0, data_.cell.gates); }

Tensor CellStep::recurrent(int first, int count, Tensor scale) const {
  const int gates = data_.cell.gates;
  if (first < 0 || count < 1 || first + count > gates)
    throw InvalidGraph(data_.cell.name + ": gates " + std::to_string(first) + " to " + std::to_string(first + count) +
                       " of a cell with " + std::to_string(gates));
  Tensor w = rows_of(weight("weight_hh"), first, count, gates);  // [count H, P] or [count H]
  Tensor h = scale ? scale * data_.h : data_.h;                  // [N, P]
  if (data_.cell.recurrence == Cell::Recurrence::vector) return elementwise(w, h, count);
  Tensor u = matmul(h, w, false, true);  // [N, count H]
  if (options.layer_norm) u = layer_norm(u, rows_of(weight("gamma_hh"), first, count, gates));
  return data_.weights.contains("bias_hh") ? u + rows_of(weight("bias_hh"), first, count, gates) : u;
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
