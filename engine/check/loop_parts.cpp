// Parts about loops over time, random numbers, and products in 16 bits.
#include <cmath>

#include <volute/reference.hpp>
#include <volute/volute.hpp>

#include "engine/check/combinations.hpp"
#include "engine/check/half.hpp"
#include "engine/check/long_loops.hpp"
#include "engine/check/loops.hpp"
#include "engine/check/parts.hpp"
#include "engine/graph/build.hpp"

namespace volute::check {
namespace {

/// Every row on the device's own family of products, some on the other.
void check_loops(const Scene& scene, const std::string& family) {
  const std::vector<LoopRow> rows = loop_rows();
  const std::string& own = scene.device.data()->target.matmul;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!scene.thorough && i % (family == own ? 3 : 8) != 1) continue;
    const auto scope = scene.findings.begin(rows[i].name);
    check_ways(scene.device, rows[i], family.c_str(), family == "texel", scene.findings);
  }
}

void check_long(const Scene& scene) {
  {
    const auto scope = scene.findings.begin("LSTM of 700 steps");
    check_long_walk(scene.device, scene.findings);
  }
  if (scene.thorough) {
    const auto scope = scene.findings.begin("timed choice");
    check_timed_choice(scene.device, scene.device.data()->target.matmul.c_str(), scene.findings);
  }
  check_long_loops(scene.device, scene.findings);
}

/// pcg4d of (texel, 1, step, 77), as its authors' code gives it, in units of 2^-24.
constexpr std::uint32_t known[2][8] = {
    {14140551, 10704202, 6561947, 7894161, 8105433, 12845820, 3078426, 10993537},      // step 0
    {4320755, 2866655, 15014236, 10076333, 11169185, 8189092, 15858445, 15434703}};    // step 2

void check_random(const Scene& scene) {
  Graph g;
  const Tensor few = random_like(g.full({8}, 0)), many = random_like(g.full({65, 127}, 0));
  const Tensor kept = dropout(g.full({65, 127}, 1), 0.5f);
  Program program = compile_program(scene.device.data(), g, Targets{few, many, kept});
  program.seed(77);
  Reference reference;
  reference.seed(77);
  for (std::uint32_t step = 0; step < 3; ++step) {
    const auto scope = scene.findings.begin("step " + std::to_string(step));
    program.run();
    reference.step(step);
    const auto want = reference.evaluate({many, kept});
    scene.findings.expect(widen(program.read(many)) == want[0], "numbers are not the reference's");
    scene.findings.expect(widen(program.read(kept)) == want[1], "dropout is not the reference's");
    if (step == 1) continue;
    const auto values = program.read(few);
    for (std::size_t i = 0; i < values.size(); ++i)
      scene.findings.expect(values[i] == static_cast<float>(known[step / 2][i]) * 0x1p-24f,
                            "number " + std::to_string(i) + " is not the generator's");
  }
}

void check_rounding(const Scene& scene) {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    const auto scope = scene.findings.begin(name_of(dtype));
    Graph g;
    const Tensor x = g.input("x", {std::size(roundings)}), y = to_f32(to_half(x, dtype));
    Program program = compile_program(scene.device.data(), g, y);
    std::vector<float> from, want;
    for (const Rounding& r : roundings) {
      from.push_back(r.from);
      want.push_back(dtype == DType::f16 ? r.f16 : r.bf16);
    }
    program.run({{x, from}});
    scene.findings.expect(std::ranges::equal(program.read(y), want, same_value),
                          "values are not rounded to nearest, ties to even");
  }
}

void check_precision(const Scene& scene, Precision precision) {
  for (std::uint32_t number = 1000; number < (scene.thorough ? 1024u : 1002u); ++number) {
    const Setting setting = combination(number);
    const auto scope = scene.findings.begin(setting.note);
    check_rounded_gradients(scene.device, setting, number, precision, scene.findings);
  }
}

}  // namespace

std::vector<Part> loop_parts(const Device& device) {
  const std::string own = device.data()->target.matmul, other = own == "texel" ? "shared" : "texel";
  return {{"loops: " + own + " products", [=](const Scene& s) { check_loops(s, own); }},
          {"loops: " + other + " products", [=](const Scene& s) { check_loops(s, other); }},
          {"loops: beyond 65,535 rounds", check_long}};
}

std::vector<Part> random_parts() { return {{"random numbers", check_random}}; }

std::vector<Part> rounding_parts() {
  return {{"16 bits: rounding", check_rounding},
          {"16 bits: layers in f16", [](const Scene& s) { check_precision(s, Precision::f16); }},
          {"16 bits: layers in bf16", [](const Scene& s) { check_precision(s, Precision::bf16); }}};
}

}  // namespace volute::check
