// Learning the next values of columns: windows over rows in the order of time, judged on later rows, which training
// never sees, in the data's own units and against a forecast that only repeats.
// Invariant: what tests comes after what validates, and that after what is learnt; no window reaches into a later part.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "tools/mistake.hpp"
#include "tools/tasks/task.hpp"

namespace volute::tool {
namespace {

class Forecasting : public Task {
 public:
  Forecasting(const Config& config, const Data& data)
      : section_(config.data()),
        T_(section_["length"]),
        N_(config.training()["batch"]),
        horizon_(section_["horizon"]),
        seed_(config.training()["seed"]),
        shard_(data.shard),
        rows_(load(config, data), seed_),
        model_(config, columns(), horizon_ * static_cast<std::int64_t>(targets_.size()), /*embedded=*/false) {}

  const Model& model() const override { return model_; }
  io::Metadata describe() const override {
    return {{"means", Json(means_).dump()}, {"deviations", Json(deviations_).dump()}};
  }
  std::string summary() const override {
    const std::string item = "windows of " + std::to_string(T_) + " rows";
    return parts_text(item.c_str(), train_->count(), validation_.windows->count(),
                      tests() ? test_.windows->count() : 0);
  }
  std::uint64_t fingerprint() const override { return hash(raw_.values.data(), raw_.values.size() * 4); }

  std::int64_t steps(std::int64_t epochs) const override { return rows_.steps(epochs, N_); }
  std::int64_t items() const override { return N_; }
  const char* item() const override { return "windows"; }

  Tensor loss(Graph& g) override {
    const std::int64_t N = shard_.count(N_);
    x_ = g.input("x", {T_, N, columns()});
    y_ = g.input("y", {horizon_, N, static_cast<std::int64_t>(targets_.size())});
    return mse_loss(forecast(x_), y_);
  }
  void step(Program& program, std::int64_t i) override {
    const auto batch = train_->batch(shard_.of(rows_.batch(i, N_)));
    program.run({{x_, batch.x}, {y_, batch.y}});
  }

  Scores evaluate(Device& device, Extent extent, const Watch& watch) override;
  bool tests() const override { return test_.windows.has_value(); }
  std::vector<std::pair<std::string, Tensor>> inference(Graph& g, std::int64_t T, std::int64_t N) override;
  std::string generate(Device& device, const GenerateOptions& options) override;

 private:
  std::int64_t columns() const { return static_cast<std::int64_t>(raw_.names.size()); }
  /// x [T, N, C] -> [horizon, N, targets]
  Tensor forecast(Tensor x) const {
    const std::int64_t K = static_cast<std::int64_t>(targets_.size());
    const Tensor all = model_.output(model_.cell->run(x).last_output);  // [N, horizon K]
    return transpose(reshape(all, {x.dim(1), horizon_, K}), {1, 0, 2});
  }
  void load_series(const Config& config, const Data& data);
  void load_targets(const Config& config);
  std::size_t load(const Config& config, const Data& data);
  void normalise(const Config& config, const Data& data, std::size_t train);
  data::WindowOptions windows(std::size_t begin, std::size_t end) const {
    return {.length = T_, .horizon = horizon_, .targets = targets_, .begin = begin, .end = end};
  }
  /// Windows of which rows from `begin` to `end` are forecast; what was before may be looked at.
  struct Judged {
    std::size_t first = 0;  ///< row where the first begins
    std::optional<data::Windows> windows = {};
  };
  Judged judging(std::size_t begin, std::size_t end) const {
    const auto T = static_cast<std::size_t>(T_);
    Judged judged{begin > T ? begin - T : 0};
    judged.windows.emplace(scaled_, windows(judged.first, end));
    return judged;
  }
  float undone(float value, std::size_t column) const {
    return static_cast<float>(value * deviations_[column] + means_[column]);
  }

