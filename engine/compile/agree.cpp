// See agree.hpp.

#include "engine/compile/agree.hpp"

namespace volute {

Words of_each(Communicator& communicator, std::uint64_t own) {
  Words all(static_cast<std::size_t>(communicator.size()));
  all[static_cast<std::size_t>(communicator.rank())] = own;
  std::vector<std::span<std::byte>> blocks;
  for (std::uint64_t& each : all) blocks.push_back(std::as_writable_bytes(std::span(&each, 1)));
  communicator.all_gather(blocks);
  return all;
}

Words from_first(Communicator& communicator, Words words) {
  std::uint64_t count = words.size();
  communicator.broadcast(std::as_writable_bytes(std::span(&count, 1)));
  words.resize(count);
  communicator.broadcast(std::as_writable_bytes(std::span(words)));
  return words;
}

void require_same(Communicator& communicator, const std::string& text) {
  std::vector<std::string> texts;
  for (const std::uint64_t size : of_each(communicator, text.size())) texts.emplace_back(size, '\0');
  texts[static_cast<std::size_t>(communicator.rank())] = text;
  std::vector<std::span<std::byte>> blocks;
  for (std::string& each : texts) blocks.push_back(std::as_writable_bytes(std::span(each)));
  communicator.all_gather(blocks);
  for (std::size_t r = 1; r < texts.size(); ++r)
    if (texts[r] != texts[0])
      throw InvalidGraph("compile: the ranks' programs differ; rank 0 has " + texts[0] + ", rank " + std::to_string(r) +
                         " " + texts[r]);
}

}  // namespace volute
