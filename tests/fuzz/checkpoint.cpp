// Checkpoints: any bytes are either taken whole or refused with nothing changed. What needs a program, and with it a
// device, is not here.
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include <volute/io.hpp>

#include "tests/fuzz/container.hpp"

namespace volute::fuzz {
namespace {

/// One of everything that can be added without a device.
struct Run {
  nn::Linear linear{2, 2};
  EMA ema{{linear.parameters()[1]}};
  OptimizerStates states;
  Plateau plateau{0.5};
  EarlyStopping stopping{{.keep = {linear.parameters()[1]}}};
  data::Generator generator{7};
  std::int64_t epoch = 3;
  double best = 0.25;
  std::string note = "as it was";
  io::Checkpoint checkpoint;

  Run() {
    states.get("moment", {2, 2});
    stopping.observe(1.0);
    checkpoint.add("linear", linear).add("ema", ema).add("states", states).add("plateau", plateau);
    checkpoint.add("stopping", stopping).add("generator", generator).add("epoch", epoch).add("best", best);
    checkpoint.add("note", note);
  }

  std::string saved() const {
    static const std::string path =
        std::filesystem::temp_directory_path() / ("volute_fuzz_checkpoint_" + std::to_string(::getpid()));
    checkpoint.save(path);
    const data::Text text = data::Text::load({path});
    std::filesystem::remove(path);
    std::filesystem::remove(io::Checkpoint::previous(path));
    return text.decode(text.train()) + text.decode(text.validation());
  }
};

void check_taken(const Run& run) {
  for (const Parameter& parameter : run.linear.parameters())
    for (float value : parameter.values()) require(std::isfinite(value), "parameters are finite");
  const Plateau::State& plateau = run.plateau.state();
  require(std::isfinite(plateau.lr) && plateau.bad >= 0 && plateau.cooling >= 0, "a plateau makes sense");
  require(run.stopping.state().waited >= 0 && run.stopping.state().looks >= 0, "early stopping makes sense");
  // What was taken is whole: another run that takes it from a file of this one stands where this one does.
  const std::string bytes = run.saved();
  const MemoryFile file(bytes);
  Run other;
  other.checkpoint.load(file.path());
  require(other.saved() == bytes, "what was loaded and saved loads as the same");
}

void run(Input in) {
  static const std::string fresh = [] { manual_seed(1); return Run().saved(); }();
  manual_seed(1);
  Run run;
  const MemoryFile file(repaired(in));
  try {
    run.checkpoint.load(file.path());
  } catch (const BadFile& error) {
    check_error(error.what(), file.path());
    if (in.size() % 8 == 0) require(run.saved() == fresh, "what is refused changes nothing");
    return;
  }
  check_taken(run);
}

}  // namespace
}  // namespace volute::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  volute::fuzz::run({data, size});
  return 0;
}
