// Runs the parts one after the other and makes a verdict of what each finds; see volute/reference.hpp.
// Invariant: every part asked for has a verdict, whatever the device does; only the host's memory may run out.
#include <volute/reference.hpp>

#include <chrono>

#include "engine/check/parts.hpp"
#include "engine/nn/init.hpp"

namespace volute {
namespace check {

std::vector<Part> parts_for(const Device& device) {
  std::vector<Part> all;
  for (std::vector<Part>& group :
       std::vector{memory_parts(), operation_parts(device), product_parts(device), row_parts(), loop_parts(device),
                   random_parts(), rounding_parts(), gradient_parts(), layer_parts(), optimizer_parts(),
                   determinism_parts()})
    for (Part& part : group) all.push_back(std::move(part));
  return all;
}

namespace {

/// What the part finds; false if the device no longer answers.
bool run_part(const Part& part, const Scene& scene) {
  try {
    part.run(scene);
  } catch (const DeviceLost& error) {
    scene.findings.thrown(error);
    return false;
  } catch (const Timeout& error) {
    scene.findings.thrown(error);
    return false;
  } catch (const std::exception& error) {
    scene.findings.thrown(error);
  }
  return true;
}

Verdict verdict_of(const Part& part, const Findings& findings, double seconds) {
  Verdict verdict{.part = part.name, .cases = findings.cases(), .worst = findings.worst(), .seconds = seconds};
  if (findings.failed() == 0) return verdict;
  verdict.outcome = Verdict::Outcome::failed;
  verdict.detail = findings.texts().front();
  if (findings.failed() > 1) verdict.detail += " (and " + std::to_string(findings.failed() - 1) + " more)";
  return verdict;
}

Verdict skipped(const Part& part, const std::string& why) {
  return {.part = part.name, .outcome = Verdict::Outcome::skipped, .detail = why};
}

}  // namespace
}  // namespace check

std::vector<Verdict> selfcheck(const Device& device, const SelfcheckOptions& options) {
  const nn::KeptGenerator generator;
  std::vector<Verdict> verdicts;
  std::string stopped_in;
  for (const check::Part& part : check::parts_for(device)) {
    if (part.name.find(options.only) == std::string::npos) continue;
    if (!stopped_in.empty()) {
      verdicts.push_back(check::skipped(part, "the device stopped answering in \"" + stopped_in + "\""));
    } else if (!part.lacks.empty()) {
      verdicts.push_back(check::skipped(part, "the device lacks " + part.lacks));
    } else {
      check::Findings findings;
      const auto start = std::chrono::steady_clock::now();
      if (!check::run_part(part, {device, options.thorough, findings})) stopped_in = part.name;
      const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
      verdicts.push_back(check::verdict_of(part, findings, spent.count()));
    }
    if (options.report) options.report(verdicts.back());
  }
  return verdicts;
}

}  // namespace volute
