// Counter-based random numbers: a function of (seed, step, node key, time, element), never of scheduling.
// Generator: pcg4d, Jarzynski and Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020.
// Invariant: one hash gives the four lanes of a texel of the padded layout, as in shaders/lib/random.glsl.

#include <array>

#include "engine/graph/build.hpp"
#include "engine/graph/operation.hpp"

namespace volute {
namespace {

using Word4 = std::array<std::uint32_t, 4>;

void mix(Word4& v) {
  v[0] += v[1] * v[3];
  v[1] += v[2] * v[0];
  v[2] += v[0] * v[1];
  v[3] += v[1] * v[2];
}

Word4 pcg4d(Word4 v) {
  for (auto& x : v) x = x * 1664525u + 1013904223u;
  mix(v);
  for (auto& x : v) x ^= x >> 16;
  mix(v);
  return v;
}

}  // namespace

double random_value(const Shape& shape, std::int64_t index, std::uint32_t t, std::uint32_t key, std::uint32_t step,
                    std::uint32_t seed) {
  const std::int64_t width = shape.rank() ? shape[-1] : 1;
  const std::int64_t texels_per_row = (width + 3) / 4;
  const std::int64_t texel = index / width * texels_per_row + index % width / 4;
  const std::int64_t texels = shape.elements() / width * texels_per_row;
  const Word4 hash = pcg4d({static_cast<std::uint32_t>(t * texels + texel), key, step, seed});
  return (hash[index % width % 4] >> 8) * 0x1p-24;
}

Tensor random_like(Tensor a) {
  require_tensors("random_like", std::span<const Tensor>(&a, 1));
  GraphData* graph = a.node()->graph;
  const std::int64_t key = ++graph->random_keys;
  return add_node(Op::random, {seed_of(graph), step_of(graph)}, a.shape(), DType::f32,
                  {.ints = {key}, .scope = a.node()->scope});
}

Tensor dropout(Tensor a, float p) {
  require_f32("dropout", {a});
  if (!(p >= 0.0f && p < 1.0f)) invalid("dropout", "the probability must be in [0, 1); got " + std::to_string(p), {a});
  if (p == 0.0f || a.node()->graph->mode == Mode::inference) return a;
  const Tensor drop = less(random_like(a), constant_like(a, p));
  return a * ((1.0f - drop) * constant_like(a, 1.0 / (1.0 - static_cast<double>(p))));
}

}  // namespace volute
