// Ticks at 1, 2 or 5 times a power of ten, as people write them on paper.
#include "engine/interchange/axis.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace volute::io {
namespace {

constexpr double largest_value = 1e100;  // differences and products of such values are far from overflow

std::string label(double value, double step) {
  char text[64];
  const double size = std::abs(value);
  const int decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
  if (decimals > 6 || size >= 1e7)
    std::snprintf(text, sizeof text, "%.6g", value);
  else
    std::snprintf(text, sizeof text, "%.*f", decimals, size < step / 2 ? 0.0 : value);
  return text;
}

std::string power_label(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

/// The power of ten times 1, 2 or 5 that is next above.
double round_step(double step) {
  const double power = std::pow(10.0, std::floor(std::log10(step)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (step <= factor * power * (1 + 1e-9)) return factor * power;
  return 10 * power;
}

}  // namespace

bool Axis::shows(double value) const {
  return std::isfinite(value) && std::abs(value) <= largest_value && (!logarithmic_ || value >= 1 / largest_value);
}

double Axis::scaled(double value) const { return logarithmic_ ? std::log10(value) : value; }

void Axis::include(double value) {
  if (!shows(value)) return;
  const double at = scaled(value);
  low_ = empty_ ? at : std::min(low_, at);
  high_ = empty_ ? at : std::max(high_, at);
  empty_ = false;
}

void Axis::settle() {
  // Closer values than that have no digits to tell ticks apart.
  const double room = logarithmic_ ? 0.05 : std::max(1e-6 * std::max(std::abs(low_), std::abs(high_)), 1e-90);
  if (high_ - low_ < room) {
    const double half = logarithmic_ ? 0.3 : std::max(0.1 * std::abs(low_), room);
    low_ -= half;
    high_ += half;
  }
  const double padding = padding_ * (high_ - low_);
  low_ -= padding;
  high_ += padding;
}

double Axis::place(double value) const { return (scaled(value) - low_) / (high_ - low_); }

double Axis::least() const { return logarithmic_ ? std::pow(10.0, low_) : low_; }

std::vector<Axis::Tick> Axis::even_ticks(double low, double high, int about) const {
  const double step = round_step((high - low) / about);
  std::vector<Tick> all;
  for (double i = std::ceil(low / step - 1e-9); i <= std::floor(high / step + 1e-9); ++i)
    all.push_back({i * step, label(i * step, step)});
  return all;
}

/// Powers of ten; with few of them in range 1, 2 and 5 times each.
std::vector<Axis::Tick> Axis::decade_ticks(int about) const {
  const bool between = high_ - low_ < 0.4 * about;
  const double stride = std::max(1.0, std::ceil((high_ - low_) / about));
  std::vector<Tick> all;
  for (double power = std::floor(low_ / stride) * stride; power <= high_; power += stride) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double at = power + std::log10(factor);
      if (at < low_ - 1e-9 || at > high_ + 1e-9 || (factor > 1 && !between)) continue;
      const double value = factor * std::pow(10.0, power);
      all.push_back({value, power_label(value)});
    }
  }
  return all;
}

std::vector<Axis::Tick> Axis::ticks(int about) const {
  if (!logarithmic_) return even_ticks(low_, high_, about);
  // Within a decade even steps are more telling than two or three ticks.
  if (high_ - low_ < 1) {
    std::vector<Tick> even = even_ticks(std::pow(10.0, low_), std::pow(10.0, high_), about);
    std::erase_if(even, [](const Tick& tick) { return tick.value <= 0; });
    return even;
  }
  return decade_ticks(about);
}

}  // namespace volute::io
