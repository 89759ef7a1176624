// Products of looked-up rows: where the table is much smaller than the number of positions, the plan multiplies the
// table, and values, gradients of table and weight agree with the reference all the same.

#include <gtest/gtest.h>

#include "tests/support/gradient_check.hpp"

namespace volute::test {
namespace {

struct Row {
  const char* name;
  std::int64_t V, E, G;
  Shape positions;
  bool by_table;  ///< the forward product is as high as the table
};

const Row rows[] = {
    {"small table", 5, 20, 12, {8, 5}, true},
    {"one axis of positions", 3, 17, 7, {21}, true},
    {"table of one row", 1, 16, 5, {2, 3, 4}, true},
    {"narrow rows: sums after the product", 4, 3, 6, {7, 9}, true},
    {"too many rows", 7, 20, 8, {4, 3}, false},
};

TEST(Lookups, AgreeWithTheReference) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const std::int64_t count = row.positions.elements();
    GradientCheck check;
    const Tensor table = check.leaf("table", {row.V, row.E}), weight = check.leaf("weight", {row.G, row.E});
    auto indices = random_indices(static_cast<std::size_t>(count), 4, static_cast<std::uint32_t>(row.V));
    indices[indices.size() / 2] = static_cast<std::uint32_t>(row.V) + 3;  // means the last row
    const Tensor index = check.indices("index", row.positions, indices);
    const Tensor y = matmul(reshape(embedding(table, index), {count, row.E}), transpose(weight));
    check.check(tanh(y));

    Program program = device().compile(check.graph, y);
    const std::string product = "matmul " + std::to_string(row.V) + "x" + std::to_string(row.G) + "x";
    EXPECT_EQ(program.explain().find(product) != std::string::npos, row.by_table) << program.explain();
  }
}

// The gradient of a product with the table's rows along the depth, whichever side they are on.
TEST(Lookups, SumsOfOuterProducts) {
  GradientCheck check;
  const Tensor table = check.leaf("table", {4, 18}), a = check.leaf("a", {6, 35}), b = check.leaf("b", {35, 6});
  const Tensor index = check.indices("index", {5, 7}, random_indices(35, 6, 4));
  const Tensor looked_up = reshape(embedding(table, index), {35, 18});
  check.check(matmul(a, looked_up) + transpose(matmul(transpose(looked_up), b)));
}

// Axes in another order than the table's rows were looked up in, and part of them.
TEST(Lookups, SeenThroughViews) {
  GradientCheck check;
  const Tensor table = check.leaf("table", {3, 16}), weight = check.leaf("weight", {16, 5});
  const Tensor index = check.indices("index", {9, 4}, random_indices(36, 7, 3));
  const Tensor swapped = transpose(embedding(table, index), {1, 0, 2});                // [4, 9, 16]
  const Tensor part = reshape(slice(swapped, 1, 1, 8), {28, 16});
  check.check(matmul(part, weight));
}

// As many rows as positions: the result has the table's size, and must not be written over it while rows are read.
TEST(Lookups, OfATableThatDies) {
  GradientCheck check;
  const Tensor x = check.leaf("x", {64, 32});
  auto indices = random_indices(64, 8, 64);
  for (std::size_t i = 0; i < 32; ++i) indices[63 - i] = static_cast<std::uint32_t>(i);
  check.check(embedding(tanh(x), check.indices("index", {64}, indices)));
}

}  // namespace
}  // namespace volute::test
