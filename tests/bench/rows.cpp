// Sizes: character models from small to large, then DeepBench's training shapes and FlashRNN's.
#include "tests/bench/rows.hpp"

namespace volute::bench {
namespace {

double gates(const std::string& cell) { return cell == "LSTM" ? 4 : cell == "GRU" ? 3 : 1; }

StepRow layer(const char* cell, std::int64_t H, std::int64_t B, std::int64_t T) {
  return {.cell = cell, .H = H, .B = B, .T = T};
}

}  // namespace

std::string StepRow::name() const {
  const auto text = [](std::int64_t n) { return std::to_string(n); };
  if (layer_only()) return "layer " + cell + " " + text(H) + "/" + text(B) + "/" + text(T);
  std::string name = cell;
  for (std::int64_t n : {V, E, H, L, B, T}) name += " " + text(n);
  return name;
}

double StepRow::flops() const {
  const auto d = [](std::int64_t n) { return static_cast<double>(n); };
  double weights = gates(cell) * d(H) * d(H);
  if (!layer_only()) weights = gates(cell) * d(H) * (d(E) + d(H) + 2 * d(H) * d(L - 1)) + d(H) * d(V);
  return 3 * 2 * weights * d(B) * d(T);
}

const std::vector<StepRow>& step_rows() {
  static const std::vector<StepRow> rows = {
      {"LSTM", 96, 64, 128, 1, 32, 64, true},
      {"LSTM", 96, 128, 256, 1, 32, 64},
      {"GRU", 96, 128, 256, 1, 32, 64},
      {"RNN", 96, 128, 256, 1, 32, 64},
      {"LSTM", 96, 128, 512, 2, 64, 128},
      {"GRU", 96, 64, 128, 1, 16, 256, true},
      {"LSTM", 96, 512, 512, 1, 16, 25},
      layer("LSTM", 256, 64, 150),  layer("LSTM", 512, 64, 25),   layer("LSTM", 1024, 128, 25),
      layer("LSTM", 2048, 128, 25), layer("LSTM", 1536, 32, 50),  layer("GRU", 1536, 32, 375),
      layer("GRU", 1024, 64, 1500), layer("RNN", 1760, 64, 50),   layer("LSTM", 768, 16, 1024),
  };
  return rows;
}

}  // namespace volute::bench
