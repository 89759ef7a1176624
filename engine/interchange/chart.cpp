// Charts on Cairo: the picture is drawn once, in units of the SVG, onto whichever surface the file is of.
// Invariant: a file is written when the picture is whole; all that series show is in the range of the axes.
#include <algorithm>
#include <array>
#include <cairo-svg.h>
#include <cairo.h>
#include <cmath>
#include <filesystem>
#include <memory>

#include <volute/io.hpp>

#include "engine/interchange/axis.hpp"

namespace volute::io {
namespace {

struct Colour {
  double red, green, blue;
};

constexpr Colour hex(unsigned rgb) {
  return {static_cast<double>(rgb >> 16) / 255, static_cast<double>(rgb >> 8 & 255) / 255,
          static_cast<double>(rgb & 255) / 255};
}

// Okabe and Ito's, which people with any colour vision tell apart, without the yellow, too light for lines on white.
constexpr std::array<Colour, 7> palette{hex(0x0072B2), hex(0xD55E00), hex(0x009E73), hex(0xCC79A7),
                                        hex(0x56B4E9), hex(0xE69F00), hex(0x000000)};
constexpr Colour ink = hex(0x333333), faint = hex(0xDDDDDD), paper = hex(0xFFFFFF);
constexpr double text_size = 14, title_size = 17, gap = 10, line_width = 2, key_width = 26;

struct Box {
  double left, top, right, bottom;
  double width() const { return right - left; }
  double height() const { return bottom - top; }
};

class Painter {
 public:
  Painter(cairo_t* context, const Chart& chart)
      : c_(context), chart_(chart), x_(chart.log_x, 0), y_(chart.log_y, 0.04) {
    for (const ChartSeries& series : chart.series) {
      for (const double value : series.x) x_.include(value);
      for (const auto* values : {&series.y, &series.low, &series.high})
        for (const double value : *values) y_.include(value);
    }
    x_.settle();
    y_.settle();
    cairo_select_font_face(c_, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_line_join(c_, CAIRO_LINE_JOIN_ROUND);
  }

  void paint() {
    use(paper);
    cairo_paint(c_);
    place_frame();
    draw_axes();
    for (std::size_t i = 0; i < chart_.series.size(); ++i) draw_band(i);
    for (std::size_t i = 0; i < chart_.series.size(); ++i) draw_series(i);
  }

 private:
  void use(const Colour& colour, double alpha = 1) {
    cairo_set_source_rgba(c_, colour.red, colour.green, colour.blue, alpha);
  }
  void use_series(std::size_t i) {
    use(palette[i % palette.size()]);
    cairo_set_line_width(c_, line_width);
    const double dash = 6.0 / static_cast<double>(i / palette.size());  // shorter in each further round
    cairo_set_dash(c_, &dash, i < palette.size() ? 0 : 1, 0);
  }

  double width_of(const std::string& text) {
    cairo_text_extents_t extents;
    cairo_text_extents(c_, text.c_str(), &extents);
    return extents.x_advance;
  }
  /// `align` 0: begins at x, 0.5: around it, 1: ends there. y is the base line.
  void write(const std::string& text, double x, double y, double align) {
    cairo_move_to(c_, x - align * width_of(text), y);
    cairo_show_text(c_, text.c_str());
    cairo_new_path(c_);  // text leaves its end, from which a line would go on
  }

  /// Title and legend take what they need at the top, labels at the left and below.
  void place_frame() {
    double top = 1.5 * gap;
    use(ink);
    if (!chart_.title.empty()) {
      cairo_set_font_size(c_, title_size);
      top += title_size;
      write(chart_.title, chart_.width / 2.0, top, 0.5);
      top += gap;
    }
    cairo_set_font_size(c_, text_size);
    top = draw_legend(top);
    double widest = 0;
    y_ticks_ = y_.ticks(std::max(2, chart_.height / 70));
    x_ticks_ = x_.ticks(std::max(2, chart_.width / 110));
    for (const Axis::Tick& tick : y_ticks_) widest = std::max(widest, width_of(tick.label));
    const double label = text_size + gap;
    frame_ = {widest + 2 * gap + (chart_.y_label.empty() ? 0 : label), top, chart_.width - 3 * gap,
              chart_.height - 2.5 * gap - text_size - (chart_.x_label.empty() ? 0 : label)};
  }

  /// Rows of keys under the title, where they hide no data. Returns where the rows end.
  double draw_legend(double top) {
    double x = 3 * gap, y = top;
    for (std::size_t i = 0; i < chart_.series.size(); ++i) {
      const std::string& name = chart_.series[i].name;
      if (name.empty()) continue;
      const double width = key_width + 3 * gap + width_of(name);
      if (x > 3 * gap && x + width > chart_.width - gap) {
        x = 3 * gap;
        y += 1.5 * text_size;
      }
      draw_key(i, x, y + text_size / 2);
      use(ink);
      write(name, x + key_width + 0.7 * gap, y + 0.85 * text_size, 0);
      x += width;
    }
    return x > 3 * gap ? y + text_size + 1.5 * gap : top + gap;
  }

  void draw_key(std::size_t i, double x, double y) {
    const ChartSeries& series = chart_.series[i];
    if (!series.low.empty()) {
      use(palette[i % palette.size()], 0.2);
      cairo_rectangle(c_, x, y - 0.4 * text_size, key_width, 0.8 * text_size);
      cairo_fill(c_);
    }
    if (series.y.empty()) return;
    use_series(i);
    if (series.look == ChartLook::points) return dot(x + key_width / 2, y);
    cairo_move_to(c_, x, y);
    cairo_line_to(c_, x + key_width, y);
    cairo_stroke(c_);
  }

  void dot(double x, double y) {
    cairo_arc(c_, x, y, 3, 0, 2 * 3.14159265358979);
    cairo_fill(c_);
  }

  void line(double x0, double y0, double x1, double y1) {
    cairo_move_to(c_, x0, y0);
    cairo_line_to(c_, x1, y1);
    cairo_stroke(c_);
  }

  double at_x(double value) const { return frame_.left + x_.place(value) * frame_.width(); }
  double at_y(double value) const { return frame_.bottom - y_.place(value) * frame_.height(); }

  void draw_axes() {
    cairo_set_line_width(c_, 1);
    cairo_set_dash(c_, nullptr, 0, 0);
    for (const Axis::Tick& tick : y_ticks_) {
      const double y = at_y(tick.value);
      use(faint);
      line(frame_.left, y, frame_.right, y);
      use(ink);
      write(tick.label, frame_.left - 0.8 * gap, y + 0.35 * text_size, 1);
    }
    double free = 0;  // where the label before ends
    for (const Axis::Tick& tick : x_ticks_) {
      const double x = at_x(tick.value), half = width_of(tick.label) / 2;
      use(faint);
      line(x, frame_.top, x, frame_.bottom);
      use(ink);
      line(x, frame_.bottom, x, frame_.bottom + 4);
      if (x - half < free) continue;
      write(tick.label, x, frame_.bottom + gap + text_size * 0.8, 0.5);
      free = x + half + gap;
    }
    line(frame_.left, frame_.top, frame_.left, frame_.bottom);
    line(frame_.left, frame_.bottom, frame_.right, frame_.bottom);
    if (!chart_.x_label.empty())
      write(chart_.x_label, (frame_.left + frame_.right) / 2, chart_.height - 1.2 * gap, 0.5);
    if (chart_.y_label.empty()) return;
    cairo_save(c_);
    cairo_translate(c_, gap + 0.8 * text_size, (frame_.top + frame_.bottom) / 2);
    cairo_rotate(c_, -3.14159265358979 / 2);
    write(chart_.y_label, 0, 0, 0.5);
    cairo_restore(c_);
  }

  /// Stretches of a series for which `is_shown` holds, first and one past the last.
  template <class Shown, class Draw>
  static void for_each_stretch(std::size_t size, Shown is_shown, Draw draw) {
    for (std::size_t i = 0, begin = 0; i <= size; ++i) {
      if (i < size && is_shown(i)) continue;
      if (i > begin) draw(begin, i);
      begin = i + 1;
    }
  }

  void draw_band(std::size_t number) {
    const ChartSeries& s = chart_.series[number];
    use(palette[number % palette.size()], 0.2);
    // On a logarithmic axis a band that reaches below zero ends at the frame.
    const auto low = [&](std::size_t i) { return at_y(y_.shows(s.low[i]) ? s.low[i] : y_.least()); };
    const auto shown = [&](std::size_t i) {
      return x_.shows(s.x[i]) && y_.shows(s.high[i]) && std::isfinite(s.low[i]);
    };
    for_each_stretch(s.low.size(), shown, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) cairo_line_to(c_, at_x(s.x[i]), at_y(s.high[i]));
      for (std::size_t i = end; i-- > begin;) cairo_line_to(c_, at_x(s.x[i]), low(i));
      cairo_close_path(c_);
      cairo_fill(c_);
    });
  }

