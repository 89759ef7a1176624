// forecast: the yearly sunspot numbers of the next five years with intervals. A linear autoregression is corrected by
// an ensemble of LSTMs, which say quantiles, and both are held against the autoregression alone.
// Invariant: the parts follow one another in time. All that is fitted saw the years before 1900; when to stop is chosen
// on those up to 1949; those from 1950 on are forecast once, at the end.
#include <numeric>
#include <volute/volute.hpp>

#include "samples/forecast/model.hpp"
#include "samples/recipe.hpp"

namespace {

using namespace volute;
using namespace forecast;

constexpr std::int64_t batch = 32;
constexpr std::size_t first_year = 1700;
constexpr std::size_t validation_begin = 200, test_begin = 250;  // rows

/// Forecasts all windows of a part: the mean of what the members say.
class Forecaster {
 public:
  Forecaster(Device& device, const Ensemble& ensemble, const data::Windows& windows) {
    std::vector<std::size_t> all(windows.count());
    std::iota(all.begin(), all.end(), 0);
    data_ = windows.batch(all);
    const auto N = static_cast<std::int64_t>(all.size());
    x_ = graph_.input("x", {seen, N, 1}), y_ = graph_.input("y", {horizon, N, 1});
    for (const Member& member : ensemble) {
      const Bundle forecasts = member(x_);
      for (std::size_t k = 0; k < 3; ++k) {
        Tensor share = forecasts[k] / static_cast<float>(ensemble.size());
        mean_[k] = mean_[k] ? mean_[k] + share : share;
      }
    }
    loss_ = quantile_loss(mean_, y_);
    program_.emplace(device.compile(graph_, {loss_, mean_[0], mean_[1], mean_[2]}));
  }
  float loss() {
    program_->run({{x_, data_.x}, {y_, data_.y}});
    return program_->value(loss_);
  }
  /// Window by window, in the units of the windows.
  std::vector<Quantiles> forecasts() {
    loss();
    std::vector<Quantiles> all(data_.y.size());
    for (std::size_t k = 0; k < 3; ++k) {
      const std::vector<float> values = program_->read(mean_[k]);
      for (std::size_t i = 0; i < all.size(); ++i) all[i][k] = values[i];
    }
    return all;
  }

