// The updating line, with a bar where the terminal is wide enough for both.
#include "tools/console/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <volute/io.hpp>

namespace volute::tool {
namespace {

constexpr std::size_t bar_columns = 20;

/// A line that wraps cannot be updated in place.
std::size_t terminal_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2) return 79;
  return size.ws_col - 1u;
}

/// Messages have names and values of files in them.
std::string shown(const std::string& message) { return io::printable(message, std::string::npos); }

}  // namespace

Console& Console::get() {
  static Console console;
  return console;
}

bool Console::colours_on(int file) const { return colour && ::isatty(file) != 0; }

void Console::error(const std::string& message) const {
  const bool red = colours_on(STDERR_FILENO);
  std::fprintf(stderr, "%svolute:%s %s\n", red ? "\033[1;31m" : "", red ? "\033[0m" : "",
               shown(message).c_str());
}

std::string clock_text(double seconds) {
  const auto total = static_cast<long long>(std::min(std::max(seconds, 0.0), 3.6e8));
  char text[48];
  if (total >= 3600)
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", total / 3600, total / 60 % 60, total % 60);
  else
    std::snprintf(text, sizeof text, "%lld:%02lld", total / 60, total % 60);
  return text;
}

Progress::Progress()
    : terminal_(::isatty(STDERR_FILENO) != 0), colour_(Console::get().colours_on(STDERR_FILENO)) {}

void Progress::update(double fraction, const std::string& line) {
  if (!terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  if (line_open_ && now - shown_ < std::chrono::milliseconds(100)) return;
  shown_ = now;
  show(fraction, line);
}

void Progress::report(double fraction, const std::string& line) { show(fraction, line); }

void Progress::show(double fraction, const std::string& line) {
  if (Console::get().quiet) return;
  if (!terminal_) {
    std::fprintf(stderr, "%s\n", line.c_str());
    return;
  }
  const std::size_t columns = terminal_columns();
  std::string bar;
  if (columns > line.size() + bar_columns + 2) {
    const auto full = static_cast<std::size_t>(std::clamp(fraction, 0.0, 1.0) * bar_columns);
    bar = (colour_ ? "\033[32m" : "") + std::string(full, '#') + (colour_ ? "\033[2m" : "") +
          std::string(bar_columns - full, '-') + (colour_ ? "\033[0m" : "") + "  ";
  }
  std::fprintf(stderr, "\r%s%s\033[K", bar.c_str(), line.substr(0, columns).c_str());
  std::fflush(stderr);
  line_open_ = true;
}

void Progress::note(const std::string& line) {
  if (Console::get().quiet) return;
  std::fprintf(stderr, "%s%s\n", line_open_ ? "\r\033[K" : "", shown(line).c_str());
  line_open_ = false;
}

void Progress::warning(const std::string& line) {
  std::fprintf(stderr, "%s%swarning:%s %s\n", line_open_ ? "\r\033[K" : "", colour_ ? "\033[33m" : "",
               colour_ ? "\033[0m" : "", shown(line).c_str());
  line_open_ = false;
}

void Progress::clear() {
  if (line_open_) std::fputs("\r\033[K", stderr);
  line_open_ = false;
}

void Progress::end_line() {
  if (line_open_) std::fputc('\n', stderr);
  line_open_ = false;
}

}  // namespace volute::tool