  void draw_series(std::size_t number) {
    const ChartSeries& s = chart_.series[number];
    const auto shown = [&](std::size_t i) { return x_.shows(s.x[i]) && y_.shows(s.y[i]); };
    use_series(number);
    for_each_stretch(s.y.size(), shown, [&](std::size_t begin, std::size_t end) {
      // A value between two that are missing would be a line of no length.
      const bool dots = s.look == ChartLook::points || end - begin == 1;
      for (std::size_t i = begin; i < end; ++i)
        dots ? dot(at_x(s.x[i]), at_y(s.y[i])) : cairo_line_to(c_, at_x(s.x[i]), at_y(s.y[i]));
      cairo_stroke(c_);
    });
  }

  cairo_t* c_;
  const Chart& chart_;
  Axis x_, y_;
  std::vector<Axis::Tick> x_ticks_, y_ticks_;
  Box frame_{};
};

cairo_status_t append(void* bytes, const unsigned char* data, unsigned length) {
  static_cast<std::string*>(bytes)->append(reinterpret_cast<const char*>(data), length);
  return CAIRO_STATUS_SUCCESS;
}

void check(const std::string& path, cairo_status_t status) {
  if (status == CAIRO_STATUS_NO_MEMORY) throw OutOfMemory(path + ": not enough memory for the chart");
  if (status != CAIRO_STATUS_SUCCESS) throw BadFile(path + ": cannot be drawn: " + cairo_status_to_string(status));
}

std::string draw(const std::string& path, const Chart& chart, bool svg) {
  std::string bytes;
  const auto pixels = [&](int size) { return static_cast<int>(std::ceil(size * chart.scale)); };
  const std::unique_ptr<cairo_surface_t, void (*)(cairo_surface_t*)> surface(
      svg ? cairo_svg_surface_create_for_stream(append, &bytes, chart.width, chart.height)
          : cairo_image_surface_create(CAIRO_FORMAT_RGB24, pixels(chart.width), pixels(chart.height)),
      cairo_surface_destroy);
  if (svg) cairo_svg_surface_set_document_unit(surface.get(), CAIRO_SVG_UNIT_PX);
  const std::unique_ptr<cairo_t, void (*)(cairo_t*)> context(cairo_create(surface.get()), cairo_destroy);
  if (!svg) cairo_scale(context.get(), chart.scale, chart.scale);
  Painter(context.get(), chart).paint();
  check(path, cairo_status(context.get()));
  if (svg)
    cairo_surface_finish(surface.get());
  else
    check(path, cairo_surface_write_to_png_stream(surface.get(), append, &bytes));
  check(path, cairo_surface_status(surface.get()));
  return bytes;
}

void check(const Chart& chart) {
  if (chart.width < 240 || chart.height < 160 || chart.width > 4096 || chart.height > 4096 ||
      !(chart.scale >= 0.5 && chart.scale <= 4))
    throw InvalidGraph("chart: the size must be from 240 x 160 to 4096 x 4096 and the scale from 0.5 to 4");
  for (const ChartSeries& series : chart.series) {
    const auto fits = [&](const std::vector<double>& values) { return values.size() == series.x.size(); };
    if (!(fits(series.y) || (series.y.empty() && !series.low.empty())) || series.low.size() != series.high.size() ||
        !(fits(series.low) || series.low.empty()))
      throw InvalidGraph("chart: the series '" + series.name + "' has " + std::to_string(series.x.size()) + " x, " +
                         std::to_string(series.y.size()) + " y, " + std::to_string(series.low.size()) + " low and " +
                         std::to_string(series.high.size()) + " high");
  }
}

}  // namespace

void save_chart(const std::string& path, const Chart& chart) {
  check(chart);
  const std::string extension = std::filesystem::path(path).extension().string();
  if (extension != ".svg" && extension != ".png")
    throw BadFile(path + ": cannot be written: a chart's name ends in .svg or .png");
  replace_file(path, draw(path, chart, extension == ".svg"));
}

}  // namespace volute::io
