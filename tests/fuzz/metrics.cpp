// Metrics files: whatever is there to go on from is kept as rows up to the step, or refused and left as it was; and rows
// can be added then, also with names that are new, and gone on from again.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include <volute/io.hpp>

#include "tests/fuzz/input.hpp"

namespace volute::fuzz {
namespace {

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void run(Input in) {
  const std::uint8_t choice = in.byte();
  const std::int64_t step = choice & 2 ? in.number<std::int8_t>() : in.number<std::int64_t>();
  const std::string folder = "/dev/shm/volute_fuzz_" + std::to_string(::getpid());
  std::filesystem::create_directory(folder);
  const std::string path = folder + (choice & 1 ? "/run.csv" : "/run.jsonl");
  const std::string given(in.rest());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << given;
  bool resumed = false;
  try {
    io::MetricsFile log(path, {.resume_after = step});
    resumed = true;
    log.write(step, {{"loss", 0.5}});
    log.write(step, {{"new", 1}, {"loss", -1e300}});
    const std::string written = content(path);
    require(written.ends_with('\n'), "lines are whole");
    io::MetricsFile(path, {.resume_after = step});
    require(content(path) == written, "what was written is gone on from, all of it");
  } catch (const BadFile& error) {
    require(!resumed, "what could be gone on from can be written to");
    require(content(path) == given, "what is refused is left as it was");
    require(std::string_view(error.what()).size() < 2000, "errors are short");
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace volute::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  volute::fuzz::run({data, size});
  return 0;
}
