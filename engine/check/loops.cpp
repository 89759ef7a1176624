// See loops.hpp.
#include "engine/check/loops.hpp"

namespace volute::check {

// Odd sizes on purpose: rows beyond tiles, gates that do not start on texels, columns beyond lanes.
std::vector<LoopRow> loop_rows() {
  using enum CellKind;
  return {
      {"LSTM", {.kind = lstm, .T = 5, .N = 9, .I = 3, .H = 20}},
      {"LSTM, gates off texels", {.kind = lstm, .T = 4, .N = 5, .I = 3, .H = 7}},
      {"LSTM, one row", {.kind = lstm, .T = 3, .N = 1, .I = 2, .H = 4}},
      {"LSTM, one step", {.kind = lstm, .T = 1, .N = 3, .I = 2, .H = 8}},
      {"LSTM, two steps", {.kind = lstm, .T = 2, .N = 3, .I = 2, .H = 8}},
      {"LSTM, several tiles", {.kind = lstm, .T = 3, .N = 37, .I = 5, .H = 68}},
      {"LSTM reverse", {.kind = lstm, .options = {.reverse = true}, .T = 5, .N = 3, .I = 3, .H = 12}},
      {"LSTM lengths, states fed",
       {.kind = lstm, .masking = Masking::lengths, .start = Start::fed, .T = 6, .N = 4, .I = 3, .H = 12}},
      {"LSTM bidirectional, two layers",
       {.kind = lstm, .options = {.layers = 2, .bidirectional = true}, .T = 4, .N = 3, .I = 3, .H = 8}},
      {"LSTM peepholes, zoneout, recurrent dropout",
       {.kind = lstm,
        .options = {.peepholes = true, .zoneout = 0.2f, .recurrent_dropout = 0.3f},
        .T = 5, .N = 6, .I = 3, .H = 12}},
      {"LSTM projection", {.kind = lstm, .options = {.projection = 5}, .T = 4, .N = 6, .I = 3, .H = 12}},
      {"GRU", {.kind = gru, .T = 5, .N = 9, .I = 3, .H = 20}},
      {"GRU reset before", {.kind = gru, .options = {.reset_after = false}, .T = 4, .N = 5, .I = 3, .H = 12}},
      {"GRU, width 1", {.kind = gru, .T = 4, .N = 5, .I = 3, .H = 1}},
      {"RNN", {.kind = rnn, .T = 5, .N = 9, .I = 3, .H = 20}},
      {"RNN relu, reverse",
       {.kind = rnn, .options = {.reverse = true, .activation = nn::Activation::relu}, .T = 5, .N = 2, .I = 3, .H = 6}},
      {"IndRNN", {.kind = indrnn, .T = 5, .N = 9, .I = 3, .H = 20}},
      {"minGRU", {.kind = mingru, .T = 5, .N = 3, .I = 3, .H = 10}},
      {"custom", {.kind = custom, .T = 5, .N = 6, .I = 3, .H = 12}},
      {"LSTM layer norm", {.kind = lstm, .options = {.layer_norm = true}, .T = 3, .N = 4, .I = 3, .H = 8}, false},
  };
}

namespace {

constexpr Scans both_ways[] = {Scans::unrolled, Scans::persistent};

}  // namespace

void check_ways(const Device& device, const LoopRow& row, const char* family, bool texel_loads, Findings& findings) {
  const RecurrentCase layer(row.setting, 11);
  const auto expected = layer.on_reference();
  std::vector<std::vector<float>> first;
  for (const Scans scans : both_ways) {
    const auto scope = findings.within(scans == Scans::unrolled ? "unrolled" : "walked");
    Program program = layer.compile(device, {.guard_bytes = 64, .alias = false, .matmul = family, .scans = scans,
                                             .texel_loads = texel_loads});
    for (const auto& loop : program.stats().loops)
      findings.expect((loop.dispatches_per_step == 0) == (row.walks && scans == Scans::persistent),
                      loop.name + " runs another way than asked for");
    const auto found = layer.run(program);
    findings.expect(guards_intact(program), "memory between storages was written to");
    for (std::size_t k = 0; k < found.size(); ++k)
      findings.close(layer.names()[k], found[k], expected[k], 2e-5, 2e-5);
    if (first.empty()) first = found;
    findings.expect(same_bits(first, found), "other bits than unrolled");
    program.reset();
    findings.expect(same_bits(first, layer.run(program)), "a second run gives other bits");
  }
}

void check_long_walk(const Device& device, Findings& findings) {
  const RecurrentCase layer({.kind = CellKind::lstm, .T = 700, .N = 3, .I = 4, .H = 64}, 5);
  Program unrolled = layer.compile(device, {.scans = Scans::unrolled});
  Program walked = layer.compile(device, {.scans = Scans::persistent});
  for (const auto& loop : walked.stats().loops) {
    findings.expect(loop.dispatches_per_step == 0, loop.name + " is not walked");
    if (device.data()->target.max_iterations)
      findings.expect(loop.dispatches > 1 && loop.dispatches < 20,
                      loop.name + " is " + std::to_string(loop.dispatches) + " dispatches");
  }
  findings.expect(same_bits(layer.run(unrolled), layer.run(walked)), "walked, it gives other bits than unrolled");
}

void check_timed_choice(const Device& device, const char* family, Findings& findings) {
  const RecurrentCase layer({.kind = CellKind::lstm, .T = 20, .N = 9, .I = 4, .H = 32}, 5);
  Program timed = layer.compile(device, {.matmul = family, .tune = true});
  Program pinned = layer.compile(device, {.matmul = family, .scans = Scans::unrolled});
  findings.expect(timed.explain().find("timed") != std::string::npos, "the plan does not say what was timed");
  findings.expect(same_bits(layer.run(timed), layer.run(pinned)), "timed, it gives other bits than unrolled");
}

}  // namespace volute::check
