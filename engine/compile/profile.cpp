// Totals by label; see profile.hpp.
#include "engine/compile/profile.hpp"

#include <algorithm>
#include <iomanip>
#include <sstream>

namespace volute {

Profile::Profile(const std::shared_ptr<vk::Context>& context, std::size_t spans)
    : timestamps_(context, static_cast<std::uint32_t>(spans + 1)), spans_(spans) {}

void Profile::start(vk::CommandList& list) {
  timestamps_.reset(list.buffers().back(), 0, static_cast<std::uint32_t>(spans_.size() + 1));
  timestamps_.write(list.buffers().back(), 0);
}

void Profile::mark(vk::CommandList& list, std::size_t index, Span span) {
  timestamps_.write(list.buffers().back(), static_cast<std::uint32_t>(index + 1));
  spans_.at(index) = std::move(span);
}

void Profile::submitted(double host_seconds) {
  pending_ = true;
  pending_host_ = host_seconds;
}

/// Which submissions the spans were in, and so which gaps were between two of them.
void Profile::place(std::span<const int> submission_of) {
  int before = 0;
  for (Span& span : spans_) {
    span.submission = submission_of[static_cast<std::size_t>(span.part)];
    const bool gap = !span.dispatch && span.label.starts_with("between ");
    if (gap) span.label = span.submission == before ? "between parts" : "between submissions";
    before = span.submission;
  }
}

void Profile::collect(std::span<const int> submission_of) {
  if (!pending_) return;
  pending_ = false;
  if (!warmed_ && runs_ == 1) {
    warmed_ = true;
    rows_.clear();
    runs_ = 0;
    host_seconds_ = 0;
  }
  place(submission_of);
  times_ = timestamps_.read();
  ++runs_;
  host_seconds_ += pending_host_;
  for (std::size_t i = 0; i < spans_.size(); ++i) {
    Row& row = rows_[spans_[i].label];
    row.dispatch = spans_[i].dispatch;
    ++row.count;
    row.ns += times_[i + 1] - times_[i];
    row.flops += spans_[i].flops;
    row.bytes += spans_[i].bytes;
  }
}

double Profile::device_ms() const {
  double ns = 0;
  for (const auto& [label, row] : rows_) ns += row.ns;
  return runs_ ? ns * 1e-6 / static_cast<double>(runs_) : 0;
}

namespace {

void print_rate(std::ostream& out, double work, double ns) {
  out << std::setw(9);
  if (work > 0 && ns > 0) out << work / ns;
  else out << "-";
}

}  // namespace

std::string profile_text(const Profile& profile, const std::string& device) {
  std::ostringstream out;
  if (!profile.runs()) return "profile on " + device + ": no run has finished\n";
  std::vector<std::pair<std::string, Profile::Row>> rows(profile.rows().begin(), profile.rows().end());
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.second.ns > b.second.ns; });
  const double runs = static_cast<double>(profile.runs()), total = profile.device_ms();
  out << std::fixed << std::setprecision(3) << "profile on " << device << ": " << profile.runs() << " runs, "
      << total << " ms a run on the device, " << profile.host_ms() << " ms on the host besides waiting\n"
      << "   share    ms/run    count   GFLOP/s    GB/s  kernel\n";
  for (const auto& [label, row] : rows) {
    const double ms = row.ns * 1e-6 / runs;
    out << std::setprecision(1) << std::setw(7) << (total > 0 ? 100 * ms / total : 0) << "%" << std::setprecision(3)
        << std::setw(10) << ms << std::setw(9) << row.count / profile.runs() << std::setprecision(1) << " ";
    print_rate(out, row.flops, row.ns);
    print_rate(out, row.bytes, row.ns);
    out << "  " << label << "\n";
  }
  return out.str();
}

}  // namespace volute
