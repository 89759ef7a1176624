// Event files for TensorBoard.
// Invariant: a file begins with its version, and each call adds one whole record, so it can be read at any time.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include <volute/io.hpp>

#include "engine/interchange/records.hpp"
#include "engine/io/file.hpp"
#include "events.pb.h"

namespace volute::io {
namespace {

std::string host_name() {
  char name[256] = "";
  if (::gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "localhost";
  return name;
}

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// TensorBoard reads no file that has text in it which is not UTF-8: what is not becomes U+FFFD.
std::string utf8(const std::string& text) {
  using nlohmann::json;
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

std::string checked_tag(const std::string& tag) {
  if (tag.empty()) throw InvalidGraph("events: a tag is empty");
  return utf8(tag);
}

/// Zero, and steps of a tenth from 1e-12 to beyond all f32, on both sides of it.
std::vector<double> bucket_limits() {
  std::vector<double> positive;
  for (double limit = 1e-12; limit < 4e38; limit *= 1.1) positive.push_back(limit);
  positive.push_back(4e38);
  std::vector<double> limits;
  for (auto limit = positive.rbegin(); limit != positive.rend(); ++limit) limits.push_back(-*limit);
  limits.push_back(0);
  limits.insert(limits.end(), positive.begin(), positive.end());
  return limits;
}

/// A bucket holds values from the limit before its own, which it includes, to its own; those at either end of all that
/// hold one are the first and the last written.
void fill(events::Histogram& histogram, std::span<const float> values) {
  static const std::vector<double> limits = bucket_limits();
  std::vector<double> counts(limits.size());
  double num = 0, sum = 0, squares = 0, least = INFINITY, most = -INFINITY;
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    ++counts[static_cast<std::size_t>(std::upper_bound(limits.begin(), limits.end(), value) - limits.begin())];
    ++num;
    sum += value;
    squares += static_cast<double>(value) * value;
    least = std::min<double>(least, value);
    most = std::max<double>(most, value);
  }
  if (num == 0) return;
  histogram.set_min(least);
  histogram.set_max(most);
  histogram.set_num(num);
  histogram.set_sum(sum);
  histogram.set_sum_squares(squares);
  const auto filled = [](double count) { return count > 0; };
  const auto first = std::find_if(counts.begin(), counts.end(), filled) - counts.begin();
  const auto last = counts.rend() - std::find_if(counts.rbegin(), counts.rend(), filled);
  for (auto i = first; i < last; ++i) {
    histogram.add_bucket_limit(limits[static_cast<std::size_t>(i)]);
    histogram.add_bucket(counts[static_cast<std::size_t>(i)]);
  }
}

/// A name no other has: of this process, nor of another or another machine that writes to the folder.
std::string make_path(const std::string& folder, const std::string& suffix) {
  static std::atomic<int> number{0};
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem) throw BadFile(folder + ": the folder cannot be made: " + problem.message());
  const std::string name = "events.out.tfevents." + std::to_string(static_cast<std::int64_t>(seconds_since_1970())) +
                           '.' + host_name() + '.' + std::to_string(::getpid()) + '.' + std::to_string(number++);
  return (std::filesystem::path(folder) / (name + suffix)).string();
}

}  // namespace

struct EventFile::Data {
  AppendingFile file;

  void write(std::int64_t step, events::Event& event) {
    event.set_wall_time(seconds_since_1970());
    event.set_step(step);
    file.append(record_of(event.SerializeAsString()));
  }
};

EventFile::EventFile(const std::string& folder, EventOptions options)
    : data_(std::make_unique<Data>(Data{{make_path(folder, options.suffix), AppendingFile::Start::empty}})) {
  events::Event version;
  version.set_file_version("brain.Event:2");
  data_->write(0, version);
  if (!options.resume_after) return;
  events::Event start;
  start.mutable_session_log()->set_status(events::SessionLog::START);
  data_->write(*options.resume_after + 1, start);
}

EventFile::~EventFile() = default;
EventFile::EventFile(EventFile&&) noexcept = default;
EventFile& EventFile::operator=(EventFile&&) noexcept = default;

const std::string& EventFile::path() const { return data_->file.path(); }

void EventFile::scalars(std::int64_t step, const std::vector<Metric>& metrics) {
  events::Event event;
  for (const Metric& metric : metrics) {
    events::Summary::Value& value = *event.mutable_summary()->add_value();
    value.set_tag(checked_tag(metric.name));
    value.set_simple_value(static_cast<float>(metric.value));
  }
  data_->write(step, event);
}

void EventFile::histogram(std::int64_t step, const std::string& tag, std::span<const float> values) {
  events::Event event;
  events::Summary::Value& value = *event.mutable_summary()->add_value();
  value.set_tag(checked_tag(tag));
  fill(*value.mutable_histo(), values);
  data_->write(step, event);
}

void EventFile::text(std::int64_t step, const std::string& tag, const std::string& markdown) {
  events::Event event;
  events::Summary::Value& value = *event.mutable_summary()->add_value();
  value.set_tag(checked_tag(tag));
  value.mutable_metadata()->mutable_plugin_data()->set_plugin_name("text");
  events::Tensor& tensor = *value.mutable_tensor();
  tensor.set_dtype(events::Tensor::STRING);
  tensor.mutable_tensor_shape()->add_dim()->set_size(1);
  tensor.add_string_val(utf8(markdown));
  data_->write(step, event);
}

}  // namespace volute::io
