// Prints the verdicts of volute::selfcheck as they come, in groups, or all of them as JSON.
// Invariant: escape codes go to terminals only, and only if they may.
#include "tools/commands/selfcheck.hpp"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>
#include <volute/reference.hpp>

#include <unistd.h>

#include "tools/commands/commands.hpp"
#include "tools/console/progress.hpp"

namespace volute::tool {
namespace {

using Outcome = Verdict::Outcome;

const char* word(Outcome outcome) {
  return outcome == Outcome::passed ? "passed" : outcome == Outcome::failed ? "FAILED" : "skipped";
}

/// "0.37"; empty where nothing was measured.
std::string worst_text(double worst) {
  if (worst == 0) return {};
  if (!std::isfinite(worst)) return "inf";
  char text[32];
  std::snprintf(text, sizeof text, worst < 100 ? "%.2f" : "%.1e", worst);
  return text;
}

class Printer {
 public:
  explicit Printer(bool colour) : colour_(colour) {}

  void header(const DeviceInfo& device) const {
    std::printf("%s (%s)\n%s, Vulkan %s\n\n", device.name.c_str(), device.type.c_str(), device.driver.c_str(),
                device.api.c_str());
    std::printf("%s  %-32s %-8s %6s %8s %9s%s\n", bold_, "", "", "cases", "worst", "time", plain_);
  }

  void verdict(const Verdict& v) {
    const std::size_t colon = v.part.find(": ");
    const std::string group = v.part.substr(0, colon);
    const std::string name = colon == std::string::npos ? v.part : v.part.substr(colon + 2);
    if (colon != std::string::npos && group != group_) std::printf("%s%s%s\n", bold_, group.c_str(), plain_);
    group_ = group;
    const char* colour = v.outcome == Outcome::passed ? green_ : v.outcome == Outcome::failed ? red_ : dim_;
    const int indent = colon == std::string::npos ? 0 : 2;
    std::printf("%*s%-*s %s%-8s%s", indent, "", 34 - indent, name.c_str(), colour, word(v.outcome), plain_);
    if (v.outcome == Outcome::skipped)
      std::printf(" %s", v.detail.c_str());
    else
      std::printf(" %6d %8s %7.1f s", v.cases, worst_text(v.worst).c_str(), v.seconds);
    if (v.outcome == Outcome::failed) std::printf("\n    %s", v.detail.c_str());
    std::puts("");
    std::fflush(stdout);
  }

  void summary(const std::vector<Verdict>& verdicts) const {
    int counts[3] = {0, 0, 0}, cases = 0;
    double seconds = 0;
    for (const Verdict& v : verdicts) {
      ++counts[static_cast<int>(v.outcome)];
      cases += v.cases;
      seconds += v.seconds;
    }
    const auto [passed, failed, skipped] = counts;
    std::printf("\n%s%s%s: ", failed ? red_ : green_, failed ? "FAILED" : "passed", plain_);
    if (failed) std::printf("%d of %d parts failed", failed, passed + failed);
    else std::printf("%d part%s", passed, passed == 1 ? "" : "s");
    std::printf(", %d cases in %.0f s", cases, seconds);
    if (skipped) std::printf("; %d skipped", skipped);
    std::puts("\nworst: the largest error met, where 1.00 is allowed");
  }

 private:
  bool colour_;
  const char* bold_ = colour_ ? "\033[1m" : "";
  const char* dim_ = colour_ ? "\033[2m" : "";
  const char* red_ = colour_ ? "\033[1;31m" : "";
  const char* green_ = colour_ ? "\033[32m" : "";
  const char* plain_ = colour_ ? "\033[0m" : "";
  std::string group_;
};

nlohmann::json json_of(const Verdict& v) {
  nlohmann::json part = {{"part", v.part}, {"outcome", v.outcome == Outcome::failed ? "failed" : word(v.outcome)},
                         {"cases", v.cases}, {"seconds", v.seconds}};
  part["worst"] = std::isfinite(v.worst) ? nlohmann::json(v.worst) : nlohmann::json("infinite");
  if (!v.detail.empty()) part["detail"] = v.detail;
  return part;
}

nlohmann::json json_of(const DeviceInfo& device, const std::vector<Verdict>& verdicts, bool passed) {
  nlohmann::json all = {{"device", device.name}, {"type", device.type},    {"driver", device.driver},
                        {"vulkan", device.api},  {"volute", VOLUTE_VERSION}, {"passed", passed}};
  all["parts"] = nlohmann::json::array();
  for (const Verdict& v : verdicts) all["parts"].push_back(json_of(v));
  return all;
}

}  // namespace

int selfcheck(const SelfcheckArguments& arguments) {
  const Device device = open_device(arguments.device);
  Printer printer(Console::get().colours_on(STDOUT_FILENO));
  SelfcheckOptions options{.thorough = arguments.thorough, .only = arguments.only};
  bool begun = false;
  if (!arguments.json)
    options.report = [&](const Verdict& verdict) {
      if (!std::exchange(begun, true)) printer.header(device.info());
      printer.verdict(verdict);
    };
  const std::vector<Verdict> verdicts = volute::selfcheck(device, options);
  if (verdicts.empty()) {
    std::fprintf(stderr, "volute: no part of the self-check has \"%s\" in its name\n", arguments.only.c_str());
    return 2;
  }
  bool passed = true;
  for (const Verdict& v : verdicts) passed &= v.outcome != Outcome::failed;
  if (arguments.json) std::puts(json_of(device.info(), verdicts, passed).dump(2).c_str());
  else printer.summary(verdicts);
  return passed ? 0 : 1;
}

Command add_selfcheck(CLI::App& app) {
  auto arguments = std::make_shared<SelfcheckArguments>();
  CLI::App* command = app.add_subcommand(
      "selfcheck", "Run every kernel and the gradients of every cell on a device, against a float64 reference");
  add_device_option(*command, arguments->device);
  command->add_flag("--thorough", arguments->thorough, "Every shape and option of the tests: minutes, not seconds");
  command->add_option("--only", arguments->only, "Parts whose names contain this: \"gradients\", \"shared 64x64\"")
      ->type_name("TEXT");
  command->add_flag("--json", arguments->json, "All verdicts as JSON, at the end");
  command->footer("Examples:\n"
                  "  volute selfcheck                      all parts, a minute or two on a CPU\n"
                  "  volute selfcheck --only gradients     only these\n"
                  "  volute selfcheck --json > check.json  to be attached to a report\n"
                  "Exit status: 0 all passed, 1 a part failed, 2 a mistake in the arguments.");
  return {command, [arguments] { return selfcheck(*arguments); }};
}

}  // namespace volute::tool
