// Metrics are of every build; events and the chart come with the component volute::interchange.
#include "samples/char_lm/log.hpp"

#include <cmath>
#include <volute/io.hpp>

namespace char_lm {
namespace {

namespace io = volute::io;

/// Calls `write` with the file, if there is one, and gives it up if that fails.
template <class File, class Write>
void attempt(std::optional<File>& file, std::vector<std::string>& problems, Write write) {
  if (!file) return;
  try {
    write(*file);
  } catch (const volute::BadFile& error) {
    problems.push_back(error.what());
    file.reset();
  }
}

std::vector<io::Metric> metrics_of(const Report& r, double lr) {
  std::vector<io::Metric> row{{"loss", r.loss},
                              {"validation_loss", r.validation_loss},
                              {"tokens_per_second", std::round(r.tokens_per_second)},
                              {"seconds", std::round(r.seconds * 1000) / 1000},
                              {"lr", lr}};
  if (r.gradient_norm) row.emplace_back("gradient_norm", *r.gradient_norm);
  return row;
}

#ifdef VOLUTE_HAS_INTERCHANGE
/// In Markdown, a row an option.
std::string table_of(const Options& o, const Model& model) {
  const Sizes& s = model.sizes;
  std::string rows = "| | |\n|---|---|\n| cell | " + s.cell + " |\n";
  const auto add = [&](const char* name, const auto& value) {
    rows += std::string("| ") + name + " | " + std::to_string(value) + " |\n";
  };
  add("embed", s.embed);
  add("hidden", s.hidden);
  add("layers", s.layers);
  add("weights", model.weights());
  add("batch", o.batch);
  add("length", o.length);
  add("lr", o.lr);
  add("clip", o.clip);
  return rows;
}

void write_histograms(io::EventFile& events, std::int64_t step, const std::vector<io::Entry>& entries) {
  for (const io::Entry& entry : entries)
    for (const volute::Parameter& parameter : entry.module->parameters())
      events.histogram(step, entry.prefix + '/' + parameter.name(), parameter.values());
}
#endif

}  // namespace

#ifdef VOLUTE_HAS_INTERCHANGE

struct Log::Files {
  std::optional<io::MetricsFile> metrics = {};
  std::optional<io::EventFile> events = {};
  std::optional<io::Chart> chart = {};
  std::string chart_path = {};
  std::vector<io::Entry> entries = {};

  void open_pictures(const Options& o, const Model& model, std::optional<std::int64_t> resumed) {
    entries = model.entries();
    if (!o.events.empty()) {
      events.emplace(o.events, io::EventOptions{.resume_after = resumed});
      events->text(resumed.value_or(0), "options", table_of(o, model));
    }
    chart_path = o.chart;
    if (!o.chart.empty())
      chart = io::Chart{.title = "char_lm, " + model.sizes.cell + " " + std::to_string(model.sizes.hidden),
                        .x_label = "step",
                        .y_label = "nats per character",
                        .series = {{.name = "training"}, {.name = "validation"}}};
  }

  void look(const Report& r, double lr, std::vector<std::string>& problems) {
    attempt(events, problems, [&](io::EventFile& file) {
      std::vector<io::Metric> row{{"loss/train", r.last_loss}, {"train/lr", lr}};
      if (r.gradient_norm) row.emplace_back("train/gradient_norm", *r.gradient_norm);
      file.scalars(r.step, row);
    });
    if (chart) add(0, r.step, r.last_loss);
  }

  void report(const Report& r, std::vector<std::string>& problems) {
    attempt(events, problems, [&](io::EventFile& file) {
      file.scalars(r.step, {{"loss/validation", r.validation_loss}, {"train/tokens_per_second", r.tokens_per_second}});
      write_histograms(file, r.step, entries);
    });
    if (chart) add(1, r.step, r.validation_loss);
    attempt(chart, problems, [&](const io::Chart& drawn) { io::save_chart(chart_path, drawn); });
  }

  void add(std::size_t series, std::int64_t step, double value) {
    chart->series[series].x.push_back(static_cast<double>(step));
    chart->series[series].y.push_back(value);
  }
};

#else

struct Log::Files {
  std::optional<io::MetricsFile> metrics = {};
  void open_pictures(const Options&, const Model&, std::optional<std::int64_t>) {}
  void look(const Report&, double, std::vector<std::string>&) {}
  void report(const Report&, std::vector<std::string>&) {}
};

#endif

Log::Log(const Options& o, const Model& model, std::optional<std::int64_t> resumed)
    : files_(std::make_unique<Files>()), lr_(o.lr) {
  if (!o.metrics.empty()) files_->metrics.emplace(o.metrics, io::MetricsOptions{.resume_after = resumed});
  files_->open_pictures(o, model, resumed);
}

Log::~Log() = default;

std::vector<std::string> Log::look(const Report& report) {
  std::vector<std::string> problems;
  files_->look(report, lr_, problems);
  return problems;
}

std::vector<std::string> Log::report(const Report& report) {
  std::vector<std::string> problems;
  attempt(files_->metrics, problems, [&](io::MetricsFile& file) { file.write(report.step, metrics_of(report, lr_)); });
  files_->report(report, problems);
  return problems;
}

}  // namespace char_lm
