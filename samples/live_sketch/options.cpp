// Command line to Options.
#include "samples/live_sketch/options.hpp"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <sstream>

#include "samples/live_sketch/panels.hpp"

namespace live_sketch {
namespace {

namespace fs = std::filesystem;

template <class Number>
void check_range(const std::string& name, Number value, Number low, Number high) {
  if (value >= low && value <= high) return;  // false for nan
  std::ostringstream message;
  message << "--" << name << " must be from " << low << " to " << high << ", not " << value;
  throw UsageError(message.str());
}

Cell cell_of(std::string name) {
  const auto lower = [](std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  };
  std::string all;
  for (int i = 0; i < cells; ++i) {
    const std::string known = lower(name_of(static_cast<Cell>(i)));
    if (lower(name) == known) return static_cast<Cell>(i);
    all += (i > 0 ? ", " : "") + known;
  }
  throw UsageError("--cell must be one of " + all + ", not '" + name + "'");
}

/// "1280x800"
void read_size(const std::string& text, Options& o) {
  char cross = 0, rest = 0;
  std::istringstream in(text);
  if (!(in >> o.width >> cross >> o.height) || cross != 'x' || in >> rest)
    throw UsageError("--size must be like 1280x800, not '" + text + "'");
  check_range<std::uint32_t>("size", o.width, least_width, 8192);
  check_range<std::uint32_t>("size", o.height, least_height, 8192);
}

/// A thousand frames must not end at a folder that was never there.
void check_folder(const std::string& name, const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  if (!path.empty() && !folder.empty() && !fs::is_directory(folder))
    throw UsageError("--" + name + " " + path + ": there is no folder " + folder.string());
}

void check_all(const Options& o) {
  check_range("budget", o.budget_ms, 0.5, 1000.0);
  check_range<std::int64_t>("hidden", o.model.hidden, 4, 1024);
  if (o.headless && o.frames == 0) throw UsageError("--headless needs --frames: there is no window to close");
  if (!o.shot.empty() && o.frames == 0) throw UsageError("--shot needs --frames: the picture is of the last one");
  if (!o.load.empty() && !fs::exists(o.load)) throw UsageError("--load " + o.load + ": there is no such file");
  check_folder("shot", o.shot);
  check_folder("save", o.save);
}

}  // namespace

std::optional<Options> parse(int argc, const char* const* argv) {
  Options o;
  CLI::App app(
      "Learns to continue strokes drawn with the mouse, while it draws them: training shares the device with\n"
      "rendering, and continuations are drawn straight from the network's output.",
      "live_sketch");
  std::string cell = "gru", size = "1280x800";
  app.add_flag("--headless", o.headless, "render off screen; needs no display");
  app.add_option("--frames", o.frames, "end after so many frames");
  app.add_option("--shot", o.shot, "write the last frame here (PNG)")->type_name("FILE");
  app.add_option("--budget", o.budget_ms, "milliseconds of device time a frame for learning")->capture_default_str();
  app.add_option("--cell", cell, "gru, lstm, rnn or mingru")->capture_default_str();
  app.add_option("--hidden", o.model.hidden, "size of the recurrent state")->capture_default_str();
  app.add_option("--size", size, "of the window, in pixels")->capture_default_str();
  app.add_option("--seed", o.model.seed, "of weights and strokes")->capture_default_str();
  app.add_option("--device", o.device, "index or part of the name of a Vulkan device");
  app.add_option("--load", o.load, "start from this model; its cell and size are used")->type_name("FILE");
  app.add_option("--save", o.save, "where Save writes, and Load reads; given with --frames, the end as well")
      ->type_name("FILE")
      ->capture_default_str();
  app.add_flag("--stats", o.stats, "print frame times, steps, maps and transfers of the loop at the end");
  app.add_flag("--validation", o.validation, "use the validation layer; a message makes the exit status 1");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) throw UsageError(error.what());
    app.exit(error);
    return std::nullopt;
  }
  o.model.cell = cell_of(cell);
  o.save_at_end = o.frames > 0 && app.count("--save") > 0;
  read_size(size, o);
  check_all(o);
  return o;
}

}  // namespace live_sketch
