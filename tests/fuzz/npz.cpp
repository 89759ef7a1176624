// .npz archives: any bytes are arrays of different names that unpack to no more than the limit; or a BadFile that names
// the file.
#include <set>

#include <volute/io.hpp>

#include "tests/fuzz/container.hpp"

namespace volute::fuzz {
namespace {

void run(Input in) {
  constexpr std::uint64_t most = 1 << 20;
  const MemoryFile file(in.rest());
  try {
    std::set<std::string> names;
    std::uint64_t words = 0;
    for (const HostArray& array : io::load_npz(file.path(), {}, most)) {
      require(names.insert(array.name).second, "names are different");
      words += array.words.size();
    }
    require(words * sizeof(std::uint32_t) <= most, "no more is unpacked than the limit");
  } catch (const BadFile& error) {
    check_error(error.what(), file.path());
  }
}

}  // namespace
}  // namespace volute::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  volute::fuzz::run({data, size});
  return 0;
}
