// The last run of every program of the process in one file of the Trace Event Format.
// Invariant: the file is complete JSON whenever a program has written it.
#include <cstdio>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>

#include "engine/compile/profile.hpp"

namespace volute {

std::string trace_events(const Profile& profile, int process, const std::string& name) {
  using Json = nlohmann::ordered_json;
  std::string text =
      Json{{"name", "process_name"}, {"ph", "M"}, {"pid", process}, {"tid", 0}, {"args", {{"name", name}}}}.dump();
  const auto& times = profile.times();
  for (std::size_t i = 0; i + 1 < times.size(); ++i) {
    const Profile::Span& span = profile.spans()[i];
    if (!span.dispatch && span.bytes == 0) continue;  // nothing ran between submissions
    Json arguments{{"submission", span.submission}};
    if (span.t >= 0) arguments["t"] = span.t;
    // Microseconds, as the format has it.
    const Json event{{"name", span.label}, {"ph", "X"},  {"ts", times[i] * 1e-3}, {"dur", (times[i + 1] - times[i]) * 1e-3},
                     {"pid", process},     {"tid", 0}, {"args", arguments}};
    text += ",\n" + event.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  return text;
}

void write_trace(const std::string& path, const Profile& profile, const std::string& name) {
  static std::mutex mutex;
  static std::vector<std::string> programs;
  const std::lock_guard lock(mutex);
  const int process = static_cast<int>(programs.size());
  programs.push_back(trace_events(profile, process, "program " + std::to_string(process) + " on " + name));
  std::ofstream file(path, std::ios::trunc);
  file << "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n";
  for (std::size_t i = 0; i < programs.size(); ++i) file << (i ? ",\n" : "") << programs[i];
  file << "\n]}\n";
  file.close();
  if (!file) throw BadFile("VOLUTE_TRACE: cannot write " + path);
}

}  // namespace volute
