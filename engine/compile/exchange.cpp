// See exchange.hpp.

#include "engine/compile/exchange.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "engine/compile/agree.hpp"

namespace volute {

namespace {

/// Bytes of the exchange's buffer that a command writes.
struct Write {
  std::uint64_t begin = 0, end = 0;
  std::size_t command = 0;
};

/// What commands do to the values.
struct Uses {
  std::vector<std::vector<Write>> writes;  ///< of each value, in the order of commands
  std::vector<std::size_t> first_read;     ///< of each value, after all its writes
};

Write write_of(const std::vector<Command>& commands, std::size_t c, const Touch& touch, const Exchanged& value) {
  const vk::Groups& box = commands[c].groups;
  const std::uint64_t end = value.offset + touch.storage->bytes;
  const bool rows = touch.slab > 0 && box.count[0] == commands[c].dispatch->groups[0] && box.count[2] == 1;
  if (!rows) return {value.offset, end, c};
  const auto slab = static_cast<std::uint64_t>(touch.slab);
  return {value.offset + box.first[1] * slab, std::min(value.offset + (box.first[1] + box.count[1]) * slab, end), c};
}

Uses uses_of(const std::vector<Command>& commands, const std::vector<Exchanged>& values) {
  std::unordered_map<const Storage*, std::size_t> number;
  for (std::size_t i = 0; i < values.size(); ++i) number[values[i].storage] = i;
  Uses uses{std::vector<std::vector<Write>>(values.size()), std::vector(values.size(), commands.size())};
  const auto each_touch = [&](std::size_t c, const auto& visit) {
    for (const Touch& touch : commands[c].dispatch->touches)
      if (const auto found = number.find(touch.storage); found != number.end()) visit(touch, found->second);
  };
  for (std::size_t c = 0; c < commands.size(); ++c)
    each_touch(c, [&](const Touch& touch, std::size_t i) {
      if (touch.write) uses.writes[i].push_back(write_of(commands, c, touch, values[i]));
    });
  for (std::size_t c = commands.size(); c-- > 0;)
    each_touch(c, [&](const Touch&, std::size_t i) {
      if (c > uses.writes[i].back().command) uses.first_read[i] = c;
    });
  return uses;
}

/// A range of the buffer: when it is written, and when it is read.
struct Piece {
  std::uint64_t begin = 0, end = 0;
  std::size_t last_write = 0, first_read = 0;
};

/// The value in pieces of so many bytes and more, if its rows are written one after the other; else in one.
std::vector<Piece> pieces_of(const std::vector<Write>& writes, std::size_t first_read, const Exchanged& value,
                             std::uint64_t bytes) {
  const std::uint64_t end = value.offset + value.storage->bytes;
  const Piece whole{value.offset, end, writes.back().command, first_read};
  std::vector<Piece> pieces;
  std::uint64_t begin = value.offset, written = value.offset;
  for (const Write& write : writes) {
    if (write.begin != written) return {whole};
    written = write.end;
    if (written - begin < bytes && written < end) continue;
    pieces.push_back({begin, written, write.command, first_read});
    begin = written;
  }
  return written == end ? pieces : std::vector{whole};
}

/// Of buckets, each {begin, end}, in the order in which they can be sent.
Words group(const std::vector<Exchanged>& values, const Uses& uses, std::uint64_t bucket_bytes) {
  std::vector<Piece> buckets;
  for (std::size_t i = 0; i < values.size(); ++i)
    for (const Piece& piece : pieces_of(uses.writes[i], uses.first_read[i], values[i], bucket_bytes)) {
      if (!buckets.empty()) {
        Piece& last = buckets.back();
        const std::size_t write = std::max(last.last_write, piece.last_write),
                          read = std::min(last.first_read, piece.first_read);
        if (last.end - last.begin < bucket_bytes && write < read) {
          last = {last.begin, piece.end, write, read};
          continue;
        }
      }
      buckets.push_back(piece);
    }
  std::ranges::stable_sort(buckets, {}, &Piece::last_write);
  Words words;
  for (const Piece& each : buckets) words.insert(words.end(), {each.begin, each.end});
  return words;
}

/// When a range of the buffer is written and read here.
Piece piece_of(std::uint64_t begin, std::uint64_t end, const std::vector<Exchanged>& values, const Uses& uses) {
  Piece piece{begin, end, 0, ~std::size_t{0}};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i].offset >= end || begin >= values[i].offset + values[i].storage->bytes) continue;
    piece.first_read = std::min(piece.first_read, uses.first_read[i]);
    for (const Write& write : uses.writes[i])
      if (write.begin < end && begin < write.end) piece.last_write = std::max(piece.last_write, write.command);
  }
  return piece;
}

/// Whether the buckets can be summed in their order: none must be read before an earlier one is written.
bool is_possible(const std::vector<Piece>& buckets) {
  std::size_t gate = ~std::size_t{0};
  for (auto bucket = buckets.rbegin(); bucket != buckets.rend(); ++bucket) {
    gate = std::min(gate, bucket->first_read);
    if (bucket->last_write >= gate) return false;
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
  const Uses uses = uses_of(commands, values);
  const Words ranges = from_first(communicator, group(values, uses, bucket_bytes));
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i + 1 < ranges.size(); i += 2)
    pieces.push_back(piece_of(ranges[i], ranges[i + 1], values, uses));
  double impossible = !is_possible(pieces);
  communicator.sum({&impossible, 1});
  if (impossible > 0)
    throw Unsupported("compile: a rank's program needs sums over ranks in another order than rank 0's; devices of one "
                      "kind, and batches of about one size, have the same");
  const auto cut = [&](std::size_t command) {
    if (command >= commands.size()) return;  // the copy of outputs is a part of its own
    commands[command].new_part = true;
    commands[command].barrier = false;
  };
  for (const Piece& piece : pieces) cut(piece.last_write + 1), cut(piece.first_read);
  std::vector<std::size_t> part_of;  // 0 is the copy of inputs
  for (const Command& command : commands) part_of.push_back((part_of.empty() ? 0 : part_of.back()) + command.new_part);
  part_of.push_back(part_of.back() + 1);
  std::vector<Bucket> buckets;
  for (const Piece& piece : pieces)
    buckets.push_back({piece.begin, piece.end, part_of[piece.last_write], part_of[piece.first_read]});
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

}  // namespace volute
