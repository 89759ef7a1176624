// Initial values of parameters, drawn from one generator for the whole process.
// Invariant: after manual_seed(s) the same sequence of calls gives the same values on every platform;
// the distributions are our own because those of <random> differ between standard libraries.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include <volute/graph.hpp>

namespace volute::nn {

/// n values from U(-bound, bound).
std::vector<float> uniform(std::int64_t n, double bound);

/// rows x columns, row-major, with orthonormal columns (orthonormal rows if there are fewer of those).
/// Saxe et al. 2014.
std::vector<float> orthogonal(std::int64_t rows, std::int64_t columns);

/// n values from N(0, 1).
std::vector<float> normal(std::int64_t n);

/// Puts the generator back as it was: for what draws values that are not the user's. The component interchange uses it,
/// hence VOLUTE_API.
class VOLUTE_API KeptGenerator {
 public:
  KeptGenerator();
  ~KeptGenerator();
  KeptGenerator(const KeptGenerator&) = delete;
  KeptGenerator& operator=(const KeptGenerator&) = delete;

 private:
  std::mt19937_64 engine_;
};

}  // namespace volute::nn
