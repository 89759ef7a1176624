// Truncated BPTT over overlapping windows.
// Invariant: the carried states are values of step k1 of the window, so the next window starts where this
// one began, k1 steps later, and nothing of the gradient passes from one to the other.

#include <volute/optim.hpp>

namespace volute {

Tensor tbptt(Graph graph, const std::string& name, Tensor xs, std::int64_t k1, const std::vector<Shape>& states,
             const Unroll& unroll) {
  if (!xs || xs.rank() < 1) throw InvalidGraph("tbptt: xs must be a window [k2, ...]");
  const std::int64_t k2 = xs.dim(0);
  if (k1 < 1 || k1 > k2)
    throw InvalidGraph("tbptt: k1 must be 1 to k2, the length of the window, got k1 " + std::to_string(k1) +
                       " and xs " + xs.shape().str());
  std::vector<Tensor> initial;
  for (std::size_t i = 0; i < states.size(); ++i)
    initial.push_back(graph.state(name + "." + std::to_string(i), states[i]));
  const Unrolled first = unroll(k1 == k2 ? xs : slice(xs, 0, 0, k1), initial);  // steps 0 .. k1-1
  if (first.last.size() != initial.size())
    throw InvalidGraph("tbptt: unroll returned " + std::to_string(first.last.size()) + " last states; got " +
                       std::to_string(initial.size()) + " shapes");
  for (std::size_t i = 0; i < initial.size(); ++i) graph.carry(initial[i], first.last[i]);
  if (k1 == k2) return first.outputs;
  const Unrolled rest = unroll(slice(xs, 0, k1, k2), first.last);  // steps k1 .. k2-1
  const std::int64_t length = rest.outputs.dim(0);
  if (length >= k1) return length == k1 ? rest.outputs : slice(rest.outputs, 0, length - k1, length);
  return concat({slice(first.outputs, 0, length, k1), rest.outputs}, 0);  // [k1, ...]
}

}  // namespace volute
