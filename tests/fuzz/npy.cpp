// .npy files: any bytes are an array of as many words as its shape has elements, finite, and written and read again the
// same; or a BadFile that names the file.
#include <cmath>

#include <volute/io.hpp>

#include "tests/fuzz/container.hpp"

namespace volute::fuzz {
namespace {

void check(const HostArray& array) {
  require(static_cast<std::uint64_t>(array.shape.elements()) == array.words.size(), "words are of the shape");
  if (array.dtype == DType::f32)
    for (const float value : io::f32_values(array)) require(std::isfinite(value), "what is loaded is finite");
  const HostArray again = io::parse_npy(io::format_npy(array), "again");
  require(again.shape == array.shape && again.words == array.words && again.dtype == array.dtype,
          "what is written is read again");
}

void run(Input in) {
  const std::uint8_t choice = in.byte();
  const std::optional<DType> as = choice & 1 ? std::optional(choice & 2 ? DType::f32 : DType::u32) : std::nullopt;
  const std::string_view bytes = in.rest();
  try {
    check(io::parse_npy(bytes, "file", as));
  } catch (const BadFile& error) {
    check_error(error.what(), "file");
  }
}

}  // namespace
}  // namespace volute::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  volute::fuzz::run({data, size});
  return 0;
}