  const Json& section_;
  std::int64_t T_, N_, horizon_;
  std::uint64_t seed_;
  data::Shard shard_;
  data::Series raw_, scaled_;
  std::vector<std::size_t> targets_;
  std::vector<double> means_, deviations_;
  std::optional<data::Windows> train_;
  Judged validation_, test_;
  Rows rows_;
  Model model_;
  Tensor x_, y_;
  Graph graph_{Mode::inference};
  Tensor seen_, guess_;
  std::optional<Program> evaluation_;
};

std::vector<double> numbers_of(const io::Metadata& metadata, const char* key, std::size_t count) {
  const auto found = metadata.find(key);
  const Json json = Json::parse(found == metadata.end() ? "" : found->second, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array() || json.size() != count ||
      !std::all_of(json.begin(), json.end(), [](const Json& v) { return v.is_number(); }))
    throw BadFile(std::string("its metadata has no '") + key + "' of as many columns");
  return json.get<std::vector<double>>();
}

void Forecasting::load_series(const Config& config, const Data& data) {
  const std::string file = data.files.empty() ? config.resolve(section_["file"]) : data.files.front();
  const auto table =
      config.pointing_at("forecasting.file", [&] { return data::Csv::load(file, {.delimiter = delimiter(section_)}); });
  const auto names = section_["columns"].get<std::vector<std::string>>();
  for (std::size_t i = 0; i < names.size(); ++i)
    config.pointing_at(join("forecasting.columns", i), [&] { table.column(names[i]); });
  const Json& missing = section_["missing"];
  raw_ = config.pointing_at("forecasting.columns", [&] {
    return data::Series::from(table, names,
                              missing == "drop"       ? data::Missing::drop
                              : missing == "previous" ? data::Missing::previous
                                                      : data::Missing::error);
  });
}

void Forecasting::load_targets(const Config& config) {
  const auto names = section_["columns"].get<std::vector<std::string>>();
  for (std::size_t i = 0; i < section_["targets"].size(); ++i) {
    const auto found = std::find(names.begin(), names.end(), section_["targets"][i].get<std::string>());
    if (found == names.end())
      config.complain(join("forecasting.targets", i), "must be one of the columns: " + section_["columns"].dump());
    targets_.push_back(static_cast<std::size_t>(found - names.begin()));
  }
  if (targets_.empty()) {
    targets_.resize(names.size());
    std::iota(targets_.begin(), targets_.end(), std::size_t{0});
  }
}

/// Windows to learn from.
std::size_t Forecasting::load(const Config& config, const Data& data) {
  load_targets(config);
  raw_.names = section_["columns"].get<std::vector<std::string>>();
  if (data.from != Data::From::nowhere) load_series(config, data);
  const std::size_t rows = raw_.rows();
  if (data.from != Data::From::config) normalise(config, data, 0);
  if (data.from == Data::From::files)
    config.pointing_at("forecasting.length", [&] { validation_ = judging(0, rows); });
  if (data.from != Data::From::config) return 1;
  const auto part = [&](const char* key) {
    return static_cast<std::size_t>(static_cast<double>(rows) * section_[key].get<double>());
  };
  const std::size_t end = rows - part("test"), validated = part("validation");
  if (validated >= end)
    config.complain("forecasting.validation", "leaves no row to learn from; there are " + std::to_string(rows) +
                                                  ", of which " + std::to_string(rows - end) + " test");
  const std::size_t train = end - validated;
  normalise(config, data, train);
  config.pointing_at("forecasting.length", [&] { train_.emplace(scaled_, windows(0, train)); });
  config.pointing_at("forecasting.validation", [&] { validation_ = judging(train, end); });
  if (section_["test"] > 0) config.pointing_at("forecasting.test", [&] { test_ = judging(end, rows); });
  return train_->count();
}

void Forecasting::normalise(const Config& config, const Data& data, std::size_t train) {
  const auto C = static_cast<std::size_t>(columns());
  if (data.saved) {
    means_ = numbers_of(*data.saved, "means", C);
    deviations_ = numbers_of(*data.saved, "deviations", C);
  } else {
    const auto fitted = config.pointing_at("forecasting.columns", [&] {
      return data::Normalizer::fit(std::span<const float>(raw_.values).first(train * C), columns());
    });
    means_ = fitted.means();
    deviations_ = fitted.deviations();
  }
  scaled_ = raw_;
  for (std::size_t i = 0; i < scaled_.values.size(); ++i)
    scaled_.values[i] = static_cast<float>((scaled_.values[i] - means_[i % C]) / deviations_[i % C]);
}

Scores Forecasting::evaluate(Device& device, Extent extent, const Watch& watch) {
  if (!evaluation_) {
    seen_ = graph_.input("x", {T_, N_, columns()});
    guess_ = forecast(seen_);
    evaluation_ = device.compile(graph_, guess_);
  }
  const Judged& judged = extent == Extent::result && tests() ? test_ : validation_;
  const std::size_t windows = judged.windows->count();
  const auto C = static_cast<std::size_t>(columns()), N = static_cast<std::size_t>(N_), K = targets_.size();
  const auto T = static_cast<std::size_t>(T_), season = section_["season"].get<std::size_t>();
  double scaled = 0, absolute = 0, squared = 0, naive_absolute = 0, naive_squared = 0, count = 0;
  for (std::size_t begin = 0; begin < windows; begin += N) {
    watch(static_cast<double>(begin) / static_cast<double>(windows));
    std::vector<std::size_t> rows(N);
    for (std::size_t n = 0; n < N; ++n) rows[n] = std::min(begin + n, windows - 1);
    evaluation_->run({{seen_, judged.windows->batch(rows).x}});
    const std::vector<float> guesses = evaluation_->read(guess_);
    for (std::size_t i = 0; i < guesses.size(); ++i) {
      const std::size_t step = i / (N * K), n = i / K % N, column = targets_[i % K];
      if (begin + n >= windows) continue;
      const std::size_t last = judged.first + begin + n + T - 1, row = last + 1 + step;
      // The value a season ago that was already known.
      const std::size_t back = (step / season + 1) * season, known = row >= back ? row - back : last;
      const double value = raw_.values[row * C + column], naive = raw_.values[known * C + column];
      const double error = undone(guesses[i], column) - value;
      scaled += error * error / (deviations_[column] * deviations_[column]);
      absolute += std::abs(error), squared += error * error;
      naive_absolute += std::abs(naive - value), naive_squared += (naive - value) * (naive - value);
      ++count;
    }
  }
  return {{"loss", scaled / count},
          {"mae", absolute / count},
          {"rmse", std::sqrt(squared / count)},
          {"naive_mae", naive_absolute / count},
          {"naive_rmse", std::sqrt(naive_squared / count)}};
}

/// In the data's units, as a program elsewhere has them.
std::vector<std::pair<std::string, Tensor>> Forecasting::inference(Graph& g, std::int64_t T, std::int64_t N) {
  std::vector<float> seen_means(means_.begin(), means_.end()), seen_scales(deviations_.begin(), deviations_.end());
  std::vector<float> means, scales;
  for (const std::size_t column : targets_) {
    means.push_back(seen_means[column]);
    scales.push_back(seen_scales[column]);
  }
  const auto C = columns(), K = static_cast<std::int64_t>(targets_.size());
  const Tensor x = g.input("x", {T ? T : T_, N ? N : 1, C});
  const Tensor scaled =
      (x - g.parameter(Parameter("means", {C}, seen_means))) / g.parameter(Parameter("deviations", {C}, seen_scales));
  return {{"forecast", forecast(scaled) * g.parameter(Parameter("target_deviations", {K}, scales)) +
                           g.parameter(Parameter("target_means", {K}, means))}};
}

/// CSV: the values behind the last row. More than the horizon are forecast from forecasts.
std::string Forecasting::generate(Device& device, const GenerateOptions& options) {
  const std::int64_t length = options.length ? options.length : horizon_;
  const auto C = static_cast<std::size_t>(columns()), K = targets_.size(), T = static_cast<std::size_t>(T_);
  if (length > horizon_ && K != C)
    throw Mistake("--length: at most " + std::to_string(horizon_) +
                  ", the run's horizon; for more all columns must be targets");
  if (raw_.rows() < T)
    throw Mistake("the series has " + std::to_string(raw_.rows()) + " rows, the model sees " + std::to_string(T));
  Graph g(Mode::inference);
  const Tensor x = g.input("x", {T_, 1, columns()});
  const Tensor y = forecast(x);  // [horizon, 1, K]
  Program program = device.compile(g, y);
  std::vector<float> seen = scaled_.values;
  std::string out;
  for (std::size_t k = 0; k < K; ++k) out += (k ? "," : "") + raw_.names[targets_[k]];
  out += '\n';
  for (std::int64_t done = 0; done < length; done += horizon_) {
    program.run({{x, std::vector<float>(seen.end() - static_cast<std::ptrdiff_t>(T * C), seen.end())}});
    const std::vector<float> next = program.read(y);
    for (std::int64_t h = 0; h < horizon_ && done + h < length; ++h)
      for (std::size_t k = 0; k < K; ++k) {
        char text[32];
        std::snprintf(text, sizeof text, "%.6g", undone(next[static_cast<std::size_t>(h) * K + k], targets_[k]));
        out += text + std::string(k + 1 < K ? "," : "\n");
      }
    // Only where targets are all columns: in the columns' order then.
    if (K == C)
      for (std::int64_t h = 0; h < horizon_; ++h)
        for (std::size_t c = 0; c < C; ++c) {
          const auto k = static_cast<std::size_t>(std::find(targets_.begin(), targets_.end(), c) - targets_.begin());
          seen.push_back(next[static_cast<std::size_t>(h) * K + k]);
        }
  }
  return out;
}

}  // namespace

std::unique_ptr<Task> make_forecasting(const Config& config, const Data& data) {
  return std::make_unique<Forecasting>(config, data);
}

}  // namespace volute::tool
