// Operations on tensors. Every function checks shapes and types and throws InvalidGraph naming the
// operation and the shapes. Axes may be negative (from the end). Broadcasting is NumPy's.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <volute/graph.hpp>

namespace volute {

// Pointwise, f32, with broadcasting. ------------------------------------------------------------
VOLUTE_API Tensor operator+(Tensor a, Tensor b);  ///< a + b
VOLUTE_API Tensor operator-(Tensor a, Tensor b);  ///< a - b
VOLUTE_API Tensor operator*(Tensor a, Tensor b);  ///< a b, element by element
VOLUTE_API Tensor operator/(Tensor a, Tensor b);  ///< a / b
VOLUTE_API Tensor operator+(Tensor a, float b);   ///< a + b
VOLUTE_API Tensor operator-(Tensor a, float b);   ///< a - b
VOLUTE_API Tensor operator*(Tensor a, float b);   ///< a b
VOLUTE_API Tensor operator/(Tensor a, float b);   ///< a / b
VOLUTE_API Tensor operator+(float a, Tensor b);   ///< a + b
VOLUTE_API Tensor operator-(float a, Tensor b);   ///< a - b
VOLUTE_API Tensor operator*(float a, Tensor b);   ///< a b
VOLUTE_API Tensor operator/(float a, Tensor b);   ///< a / b
VOLUTE_API Tensor operator-(Tensor a);            ///< -a
VOLUTE_API Tensor maximum(Tensor a, Tensor b);    ///< the larger; the gradient goes there, half to each where equal
VOLUTE_API Tensor minimum(Tensor a, Tensor b);    ///< the smaller; the gradient as for maximum
VOLUTE_API Tensor exp(Tensor a);                  ///< e^a
/// exp(a) - 1 without cancellation near 0.
VOLUTE_API Tensor expm1(Tensor a);
VOLUTE_API Tensor log(Tensor a);   ///< natural logarithm
VOLUTE_API Tensor sqrt(Tensor a);  ///< square root
VOLUTE_API Tensor abs(Tensor a);   ///< absolute value; its gradient at 0 is 0
VOLUTE_API Tensor tanh(Tensor a);  ///< hyperbolic tangent
/// 1 / (1 + exp(-a))
VOLUTE_API Tensor sigmoid(Tensor a);
VOLUTE_API Tensor relu(Tensor a);  ///< max(a, 0); its gradient at 0 is 0
/// 1 where a < b (both f32 or both u32), else 0; f32, no gradient.
VOLUTE_API Tensor less(Tensor a, Tensor b);
/// 1 where a == b (both f32 or both u32), else 0; f32, no gradient.
VOLUTE_API Tensor equal(Tensor a, Tensor b);
/// a where condition is not 0, else b; no gradient for the condition.
VOLUTE_API Tensor where(Tensor condition, Tensor a, Tensor b);
/// u32 to f32 by value.
VOLUTE_API Tensor to_f32(Tensor a);
/// f32 to u32, towards zero; the values must be in [0, 2^32). No gradient.
VOLUTE_API Tensor to_u32(Tensor a);
/// Index of the largest element of the last axis, the first of equals. a [..., V] -> [...] u32.
VOLUTE_API Tensor argmax(Tensor a);
/// The value of a; its gradient is 0.
VOLUTE_API Tensor stop_gradient(Tensor a);

// Reductions. An empty list of axes means all of them. --------------------------------------------
VOLUTE_API Tensor sum(Tensor a, std::vector<int> axes = {}, bool keepdims = false);   ///< sum over the axes
VOLUTE_API Tensor mean(Tensor a, std::vector<int> axes = {}, bool keepdims = false);  ///< mean over the axes
/// The gradient is shared equally among tied maxima.
VOLUTE_API Tensor max(Tensor a, std::vector<int> axes = {}, bool keepdims = false);
VOLUTE_API Tensor softmax(Tensor a, int axis = -1);      ///< exp(a) / sum exp(a)
VOLUTE_API Tensor log_softmax(Tensor a, int axis = -1);  ///< log softmax(a) without overflow

// Shape. --------------------------------------------------------------------------------------------
/// Same elements in row-major order; one extent may be -1.
VOLUTE_API Tensor reshape(Tensor a, Shape shape);
/// Axes in the given order; without one, the last two are swapped.
VOLUTE_API Tensor transpose(Tensor a, std::vector<int> order = {});
/// Elements begin..end-1 of one axis. Negative bounds count from the end.
VOLUTE_API Tensor slice(Tensor a, int axis, std::int64_t begin, std::int64_t end);
VOLUTE_API Tensor concat(const std::vector<Tensor>& parts, int axis);  ///< one after the other along one axis
/// Equal parts of one axis. Throws InvalidGraph if `count` does not divide it.
VOLUTE_API std::vector<Tensor> split(Tensor a, int axis, int count);
VOLUTE_API Tensor broadcast_to(Tensor a, Shape shape);  ///< NumPy's rules

// Products and lookups. -------------------------------------------------------------------------------
/// a [..., M, K] (K, M if transpose_a) times b [..., K, N] (N, K if transpose_b) -> [..., M, N].
/// Leading axes broadcast. keep_f32: it and its gradients are taken in f32 whatever the program's Precision, for
/// products that pick or count rather than mix.
VOLUTE_API Tensor matmul(Tensor a, Tensor b, bool transpose_a = false, bool transpose_b = false, bool keep_f32 = false);
/// Rows of table [V, E] for indices [...] u32 -> [..., E]. Indices beyond V-1 read row V-1. Of a table much smaller
/// than the number of indices, rows nobody looks up may enter gradients of products with weight 0: keep them finite.
VOLUTE_API Tensor embedding(Tensor table, Tensor indices);
/// out [rows, E] with out[indices[i]] += values[i], in ascending i (deterministic).
/// indices [...] u32, values [..., E]; indices beyond rows-1 are dropped.
VOLUTE_API Tensor scatter_add(Tensor indices, Tensor values, std::int64_t rows);

// Ranks. ------------------------------------------------------------------------------------------------
/// The sum of a over the ranks of the program's Communicator, in their order; a itself in a program without one. The
/// same bits on every rank. Outside of scans only. Its gradient is 0: `minimize` averages gradients, not losses.
VOLUTE_API Tensor sum_over_ranks(Tensor a);
VOLUTE_API Tensor mean_over_ranks(Tensor a);  ///< the sum divided by the number of ranks
/// sum_over_ranks(a weight) / sum_over_ranks(weight): of means over so many samples each, that over all. weight []
VOLUTE_API Tensor mean_over_ranks(Tensor a, Tensor weight);

// Random numbers and losses. --------------------------------------------------------------------------
/// Uniform in [0, 1), shaped like a: a function of (seed, step, node, element) alone.
/// Generator: pcg4d, Jarzynski and Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020.
VOLUTE_API Tensor random_like(Tensor a);
/// Zeroes elements with probability p and scales the rest by 1/(1-p); identity in Mode::inference.
VOLUTE_API Tensor dropout(Tensor a, float p);
/// Mean over all targets of -log softmax(logits)[target], nats. logits [..., V], targets [...] u32.
VOLUTE_API Tensor cross_entropy(Tensor logits, Tensor targets);

// Time. -----------------------------------------------------------------------------------------------
/// What a scan body returns: the next states, and outputs to stack over time.
struct ScanStep {
  std::vector<Tensor> states;   ///< of the shapes and types of the initial ones, in their order
  std::vector<Tensor> outputs;  ///< each is stacked over time; may be none
};

/// What a scan gives: outputs stacked [T, ...] in the order of time, and the states after the last step.
struct ScanResult {
  std::vector<Tensor> outputs;  ///< [T, ...], one for each of ScanStep::outputs
  std::vector<Tensor> last;     ///< one for each state
};
/// How a scan walks.
struct ScanOptions {
  bool reverse = false;     ///< walk from T-1 down to 0; outputs keep the index of their step
  std::int64_t length = 0;  ///< T, needed only when there are no xs
  std::shared_ptr<const RecurrentOperator> exported_as = {};  ///< set by layers, for exporters
};
/// A step: xs[i] is sequence i at this step (without its leading T), states as the step finds them.
using ScanBody = std::function<ScanStep(std::span<const Tensor> xs, std::span<const Tensor> states)>;

/// Unrolls `body` over the leading axis T of every tensor in xs. Tensors from outside may be used in
/// the body as they are. Throws InvalidGraph if a state changes its shape or type.
VOLUTE_API ScanResult scan(std::vector<Tensor> xs, std::vector<Tensor> initial, const ScanBody& body,
                           ScanOptions options = {});
/// One sequence, one state: body(x, h) -> h. Returns all states [T, ...] and the last one.
VOLUTE_API std::pair<Tensor, Tensor> scan(Tensor xs, Tensor initial,
                                          const std::function<Tensor(Tensor, Tensor)>& body, ScanOptions options = {});

// Gradients. ------------------------------------------------------------------------------------------
/// d loss / d wrt for each wrt, built from the operations above. loss is a f32 scalar; a tensor the
/// loss does not depend on gets zeros.
VOLUTE_API std::vector<Tensor> gradients(Tensor loss, const std::vector<Tensor>& wrt);

}  // namespace volute
