// Rows to files, and files to a chart.
#include "tools/train/record.hpp"

#include <fstream>

namespace volute::tool {

Record::Record(const RunFolder& folder, std::optional<std::int64_t> resumed, Progress& progress)
    : folder_(folder), progress_(progress) {
  metrics_.emplace(folder.metrics(), io::MetricsOptions{.resume_after = resumed});
#ifdef VOLUTE_HAS_INTERCHANGE
  events_.emplace(folder.path, io::EventOptions{.resume_after = resumed});
#endif
}

void Record::give_up(const std::string& why) { progress_.warning(why + "; training goes on without it"); }

void Record::write(std::int64_t step, const std::vector<io::Metric>& row) {
  try {
    if (metrics_) metrics_->write(step, row);
  } catch (const BadFile& error) {
    metrics_.reset();
    give_up(error.what());
  }
#ifdef VOLUTE_HAS_INTERCHANGE
  try {
    if (events_) events_->scalars(step, row);
  } catch (const BadFile& error) {
    events_.reset();
    give_up(error.what());
  }
#endif
}

void Record::finish() {
#ifdef VOLUTE_HAS_INTERCHANGE
  io::ChartSeries training{.name = "training"}, validation{.name = "validation"};
  std::ifstream file(folder_.metrics(), std::ios::binary);
  for (std::string line; std::getline(file, line);) {
    const Json row = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!row.is_object() || !row.contains("step")) continue;
    const auto add = [&](io::ChartSeries& series, const char* key) {
      if (!row.contains(key) || !row[key].is_number()) return;
      series.x.push_back(row["step"]);
      series.y.push_back(row[key]);
    };
    add(training, "loss");
    add(validation, "validation_loss");
  }
  if (training.x.empty()) return;
  try {
    io::save_chart(folder_.chart(),
                   {.title = folder_.path, .x_label = "step", .y_label = "loss", .series = {training, validation}});
  } catch (const Error& error) {
    progress_.warning(error.what());
  }
#endif
}

}  // namespace volute::tool
