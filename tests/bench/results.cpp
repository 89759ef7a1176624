// Tables and JSON of the results; see results.hpp.
#include "tests/bench/results.hpp"

#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

namespace volute::bench {
namespace {

std::string number(double value, int digits) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << value;
  return text.str();
}

/// Three significant figures, as far as a table needs them.
std::string figure(double value) { return number(value, value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0); }

std::string figures(const Spread& s) { return figure(s.median) + " (" + figure(s.low) + " to " + figure(s.high) + ")"; }

std::string share(double part, double whole) { return whole > 0 ? number(100 * part / whole, 0) + " %" : "-"; }

void products_table(std::ostream& out, const std::vector<KernelResult>& kernels, const Ceilings& most) {
  out << "| kernel | ms | GFLOP/s | of the peak | peer GFLOP/s |\n| --- | --- | --- | --- | --- |\n";
  for (const KernelResult& k : kernels) {
    const double rate = k.flops / k.ms * 1e-6;
    out << "| " << k.name << " | " << figure(k.ms) << " | " << figure(rate) << " | " << share(rate, most.gflops)
        << " | " << (k.peer_ms ? figure(k.flops / *k.peer_ms * 1e-6) : "-") << " |\n";
  }
  out << "\n";
}

void memory_table(std::ostream& out, const std::vector<KernelResult>& kernels, const Ceilings& most) {
  out << "| kernel | ms | GB/s | of the copy |\n| --- | --- | --- | --- |\n";
  for (const KernelResult& k : kernels) {
    const double rate = k.bytes / k.ms * 1e-6;
    out << "| " << k.name << " | " << figure(k.ms) << " | " << figure(rate) << " | " << share(rate, most.gigabytes)
        << " |\n";
  }
  out << "\n";
}

void kernels_tables(std::ostream& out, const Results& r) {
  const Ceilings most = r.ceilings.value_or(Ceilings{});
  std::vector<KernelResult> products, moving;
  for (const KernelResult& k : r.kernels) (k.flops > 0 ? products : moving).push_back(k);
  if (!products.empty()) products_table(out, products, most);
  if (!moving.empty()) memory_table(out, moving, most);
}

void steps_table(std::ostream& out, const Results& r, bool layer_only) {
  const auto of_kind = [&](const StepResult& s) { return s.layer_only == layer_only; };
  if (std::none_of(r.steps.begin(), r.steps.end(), of_kind)) return;
  out << "| " << (layer_only ? "layer alone, H/B/T" : "training step, V E H L B T")
      << " | Volute ms | peer ms | peer / Volute | Volute GFLOP/s | tokens/s |\n| --- | --- | --- | --- | --- | --- |\n";
  for (const StepResult& s : r.steps) {
    if (!of_kind(s)) continue;
    out << "| " << s.name << " | " << figures(s.volute_ms) << " | " << (s.peer_ms ? figures(*s.peer_ms) : "-") << " | "
        << (s.ratio() ? number(*s.ratio(), 2) : "-") << " | " << figure(s.flops / s.volute_ms.median * 1e-6) << " | "
        << number(s.tokens / s.volute_ms.median * 1e3, 0) << " |\n";
  }
  if (const auto mean = mean_ratio(r.steps, layer_only))
    out << "\nGeometric mean of peer / Volute: " << number(*mean, 2) << "\n";
  out << "\n";
}

void shares_table(std::ostream& out, const Results& r) {
  if (std::none_of(r.steps.begin(), r.steps.end(), [](const StepResult& s) { return s.shares.has_value(); })) return;
  out << "| row | device ms | products in loops | products outside | others in loops | rest |\n"
      << "| --- | --- | --- | --- | --- | --- |\n";
  for (const StepResult& s : r.steps) {
    if (!s.shares) continue;
    const auto [in_loops, outside, others, rest] = *s.shares;
    const double all = in_loops + outside + others + rest;
    out << "| " << s.name << " | " << figure(all);
    for (double part : {in_loops, outside, others, rest}) out << " | " << share(part, all);
    out << " |\n";
  }
  out << "\n";
}

nlohmann::ordered_json to_json(const Spread& s) { return {{"median", s.median}, {"low", s.low}, {"high", s.high}}; }

}  // namespace

std::optional<double> mean_ratio(const std::vector<StepResult>& steps, bool layer_only) {
  std::vector<double> ratios;
  for (const StepResult& step : steps)
    if (step.layer_only == layer_only && step.ratio()) ratios.push_back(*step.ratio());
  if (ratios.empty()) return std::nullopt;
  return geometric_mean(ratios);
}

std::string markdown(const Results& r) {
  std::ostringstream out;
  const Setting& s = r.setting;
  out << s.device << ", " << s.driver << "; peer " << (s.peer.empty() ? "none" : s.peer) << "; " << s.cores
      << " cores; " << s.date << ". Medians (quartiles).\n\n";
  if (r.ceilings)
    out << "Ceilings: " << figure(r.ceilings->gflops) << " GFLOP/s of multiply-adds in registers, "
        << figure(r.ceilings->gigabytes) << " GB/s copying.\n\n";
  kernels_tables(out, r);
  steps_table(out, r, false);
  steps_table(out, r, true);
  shares_table(out, r);
  return out.str();
}

std::string json(const Results& r) {
  nlohmann::ordered_json out{{"date", r.setting.date},
                             {"device", r.setting.device},
                             {"driver", r.setting.driver},
                             {"device_class", r.setting.device_class},
                             {"peer", r.setting.peer},
                             {"cores", r.setting.cores}};
  if (r.ceilings) out["ceilings"] = {{"gflops", r.ceilings->gflops}, {"gigabytes_per_second", r.ceilings->gigabytes}};
  out["kernels"] = nlohmann::ordered_json::array();
  for (const KernelResult& k : r.kernels) {
    out["kernels"].push_back({{"name", k.name}, {"ms", k.ms}, {"flops", k.flops}, {"bytes", k.bytes}});
    if (k.peer_ms) out["kernels"].back()["peer_ms"] = *k.peer_ms;
  }
  out["steps"] = nlohmann::ordered_json::array();
  for (const StepResult& s : r.steps) {
    out["steps"].push_back(
        {{"name", s.name}, {"flops", s.flops}, {"tokens", s.tokens}, {"volute_ms", to_json(s.volute_ms)}});
    if (!s.peer_ms) continue;
    out["steps"].back()["peer_ms"] = to_json(*s.peer_ms);
    out["steps"].back()["ratio"] = *s.ratio();
  }
  for (bool layer_only : {false, true})
    if (const auto mean = mean_ratio(r.steps, layer_only))
      out[layer_only ? "geometric_mean_of_layers" : "geometric_mean_of_models"] = *mean;
  return out.dump(2) + "\n";
}

}  // namespace volute::bench
