// One row at one combination of shapes: a graph with a loss, values for its inputs, and the checks.
// Invariant: all values follow from the row's position in the table, so a failure repeats.
#pragma once

#include <variant>

#include <volute/reference.hpp>

#include "engine/compile/program_data.hpp"
#include "engine/check/findings.hpp"
#include "engine/check/table.hpp"

namespace volute::check {

class Case {
 public:
  Case(const Build& build, const Leaves& leaves, std::uint32_t seed);

  /// The reference's gradients against central differences of its own loss.
  void check_gradients(Findings& findings) const;
  /// A compiled program's outputs and gradients against the reference, in memory of their own between guards
  /// and in shared memory; the same bits at every run; padding is zero.
  void check_device(const Device& device, CompileOptions options, double tolerance, Findings& findings) const;

  const Graph& graph() const { return graph_; }
  /// "[7, 33] [33]"
  std::string shapes() const;

 private:
  using Words = std::vector<std::uint32_t>;
  using Feedable = std::variant<std::vector<float>, std::vector<std::uint32_t>>;

  void add_loss(std::uint32_t seed);
  std::vector<Words> run(Program& program, const std::vector<Tensor>& wanted) const;
  double slope(const std::vector<Tensor>& loss, std::size_t leaf, const std::vector<double>& direction) const;
  void check_leaf(std::size_t leaf, const std::vector<double>& gradient, Findings& findings) const;

  Graph graph_;
  Leaves leaves_;
  std::vector<Tensor> inputs_;
  std::vector<Feedable> values_;
  std::vector<Tensor> outputs_;
  Tensor loss_;                    ///< sum of outputs times fixed random factors; none without f32 outputs
  std::vector<std::size_t> wrt_;   ///< leaves that are differentiated
  std::vector<Tensor> gradients_;  ///< in the order of wrt_
  Reference reference_;
};

}  // namespace volute::check
