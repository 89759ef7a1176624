// The updating line, the plain lines and the metrics file.
// Invariant: a metrics line is complete and flushed before the next step, so a killed run leaves valid JSONL.
#include "samples/char_lm/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "samples/char_lm/options.hpp"

namespace char_lm {
namespace {

std::string clock_text(double seconds) {
  const auto total = static_cast<long long>(std::min(std::max(seconds, 0.0), 3.6e8));
  char text[48];
  if (total >= 3600)
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", total / 3600, total / 60 % 60, total % 60);
  else
    std::snprintf(text, sizeof text, "%lld:%02lld", total / 60, total % 60);
  return text;
}

std::string line_text(std::int64_t step, std::int64_t steps, double loss, const std::optional<double>& validation,
                      double tokens_per_second, double seconds_left) {
  char text[200], checked[40] = "";
  if (validation) std::snprintf(checked, sizeof checked, "  validation %.4f", *validation);
  std::snprintf(text, sizeof text, "step %lld/%lld  loss %.4f%s  %.0f tokens/s  %s left", static_cast<long long>(step),
                static_cast<long long>(steps), loss, checked, tokens_per_second, clock_text(seconds_left).c_str());
  return text;
}

/// A line that wraps cannot be updated in place.
std::size_t terminal_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2) return 79;
  return size.ws_col - 1u;
}

/// Drops the reports of steps after `step`, which a run that was killed has made and the one that goes on makes again,
/// and what is no report. The file is replaced as a whole; a device, a pipe or a link is left as it is.
void cut_metrics(const std::string& path, std::int64_t step) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(std::filesystem::symlink_status(path, ignored))) return;
  std::string kept;
  std::ifstream file(path, std::ios::binary);
  for (std::string line; std::getline(file, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    const auto found = json.is_object() ? json.find("step") : json.end();
    if (found != json.end() && found->is_number_integer() && *found <= step) kept += line + '\n';
  }
  if (!file.is_open()) throw UsageError("--metrics " + path + ": cannot be read");
  const std::string temporary = path + ".new";
  std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
  out << kept << std::flush;
  if (!out || std::rename(temporary.c_str(), path.c_str()) != 0) {
    std::remove(temporary.c_str());
    throw UsageError("--metrics " + path + ": cannot be written");
  }
}

}  // namespace

Progress::Progress(std::int64_t steps, const std::string& metrics_path, std::optional<std::int64_t> resumed)
    : steps_(steps), terminal_(::isatty(STDERR_FILENO) != 0) {
  if (metrics_path.empty()) return;
  if (resumed) cut_metrics(metrics_path, *resumed);
  metrics_.open(metrics_path, resumed ? std::ios::app : std::ios::trunc);
  if (!metrics_) throw UsageError("--metrics " + metrics_path + ": cannot be written");
}

void Progress::end_line() {
  if (line_open_) std::fputc('\n', stderr);
  line_open_ = false;
}

void Progress::update(std::int64_t step, double loss, double tokens_per_second, double seconds_left) {
  if (!terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  if (line_open_ && now - shown_ < std::chrono::milliseconds(100)) return;
  shown_ = now;
  show(line_text(step, steps_, loss, validation_loss_, tokens_per_second, seconds_left));
}

void Progress::report(const Report& r, double seconds_left) {
  validation_loss_ = r.validation_loss;
  show(line_text(r.step, steps_, r.loss, validation_loss_, r.tokens_per_second, seconds_left));
  if (!metrics_.is_open()) return;
  const nlohmann::ordered_json json = {{"step", r.step},
                                       {"loss", r.loss},
                                       {"validation_loss", r.validation_loss},
                                       {"tokens_per_second", std::round(r.tokens_per_second)},
                                       {"seconds", std::round(r.seconds * 1000) / 1000}};
  metrics_ << json.dump() << '\n' << std::flush;
  if (metrics_) return;
  // Hours of training are worth more than their record.
  metrics_.close();
  note("the metrics file cannot be written any more; training goes on without it");
}

void Progress::note(const std::string& line) {
  std::fprintf(stderr, "%s%s\n", line_open_ ? "\r\033[K" : "", line.c_str());
  line_open_ = false;
}

void Progress::show(const std::string& line) {
  if (terminal_) {
    std::fprintf(stderr, "\r%s\033[K", line.substr(0, terminal_columns()).c_str());
    line_open_ = true;
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
  std::fflush(stderr);
}

}  // namespace char_lm
