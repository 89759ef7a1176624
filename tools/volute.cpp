// The `volute` command line: finds the command, runs it, and turns what went wrong into messages and exit statuses.
// Invariant: results go to standard output, all else to standard error. A mistake (exit status 2) has changed nothing.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <new>

#include "tools/commands/commands.hpp"
#include "tools/console/progress.hpp"
#include "tools/job.hpp"

namespace volute::tool {
namespace {

constexpr const char* footer =
    "Examples:\n"
    "  volute train samples/configs/sunspots.json   learn what a config describes\n"
    "  volute generate sunspots-run                 use what was learnt\n"
    "  volute train --help                          what a config may say\n"
    "Exit status: 0 done, 1 it failed while working, 2 a mistake in arguments or files, 130 interrupted.\n"
    "VOLUTE_DEVICE chooses a device, NO_COLOR takes colours off (no-color.org), VOLUTE_CACHE holds tuning.";

std::vector<Command> add_commands(CLI::App& app) {
  return {add_train(app),   add_generate(app),  add_evaluate(app),  add_export(app),
          add_import(app),  add_inspect(app),   add_explain(app),   add_bench(app),
          add_devices(app), add_selfcheck(app), add_simulate_scale(app), add_completion(app)};
}

/// What takes colours off: an option, or NO_COLOR=anything.
struct Colourless {
  bool asked = false;
  std::string environment;
};

void add_common_options(CLI::App& app, Colourless& colourless) {
  app.set_version_flag("--version", "volute " VOLUTE_VERSION);
  app.add_flag("-q,--quiet", Console::get().quiet, "No progress and notes; results, warnings and errors alone");
  app.add_flag("--no-color", colourless.asked, "No colours on a terminal; so does NO_COLOR");
  // An option without a group is in no help: it is there for the environment alone.
  app.add_option("--no-color-environment", colourless.environment)->envname("NO_COLOR")->group("");
  // Common options may stand behind the command, too.
  app.fallthrough();
  app.footer(footer);
}

/// Lost output is an error, unless who read it has seen enough.
int finish(int status) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
  if (errno == EPIPE) return status == done ? 128 + SIGPIPE : status;
  Console::get().error("standard output cannot be written");
  return failed;
}

int run(int argc, char** argv) {
  CLI::App app("Trains recurrent networks on any Vulkan GPU", "volute");
  Colourless colourless;
  add_common_options(app, colourless);
  // Not require_subcommand: it would hide the name of an unknown command behind "a subcommand is required".
  const std::vector<Command> commands = add_commands(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    throw Mistake(std::string(error.what()) + " (see volute --help)");
  }
  Console::get().colour = !colourless.asked && colourless.environment.empty();
  for (const Command& command : commands)
    if (command.app->parsed()) return command.run();
  throw Mistake("no command given (see volute --help)");
}

/// Every line of the message begins with "volute: ". Other ranks of a job do not wait for one that has failed.
/// `together`: all fail at this place, and each says what it knows.
int complain(int status, const std::string& message, bool together = false) {
  for (std::size_t begin = 0; begin <= message.size();) {
    const std::size_t end = std::min(message.find('\n', begin), message.size());
    Console::get().error(job_prefix() + message.substr(begin, end - begin));
    begin = end + 1;
  }
  abort_job(status, together);
  return status;
}

int guarded(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const Mistake& error) {
    return complain(mistaken, error.what());
  } catch (const std::bad_alloc&) {
    return complain(failed, "not enough memory");
  } catch (const NotFinite& error) {
    return complain(failed, std::string(error.what()) + "; a smaller training.lr or clip_norm may help",
                    /*together=*/true);
  } catch (const std::exception& error) {
    return complain(failed, error.what());
  }
}

}  // namespace
}  // namespace volute::tool

int main(int argc, char** argv) { return volute::tool::finish(volute::tool::guarded(argc, argv)); }
