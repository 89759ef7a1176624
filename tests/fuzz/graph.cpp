// Graphs: any sequence of public calls builds a graph or is refused with InvalidGraph; what was built can be
// differentiated, evaluated and planned, or is refused with a typed error there.
#include "tests/fuzz/graph.hpp"

#include <cmath>
#include <limits>

namespace volute::fuzz {

GraphBuilder::GraphBuilder(Input in) : graph(in.flag() ? Mode::inference : Mode::training), in_(in) {
  in_.byte();
  keep(Tensor());
  keep(other_.input("foreign", {2, 3}));
  keep(graph.input("x", {4, 2, 3}));
  keep(graph.input("u", {4, 2}, DType::u32));
  keep(graph.state("h", {2, 3}));
  constexpr int most_steps = 64;
  for (int i = 0; i < most_steps && !in_.empty(); ++i) step();
  if (!targets) targets = Targets(pool.back());
}

void GraphBuilder::step() {
  try {
    switch (in_.below(depth_ > 0 ? 10 : 13)) {
      case 0: return keep(leaf());
      case 1: return keep(unary());
      case 2: case 3: return keep(binary());
      case 4: return keep(reduction());
      case 5: case 6: return keep(view());
      case 7: return keep(product());
      case 8: return loop();
      case 9: return keep(layer());
      case 10: return recurrent();
      case 11: return keep(loss());
      default: return train();
    }
  } catch (const InvalidGraph& error) {
    require(std::string_view(error.what()).size() < 20000, "errors are short");
  }
}

Tensor GraphBuilder::pick() {
  const std::size_t back = in_.byte() % 32;
  return pool[back < pool.size() ? pool.size() - 1 - back : back % pool.size()];
}

std::vector<Tensor> GraphBuilder::picks(std::uint32_t most) {
  std::vector<Tensor> tensors(in_.below(most + 1));
  for (Tensor& tensor : tensors) tensor = pick();
  return tensors;
}

std::int64_t GraphBuilder::extent() {
  constexpr std::int64_t far = std::numeric_limits<std::int64_t>::max();
  constexpr std::array<std::int64_t, 16> strange = {
      0, -1, -2, 64, 65535, 65536, (1ll << 31) - 1, 1ll << 31, (1ll << 32) + 1, 1ll << 40, 1ll << 62, far, -far, -far - 1,
      1 << 20, 1000};
  const std::uint32_t choice = in_.byte();
  return choice < 232 ? 1 + choice % 8 : strange[choice % 16];
}

std::vector<int> GraphBuilder::axes() {
  std::vector<int> all(in_.below(4));
  for (int& each : all) each = axis();
  return all;
}

float GraphBuilder::value() {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr std::array<float, 12> values = {0, 1, -1, 0.5f, 2, 1e-3f, -0.0f, 1e30f, -1e-40f, infinity, -infinity, NAN};
  const std::uint32_t choice = in_.byte();
  return choice < 200 ? values[choice % 6] : values[choice % 12];
}

Shape GraphBuilder::shape() {
  const std::uint32_t choice = in_.byte();
  std::vector<std::int64_t> dims(choice < 240 ? choice % 5 : choice);
  for (std::int64_t& each : dims) each = choice < 240 ? extent() : 1;
  return Shape(std::move(dims));
}

std::string GraphBuilder::name() {
  constexpr std::array names = {"x", "u", "seed", "step", "lr", "", "finite", "a", "b", "h.0", "loss_scale", "h"};
  return names[in_.below(names.size())];
}

Parameter GraphBuilder::parameter() {
  if (!parameters_.empty() && in_.flag()) return parameters_[in_.below(static_cast<std::uint32_t>(parameters_.size()))];
  const Shape asked = shape();
  constexpr std::int64_t most = 4096;
  const std::int64_t count = asked.elements();
  parameters_.emplace_back("p", asked, std::vector<float>(static_cast<std::size_t>(std::min(count, most)), value()));
  return parameters_.back();
}

}  // namespace volute::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  volute::manual_seed(1);
  volute::fuzz::Input in(data, size);
  const auto sweeping = in.number<std::array<std::uint8_t, 4>>();
  volute::fuzz::GraphBuilder built(in);
  volute::fuzz::sweep(built, {sweeping.data(), sweeping.size()});
  return 0;
}
