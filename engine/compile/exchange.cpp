// See exchange.hpp.

#include "engine/compile/exchange.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace volute {

namespace {

using Words = std::vector<std::uint64_t>;

/// What rank 0 has.
Words from_first(Communicator& communicator, Words words) {
  std::uint64_t count = words.size();
  communicator.broadcast(std::as_writable_bytes(std::span(&count, 1)));
  words.resize(count);
  communicator.broadcast(std::as_writable_bytes(std::span(words)));
  return words;
}

/// Of a value or a bucket of them, by number of the command.
struct Uses {
  std::size_t last_write = 0, first_read = 0;
};

std::vector<Uses> uses_of(const std::vector<Command>& commands, const std::vector<Exchanged>& values) {
  std::unordered_map<const Storage*, std::size_t> number;
  for (std::size_t i = 0; i < values.size(); ++i) number[values[i].storage] = i;
  std::vector<Uses> uses(values.size(), {0, commands.size()});
  for (const bool write : {true, false})
    for (std::size_t c = commands.size(); c-- > 0;)
      for (const Touch& touch : commands[c].dispatch->touches) {
        const auto found = number.find(touch.storage);
        if (found == number.end()) continue;
        Uses& use = uses[found->second];
        if (write && touch.write) use.last_write = std::max(use.last_write, c);
        if (!write && c > use.last_write) use.first_read = c;
      }
  return uses;
}

Uses together(const Uses& a, const Uses& b) {
  return {std::max(a.last_write, b.last_write), std::min(a.first_read, b.first_read)};
}

/// Of buckets, each {first value, number of them}, in the order in which they can be sent.
Words group(const std::vector<Exchanged>& values, const std::vector<Uses>& uses, std::uint64_t bucket_bytes) {
  struct Group {
    std::uint64_t first = 0, count = 0, bytes = 0;
    Uses uses;
  };
  std::vector<Group> groups;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint64_t bytes = values[i].storage->bytes;
    if (!groups.empty()) {
      Group& last = groups.back();
      const Uses both = together(last.uses, uses[i]);
      if (last.bytes < bucket_bytes && both.last_write < both.first_read) {
        last = {last.first, last.count + 1, last.bytes + bytes, both};
        continue;
      }
    }
    groups.push_back({i, 1, bytes, uses[i]});
  }
  std::ranges::stable_sort(groups, {}, [](const Group& each) { return each.uses.last_write; });
  Words words;
  for (const Group& each : groups) words.insert(words.end(), {each.first, each.count});
  return words;
}

/// Whether the buckets can be summed in their order: none must be read before an earlier one is written.
bool is_possible(const std::vector<Uses>& buckets) {
  std::size_t gate = ~std::size_t{0};
  for (auto use = buckets.rbegin(); use != buckets.rend(); ++use) {
    gate = std::min(gate, use->first_read);
    if (use->last_write >= gate) return false;
  }
  return true;
}

}  // namespace

std::vector<const Storage*> exchanged_storages(const LiveGraph& live, Layout& layout,
                                               const std::vector<Section>& sections, Communicator& communicator) {
  std::unordered_map<const Storage*, std::uint64_t> number;
  std::vector<const Storage*> all;
  std::string text;
  for (const Node& node : live.graph->nodes) {
    if (node.op != Op::sum_over_ranks) continue;
    all.push_back(layout.view(&node).storage);
    number[all.back()] = all.size() - 1;
    text += (text.empty() ? "" : ", ") + node.shape.str();
  }
  require_same(communicator, text.empty() ? "nothing" : text);
  Words order;
  std::unordered_set<const Storage*> seen;
  for (const Section& section : sections)
    for (const Dispatch& dispatch : section.dispatches)
      for (const Touch& touch : dispatch.touches)
        if (number.contains(touch.storage) && seen.insert(touch.storage).second)
          order.push_back(number.at(touch.storage));
  std::vector<const Storage*> storages;
  for (const std::uint64_t each : from_first(communicator, std::move(order))) storages.push_back(all.at(each));
  return storages;
}

