// What tasks share.
#include "tools/tasks/task.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace volute::tool {

std::vector<std::size_t> Rows::batch(std::int64_t i, std::int64_t N) {
  std::vector<std::size_t> rows;
  const auto count = static_cast<std::int64_t>(count_);
  for (std::int64_t k = i * N; k < (i + 1) * N; ++k) {
    if (epoch_ != k / count) {
      epoch_ = k / count;
      order_ = data::shuffled(count_, seed_, static_cast<std::uint64_t>(epoch_));
    }
    rows.push_back(order_[static_cast<std::size_t>(k % count)]);
  }
  return rows;
}

std::int64_t Rows::steps(std::int64_t epochs, std::int64_t N) const {
  return (epochs * static_cast<std::int64_t>(count_) + N - 1) / N;
}

std::uint64_t hash(const void* data, std::size_t bytes, std::uint64_t before) {
  return XXH3_64bits_withSeed(data, bytes, before);
}

std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3 + (number < 0);) text.insert(at -= 3, ",");
  return text;
}

std::string parts_text(const char* items, std::size_t learned, std::size_t validated, std::size_t tested) {
  const auto count = [](std::size_t n) { return grouped(static_cast<std::int64_t>(n)); };
  return count(learned) + " " + items + " to learn from, " + count(validated) + " to validate" +
         (tested > 0 ? ", " + count(tested) + " to test" : "");
}

char delimiter(const Json& section) { return section.at("delimiter").get_ref<const std::string&>().front(); }

std::unique_ptr<Task> make_task(const Config& config, const Data& data) {
  if (config.task() == "classification") return make_classification(config, data);
  if (config.task() == "forecasting") return make_forecasting(config, data);
  return make_language_model(config, data);
}

}  // namespace volute::tool
