// See product.hpp. Invariant: timing chooses among variants that give the same bits; splits are never timed.

#include "engine/compile/product.hpp"

namespace volute {
namespace {

// Below, a product takes no longer than its dispatch.
constexpr double kWorthTiming = 1e6;

/// What decides how fast the variants are, in words.
std::string key_of(const Dispatch& dispatch, const MatrixOperand& a, const MatrixOperand& b, std::int64_t splits,
                   const KernelTarget& target) {
  std::string key = dispatch.label + (a.transposed ? " t" : " n") + (b.transposed ? "t " : "n ") + target.matmul;
  if (splits > 1) key += ", " + std::to_string(splits) + " parts";
  for (const Binding& binding : dispatch.bindings) key += binding.kind == vk::BindingKind::storage ? " s" : " t";
  return key;
}

}  // namespace

std::vector<Dispatch> product_dispatches(const MatrixOperand& a, const MatrixOperand& b, const View& c,
                                         const KernelTarget& target,
                                         const std::function<const Storage*(std::int64_t)>& scratch, Tuner* tuner) {
  const std::int64_t M = a.view.shape[-2], N = b.view.shape[-1], batches = c.shape.elements() / (M * N);
  const std::int64_t splits = matmul_splits(a, b, target);
  const Storage* parts = splits > 1 ? scratch(splits * M * pad4(N)) : nullptr;
  const auto lowered = [&](const MatmulVariant* variant) {
    if (parts) return split_matmul_dispatches(a, b, c, parts, splits, target, variant);
    return std::vector<Dispatch>{matmul_dispatch(a, b, c, target, variant)};
  };
  std::vector<Dispatch> by_model = lowered(nullptr);
  if (!tuner || by_model[0].flops < kWorthTiming) return by_model;

  const auto variants = matmul_candidates(M, N, batches * splits, target, matmul_form(a, b));
  std::vector<Candidate> candidates;
  for (const MatmulVariant* variant : variants) {
    const std::string name = name_of(*variant) + (variant->shuffle_lanes ? " shuffles" : "");
    Section once;
    once.dispatches = lowered(variant);
    candidates.push_back({name, {once}});
  }
  const Choice choice = tuner->pick(key_of(by_model[0], a, b, splits, target), candidates);
  std::vector<Dispatch> chosen = std::move(candidates[choice.index].sections[0].dispatches);
  if (choice.timed) chosen[0].choice += ", timed";
  return chosen;
}

}  // namespace volute
