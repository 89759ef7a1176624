// The axis of a chart: its range, where it has ticks and what they are called.
// Invariant: the range is finite and has room between its ends; on a logarithmic axis it is positive.
#pragma once

#include <string>
#include <vector>

namespace volute::io {

class Axis {
 public:
  Axis(bool logarithmic, double padding) : logarithmic_(logarithmic), padding_(padding) {}

  /// Whether a value has a place on an axis of this kind.
  bool shows(double value) const;
  /// To be called for all values that are to be seen, before what follows.
  void include(double value);
  /// Adds the padding, a part of the length at either end, and makes room where there was none.
  void settle();

  /// 0 at the beginning of the range, 1 at its end.
  double place(double value) const;
  double least() const;

  struct Tick {
    double value;
    std::string label;
  };
  std::vector<Tick> ticks(int about) const;

 private:
  std::vector<Tick> even_ticks(double low, double high, int about) const;
  std::vector<Tick> decade_ticks(int about) const;
  double scaled(double value) const;

  bool logarithmic_;
  double padding_;
  bool empty_ = true;
  double low_ = 0, high_ = 1;  // logarithms to base 10 on a logarithmic axis
};

}  // namespace volute::io
