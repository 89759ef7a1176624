// Rows of scan: directions, numbers of states, what bodies may return and read, random numbers over time.
#include "engine/check/table.hpp"

namespace volute::check {
namespace {

const std::int64_t lengths[] = {1, 2, 7, 33};

ScanResult loop(std::vector<Tensor> xs, std::vector<Tensor> states, const ScanBody& body, bool reverse = false) {
  return scan(std::move(xs), std::move(states), body, {.reverse = reverse});
}

/// Outputs, then last states.
std::vector<Tensor> all_of(const ScanResult& result) {
  std::vector<Tensor> all = result.outputs;
  all.insert(all.end(), result.last.begin(), result.last.end());
  return all;
}

// x [T, N, C], h [N, H], w [C, H], u [H, H]
std::vector<Leaves> recurrent_variants() {
  std::vector<Leaves> variants;
  for (std::int64_t T : lengths) variants.push_back({real({T, 3, 5}), real({3, 7}), real({5, 7}), real({7, 7})});
  variants.push_back({real({3, 1, 1}), real({1, 33}), real({1, 33}), between({33, 33}, -0.3f, 0.3f)});
  return variants;
}

// Weights captured from outside, walked in both directions; the second loop reads what the first gave.
Row recurrence() {
  const Build build = [](Inputs in) {
    const Tensor w = in[2], u = in[3];
    const auto body = [&](std::span<const Tensor> x, std::span<const Tensor> h) -> ScanStep {
      const Tensor next = tanh(matmul(x[0], w) + matmul(h[0], u));
      return {{next}, {next}};
    };
    const ScanResult there = loop({in[0]}, {in[1]}, body), back = loop({in[0]}, {there.last[0]}, body, true);
    const Tensor mix =
        scan(there.outputs[0], in[1], [&](Tensor y, Tensor h) { return y * 0.5f + matmul(h, u) * 0.1f; }).first;
    return std::vector{there.outputs[0], there.last[0], back.outputs[0], back.last[0], mix};
  };
  return {"scan", build, recurrent_variants(), 2e-5};  // errors grow over 33 steps, and over the second loop
}

// States that rotate, pass through, are replaced from outside, or by the element itself.
Row moving_states() {
  const Build build = [](Inputs in) {
    const Tensor outside = in[2];
    const auto body = [&](std::span<const Tensor> x, std::span<const Tensor> s) -> ScanStep {
      return {{s[1], s[0] * x[0], s[2], outside, x[0], s[3] + s[4]}, {s[0], s[1] + s[2], s[5]}};
    };
    const std::vector<Tensor> start = {in[1], in[1] * 2.0f, in[1], in[1] - 1.0f, in[1], in[1]};
    std::vector<Tensor> outputs = all_of(loop({in[0]}, start, body));
    for (Tensor t : all_of(loop({in[0]}, start, body, true))) outputs.push_back(t);
    return outputs;
  };
  Row row{"scan_states", build, {}};
  for (std::int64_t T : lengths) row.variants.push_back({positive({T, 7}), real({7}), real({7})});
  row.variants.push_back({positive({3, 1, 33}), real({1, 33}), real({1, 33})});
  return row;
}

// Outputs that are elements, states, constants, tensors from outside, one twice, or free of any state.
Row kinds_of_outputs() {
  const Build build = [](Inputs in) {
    const Tensor w = in[2];
    const auto body = [&](std::span<const Tensor> x, std::span<const Tensor> s) -> ScanStep {
      const Tensor next = s[0] + x[0], free = exp(x[0]) * w;
      return {{next},
              {x[0], s[0], next, next, free, w, graph_of(w).full({3}, 2.0f), sum(next, {-1}), sum(free), next * next}};
    };
    return all_of(loop({in[0]}, {in[1]}, body));
  };
  Row row{"scan_outputs", build, {}};
  for (std::int64_t T : lengths) row.variants.push_back({real({T, 3, 5}), real({3, 5}), real({3, 1})});
  return row;
}

// Scalars and vectors as states, several sequences of different shapes, u32 among them.
Row several_sequences() {
  const Build build = [](Inputs in) {
    const Tensor table = in[3];  // [9, 7]
    const auto body = [&](std::span<const Tensor> x, std::span<const Tensor> s) -> ScanStep {
      const Tensor row = embedding(table, x[1]);  // [3, 7]
      const Tensor total = s[0] + sum(row) * x[2], v = s[1] * 0.5f + max(row, {0});
      return {{total, v}, {total, v, to_f32(x[1]), row * x[0]}};
    };
    std::vector<Tensor> outputs = all_of(loop({in[0], in[1], in[2]}, {sum(in[4]), in[4]}, body));
    for (Tensor t : all_of(loop({in[0], in[1], in[2]}, {sum(in[4]), in[4]}, body, true))) outputs.push_back(t);
    return outputs;
  };
  Row row{"scan_sequences", build, {}};
  for (std::int64_t T : lengths)
    row.variants.push_back({real({T, 7}), indices({T, 3}, 9), real({T}), distinct({9, 7}), real({7})});
  return row;
}

// No sequence at all, and sequences that are views.
Row without_sequences() {
  const Build build = [](Inputs in) {
    const Tensor w = in[1];  // [5, 5]
    const ScanBody grow = [&](std::span<const Tensor>, std::span<const Tensor> s) -> ScanStep {
      const Tensor next = sigmoid(matmul(s[0], w));
      return {{next}, {next}};
    };
    std::vector<Tensor> outputs = all_of(scan({}, {in[0]}, grow, {.reverse = false, .length = 4}));
    const auto keep = [](Tensor x, Tensor h) { return h * 0.5f + x; };
    outputs.push_back(scan(transpose(slice(in[1], 1, 1, 4)), slice(w, 0, 0, 1) * 2.0f, [&](Tensor x, Tensor h) {
                        return keep(reshape(x, {1, 5}), h);
                      }).first);
    outputs.push_back(scan(broadcast_to(in[0], {3, in[0].dim(0), 5}), in[0], keep, {.reverse = true}).first);
    outputs.push_back(scan(slice(w, 0, 1, 4), slice(reshape(w, {-1}), 0, 3, 8), keep).second);
    return outputs;
  };
  return {"scan_views", build, {{real({3, 5}), real({5, 5})}, {real({1, 5}), real({5, 5})}}};
}

// Gates cut from one product, joined again, weights sliced inside: the shapes of an LSTM cell.
Row gates() {
  const Build build = [](Inputs in) {
    const Tensor w = in[2], u = in[3], peep = in[4];  // [C, 3H] [H, 3H] [H]
    const auto body = [&](std::span<const Tensor> x, std::span<const Tensor> s) -> ScanStep {
      const auto a = split(matmul(x[0], w) + matmul(s[0], u), 1, 3);
      const Tensor f = sigmoid(a[0] + peep * s[1]), c = f * s[1] + (1.0f - f) * tanh(a[1]);
      const Tensor h = sigmoid(a[2]) * tanh(c);
      return {{h, c}, {concat({h, f}, -1), h}};
    };
    std::vector<Tensor> outputs = all_of(loop({in[0]}, {in[1], tanh(in[1])}, body));
    for (Tensor t : all_of(loop({in[0]}, {in[1], in[1]}, body, true))) outputs.push_back(t);
    return outputs;
  };
  Row row{"scan_gates", build, {}};
  for (std::int64_t T : lengths)
    row.variants.push_back({real({T, 3, 5}), real({3, 7}), real({5, 21}), real({7, 21}), real({7})});
  return row;
}

// What is done with a state after the step: reductions, products and lookups that can wait for the loop's end.
Row work_behind() {
  const Build build = [](Inputs in) {
    const Tensor w = in[2];  // [5, 3]
    const auto body = [&](std::span<const Tensor> x, std::span<const Tensor> h) -> ScanStep {
      const Tensor next = tanh(h[0] * x[0]), logits = matmul(next, w);
      return {{next}, {softmax(logits), sum(next * next, {0}), transpose(next), reshape(next, {-1}), max(logits)}};
    };
    return all_of(loop({in[0]}, {in[1]}, body));
  };
  Row row{"scan_behind", build, {}};
  for (std::int64_t T : lengths) row.variants.push_back({real({T, 3, 5}), distinct({3, 5}), real({5, 3})});
  return row;
}

// Products and lookups whose operands both change from step to step.
Row stepwise_products() {
  const Build build = [](Inputs in) {
    const auto body = [](std::span<const Tensor> x, std::span<const Tensor> s) -> ScanStep {
      const Tensor attend = softmax(matmul(s[0], x[0], false, true));  // [3, 5]
      const Tensor read = matmul(attend, x[0]);                        // [3, 7]
      const Tensor table = s[1] * 0.5f + scatter_add(x[1], x[0], 4);   // [4, 7]
      return {{tanh(read), table}, {attend, embedding(table, x[1])}};
    };
    return all_of(loop({in[0], in[1]}, {in[2], in[3]}, body));
  };
  Row row{"scan_products", build, {}};
  for (std::int64_t T : {1, 2, 7})
    row.variants.push_back({real({T, 5, 7}), indices({T, 5}, 4), real({3, 7}), real({4, 7})});
  return row;
}

// One mask per step, drawn again on the way back; elementwise states, scalars too.
Row random_over_time() {
  const Build build = [](Inputs in) {
    const auto body = [](std::span<const Tensor> x, std::span<const Tensor> s) -> ScanStep {
      const Tensor next = dropout(s[0] + x[0], 0.25f);
      return {{next}, {next, random_like(x[0]), sum(dropout(x[0], 0.5f), {-1}), dropout(sum(x[0]), 0.5f)}};
    };
    std::vector<Tensor> outputs = all_of(loop({in[0]}, {in[1]}, body));
    for (Tensor t : all_of(loop({in[0]}, {in[1]}, body, true))) outputs.push_back(t);
    return outputs;
  };
  Row row{"scan_random", build, {}};
  for (std::int64_t T : lengths) row.variants.push_back({real({T, 3, 5}), real({3, 5})});
  return row;
}

Row random() {
  const Build build = [](Inputs in) {
    const Tensor half = dropout(in[0], 0.5f);
    return std::vector{random_like(in[0]),
                       half,
                       dropout(in[0], 0.1f),
                       half * half,
                       random_like(transpose(in[0])),
                       dropout(tanh(dropout(in[0], 0.3f)), 0.3f),
                       dropout(in[0], 0.0f)};
  };
  return {"random_dropout", build, {{real({7, 33})}, {real({127, 1})}, {real({3, 1, 65})}}};
}

}  // namespace

std::vector<Row> scan_rows() {
  return {recurrence(), moving_states(), kinds_of_outputs(),  several_sequences(), without_sequences(),
          gates(),      work_behind(),   stepwise_products(), random_over_time(),  random()};
}

}  // namespace volute::check
