// A step's exchanges with the other ranks: values are sent as soon as the device has made them, while it works on, and
// their sums are waited for where the step first reads them.
// Invariant: a bucket's last write is in a part before the first that reads it, and both begin or end a command buffer.
#pragma once

#include "engine/compile/layout.hpp"
#include "engine/compile/rank_sums.hpp"
#include "engine/compile/schedule.hpp"
#include "engine/vulkan/commands.hpp"

namespace volute {

/// Values that travel together.
struct Bucket {
  std::uint64_t begin = 0, end = 0;  ///< bytes of the exchange's buffer
  std::size_t after = 0;             ///< the part with whose end they can be sent
  std::size_t before = 0;            ///< the first part that reads their sums
};

/// A value in the exchange's buffer.
struct Exchanged {
  const Storage* storage = nullptr;
  std::uint64_t offset = 0;
};

/// The storages of sums over ranks in the order in which rank 0's program first writes them. Throws InvalidGraph unless
/// every rank sums the same. Collective.
std::vector<const Storage*> exchanged_storages(const LiveGraph& live, Layout& layout,
                                               const std::vector<Section>& sections, Communicator& communicator);

/// Buckets of the values, which lie one after the other, in the order in which they can be sent, both as rank 0 finds
/// best. Commands begin new parts where that is needed. Collective.
std::vector<Bucket> cut_for_exchange(std::vector<Command>& commands, const std::vector<Exchanged>& values,
                                     std::uint64_t bucket_bytes, Communicator& communicator);

class Exchange {
 public:
  /// `shares_memory`: values are summed where they are, if the device's memory allows.
  Exchange(std::shared_ptr<Communicator> communicator, const ExchangeOptions& options, bool shares_memory)
      : communicator_(std::move(communicator)), options_(options), shares_memory_(shares_memory),
        sums_(communicator_, options.half) {}

  Communicator& communicator() const { return *communicator_; }
  const ExchangeOptions& options() const { return options_; }
  /// Added to the program's seed, so that ranks draw different numbers.
  std::uint32_t seed_offset() const { return static_cast<std::uint32_t>(communicator_->rank()) * 0x9e3779b9u; }
  /// Memory for so many bytes: the host's own view of it where the device shares memory with the host.
  const std::shared_ptr<vk::Buffer>& make_buffer(const std::shared_ptr<vk::Context>& context, std::uint64_t bytes);
  void set_buckets(std::vector<Bucket> buckets) { buckets_ = std::move(buckets); }
  const std::vector<Bucket>& buckets() const { return buckets_; }

  // Recording. ------------------------------------------------------------------------------------------------

  /// What the part has made goes to the host, at its end. Returns whether there is any.
  bool record_send(vk::CommandList& list, std::size_t part) const;
  /// Sums come back from the host, at the beginning of a part.
  void record_receive(vk::CommandList& list, std::size_t part) const;

  // Running. --------------------------------------------------------------------------------------------------

  /// The bucket to be summed next; null when all of the step's are.
  const Bucket* next() const { return next_ < buckets_.size() ? &buckets_[next_] : nullptr; }
  /// The first part that needs a sum not taken yet; `parts` if none does.
  std::size_t gate(std::size_t parts) const;
  /// Sums the next bucket. Its values are on the host, and nothing on the device reads or writes them. Collective.
  void run();
  void begin_step() { next_ = 0; }

 private:
  std::shared_ptr<Communicator> communicator_;
  ExchangeOptions options_;
  bool shares_memory_;
  RankSums sums_;
  std::shared_ptr<vk::Buffer> values_;
  std::unique_ptr<vk::Buffer> staging_;  ///< null where values_ are mapped
  std::vector<Bucket> buckets_;
  std::size_t next_ = 0;
};

}  // namespace volute
