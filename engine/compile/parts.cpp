// Costs, and which parts go together; see parts.hpp.

#include "engine/compile/parts.hpp"

#include <algorithm>
#include <limits>

namespace volute {

void Cost::measured(double seconds) {
  if (!measured_) seconds_ = seconds;
  else if (seconds < seconds_) seconds_ += 0.5 * (seconds - seconds_);
  else seconds_ += 0.25 * (std::min(seconds, 2 * seconds_) - seconds_);
  measured_ = true;
}

Parts::Parts(std::shared_ptr<vk::Context> context, std::size_t count, double most_seconds)
    : context_(std::move(context)), most_seconds_(most_seconds), commands_(count), costs_(count),
      submission_of_(count, 0), value_of_(count, 0), ends_(count, false), gate_(count) {
  if (context_->timestamp_bits) stamps_.emplace(context_, count);
}

void Parts::end(vk::CommandList& list, std::size_t index, double estimate, bool to_host) {
  list.end(to_host);
  commands_[index] = list.buffers().back();
  costs_[index] = Cost(estimate);
}

double Parts::seconds_before(std::size_t index) const {
  double sum = 0;
  for (std::size_t part = 0; part < index; ++part) sum += costs_[part].seconds();
  return sum;
}

double Parts::under_way() const {
  double sum = 0;
  for (const Pending& pending : pending_) sum += pending.seconds;
  return sum;
}

std::size_t Parts::fitting(double seconds) const {
  // Of the step before parts may be under way still: a command buffer is submitted again when it has finished.
  std::size_t most = gate_;
  for (const Pending& pending : pending_)
    if (pending.last > next_) most = std::min(most, std::max(pending.first, next_));
  double room = seconds - under_way();
  std::size_t end = next_;
  for (; end < most && costs_[end].seconds() <= room; ++end) room -= costs_[end].seconds();
  return end == next_ && pending_.empty() ? std::min(next_ + 1, gate_) : end;
}

Parts::Sent Parts::submit_rest(const interop::Sync& sync) {
  for (std::size_t i = pending_.size(); i-- > 0;)
    if (pending_[i].last > next_) {
      wait(pending_[i].value);  // of the step before, as above
      break;
    }
  return submit(std::numeric_limits<double>::infinity(), sync);
}

std::size_t Parts::end_of_submission(std::size_t first, std::size_t end) const {
  double spent = costs_[first].seconds();
  std::size_t part = first + 1;
  for (; part < end && !ends_[part - 1] && spent + costs_[part].seconds() <= most_seconds_; ++part)
    spent += costs_[part].seconds();
  return part;
}

int Parts::submissions() const {
  int count = 0;
  for (std::size_t part = 0; part < size(); part = end_of_submission(part, size())) ++count;
  return count;
}

Parts::Sent Parts::submit(double seconds, const interop::Sync& sync) {
  Sent sent;
  const std::size_t end = fitting(seconds);
  const bool timed = is_timed(seconds);
  batch(end, timed);
  if (batches_.empty() && sync.wait.empty() && sync.signal.empty()) return sent;
  pending_.reserve(pending_.size() + batches_.size());  // what has been submitted is noted, whatever happens
  const std::uint64_t value = context_->submit(batches_, sync);
  last_ = value;
  note(value, end, timed, sent);
  return sent;
}

/// Steps within a budget always are, since what else the device does changes from frame to frame; whole ones at first
/// and now and then.
bool Parts::is_timed(double seconds) const {
  return stamps_ && (seconds < std::numeric_limits<double>::infinity() || steps_ < 4 || steps_ % 16 == 0);
}

void Parts::batch(std::size_t end, bool timed) {
  batches_.clear();
  sequence_.clear();
  sequence_.reserve(3 * size());  // batches point into it
  for (std::size_t part = next_; part < end;) {
    const std::size_t stop = end_of_submission(part, end), before = sequence_.size();
    vk::Batch parts(&commands_[part], stop - part);
    if (timed) {
      stamps_->interleave(parts, part, sequence_);
      parts = vk::Batch(sequence_).subspan(before);
    }
    batches_.push_back(parts);
    part = stop;
  }
}

/// What was submitted is under way; the step goes on at `end`.
void Parts::note(std::uint64_t last_value, std::size_t end, bool timed, Sent& sent) {
  if (next_ == 0 && end > 0) {
    submissions_ = 0;
    fraction_ = 0;
    inputs_ = last_value - batches_.size() + 1;
  }
  // Their timestamps are about to be written again.
  std::erase_if(untimed_, [&](const Pending& each) { return each.first < end && next_ < each.last; });
  std::uint64_t value = last_value - batches_.size();
  for (const vk::Batch& batch : batches_) {
    const std::size_t parts = timed ? (batch.size() - 1) / 2 : batch.size();
    Pending pending{++value, 0, timed, next_, next_ + parts};
    for (; next_ < pending.last; ++next_) {
      pending.seconds += costs_[next_].seconds();
      submission_of_[next_] = submissions_;
      value_of_[next_] = value;
    }
    ++submissions_;
    ++sent.submissions;
    sent.seconds += pending.seconds;
    pending_.push_back(pending);
  }
  double done = 0;
  for (std::size_t part = 0; part < next_; ++part) done += costs_[part].seconds();
  const double all = seconds();
  if (all > 0) fraction_ = std::clamp(done / all, fraction_, 1.0);
  if (next_ < size()) return;
  fraction_ = 1;
  next_ = 0;
  ++steps_;
  step_ = last_value;
}

void Parts::wait(std::uint64_t value) {
  context_->require_usable();
  if (!value) return;
  context_->wait(value);
  finished(value);
}

void Parts::poll() {
  if (!pending_.empty()) finished(context_->completed());
}

void Parts::finished(std::uint64_t value) {
  const auto end = std::find_if(pending_.begin(), pending_.end(), [&](const Pending& p) { return p.value > value; });
  untimed_.reserve(untimed_.size() + pending_.size());
  std::copy_if(pending_.begin(), end, std::back_inserter(untimed_), [](const Pending& p) { return p.timed; });
  pending_.erase(pending_.begin(), end);
  // Mesa's CPU driver waits for the whole device before it tells a timestamp.
  if (context_->is_cpu && !pending_.empty()) return;
  for (const Pending& each : untimed_) time(each);
  untimed_.clear();
}

void Parts::time(const Pending& pending) {
  times_.resize(pending.last - pending.first);
  if (!stamps_->read(pending.first, times_)) return;
  for (std::size_t i = 0; i < times_.size(); ++i) costs_[pending.first + i].measured(times_[i]);
}

}  // namespace volute