 private:
  Graph graph_{Mode::inference};
  Tensor x_, y_, loss_;
  Bundle mean_;
  std::optional<Program> program_;
  data::Windows::Forecast data_;
};

/// All members in one program, each with a loss of its own. The weights that validate best stay. Seconds it took.
double train(Device& device, const Ensemble& ensemble, const data::Windows& windows, Forecaster& validation,
             const recipe::Options& o) {
  Graph g;
  const std::int64_t n = o.rows(batch);
  Tensor x = g.input("x", {seen, n, 1}), y = g.input("y", {horizon, n, 1}), loss;
  for (const Member& member : ensemble) {
    Tensor its = quantile_loss(member(x), y);
    loss = loss ? loss + its : its;
  }
  auto step = recipe::Step::make(o, device, loss, n, AdamW{.lr = 3e-3f, .weight_decay = 1e-2f});
  EarlyStopping stopping({.patience = 15, .keep = step.program.parameters()});
  data::Generator random(o.seed);
  recipe::Training training(o, 2000);
  while (!stopping.stop() && training.next()) {
    std::vector<std::size_t> rows(batch);
    for (std::size_t& row : rows) row = random.below(windows.count());
    const data::Windows::Forecast now = windows.batch(o.shard().of(rows));
    step.program.run({{x, now.x}, {y, now.y}});
    if (!training.due(20)) continue;
    stopping.observe(o.judge([&] { return validation.loss(); }));
    if (training.due(200))
      training.say("loss %.4f  best validation %.4f", step.value() / members, stopping.best());
  }
  if (stopping.best_look() >= 0) stopping.restore();
  return training.elapsed();
}

void draw(const recipe::Options& o, const Values& numbers, const std::vector<Quantiles>& forecasts) {
  io::ChartSeries observed{.name = "observed"}, median{.name = "forecast 5 years before, 10 to 90 %"};
  io::ChartSeries naive{.name = "11 years before"};
  for (std::size_t row = test_begin; row < numbers.size(); ++row) {
    const auto year = static_cast<double>(first_year + row);
    observed.x.push_back(year), observed.y.push_back(numbers[row]);
    naive.x.push_back(year), naive.y.push_back(numbers[row - season]);
  }
  for (std::size_t i = horizon - 1; i < forecasts.size(); i += horizon) {
    median.x.push_back(static_cast<double>(first_year + test_begin + i / horizon + horizon - 1));
    median.low.push_back(forecasts[i][0]), median.y.push_back(forecasts[i][1]), median.high.push_back(forecasts[i][2]);
  }
  io::save_chart(recipe::path(o, "forecast.svg"), {.title = "Yearly sunspot numbers", .x_label = "year", .y_label = "",
                                                   .series = {median, naive, observed}});
}

int run(const recipe::Options& o, const std::string& file) {
  data::Series series = data::Series::from(data::Csv::load(file), {"sunspots"});
  const Values numbers(series.values.begin(), series.values.end());
  for (float& value : series.values) value = std::sqrt(value);  // cycles high and low then differ less
  const Values roots(series.values.begin(), series.values.end());

  Device device = recipe::open_device(o);
  const data::Windows before(series, {.length = seen, .horizon = horizon, .end = validation_begin});
  const data::Windows between(series, {.length = seen, .horizon = horizon, .begin = validation_begin - seen,
                                       .end = test_begin});
  const data::Windows last(series, {.length = seen, .horizon = horizon, .begin = test_begin - seen});
  const Ensemble ensemble = make_ensemble(Autoregression(roots, validation_begin, order));
  Forecaster validation(device, ensemble, between), test(device, ensemble, last);
  const double seconds = train(device, ensemble, before, validation, o);
  if (!o.first()) return 0;

  const std::vector<Quantiles> forecasts = squared(test.forecasts());
  std::printf("\nfrom 2004 on    10 %%    50 %%    90 %%  observed\n");
  for (std::size_t h = 0; h < horizon; ++h) {
    const Quantiles& f = forecasts[forecasts.size() - horizon + h];
    std::printf("%12zu  %6.1f  %6.1f  %6.1f    %6.1f\n", first_year + numbers.size() - horizon + h, f[0], f[1], f[2],
                numbers[numbers.size() - horizon + h]);
  }
  draw(o, numbers, forecasts);

  const Score reached = score(forecasts, numbers, test_begin);
  std::vector<Rival> all = rivals(numbers, roots, test_begin);
  const Rival best = *std::min_element(all.begin(), all.end(),
                                       [](const Rival& a, const Rival& b) { return a.score.loss < b.score.loss; });
  all.insert(all.begin(), {"the network", reached});
  std::printf("\nthe years 1950 to 2008, 1 to 5 years ahead\n%-28s quantile loss  MAE    RMSE   in the interval\n", "");
  for (const auto& [name, s] : all)
    std::printf("%-28s %13.2f  %5.1f  %5.1f  %14.0f%%\n", name.c_str(), s.loss, s.mae, s.rmse, 100 * s.covered);
  return recipe::finish(o, {.metric = "quantile loss of sunspot numbers 1 to 5 years ahead", .value = reached.loss,
                            .goal = 6.4, .baseline = best.name, .baseline_value = best.score.loss, .higher = false},
                        seconds);
}

}  // namespace

int main(int argc, char** argv) {
  std::string file = "samples/configs/data/sunspots.csv";
  return recipe::main(
      argc, argv, "Forecasts a series with intervals: an autoregression corrected by LSTMs",
      [&](const recipe::Options& o) { return run(o, file); },
      [&](CLI::App& app) { app.add_option("--file", file, "table with the column sunspots")->capture_default_str(); });
}
