// The files that a training leaves to look at: metrics, events for TensorBoard, a chart of the losses.
// Invariant: a file that cannot be written any more is given up, and training goes on: hours of it are worth more.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "samples/char_lm/model.hpp"
#include "samples/char_lm/options.hpp"

namespace char_lm {

struct Report {
  std::int64_t step = 0;
  double loss = 0;             ///< mean since the last report, nats per character
  double last_loss = 0;        ///< of the step
  double validation_loss = 0;  ///< nats per character
  std::optional<float> gradient_norm = {};  ///< of the step, before clipping
  double tokens_per_second = 0;
  double seconds = 0;  ///< since training began
};

class Log {
 public:
  /// Throws BadFile if a file cannot be written. A training that goes on after `resumed` steps keeps what the metrics
  /// have up to there; the chart begins there.
  Log(const Options& options, const Model& model, std::optional<std::int64_t> resumed);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Return what is wrong with files, each once.
  std::vector<std::string> look(const Report& report);
  std::vector<std::string> report(const Report& report);

 private:
  struct Files;
  std::unique_ptr<Files> files_;
  double lr_;
};

}  // namespace char_lm
