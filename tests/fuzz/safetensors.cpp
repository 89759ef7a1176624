// Parameter files: any bytes are either loaded whole, or in part if asked, with finite values, or refused with nothing
// changed; and what is loaded strictly is loaded otherwise too.
#include <cmath>

#include <volute/io.hpp>

#include "tests/fuzz/container.hpp"

namespace volute::fuzz {
namespace {

struct Modules {
  nn::Linear linear{2, 3};
  nn::Embedding embed{3, 2};
  nn::Linear tied{embed, false};

  std::vector<io::Entry> entries() const { return {{"a", linear}, {"b", embed}, {"c.", tied}}; }
  std::vector<float> values() const {
    std::vector<float> all;
    for (const io::Entry& entry : entries())
      for (const Parameter& parameter : entry.module->parameters()) {
        const std::vector<float> values = parameter.values();
        all.insert(all.end(), values.begin(), values.end());
      }
    return all;
  }
};

bool load(const std::string& path, const Modules& modules, const io::LoadOptions& options = {}) {
  const std::vector<float> before = modules.values();
  try {
    const io::LoadReport report = io::load(path, modules.entries(), options);
    require(options.partial || report.missing.empty(), "nothing is missing unless that is allowed");
  } catch (const BadFile& error) {
    check_error(error.what(), path);
    require(modules.values() == before, "what is refused changes nothing");
    return false;
  }
  for (float value : modules.values()) require(std::isfinite(value), "what is loaded is finite");
  return true;
}

bool read(const std::string& path) {
  try {
    for (const auto& [key, value] : io::read_metadata(path))
      require(!key.starts_with("volute."), "keys of Volute's own are not handed out");
  } catch (const BadFile& error) {
    check_error(error.what(), path);
    return false;
  }
  return true;
}

void run(Input in) {
  manual_seed(1);
  static const Modules modules;
  const MemoryFile file(repaired(in));
  const bool loads = load(file.path(), modules);
  require(loads || !load(file.path(), modules, {.strict = true}), "what loads strictly loads");
  require(!loads || load(file.path(), modules, {.partial = true}), "what loads whole loads in part");
  require(read(file.path()) || !loads, "a file whose parameters load has metadata that can be read");
}

}  // namespace
}  // namespace volute::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  volute::fuzz::run({data, size});
  return 0;
}
