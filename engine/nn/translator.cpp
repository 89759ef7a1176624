// Decoding with an encoder-decoder on a device: one program encodes, one makes a single decoder step.
// Invariant: the memory and the decoder's state are states of the step program, written once a batch; a beam
// reorders the state's rows between steps and nothing else.

#include <algorithm>

#include <volute/layers.hpp>

#include "engine/nn/check.hpp"

namespace volute::nn {

using Tokens = std::vector<std::uint32_t>;

struct Translator::Data {
  Data(Device& device, const Seq2Seq& model, std::int64_t S, std::int64_t N, std::int64_t longest)
      : options(model.options()), source_length(S), rows(N), max_length(longest),
        encode(make_encode(device, model)), step(make_step(device, model)) {}

  Seq2SeqOptions options;
  std::int64_t source_length, rows, max_length;
  Graph encoder{Mode::inference}, stepper{Mode::inference};
  Tensor source, token, best, log_p;
  Seq2Seq::Encoded encoded;
  Program encode, step;

  Program make_encode(Device& device, const Seq2Seq& model) {
    source = encoder.input("source", {source_length, rows}, DType::u32);
    encoded = model.encode(source);
    return device.compile(encoder, {encoded.memory.keys, encoded.memory.values, encoded.memory.mask, encoded.state});
  }

  Program make_step(Device& device, const Seq2Seq& model) {
    const Memory memory{stepper.state("keys", encoded.memory.keys.shape()),
                        stepper.state("values", encoded.memory.values.shape()),
                        stepper.state("mask", encoded.memory.mask.shape())};
    Tensor state = stepper.state("state", encoded.state.shape());  // [N, H]
    token = stepper.input("token", {rows}, DType::u32);            // [N]
    const Seq2Seq::Step next = model.step(token, state, memory);
    stepper.carry(state, next.state);
    log_p = log_softmax(next.logits);  // [N, V]
    best = argmax(next.logits);        // [N]
    return device.compile(stepper, {best, log_p});
  }

  /// Encodes sources[i] as row i; the rows left are padding alone.
  void start(std::span<const Tokens> sources) {
    std::vector<std::uint32_t> table(static_cast<std::size_t>(source_length * rows), options.padding);
    for (std::size_t n = 0; n < sources.size(); ++n) {
      if (static_cast<std::int64_t>(sources[n].size()) > source_length)
        refuse("translator", "a source of " + std::to_string(sources[n].size()) + " tokens is longer than " +
                                 std::to_string(source_length));
      for (std::size_t s = 0; s < sources[n].size(); ++s) table[s * rows + n] = sources[n][s];
    }
    check_targets(table, options.source_vocabulary);
    encode.run({{source, table}});
    step.write_state("keys", encode.read(encoded.memory.keys));
    step.write_state("values", encode.read(encoded.memory.values));
    step.write_state("mask", encode.read(encoded.memory.mask));
    step.write_state("state", encode.read(encoded.state));
  }

  std::vector<Tokens> greedy(std::span<const Tokens> sources) {
    start(sources);
    std::vector<Tokens> out(sources.size());
    std::vector<bool> ended(sources.size(), false);
    Tokens next(static_cast<std::size_t>(rows), options.begin);
    for (std::int64_t t = 0; t < max_length && std::count(ended.begin(), ended.end(), false) > 0; ++t) {
      step.run({{token, next}});
      next = step.read_u32(best);
      for (std::size_t n = 0; n < sources.size(); ++n) {
        ended[n] = ended[n] || next[n] == options.end;
        if (!ended[n]) out[n].push_back(next[n]);
      }
    }
    return out;
  }

  /// Row i of the state becomes row parents[i].
  void reorder(std::span<const std::uint32_t> parents) {
    const std::vector<float> old = step.read_state("state");
    std::vector<float> values(old.size());
    const auto H = static_cast<std::ptrdiff_t>(options.hidden);
    for (std::size_t i = 0; i < parents.size(); ++i)
      std::copy_n(old.begin() + parents[i] * H, H, values.begin() + static_cast<std::ptrdiff_t>(i) * H);
    step.write_state("state", values);
  }
};

Translator::Translator(Device& device, const Seq2Seq& model, std::int64_t source_length, std::int64_t rows,
                       std::int64_t max_length) {
  for (auto [name, value] : {std::pair("source_length", source_length), {"rows", rows}, {"max_length", max_length}})
    require_positive("translator", name, value);
  data_ = std::make_unique<Data>(device, model, source_length, rows, max_length);
}

Translator::~Translator() = default;

std::vector<Tokens> Translator::greedy(const std::vector<Tokens>& sources) {
  std::vector<Tokens> out;
  for (std::size_t at = 0; at < sources.size(); at += static_cast<std::size_t>(data_->rows)) {
    const std::size_t count = std::min(sources.size() - at, static_cast<std::size_t>(data_->rows));
    for (Tokens& tokens : data_->greedy(std::span(sources).subspan(at, count))) out.push_back(std::move(tokens));
  }
  return out;
}

std::vector<Hypothesis> Translator::beam(const Tokens& source, double length_penalty) {
  data_->start(std::vector<Tokens>(static_cast<std::size_t>(data_->rows), source));
  bool first = true;
  const BeamStep step = [&](std::span<const std::uint32_t> tokens, std::span<const std::uint32_t> parents) {
    if (!first) data_->reorder(parents);
    first = false;
    data_->step.run({{data_->token, tokens}});
    return data_->step.read(data_->log_p);
  };
  return beam_search(step, {.width = static_cast<int>(data_->rows), .begin = data_->options.begin,
                            .end = data_->options.end, .max_length = data_->max_length,
                            .length_penalty = length_penalty});
}

}  // namespace volute::nn
