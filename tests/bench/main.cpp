// volute_bench: kernels beside what the device can do at most, training steps beside a peer, in one run.
// Invariant: Volute and the peer take turns within every round, so that a slow minute of the machine is in both.
#include <CLI/CLI.hpp>
#include <ctime>
#include <fstream>
#include <iostream>
#include <regex>
#include <thread>

#include "tests/bench/floors.hpp"
#include "tests/bench/measure.hpp"
#include "tests/bench/peer.hpp"
#include "tests/bench/step.hpp"

namespace volute::bench {
namespace {

struct Options {
  std::string filter, json, floors, python = "/usr/bin/python3";
  int rounds = 9;
  bool quick = false, no_peer = false, check = false, profile = false;
};

std::string today() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d", std::gmtime(&now));
  return text;
}

class Bench {
 public:
  explicit Bench(const Options& options) : options_(options), filter_(options.filter, std::regex::icase) {
    const DeviceInfo& info = device_.info();
    const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
    results_.setting = {today(), info.name, info.driver, info.type, "", cores};
    if (options.no_peer) return;
    try {
      peer_ = std::make_unique<Peer>(options.python, !on_cpu(), cores);
      results_.setting.peer = peer_->description();
    } catch (const std::exception& error) {
      std::cerr << "no peer, its columns are left out: " << error.what()
                << " (Debian: python3-torch and libopenblas0-pthread)\n";
    }
  }

  bool wanted(const std::string& name) const { return std::regex_search(name, filter_); }

  const Results& run() {
    kernels();
    for (const StepRow& row : step_rows())
      if (is_selected(row)) step(row);
    return results_;
  }

  bool is_selected(const StepRow& row) const {
    // On CPUs, the layers that take under about five seconds a step on either side.
    const bool small_enough = !on_cpu() || !row.layer_only() || row.flops() < 1.2e11;
    return wanted(row.name()) && small_enough && (row.quick || !options_.quick);
  }

 private:
  /// Threads of either side that wait for more work by running on, as those of OpenBLAS do, have stopped after this.
  void settle() const {
    if (peer_) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }

  bool on_cpu() const { return device_.info().type == "cpu"; }

  void kernels() {
    std::vector<KernelCase> cases;
    for (KernelCase& kernel : kernel_cases())
      if (wanted(kernel.name) && (kernel.quick || !options_.quick)) cases.push_back(std::move(kernel));
    if (cases.empty()) return;
    std::cerr << "ceilings\n";
    results_.ceilings = measure_ceilings(device_);
    for (const KernelCase& kernel : cases) {
      std::cerr << kernel.name << "\n";
      results_.kernels.push_back(measure_kernel(device_, kernel));
      if (peer_ && !kernel.gemm.empty()) results_.kernels.back().peer_ms = peer_->gemm(kernel.gemm);
    }
  }

  void step(const StepRow& row) {
    std::cerr << row.name() << "\n";
    Step mine(device_, row);
    std::vector<double> volute, torch;
    if (peer_) peer_->load(row);
    double slowest = 0;
    for (int warm = 0; warm < 3; ++warm) {
      slowest = mine.milliseconds();
      if (peer_) slowest = std::max(slowest, peer_->step());
    }
    // Short steps come several in a turn: the caches belong to whoever's turn it is.
    const int turn = options_.quick ? 1 : static_cast<int>(std::clamp(100 / slowest, 1.0, 20.0));
    for (int round = 0; round < options_.rounds; ++round) {
      settle();
      for (int i = 0; i < turn; ++i) volute.push_back(mine.milliseconds());
      settle();
      for (int i = 0; peer_ && i < turn; ++i) torch.push_back(peer_->step());
    }
    results_.steps.push_back(
        {row.name(), row.layer_only(), row.flops(), static_cast<double>(row.B * row.T), spread(volute), std::nullopt});
    if (peer_) results_.steps.back().peer_ms = spread(torch);
    if (options_.profile) results_.steps.back().shares = shares(row);
  }

  /// A program of its own: timestamps take time.
  Shares shares(const StepRow& row) {
    Step step(device_, row, {.profile = true});
    for (int run = 0; run < 3; ++run) step.milliseconds();
    const Profile& profile = *step.program().data().profile;
    Shares sums;
    for (std::size_t i = 0; i < profile.spans().size(); ++i) {
      const Profile::Span& span = profile.spans()[i];
      const bool product = span.label.find("matmul") != std::string::npos, in_loop = span.t >= 0;
      double& sum = product ? (in_loop ? sums.products_in_loops : sums.products_outside)
                            : (in_loop ? sums.others_in_loops : sums.rest);
      sum += (profile.times()[i + 1] - profile.times()[i]) * 1e-6;
    }
    return sums;
  }

  Options options_;
  std::regex filter_;
  Device device_;
  std::unique_ptr<Peer> peer_;
  Results results_;
};

int check(const Options& options, const Bench& bench, const Results& results) {
  std::vector<std::string> selected;
  for (const StepRow& row : step_rows())
    if (bench.is_selected(row)) selected.push_back(row.name());
  // With --quick or a filter, floors of rows that were left out on purpose say nothing; rows that are gone do.
  const auto wanted = [&](const std::string& name) {
    const bool known = std::any_of(step_rows().begin(), step_rows().end(),
                                   [&](const StepRow& row) { return row.name() == name; });
    return !known || std::find(selected.begin(), selected.end(), name) != selected.end();
  };
  const auto complaints = below_floors(results, read_floors(options.floors, results.setting.device_class), wanted);
  for (const std::string& complaint : complaints) std::cerr << "floor: " << complaint << "\n";
  if (complaints.empty()) std::cerr << "every row is above its floor\n";
  return complaints.empty() ? 0 : 1;
}

int run(const Options& options) {
  Bench bench(options);
  const Results& results = bench.run();
  if (results.kernels.empty() && results.steps.empty()) throw std::runtime_error("no row matches " + options.filter);
  std::cout << markdown(results);
  if (!options.json.empty()) {
    std::ofstream file(options.json, std::ios::trunc);
    file << json(results);
    file.close();
    if (!file) throw std::runtime_error("cannot write " + options.json);
  }
  return options.check ? check(options, bench, results) : 0;
}

}  // namespace
}  // namespace volute::bench

int main(int argc, char** argv) {
  volute::bench::Options options;
  options.floors = std::string(VOLUTE_SOURCE_DIR) + "/tests/bench/floors.json";
  CLI::App app("Measures kernels and training steps, the steps in turns with PyTorch where it is installed.");
  app.add_option("--filter", options.filter, "only rows whose name this regular expression matches");
  app.add_option("--rounds", options.rounds, "turns of each side")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_flag("--quick", options.quick, "a few small rows, one step in a turn");
  app.add_flag("--no-peer", options.no_peer, "Volute alone");
  app.add_flag("--profile", options.profile, "also what the device's time goes into, from one profiled step");
  app.add_option("--python", options.python, "Python with PyTorch")->capture_default_str();
  app.add_option("--json", options.json, "write the results to this file too");
  app.add_option("--check", options.floors, "exit with 1 if a row is below its floor in this file")
      ->expected(0, 1)
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  options.check = app.count("--check") > 0;
  try {
    return volute::bench::run(options);
  } catch (const std::exception& error) {
    std::cerr << "volute_bench: " << error.what() << "\n";
    return 2;
  }
}
