// The commands of `volute`. Each is a file that adds its subcommand, options, help and examples included, and says
// what runs if it was given.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>
#include <volute/device.hpp>

#include "tools/mistake.hpp"

namespace volute::tool {

struct Command {
  CLI::App* app;
  std::function<int()> run;  ///< to the exit status
};

Command add_train(CLI::App& app);
Command add_generate(CLI::App& app);
Command add_evaluate(CLI::App& app);
Command add_export(CLI::App& app);
Command add_import(CLI::App& app);
Command add_inspect(CLI::App& app);
Command add_explain(CLI::App& app);
Command add_bench(CLI::App& app);
Command add_simulate_scale(CLI::App& app);
Command add_devices(CLI::App& app);
Command add_selfcheck(CLI::App& app);
Command add_completion(CLI::App& app);

// What commands share. -------------------------------------------------------------------------------------------

/// "--device"
CLI::Option* add_device_option(CLI::App& command, std::string& device);
/// Throws Mistake if it was named and is not there.
Device open_device(const std::string& device);

/// Throws Mistake "OPTION: why" if the option was given: one that would do nothing is a misunderstanding.
void refuse_option(const CLI::App& command, const std::string& option, const std::string& why);

using Row = std::vector<std::string>;
/// Columns as wide as they must be; the first row is the header.
void print_table(const std::vector<Row>& rows);
/// "1.5 MiB"
std::string bytes_text(std::uint64_t bytes);
/// Six significant digits.
std::string number_text(double value);

}  // namespace volute::tool
