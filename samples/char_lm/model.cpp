// Building and storing the model. The vocabulary is stored as a JSON array of byte values: text in any
// encoding keeps the file's header valid UTF-8.
#include "samples/char_lm/model.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

namespace char_lm {
namespace {

namespace nn = volute::nn;

std::unique_ptr<nn::Recurrent> make_cell(const Sizes& s, float dropout) {
  const nn::RecurrentOptions options{.layers = static_cast<int>(s.layers), .dropout = dropout};
  if (s.cell == "gru") return std::make_unique<nn::GRU>(s.embed, s.hidden, options);
  if (s.cell == "rnn") return std::make_unique<nn::RNN>(s.embed, s.hidden, options);
  return std::make_unique<nn::LSTM>(s.embed, s.hidden, options);
}

std::int64_t size_entry(const std::string& path, const volute::io::Metadata& metadata, const std::string& key,
                        std::int64_t most) {
  const std::string& text = entry(path, metadata, key);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > most)
    unfit(path, "its metadata's '" + key + "' is not a number from 1 to " + std::to_string(most));
  return value;
}

std::string parse_vocabulary(const std::string& path, const std::string& text) {
  const auto wrong = [&] { unfit(path, "its metadata's 'vocabulary' is not an ascending list of bytes"); };
  if (text.size() > 2048) wrong();  // parsed it would take many times its size; 256 bytes take half of that
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array() || json.empty() || json.size() > 256) wrong();
  std::string vocabulary;
  int last = -1;
  for (const auto& item : json) {
    if (!item.is_number_unsigned()) wrong();
    const auto byte = item.get<std::uint64_t>();
    if (byte > 255 || static_cast<int>(byte) <= last) wrong();
    last = static_cast<int>(byte);
    vocabulary.push_back(static_cast<char>(byte));
  }
  return vocabulary;
}

}  // namespace

Model::Model(const Sizes& s, std::int64_t vocab, float p)
    : sizes(s), dropout(p), embed(vocab, s.embed), cell(make_cell(s, p)), head(s.hidden, vocab) {}

volute::Tensor Model::logits(const volute::Graph& g, volute::Tensor x) const {
  volute::Tensor h = (*cell)(embed(x), g.carried());  // [T, N, H]
  if (dropout > 0) h = volute::dropout(h, dropout);
  return head(h);
}

std::vector<volute::io::Entry> Model::entries() const {
  return {{"embed", embed}, {sizes.cell, *cell}, {"head", head}};
}

std::int64_t Model::weights() const {
  std::int64_t count = 0;
  for (const auto& part : entries())
    for (const auto& parameter : part.module->parameters()) count += parameter.shape().elements();
  return count;
}

volute::io::Metadata describe_model(const Model& model, const std::string& vocabulary) {
  nlohmann::json bytes = nlohmann::json::array();
  for (char byte : vocabulary) bytes.push_back(static_cast<unsigned char>(byte));
  const Sizes& s = model.sizes;
  return {{"cell", s.cell},
          {"embed", std::to_string(s.embed)},
          {"hidden", std::to_string(s.hidden)},
          {"layers", std::to_string(s.layers)},
          {"vocabulary", bytes.dump()}};
}

void save_model(const std::string& path, const Model& model, const std::string& vocabulary) {
  volute::io::save(path, model.entries(), describe_model(model, vocabulary));
}

void unfit(const std::string& path, const std::string& what) {
  throw UsageError(path + ": is not a file of char_lm's: " + what);
}

const std::string& entry(const std::string& path, const volute::io::Metadata& metadata, const std::string& key) {
  const auto at = metadata.find(key);
  if (at == metadata.end()) unfit(path, "its metadata has no '" + key + "'");
  return at->second;
}

Description read_description(const std::string& path, const volute::io::Metadata& metadata) {
  Description d;
  d.sizes.cell = entry(path, metadata, "cell");
  if (d.sizes.cell != "lstm" && d.sizes.cell != "gru" && d.sizes.cell != "rnn")
    unfit(path, "its metadata's 'cell' is not lstm, gru or rnn");
  d.sizes.embed = size_entry(path, metadata, "embed", 16384);
  d.sizes.hidden = size_entry(path, metadata, "hidden", 16384);
  d.sizes.layers = size_entry(path, metadata, "layers", 64);
  d.vocabulary = parse_vocabulary(path, entry(path, metadata, "vocabulary"));
  return d;
}

}  // namespace char_lm
