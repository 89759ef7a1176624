// Comparison with floors; see floors.hpp.
#include "tests/bench/floors.hpp"

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace volute::bench {
namespace {

std::string line(const char* format, const std::string& row, double ratio, double floor) {
  char text[256];
  std::snprintf(text, sizeof text, format, row.c_str(), ratio, floor);
  return text;
}

}  // namespace

Floors read_floors(const std::string& path, const std::string& device_class) {
  const auto all = nlohmann::json::parse(std::ifstream(path), nullptr, /*allow_exceptions=*/false);
  if (!all.is_object()) throw std::runtime_error(path + ": no readable JSON object");
  if (!all.contains(device_class)) throw std::runtime_error(path + ": no floors for devices of class " + device_class);
  Floors floors;
  for (const auto& [row, ratio] : all.at(device_class).items()) {
    if (!ratio.is_number()) throw std::runtime_error(path + ": the floor of \"" + row + "\" is no number");
    floors[row] = ratio.get<double>();
  }
  return floors;
}

std::vector<std::string> below_floors(const Results& results, const Floors& floors,
                                      const std::function<bool(const std::string&)>& wanted) {
  std::vector<std::string> complaints;
  int compared = 0;
  for (const auto& [row, floor] : floors) {
    if (!wanted(row)) continue;
    const auto found = std::find_if(results.steps.begin(), results.steps.end(),
                                    [&, name = row](const StepResult& step) { return step.name == name; });
    if (found == results.steps.end()) {
      complaints.push_back(row + ": has a floor and was not measured");
      continue;
    }
    const auto ratio = found->ratio();
    if (!ratio) complaints.push_back(row + ": was not compared with the peer");
    else if (!(*ratio >= floor)) complaints.push_back(line("%s: %.2f times the peer, floor %.2f", row, *ratio, floor));
    ++compared;
  }
  if (compared == 0) complaints.push_back("no row with a floor was measured");
  return complaints;
}

}  // namespace volute::bench
