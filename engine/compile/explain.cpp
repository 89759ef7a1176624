// The compiled plan in words.

#include <iomanip>
#include <sstream>

#include "engine/compile/program_data.hpp"

namespace volute {
namespace {

std::string mebibytes(std::uint64_t bytes) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << static_cast<double>(bytes) / (1 << 20) << " MiB";
  return text.str();
}

void print_section(std::ostream& out, const Section& section) {
  if (section.walked) {
    out << "  loop over " << section.walked << " steps, " << (section.walks_back ? "backward" : "forward")
        << " in time, persistent: " << section.length << " dispatches for all steps\n";
  } else if (section.length) {
    out << "  loop over " << section.steps << " steps, " << (section.reverse ? "backward" : "forward") << " in time, "
        << section.dispatches.size() << " dispatches a step\n";
  } else {
    out << "  once, " << section.dispatches.size() << " dispatches\n";
  }
  for (const Dispatch& d : section.dispatches)
    out << "    " << d.label << (d.choice.empty() ? "" : ", " + d.choice) << "  [" << d.groups[0] << " x "
        << d.groups[1] << " x " << d.groups[2] << " workgroups]\n";
}

}  // namespace

std::string explain_text(const Program::Data& data) {
  const ProgramStats& s = data.stats;
  std::ostringstream out;
  out << "program on " << data.device->context->info.name << ", matmul family " << data.target.matmul << "\n";
  out << "  nodes:";
  for (const auto& pass : s.passes)
    out << " " << pass.nodes << " " << (pass.name == "built" ? "built" : "after " + pass.name) << ",";
  out << " " << s.nodes_fused << " share a kernel\n  moved out of loops: ";
  for (std::size_t i = 0; i < s.hoisted.size(); ++i) out << (i ? ", " : "") << s.hoisted[i];
  out << (s.hoisted.empty() ? "nothing\n" : "\n");
  out << "  kernels: " << s.kernels << "; dispatches a run: " << s.dispatches << ", barriers " << s.barriers
      << ", parts " << (data.parts ? data.parts->size() : 0) << ", submissions " << s.submissions << "\n";
  out << "  arena: " << mebibytes(s.arena_bytes) << ", without aliasing " << mebibytes(s.unaliased_bytes)
      << (s.recomputes ? "; long scans recompute by segments" : "") << "\n";
  if (data.exchange) {
    std::uint64_t bytes = 0;
    for (const auto& bucket : s.buckets) bytes += bucket.bytes;
    out << "  rank " << data.exchange->communicator().rank() << " of " << data.exchange->communicator().size()
        << ": sums of " << mebibytes(bytes) << (data.exchange->options().half ? " as f16" : "") << " in "
        << s.buckets.size() << " buckets\n";
  }
  for (const Section& section : data.sections) print_section(out, section);
  return out.str();
}

}  // namespace volute
