// Command line to Options. CLI11 splits the arguments; ranges are checked here, since its own checks
// let "nan" through and print two lines.
#include "samples/char_lm/options.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>
#include <sstream>
#include <volute/io.hpp>

namespace char_lm {
namespace {

namespace fs = std::filesystem;

template <class Number>
void check(const std::string& name, Number value, Number low, Number high) {
  if (value >= low && value <= high) return;  // false for nan
  std::ostringstream message;
  message << "--" << name << " must be from " << low << " to " << high << ", not " << value;
  throw UsageError(message.str());
}

/// An hour of training must not end at a folder that was never there.
void check_writable(const std::string& name, const std::string& path) {
  if (path.empty()) return;
  const std::string where = "--" + name + " " + path + ": ";
  std::error_code ignored;
  fs::path folder = fs::path(path).parent_path();
  if (folder.empty()) folder = ".";
  if (!fs::is_directory(folder, ignored)) throw UsageError(where + "there is no folder " + folder.string());
  if (fs::is_directory(path, ignored)) throw UsageError(where + "is a folder");
  if (::access(folder.c_str(), W_OK | X_OK) != 0 || (fs::exists(path, ignored) && ::access(path.c_str(), W_OK) != 0))
    throw UsageError(where + "may not be written");
}

/// What the component volute::interchange writes.
void check_pictures(const Options& o) {
#ifndef VOLUTE_HAS_INTERCHANGE
  for (const char* name : {"events", "chart"})
    if (o.has(name)) throw UsageError(std::string("--") + name + ": this char_lm was built without volute::interchange");
#endif
  std::error_code ignored;
  if (!o.events.empty() && fs::exists(o.events, ignored) && !fs::is_directory(o.events, ignored))
    throw UsageError("--events " + o.events + ": is no folder");
  const std::string kind = fs::path(o.chart).extension().string();
  if (!o.chart.empty() && kind != ".svg" && kind != ".png")
    throw UsageError("--chart " + o.chart + ": must end in .svg or .png");
}

void check_paths(const Options& o) {
  check_writable("out", o.out);
  check_writable("metrics", o.metrics);
  check_writable("chart", o.chart);
  check_writable("sample-out", o.sample_out);
  check_writable("checkpoint", o.checkpoint);
  const std::string previous = o.checkpoint.empty() ? "" : volute::io::Checkpoint::previous(o.checkpoint);
  check_writable("checkpoint", previous);
  const std::vector<std::pair<std::string, std::string>> outputs{{"out", o.out},
                                                                 {"metrics", o.metrics},
                                                                 {"chart", o.chart},
                                                                 {"sample-out", o.sample_out},
                                                                 {"checkpoint", o.checkpoint},
                                                                 {"checkpoint", previous}};
  for (std::size_t i = 0; i < outputs.size(); ++i)
    for (std::size_t j = i + 1; j < outputs.size(); ++j)
      if (!outputs[i].second.empty() &&
          fs::path(outputs[i].second).lexically_normal() == fs::path(outputs[j].second).lexically_normal())
        throw UsageError("--" + outputs[i].first + " and --" + outputs[j].first + " must be different files");
}

void check_checkpoint(const Options& o) {
  if (o.checkpoint.empty())
    for (const char* name : {"resume", "autosave-steps", "autosave-seconds"})
      if (o.has(name)) throw UsageError(std::string("--") + name + " needs --checkpoint");
  if (o.resume && !o.load.empty()) throw UsageError("--resume and --load exclude each other");
}

void add_model_options(CLI::App& app, Options& o) {
  app.add_option("--cell", o.sizes.cell, "lstm, gru or rnn")->capture_default_str();
  app.add_option("--embed", o.sizes.embed, "size of a character's embedding")->capture_default_str();
  app.add_option("--hidden", o.sizes.hidden, "size of the recurrent state")->capture_default_str();
  app.add_option("--layers", o.sizes.layers, "recurrent layers, stacked")->capture_default_str();
  app.add_option("--load", o.load, "start from this model; its sizes and vocabulary are used")->type_name("FILE");
  app.add_option("--out", o.out, "save the model here (safetensors)")->type_name("FILE");
}

void add_training_options(CLI::App& app, Options& o) {
  app.add_option("--text", o.text, "text files, read one after the other (default: the project's own sources)")
      ->type_name("FILE")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--batch", o.batch, "parallel streams of text, N")->capture_default_str();
  app.add_option("--length", o.length, "characters a step, T")->capture_default_str();
  app.add_option("--steps", o.steps, "training steps; 0 only evaluates and samples")->capture_default_str();
  app.add_option("--max-seconds", o.max_seconds, "stop training after this time; 0: no bound")->capture_default_str();
  app.add_option("--lr", o.lr, "Adam's learning rate")->capture_default_str();
  app.add_option("--clip", o.clip, "bound of the gradient's norm; 0: no clipping")->capture_default_str();
  app.add_option("--dropout", o.dropout, "between and after the recurrent layers")->capture_default_str();
  app.add_option("--seed", o.seed, "of initial weights, dropout and sampling")->capture_default_str();
  app.add_option("--precision", o.precision, "of products while training: f32, f16 or bf16")->capture_default_str();
  app.add_option("--non-finite", o.non_finite, "at a step with infinity or NaN: off, warn, skip it or stop")
      ->capture_default_str();
  app.add_flag("--baseline", o.baseline, "at the end, also say how well n-grams of up to 6 characters do");
  app.add_option("--device", o.device, "index or part of the name of a Vulkan device");
}

void add_log_options(CLI::App& app, Options& o) {
  app.add_option("--metrics", o.metrics, "write a row a report here: CSV if it ends in .csv, else JSON Lines")
      ->type_name("FILE");
  app.add_option("--events", o.events, "write curves and histograms for TensorBoard here")->type_name("FOLDER");
  app.add_option("--chart", o.chart, "draw the losses here, .svg or .png, anew at each report")->type_name("FILE");
}

void add_checkpoint_options(CLI::App& app, Options& o) {
  app.add_option("--checkpoint", o.checkpoint, "save all of the training here, at its end and on Ctrl-C too")
      ->type_name("FILE");
  app.add_option("--autosave-steps", o.autosave_steps, "save every so many steps; 0: not by steps")
      ->capture_default_str();
  app.add_option("--autosave-seconds", o.autosave_seconds, "save after so much time; 0: not by time")
      ->capture_default_str();
  app.add_flag("--resume", o.resume, "go on from the checkpoint, as if training had never stopped");
}

void add_sampling_options(CLI::App& app, Options& o) {
  app.add_option("--prompt", o.prompt, "text to continue (default: a new line)");
  app.add_option("--temperature", o.temperature, "below 1 safer, above 1 wilder")->capture_default_str();
  app.add_option("--sample-length", o.sample_length, "characters to sample")->capture_default_str();
  app.add_option("--sample-out", o.sample_out, "write the sampled text here too")->type_name("FILE");
}

}  // namespace

void check_ranges(const Options& o) {
  check<std::int64_t>("embed", o.sizes.embed, 1, 16384);
  check<std::int64_t>("hidden", o.sizes.hidden, 1, 16384);
  check<std::int64_t>("layers", o.sizes.layers, 1, 64);
  check<std::int64_t>("batch", o.batch, 1, 65536);
  check<std::int64_t>("length", o.length, 1, 65536);
  check<std::int64_t>("steps", o.steps, 0, most_steps);
  check<std::int64_t>("seed", o.seed, 0, 4'294'967'295);
  check<std::int64_t>("sample-length", o.sample_length, 0, 10'000'000);
  check("lr", o.lr, 1e-12, 1e3);
  check("clip", o.clip, 0.0, 1e12);
  check("dropout", o.dropout, 0.0, 0.99);
  check("temperature", o.temperature, 0.01, 100.0);
  check("max-seconds", o.max_seconds, 0.0, 1e9);
  check<std::int64_t>("autosave-steps", o.autosave_steps, 0, 1'000'000'000);
  check("autosave-seconds", o.autosave_seconds, 0.0, 1e9);
  if (o.sizes.cell != "lstm" && o.sizes.cell != "gru" && o.sizes.cell != "rnn")
    throw UsageError("--cell must be lstm, gru or rnn, not '" + o.sizes.cell + "'");
  if (o.precision != "f32" && o.precision != "f16" && o.precision != "bf16")
    throw UsageError("--precision must be f32, f16 or bf16, not '" + o.precision + "'");
  if (o.non_finite != "off" && o.non_finite != "warn" && o.non_finite != "skip" && o.non_finite != "stop")
    throw UsageError("--non-finite must be off, warn, skip or stop, not '" + o.non_finite + "'");
}

std::optional<Options> parse(int argc, const char* const* argv) {
  Options options;
  CLI::App app(
      "Trains a recurrent network to continue text, character by character, on a Vulkan device.\n"
      "Sampled text goes to standard output, everything else to standard error.",
      "char_lm");
  // The last of repeated options counts, so a script's defaults can be overridden.
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  add_model_options(app, options);
  add_training_options(app, options);
  add_log_options(app, options);
  add_checkpoint_options(app, options);
  add_sampling_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) throw UsageError(error.what());
    app.exit(error);
    return std::nullopt;
  }
  for (const CLI::Option* option : app.get_options())
    if (option->count() > 0) options.given.insert(option->get_single_name());
  if (options.prompt.empty()) {
    options.prompt = "\n";
    options.given.erase("prompt");
  }
  check_ranges(options);
  check_checkpoint(options);
  check_paths(options);
  check_pictures(options);
  return options;
}

void check_sizes(const Options& o, const Sizes& sizes, std::int64_t vocab) {
  const double gates = sizes.cell == "lstm" ? 4 : sizes.cell == "gru" ? 3 : 1;
  const double E = static_cast<double>(sizes.embed), H = static_cast<double>(sizes.hidden);
  const double L = static_cast<double>(sizes.layers), V = static_cast<double>(vocab);
  const double weights = V * E + gates * H * (E + H + 2) + (L - 1) * gates * H * (2 * H + 2) + V * (H + 1);
  const double kept = static_cast<double>(o.batch * o.length) * (E + L * (gates + 2) * H + 2 * V);
  // A quarter of a billion weights: far beyond any text this program can learn from.
  if (weights > 268'435'456.0)
    throw UsageError("--embed, --hidden and --layers together make a model of " +
                     std::to_string(std::llround(weights / 1e6)) +
                     " million weights, at most 268 million are sensible");
  // 64 GiB of saved activations: more than a step can hold on today's single devices.
  if (o.needs_text() && kept * 4 > 68'719'476'736.0)
    throw UsageError("--batch, --length and the model's sizes together need about " +
                     std::to_string(std::llround(kept * 4 / 1e9)) + " GB a step, at most 69 GB are sensible");
}

}  // namespace char_lm
