// Every row of the operations table: gradients against finite differences, and the device against the
// float64 reference, in each way kernels may reach memory.
// Invariant: an operation without a row fails.
#include <set>

#include <gtest/gtest.h>

#include "engine/check/case.hpp"
#include "tests/support/device.hpp"
#include "tests/support/findings.hpp"

namespace volute::test {
namespace {

using check::Case;
using check::Findings;
using check::operations_table;
using check::Row;

class Operations : public ::testing::TestWithParam<std::size_t> {
 protected:
  template <class Check>
  void each(const Check& check, std::size_t stride = 1) const {
    const Row& row = operations_table()[GetParam()];
    for (std::size_t v = 0; v < row.variants.size(); v += stride) {
      const Case c(row.build, row.variants[v], static_cast<std::uint32_t>(1000 * (v + 1)));
      SCOPED_TRACE(row.name + " of " + c.shapes());
      expect_nothing_found([&](Findings& findings) { check(c, row.tolerance, findings); });
    }
  }
  void on_device(const CompileOptions& options, std::size_t stride = 1) const {
    each([&](const Case& c, double tolerance, Findings& findings) {
           c.check_device(device(), options, tolerance, findings);
         },
         stride);
  }
};

TEST_P(Operations, GradientsMatchFiniteDifferences) {
  each([](const Case& c, double, Findings& findings) { c.check_gradients(findings); });
}

// As on CPUs.
TEST_P(Operations, TexelLoadsMatchReference) {
  on_device({.matmul = "texel", .texel_loads = true});
}

// As on GPUs: every row, at every other combination of shapes, since what differs is only how a texel is loaded
// and each combination costs the driver's compiler up to a second.
TEST_P(Operations, StorageLoadsMatchReference) {
  on_device({.matmul = "shared", .texel_loads = false}, 2);
}

// As where a result is longer than a storage buffer may be: here, all are. Every row, at its first shapes.
TEST_P(Operations, ImageStoresMatchReference) {
  on_device({.texel_loads = true, .max_storage_range = 1}, 1000);
}

std::vector<std::size_t> all_rows() {
  std::vector<std::size_t> rows(operations_table().size());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = i;
  return rows;
}

INSTANTIATE_TEST_SUITE_P(Table, Operations, ::testing::ValuesIn(all_rows()),
                         [](const auto& row) { return operations_table()[row.param].name; });

TEST(OperationsTable, HasEveryOperation) {
  std::set<Op> seen;
  for (const Row& row : operations_table()) {
    const Case c(row.build, row.variants.at(0), 1);
    for (const Node& node : c.graph().data()->nodes) seen.insert(node.op);
  }
  // Copies are the compiler's own; parameters are values a row cannot feed: programs_test.cpp has them. Differences do
  // not show the gradient of rounding: half_test.cpp has it. Sums over ranks need several: unit/ranks_test.cpp.
  const std::set<Op> elsewhere = {Op::copy, Op::parameter, Op::to_f16, Op::to_bf16, Op::sum_over_ranks};
  for (int op = 0; op <= static_cast<int>(Op::carry); ++op)
    EXPECT_TRUE(seen.contains(static_cast<Op>(op)) || elsewhere.contains(static_cast<Op>(op)))
        << name_of(static_cast<Op>(op)) << " is in no row of the operations table";
}

}  // namespace
}  // namespace volute::test
