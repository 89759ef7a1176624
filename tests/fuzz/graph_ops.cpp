// Calls of graph.hpp and ops.hpp with arguments from bytes.
#include "tests/fuzz/graph.hpp"

namespace volute::fuzz {

Tensor GraphBuilder::leaf() {
  switch (in_.below(9)) {
    case 0: return graph.input(name(), shape(), static_cast<DType>(in_.below(4)));
    case 1: return graph.scalar(name(), value());
    case 2: return graph.parameter(parameter());
    case 3: return graph.state(name(), shape(), value(), static_cast<DType>(in_.below(4)));
    case 4: return graph.full(shape(), value());
    case 5: return graph.full_u32(shape(), in_.number<std::uint32_t>());
    case 6: return graph.iota(extent());
    case 7: return graph.step();
    default: graph.carry(pick(), pick()); return pick();
  }
}

Tensor GraphBuilder::unary() {
  const Tensor a = pick();
  switch (in_.below(17)) {
    case 0: return -a;
    case 1: return exp(a);
    case 2: return expm1(a);
    case 3: return log(a);
    case 4: return sqrt(a);
    case 5: return abs(a);
    case 6: return tanh(a);
    case 7: return sigmoid(a);
    case 8: return relu(a);
    case 9: return to_f32(a);
    case 10: return to_u32(a);
    case 11: return argmax(a);
    case 12: return stop_gradient(a);
    case 13: return random_like(a);
    case 14: return dropout(a, value());
    case 15: return softmax(a, axis());
    default: return log_softmax(a, axis());
  }
}

Tensor GraphBuilder::binary() {
  const Tensor a = pick();
  switch (in_.below(13)) {
    case 0: return a + pick();
    case 1: return a - pick();
    case 2: return a * pick();
    case 3: return a / pick();
    case 4: return a + value();
    case 5: return value() - a;
    case 6: return a * value();
    case 7: return value() / a;
    case 8: return maximum(a, pick());
    case 9: return minimum(a, pick());
    case 10: return less(a, pick());
    case 11: return equal(a, pick());
    default: return where(a, pick(), pick());
  }
}

Tensor GraphBuilder::reduction() {
  const Tensor a = pick();
  const bool keepdims = in_.flag();
  switch (in_.below(3)) {
    case 0: return sum(a, axes(), keepdims);
    case 1: return mean(a, axes(), keepdims);
    default: return max(a, axes(), keepdims);
  }
}

Tensor GraphBuilder::view() {
  const Tensor a = pick();
  switch (in_.below(6)) {
    case 0: return reshape(a, shape());
    case 1: return transpose(a, axes());
    case 2: return slice(a, axis(), in_.flag() ? extent() : in_.below(4), extent());
    case 3: return concat(picks(4), axis());
    case 4:
      keep(split(a, axis(), static_cast<int>(in_.below(8)) - 1));
      return pick();
    default: return broadcast_to(a, shape());
  }
}

Tensor GraphBuilder::product() {
  const Tensor a = pick();
  switch (in_.below(4)) {
    case 0: return embedding(a, pick());
    case 1: return scatter_add(a, pick(), extent());
    default: {
      const std::uint8_t options = in_.byte();
      return matmul(a, pick(), options & 1, options & 2, options & 4);
    }
  }
}

/// A body is a few steps of its own. What it made stays in the pool: tensors that must not leave it do so here.
void GraphBuilder::loop() {
  const std::vector<Tensor> xs = picks(3), initial = picks(2);
  const ScanOptions options{in_.flag(), in_.flag() ? extent() : 0};
  const ScanResult result = scan(xs, initial, [&](std::span<const Tensor> x, std::span<const Tensor> states) {
    ++depth_;
    pool.insert(pool.end(), x.begin(), x.end());
    pool.insert(pool.end(), states.begin(), states.end());
    for (std::uint32_t i = in_.below(6); i > 0; --i) step();
    --depth_;
    ScanStep step;
    for (const Tensor& state : states) step.states.push_back(in_.flag() ? state : pick());
    step.outputs = picks(2);
    return step;
  }, options);
  keep(result.outputs);
  keep(result.last);
}

}  // namespace volute::fuzz
