// Steps in parts through volute.h.
#include "engine/c/feeds.hpp"

using namespace volute;
using namespace volute::c;

extern "C" {

volute_status volute_program_begin(volute_program* program, const volute_feed* feeds, std::uint32_t count) {
  return guard(__func__, [&] { need(program, "program").program.begin(need_feeds(feeds, count)); });
}

volute_status volute_program_advance(volute_program* program, double seconds, volute_progress* progress) {
  return guard(__func__, [&] {
    Program& of = need(program, "program").program;
    if (!(seconds >= 0)) refuse("seconds", "must be 0 or more, is " + std::to_string(seconds));
    if (progress) check_result(progress, progress->struct_size, "progress");
    const Progress made = of.advance(std::chrono::duration<double>(seconds));
    if (!progress) return;
    volute_progress values{};
    values.finished = made.finished;
    values.fraction = made.fraction;
    values.seconds = made.seconds;
    values.submissions = made.submissions;
    give_result(values, progress);
  });
}

volute_status volute_program_finish(volute_program* program) {
  return guard(__func__, [&] { need(program, "program").program.finish(); });
}

}  // extern "C"
