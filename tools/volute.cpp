// The `volute` command line. `volute devices` shows what Volute sees of each Vulkan device and why it
// would not use it; `volute selfcheck` runs every kernel on one of them. A mistake in the arguments is one line on
// stderr and exit status 2.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>
#include <volute/device.hpp>

#include "selfcheck.hpp"

namespace {

using Row = std::vector<std::string>;

std::string bytes_text(std::uint64_t bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  int unit = 0;
  double value = static_cast<double>(bytes);
  for (; value >= 1024 && unit < 4; ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, value < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", value, units[unit]);
  return text;
}

/// Index of the device Volute takes by default, or -1 and the reason there is none.
int default_device(std::string& reason) {
  try {
    return volute::Device().info().index;
  } catch (const volute::Unsupported& error) {
    reason = error.what();
    return -1;
  }
}

Row row_of(const volute::DeviceInfo& device, int chosen) {
  return {(device.index == chosen ? "*" : " ") + std::to_string(device.index),
          device.name,
          device.type,
          device.driver,
          device.api,
          bytes_text(device.memory_bytes),
          bytes_text(device.max_storage_range),
          std::to_string(device.max_texel_elements),
          bytes_text(device.max_allocation_bytes),
          bytes_text(device.max_shared_bytes),
          std::to_string(device.max_workgroup),
          std::to_string(device.subgroup_size)};
}

void print(const std::vector<Row>& rows) {
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

int devices() {
  const std::vector<volute::DeviceInfo> list = volute::list_devices();
  if (list.empty()) {
    std::puts("no Vulkan devices: install a Vulkan loader and a driver (Debian: libvulkan1, mesa-vulkan-drivers)");
    return 1;
  }
  std::string reason;
  const int chosen = default_device(reason);
  std::vector<Row> rows{{" #", "name", "type", "driver", "api", "memory", "storage range", "texels", "allocation",
                         "shared", "workgroup", "subgroup"}};
  for (const auto& device : list) rows.push_back(row_of(device, chosen));
  print(rows);
  for (const auto& device : list)
    for (const std::string& text : device.without) std::printf("%d goes without %s\n", device.index, text.c_str());
  for (const auto& device : list)
    if (!device.rejected.empty()) std::printf("%d is rejected: %s\n", device.index, device.rejected.c_str());
  std::puts(chosen >= 0 ? "* is the default; VOLUTE_DEVICE (an index or part of a name) chooses another"
                        : reason.c_str());
  return 0;
}

/// The subcommand; its options go to `arguments`.
const CLI::App* add_selfcheck(CLI::App& app, volute::tool::SelfcheckArguments& arguments, std::string& no_color) {
  CLI::App* command = app.add_subcommand(
      "selfcheck", "Run every kernel and the gradients of every cell on a device, against a float64 reference");
  command->add_option("--device", arguments.device, "Index or part of a name; see volute devices");
  command->add_flag("--thorough", arguments.thorough, "Every shape and option of the tests: minutes, not seconds");
  command->add_option("--only", arguments.only, "Parts whose names contain this: \"gradients\", \"shared 64x64\"");
  command->add_flag("--json", arguments.json, "All verdicts as JSON, at the end");
  command->add_option("--no-color", no_color, "No colours on a terminal; so does NO_COLOR (no-color.org)")
      ->envname("NO_COLOR")
      ->expected(0, 1);
  return command;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Trains recurrent networks on any Vulkan GPU", "volute");
  app.set_version_flag("--version", "volute " VOLUTE_VERSION);
  // Not require_subcommand: it would hide the name of an unknown command behind "a subcommand is required".
  const CLI::App* list = app.add_subcommand("devices", "List the Vulkan devices and what limits them");
  volute::tool::SelfcheckArguments arguments;
  std::string no_color;  // its value means nothing
  const CLI::App* check = add_selfcheck(app, arguments, no_color);
  try {
    app.parse(argc, argv);
    if (check->parsed()) {
      arguments.colour = check->count("--no-color") == 0;
      return volute::tool::selfcheck(arguments);
    }
    if (list->parsed()) return devices();
    std::fputs("volute: no command given (see volute --help)\n", stderr);
    return 2;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::fprintf(stderr, "volute: %s (see volute --help)\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "volute: %s\n", error.what());
    return 1;
  }
}
