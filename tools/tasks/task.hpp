// What a run learns: its data, its graph, how it is judged and what it makes. One class for each section a config
// may have.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>
#include <volute/volute.hpp>

#include "tools/config/config.hpp"
#include "tools/tasks/model.hpp"

namespace volute::tool {

/// Named figures; the first is the loss.
using Scores = std::vector<std::pair<std::string, double>>;

using Watch = std::function<void(double)>;

struct GenerateOptions {
  std::string prompt;
  std::int64_t length = 0;  ///< 0: what is usual for the task
  double temperature = 0.8;
  std::uint64_t seed = 1;
};

class Task {
 public:
  virtual ~Task() = default;

  virtual const Model& model() const = 0;
  /// Beside the config what it takes to use the model: the vocabulary, say. Kept in files' metadata.
  virtual io::Metadata describe() const = 0;
  /// "4,200 texts to learn from, 1,050 to validate, 600 to test"
  virtual std::string summary() const = 0;
  /// Of the data: equal for equal data.
  virtual std::uint64_t fingerprint() const = 0;

  virtual std::int64_t steps(std::int64_t epochs) const = 0;
  /// Tokens, rows or values of a step.
  virtual std::int64_t items() const = 0;
  virtual const char* item() const = 0;
  /// Adds the training graph, once.
  virtual Tensor loss(Graph& graph) = 0;
  /// Feeds and starts step i of a program of it: the same data for the same i, however a run came there.
  virtual void step(Program& program, std::int64_t i) = 0;

  /// Over a part of the validation data that is enough for a trend; or over all that is kept to test, which nothing is
  /// chosen by, or, where none is, to validate.
  enum class Extent { trend, result };
  /// `watch` is told now and then which part of it is done, 0 to 1.
  virtual Scores evaluate(Device& device, Extent extent, const Watch& watch) = 0;
  Scores evaluate(Device& device, Extent extent) { return evaluate(device, extent, [](double) {}); }
  /// Whether there are data to test.
  virtual bool tests() const = 0;
  /// Adds what the model makes of inputs of T steps and N rows (0: as in training, and 1) to an inference graph; by
  /// name.
  virtual std::vector<std::pair<std::string, Tensor>> inference(Graph& graph, std::int64_t T, std::int64_t N) = 0;
  /// Text to be printed.
  virtual std::string generate(Device& device, const GenerateOptions& options) = 0;
};

/// Where its data come from: the config's files, to learn from, validate and test; others, of which all is scored;
/// those a forecast goes on from, which other tasks have none of; or nowhere.
struct Data {
  enum class From { config, files, history, nowhere } from = From::config;
  std::vector<std::string> files = {};
  const io::Metadata* saved = nullptr;  ///< of a model that is there already
  std::string text = {};                ///< of a language model, instead of files
  data::Shard shard = {};               ///< the part of every training batch that is this rank's
  /// Whether there are any that are learnt from or scored.
  bool judges() const { return from == From::config || from == From::files; }
};

/// Throws Mistake that points at the config's key.
std::unique_ptr<Task> make_task(const Config& config, const Data& data);

std::unique_ptr<Task> make_language_model(const Config& config, const Data& data);
std::unique_ptr<Task> make_classification(const Config& config, const Data& data);
std::unique_ptr<Task> make_forecasting(const Config& config, const Data& data);

// What tasks share. ----------------------------------------------------------------------------------------------

/// Rows of training data without end: each epoch all of them, in an order of its own, one behind the other.
class Rows {
 public:
  Rows(std::size_t count, std::uint64_t seed) : count_(count), seed_(seed) {}
  /// Those of step i.
  std::vector<std::size_t> batch(std::int64_t i, std::int64_t N);
  /// Steps of so many epochs.
  std::int64_t steps(std::int64_t epochs, std::int64_t N) const;

 private:
  std::size_t count_;
  std::uint64_t seed_;
  std::int64_t epoch_ = -1;  ///< whose order is here
  std::vector<std::size_t> order_;
};

std::uint64_t hash(const void* data, std::size_t bytes, std::uint64_t before = 0);
/// "4,200 texts to learn from, ..."
std::string parts_text(const char* items, std::size_t learned, std::size_t validated, std::size_t tested);
/// 12345678 -> "12,345,678"
std::string grouped(std::int64_t number);
char delimiter(const Json& section);

}  // namespace volute::tool
