// Programs through volute.h.
#include "engine/c/feeds.hpp"

using namespace volute;
using namespace volute::c;

namespace {

template <class Values>
void copy_checked(const std::string& what, const Values& read, typename Values::value_type* to, std::uint64_t count) {
  check_count(what, read.size(), count);
  std::copy(read.begin(), read.end(), to);
}

}  // namespace

namespace volute::c {

std::vector<Feed> need_feeds(const volute_feed* feeds, std::uint32_t count) {
  need_array(feeds, count, "feeds");
  std::vector<Feed> all;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::string name = "feeds[" + std::to_string(i) + "]";
    const volute_feed& feed = feeds[i];
    const Tensor input = need_tensor(feed.input, (name + ".input").c_str());
    if (!feed.f32 == !feed.u32) refuse(name, "must have exactly one of f32 and u32");
    const auto size = static_cast<std::size_t>(feed.count);
    if (feed.f32)
      all.emplace_back(input, std::span(feed.f32, size));
    else
      all.emplace_back(input, std::span(feed.u32, size));
  }
  return all;
}

}  // namespace volute::c

extern "C" {

volute_status volute_compile(volute_device* device, const volute_targets* targets,
                             const volute_compile_limits* limits, volute_program** program) {
  return guard(__func__, [&] {
    Device& on = need(device, "device").device;
    const volute_targets& to = need(targets, "targets");
    const volute_compile_limits o = need_options(limits, "limits");
    check_reserved(o.reserved, "limits");
    need(program, "program");
    CompileLimits within;
    within.memory_bytes = o.memory_bytes;
    if (o.submission_seconds) within.submission_seconds = o.submission_seconds;
    if (!(within.submission_seconds > 0)) refuse("limits", "must have submission_seconds of 0 or more");
    give(program, to.graph, std::make_shared<Program>(on.compile(to.graph, to.targets, within)));
  });
}

void volute_program_destroy(volute_program* program) { delete program; }

volute_status volute_program_run(volute_program* program, const volute_feed* feeds, std::uint32_t count) {
  return guard(__func__, [&] { need(program, "program").program.run(need_feeds(feeds, count)); });
}

volute_status volute_program_wait(volute_program* program) {
  return guard(__func__, [&] { need(program, "program").program.wait(); });
}

volute_status volute_program_read_f32(volute_program* program, volute_tensor output, float* values,
                                      std::uint64_t count) {
  return guard(__func__, [&] {
    Program& of = need(program, "program").program;
    const Tensor read = need_tensor(output, "output");
    copy_checked("the output", of.read(read), &need(values, "values"), count);
  });
}

volute_status volute_program_read_u32(volute_program* program, volute_tensor output, std::uint32_t* values,
                                      std::uint64_t count) {
  return guard(__func__, [&] {
    Program& of = need(program, "program").program;
    const Tensor read = need_tensor(output, "output");
    copy_checked("the output", of.read_u32(read), &need(values, "values"), count);
  });
}

volute_status volute_program_value(volute_program* program, volute_tensor output, float* value) {
  return guard(__func__, [&] {
    Program& of = need(program, "program").program;
    const Tensor read = need_tensor(output, "output");
    need(value, "value") = of.value(read);
  });
}

volute_status volute_program_set(volute_program* program, const char* scalar, float value) {
  return guard(__func__, [&] { need(program, "program").program.set(&need(scalar, "scalar"), value); });
}

volute_status volute_program_seed(volute_program* program, std::uint32_t seed) {
  return guard(__func__, [&] { need(program, "program").program.seed(seed); });
}

volute_status volute_program_reset(volute_program* program, const char* prefix) {
  return guard(__func__, [&] { need(program, "program").program.reset(prefix ? prefix : ""); });
}

volute_status volute_program_read_state(volute_program* program, const char* name, float* values,
                                        std::uint64_t count) {
  return guard(__func__, [&] {
    Program& of = need(program, "program").program;
    const std::string state = &need(name, "name");
    copy_checked("state \"" + state + "\"", of.read_state(state), &need(values, "values"), count);
  });
}

volute_status volute_program_write_state(volute_program* program, const char* name, const float* values,
                                         std::uint64_t count) {
  return guard(__func__, [&] {
    Program& of = need(program, "program").program;
    const std::string state = &need(name, "name");
    of.write_state(state, {need_array(values, count, "values"), static_cast<std::size_t>(count)});
  });
}

volute_status volute_program_steps(volute_program* program, std::int64_t* steps) {
  return guard(__func__, [&] {
    const Program& of = need(program, "program").program;
    need(steps, "steps") = of.steps();
  });
}

volute_status volute_program_keep(volute_program* program, std::int64_t every_steps) {
  return guard(__func__, [&] {
    Program& of = need(program, "program").program;
    if (every_steps < 0) refuse("every_steps", "must be 0 or more, is " + std::to_string(every_steps));
    of.keep(every_steps);
  });
}

volute_status volute_program_restore_kept(volute_program* program, const volute_program* lost) {
  return guard(__func__, [&] {
    Program& to = need(program, "program").program;
    to.restore(need(lost, "lost").program.kept());
  });
}

volute_status volute_program_explain(volute_program* program, const char** text) {
  return guard(__func__, [&] {
    volute_program& of = need(program, "program");
    need(text, "text");
    of.text = of.program.explain();
    *text = of.text.c_str();
  });
}

}  // extern "C"