std::vector<Bucket> cut_for_exchange(std::vector<Command>& commands, const std::vector<Exchanged>& values,
                                     std::uint64_t bucket_bytes, Communicator& communicator) {
  const std::vector<Uses> uses = uses_of(commands, values);
  const Words groups = from_first(communicator, group(values, uses, bucket_bytes));
  std::vector<Bucket> buckets;
  std::vector<Uses> of_buckets;
  for (std::size_t g = 0; g + 1 < groups.size(); g += 2) {
    const Exchanged &first = values.at(groups[g]), &last = values.at(groups[g] + groups[g + 1] - 1);
    buckets.push_back({first.offset, last.offset + last.storage->bytes, 0, 0});
    Uses use = uses[groups[g]];
    for (std::size_t i = 1; i < groups[g + 1]; ++i) use = together(use, uses[groups[g] + i]);
    of_buckets.push_back(use);
  }
  double impossible = !is_possible(of_buckets);
  communicator.sum({&impossible, 1});
  if (impossible > 0)
    throw Unsupported("compile: a rank's program needs sums over ranks in another order than rank 0's; devices of one "
                      "kind, and batches of about one size, have the same");
  const auto cut = [&](std::size_t command) {
    if (command >= commands.size()) return;  // the copy of outputs is a part of its own
    commands[command].new_part = true;
    commands[command].barrier = false;
  };
  for (const Uses& use : of_buckets) cut(use.last_write + 1), cut(use.first_read);
  std::vector<std::size_t> part_of;  // 0 is the copy of inputs
  for (const Command& command : commands) part_of.push_back((part_of.empty() ? 0 : part_of.back()) + command.new_part);
  part_of.push_back(part_of.back() + 1);
  for (std::size_t b = 0; b < buckets.size(); ++b) {
    buckets[b].after = part_of[of_buckets[b].last_write];
    buckets[b].before = part_of[of_buckets[b].first_read];
  }
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

Shape with_rows(const Shape& shape, std::int64_t rows) {
  std::vector<std::int64_t> dims = shape.dims();
  dims[dims.size() - 2] = rows;
  return Shape(std::move(dims));
}

namespace {

std::int64_t blocks_of(const Shape& shape) {
  std::int64_t count = 1;
  for (int axis = 0; axis + 2 < shape.rank(); ++axis) count *= shape[axis];
  return count;
}

/// Where the rank's rows lie among its own words and among those of all, block by block of the axes before -2.
template <class Copy>
void each_block(const Share& share, int rank, const Shape& shape, Copy copy) {
  const std::int64_t width = shape[-1], rows = share.rows(rank);
  for (std::int64_t b = 0; b < blocks_of(shape); ++b)
    copy(b * rows * width, (b * share.all() + share.first[rank]) * width, rows * width);
}

}  // namespace

void Exchange::share(const std::string& state, const Shape& shape) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(communicator_->size()));
  rows[static_cast<std::size_t>(communicator_->rank())] = shape[-2];
  std::vector<std::span<std::byte>> blocks;
  for (std::int64_t& each : rows) blocks.push_back(std::as_writable_bytes(std::span(&each, 1)));
  communicator_->all_gather(blocks);
  Share share{{0}};
  for (const std::int64_t each : rows) share.first.push_back(share.first.back() + each);
  shares_[state] = std::move(share);
}

const Share* Exchange::share_of(const std::string& state) const {
  const auto found = shares_.find(state);
  return found == shares_.end() ? nullptr : &found->second;
}

void Exchange::join(HostArray& array) const {
  const Share& share = shares_.at(array.name);
  std::vector<std::vector<std::uint32_t>> words;
  std::vector<std::span<std::byte>> blocks;
  for (int r = 0; r < communicator_->size(); ++r)
    words.emplace_back(static_cast<std::size_t>(with_rows(array.shape, share.rows(r)).elements()));
  words[static_cast<std::size_t>(communicator_->rank())] = std::move(array.words);
  for (auto& each : words) blocks.push_back(std::as_writable_bytes(std::span(each)));
  communicator_->all_gather(blocks);
  array.shape = with_rows(array.shape, share.all());
  array.words.assign(static_cast<std::size_t>(array.shape.elements()), 0);
  for (int r = 0; r < communicator_->size(); ++r)
    each_block(share, r, array.shape, [&](std::int64_t own, std::int64_t all, std::int64_t count) {
      std::copy_n(words[static_cast<std::size_t>(r)].begin() + own, count, array.words.begin() + all);
    });
}

HostArray Exchange::part_of(const HostArray& array) const {
  const Share& share = shares_.at(array.name);
  const int rank = communicator_->rank();
  HostArray part{array.name, array.dtype, with_rows(array.shape, share.rows(rank)), {}};
  part.words.resize(static_cast<std::size_t>(part.shape.elements()));
  each_block(share, rank, array.shape, [&](std::int64_t own, std::int64_t all, std::int64_t count) {
    std::copy_n(array.words.begin() + all, count, part.words.begin() + own);
  });
  return part;
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
      throw InvalidGraph("compile: the ranks' programs differ; rank 0 has " + texts[0] + ", rank " + std::to_string(r) +
                         " " + texts[r]);
}

}  // namespace volute
