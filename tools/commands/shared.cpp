// What commands share: the device option and tables on standard output.
#include <algorithm>
#include <cstdio>

#include "tools/commands/commands.hpp"

namespace volute::tool {

CLI::Option* add_device_option(CLI::App& command, std::string& device) {
  return command.add_option("--device", device, "Index or part of a name; see volute devices")->type_name("DEVICE");
}

Device open_device(const std::string& device) {
  try {
    return Device(device);
  } catch (const Unsupported& error) {
    if (device.empty()) throw;
    throw Mistake("--device " + device + ": " + error.what());
  }
}

void refuse_option(const CLI::App& command, const std::string& option, const std::string& why) {
  if (command.count(option) > 0) throw Mistake(option + ": " + why);
}

void print_table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    std::puts(line.c_str());
  }
}

std::string bytes_text(std::uint64_t bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  int unit = 0;
  double value = static_cast<double>(bytes);
  for (; value >= 1024 && unit < 4; ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, value < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", value, units[unit]);
  return text;
}

std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

}  // namespace volute::tool
