// See exchange.hpp.

#include "engine/compile/exchange.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace volute {

std::vector<const Storage*> exchanged_storages(const std::vector<Section>& sections) {
  std::vector<const Storage*> found;
  std::unordered_set<const Storage*> seen;
  for (const Section& section : sections)
    for (const Dispatch& dispatch : section.dispatches)
      for (const Touch& touch : dispatch.touches)
        if (touch.storage->kind == Storage::Kind::exchanged && seen.insert(touch.storage).second)
          found.push_back(touch.storage);
  return found;
}

namespace {

/// Of a storage or a bucket of them, by number of the command.
struct Uses {
  std::size_t last_write = 0, first_read = 0;
};

std::unordered_map<const Storage*, Uses> uses_of(const std::vector<Command>& commands) {
  std::unordered_map<const Storage*, Uses> uses;
  for (std::size_t i = 0; i < commands.size(); ++i)
    for (const Touch& touch : commands[i].dispatch->touches)
      if (touch.storage->kind == Storage::Kind::exchanged && touch.write)
        uses[touch.storage] = {i, commands.size()};
  for (std::size_t i = commands.size(); i-- > 0;)
    for (const Touch& touch : commands[i].dispatch->touches)
      if (const auto found = uses.find(touch.storage); found != uses.end() && i > found->second.last_write)
        found->second.first_read = i;
  return uses;
}

}  // namespace

std::vector<Bucket> cut_for_exchange(std::vector<Command>& commands, const std::vector<const Storage*>& storages,
                                     const std::vector<std::uint64_t>& offsets, std::uint64_t bucket_bytes) {
  const auto uses = uses_of(commands);
  std::vector<Bucket> buckets;
  std::vector<Uses> uses_of_bucket;
  for (std::size_t i = 0; i < storages.size(); ++i) {
    const Uses& use = uses.at(storages[i]);
    const std::uint64_t end = offsets[i] + storages[i]->bytes;
    if (!buckets.empty()) {
      Uses& last = uses_of_bucket.back();
      const Uses both{std::max(last.last_write, use.last_write), std::min(last.first_read, use.first_read)};
      if (buckets.back().end - buckets.back().begin < bucket_bytes && both.last_write < both.first_read) {
        last = both;
        buckets.back().end = end;
        continue;
      }
    }
    buckets.push_back({offsets[i], end, 0, 0});
    uses_of_bucket.push_back(use);
  }
  const auto cut = [&](std::size_t command) {
    if (command >= commands.size()) return;  // the copy of outputs is a part of its own
    commands[command].new_part = true;
    commands[command].barrier = false;
  };
  for (const Uses& use : uses_of_bucket) cut(use.last_write + 1), cut(use.first_read);
  std::vector<std::size_t> part_of;  // 0 is the copy of inputs
  for (const Command& command : commands) part_of.push_back((part_of.empty() ? 0 : part_of.back()) + command.new_part);
  part_of.push_back(part_of.back() + 1);
  for (std::size_t b = 0; b < buckets.size(); ++b) {
    buckets[b].after = part_of[uses_of_bucket[b].last_write];
    buckets[b].before = part_of[uses_of_bucket[b].first_read];
  }
  std::stable_sort(buckets.begin(), buckets.end(), [](const Bucket& a, const Bucket& b) { return a.after < b.after; });
  return buckets;
}

const std::shared_ptr<vk::Buffer>& Exchange::make_buffer(const std::shared_ptr<vk::Context>& context,
                                                         std::uint64_t bytes) {
  const bool shared = shares_memory_ && context->shares_memory();
  values_ = std::make_shared<vk::Buffer>(context, bytes, shared ? vk::Residency::shared : vk::Residency::device);
  if (!shared) staging_ = std::make_unique<vk::Buffer>(context, bytes, vk::Residency::host_readback);
  vk::fill(context, {values_.get(), 0, values_->bytes()}, 0);  // the ends of rows that no kernel writes are summed too
  return values_;
}

bool Exchange::record_send(vk::CommandList& list, std::size_t part) const {
  bool any = false;
  for (const Bucket& bucket : buckets_) {
    if (bucket.after != part) continue;
    if (staging_ && !any) list.barrier();
    any = true;
    const std::uint64_t bytes = bucket.end - bucket.begin;
    if (staging_) list.copy({values_.get(), bucket.begin, bytes}, {staging_.get(), bucket.begin, bytes});
  }
  return any;
}

void Exchange::record_receive(vk::CommandList& list, std::size_t part) const {
  if (!staging_) return;
  bool any = false;
  for (const Bucket& bucket : buckets_) {
    if (bucket.before != part) continue;
    const std::uint64_t bytes = bucket.end - bucket.begin;
    list.copy({staging_.get(), bucket.begin, bytes}, {values_.get(), bucket.begin, bytes});
    any = true;
  }
  if (any) list.barrier();
}

std::size_t Exchange::gate(std::size_t parts) const {
  std::size_t gate = parts;
  for (std::size_t b = next_; b < buckets_.size(); ++b) gate = std::min(gate, buckets_[b].before);
  return gate;
}

void Exchange::run() {
  const Bucket& bucket = buckets_[next_];
  const vk::Buffer& host = staging_ ? *staging_ : *values_;
  auto* values = reinterpret_cast<float*>(host.mapped() + bucket.begin);
  sums_.run({values, static_cast<std::size_t>(bucket.end - bucket.begin) / sizeof(float)});
  ++next_;
}

void require_same(Communicator& communicator, const std::string& text) {
  std::vector<std::uint64_t> sizes(static_cast<std::size_t>(communicator.size()));
  sizes[static_cast<std::size_t>(communicator.rank())] = text.size();
  std::vector<std::span<std::byte>> blocks;
  for (std::uint64_t& size : sizes) blocks.push_back(std::as_writable_bytes(std::span(&size, 1)));
  communicator.all_gather(blocks);
  std::vector<std::string> texts;
  for (const std::uint64_t size : sizes) texts.emplace_back(size, '\0');
  texts[static_cast<std::size_t>(communicator.rank())] = text;
  blocks.clear();
  for (std::string& each : texts) blocks.push_back(std::as_writable_bytes(std::span(each)));
  communicator.all_gather(blocks);
  for (std::size_t r = 1; r < texts.size(); ++r)
    if (texts[r] != texts[0])
      throw InvalidGraph("compile: the ranks' programs differ; rank 0 exchanges " + texts[0] + ", rank " +
                         std::to_string(r) + " " + texts[r]);
}

}  // namespace volute
