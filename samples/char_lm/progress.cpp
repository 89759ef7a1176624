// The updating line and the plain lines.
#include "samples/char_lm/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

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

}  // namespace

bool Progress::is_terminal() { return ::isatty(STDERR_FILENO) != 0; }

void Progress::end_line() {
  if (line_open_) std::fputc('\n', stderr);
  line_open_ = false;
}

void Progress::look(const Report& r, double seconds_left) {
  tell(log_.look(r));
  if (!terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  if (line_open_ && now - shown_ < std::chrono::milliseconds(100)) return;
  shown_ = now;
  show(line_text(r.step, steps_, r.loss, validation_loss_, r.tokens_per_second, seconds_left));
}

void Progress::report(const Report& r, double seconds_left) {
  validation_loss_ = r.validation_loss;
  show(line_text(r.step, steps_, r.loss, validation_loss_, r.tokens_per_second, seconds_left));
  tell(log_.report(r));
}

void Progress::tell(const std::vector<std::string>& problems) {
  for (const std::string& problem : problems) note("warning: " + problem + "; training goes on without it");
}

void Progress::note(const std::string& line) {
  if (quiet_) return;
  std::fprintf(stderr, "%s%s\n", line_open_ ? "\r\033[K" : "", line.c_str());
  line_open_ = false;
}

void Progress::show(const std::string& line) {
  if (quiet_) return;
  if (terminal_) {
    std::fprintf(stderr, "\r%s\033[K", line.substr(0, terminal_columns()).c_str());
    line_open_ = true;
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
  std::fflush(stderr);
}

}  // namespace char_lm
