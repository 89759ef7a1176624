// Arrays in the files NumPy wrote: values, shapes, types and orders; and what is refused by name.
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <volute/io.hpp>

#include "tests/support/files.hpp"

namespace volute::test {
namespace {

using ::testing::HasSubstr;

std::string numpys(const std::string& name) {
  static const auto files = nlohmann::json::parse(
      std::ifstream(std::string(VOLUTE_SOURCE_DIR) + "/tests/golden/data/npy.json"))["files"];
  const auto digits = files.at(name).get<std::string>();
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2)
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return bytes;
}

std::string refusal(const std::string& bytes, std::optional<DType> as = {}) {
  try {
    io::parse_npy(bytes, "file", as);
  } catch (const BadFile& error) {
    EXPECT_THAT(error.what(), ::testing::StartsWith("file: "));
    return error.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

std::vector<float> counted() {
  std::vector<float> values;
  for (int i = 0; i < 24; ++i) values.push_back(static_cast<float>(i));
  return values;
}

TEST(Npy, TypesAndByteOrders) {
  const std::vector<float> floats = {0.5f, -1, 2, 65504, -0.0f, 0.25f}, whole = {0, 1, -2, 100, 127, -128};
  const std::vector<std::uint32_t> numbers = {0, 1, 2, 100, 200, 255}, truths = {1, 0, 1, 1, 0, 1};
  for (const std::string order : {"_little", "_big"}) {
    for (const std::string type : {"f2", "f4", "f8"}) {
      const HostArray array = io::parse_npy(numpys(type + order), "file");
      EXPECT_EQ(array.shape, (Shape{2, 3}));
      EXPECT_EQ(array.words, io::host_array({2, 3}, floats).words) << type << order;
    }
    for (const std::string size : {"1", "2", "4", "8"}) {
      const HostArray array = io::parse_npy(numpys("u" + size + order), "file");
      EXPECT_EQ(array.dtype, DType::u32);
      EXPECT_EQ(array.words, numbers) << size << order;
      EXPECT_EQ(io::f32_values(io::parse_npy(numpys("i" + size + order), "file", DType::f32)), whole) << size << order;
      EXPECT_THAT(refusal(numpys("i" + size + order)), HasSubstr("element [0, 2] is -2, no number of u32"));
    }
    EXPECT_EQ(io::parse_npy(numpys("b1" + order), "file").words, truths);
  }
}

TEST(Npy, OrdersVersionsAndShapes) {
  for (const std::string name : {"counted", "counted_fortran", "counted_fortran_big", "version_2", "version_3"}) {
    const HostArray array = io::parse_npy(numpys(name), "file", DType::f32);
    EXPECT_EQ(array.shape, (Shape{2, 3, 4})) << name;
    EXPECT_EQ(io::f32_values(array), counted()) << name;
  }
  EXPECT_EQ(io::f32_values(io::parse_npy(numpys("scalar"), "file")), std::vector<float>{2.5f});
  EXPECT_EQ(io::parse_npy(numpys("scalar"), "file").shape, Shape{});
  EXPECT_EQ(io::parse_npy(numpys("vector"), "file").shape, Shape{2});
  const HostArray empty = io::parse_npy(numpys("empty"), "file");
  EXPECT_EQ(empty.shape, (Shape{0, 3}));
  EXPECT_TRUE(empty.words.empty());
}

TEST(Npy, OurFilesAreNumPysByteForByte) {
  EXPECT_EQ(io::format_npy(io::host_array({2, 3, 4}, counted())), numpys("counted"));
  EXPECT_EQ(io::format_npy(io::parse_npy(numpys("u4_little"), "file")), numpys("u4_little"));
  for (const std::string name : {"scalar", "vector", "empty"})
    EXPECT_EQ(io::format_npy(io::parse_npy(numpys(name), "file")), numpys(name)) << name;
}

TEST(Npy, OtherTypesAreRefused) {
  EXPECT_THAT(refusal(numpys("complex")), HasSubstr("it holds '<c8'"));
  EXPECT_THAT(refusal(numpys("text")), HasSubstr("it holds '<U1'"));
  EXPECT_THAT(refusal(numpys("object")), HasSubstr("it holds '|O'"));
  EXPECT_THAT(refusal(numpys("structure")), HasSubstr("it holds structures"));
}

TEST(Npy, FilesOnDisk) {
  const Folder folder;
  write_bytes(folder / "a.npy", numpys("counted_fortran"));
  const HostArray array = io::load_npy(folder / "a.npy");
  EXPECT_EQ(array.name, "");
  io::save_npy(folder / "b.npy", array);
  EXPECT_EQ(read_bytes(folder / "b.npy"), numpys("counted"));
  EXPECT_EQ(folder.names(), (std::set<std::string>{"a.npy", "b.npy"}));
  EXPECT_THROW(io::load_npy(folder / "missing.npy"), BadFile);
  EXPECT_THROW(io::load_npy(folder.path()), BadFile);
  EXPECT_THROW(io::save_npy(folder / "no/such.npy", array), BadFile);
}

}  // namespace
}  // namespace volute::test
