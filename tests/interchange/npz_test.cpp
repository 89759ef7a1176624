// .npz archives: NumPy's are read, ours are the same arrays again, and what is damaged or hostile is a BadFile. With
// --folder=FOLDER files stay there for make_npy_goldens.py --check.
#include <cmath>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <zip.h>

#include <volute/io.hpp>

#include "tests/support/arguments.hpp"
#include "tests/support/files.hpp"

namespace volute::test {
namespace {

using ::testing::HasSubstr;

std::vector<float> counted() {
  std::vector<float> values;
  for (int i = 0; i < 24; ++i) values.push_back(static_cast<float>(i));
  return values;
}

std::vector<HostArray> some_arrays() {
  return {io::host_array({2, 3, 4}, counted(), "weight"),
          io::host_array({3}, std::vector<std::uint32_t>{0, 1, 0xffffffffu}, "layer/indices"),
          io::host_array({}, std::vector<float>{2.5f}, "scalar")};
}

std::string refusal(const std::string& path) {
  try {
    io::load_npz(path);
  } catch (const BadFile& error) {
    EXPECT_THAT(error.what(), ::testing::StartsWith(path + ": "));
    return error.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

/// An archive as no writer of arrays makes it.
void write_archive(const std::string& path, const std::vector<std::pair<std::string, std::string>>& files,
                   zip_int32_t method = ZIP_CM_STORE, zip_uint16_t encryption = ZIP_EM_NONE) {
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
  for (const auto& [name, bytes] : files) {
    const auto at = static_cast<zip_uint64_t>(
        zip_file_add(archive, name.c_str(), zip_source_buffer(archive, bytes.data(), bytes.size(), 0), 0));
    ASSERT_EQ(zip_set_file_compression(archive, at, method, 0), 0);
    if (encryption != ZIP_EM_NONE) {
      ASSERT_EQ(zip_file_set_encryption(archive, at, encryption, "secret"), 0);
    }
  }
  ASSERT_EQ(zip_close(archive), 0);
}

TEST(Npz, NumPysArchivesAreRead) {
  for (const std::string name : {"stored", "deflated"}) {
    const auto arrays = io::load_npz(std::string(VOLUTE_SOURCE_DIR) + "/tests/golden/data/numpy_" + name + ".npz");
    ASSERT_EQ(arrays.size(), 3u);
    EXPECT_EQ(arrays[0].name, "weight");
    EXPECT_EQ(arrays[0].shape, (Shape{2, 3, 4}));
    EXPECT_EQ(io::f32_values(arrays[0]), counted());
    EXPECT_EQ(arrays[1].name, "layer/bias");
    const std::vector<float> all = counted();
    EXPECT_EQ(io::f32_values(arrays[1]), (std::vector<float>{all.begin(), all.begin() + 12}));
    EXPECT_EQ(arrays[2].name, "steps");
    EXPECT_EQ(arrays[2].shape, Shape{});
    EXPECT_EQ(arrays[2].words, std::vector<std::uint32_t>{7});
  }
}

TEST(Npz, WhatIsWrittenIsRead) {
  const Folder own;
  std::string folder = own.path();
  for (const std::string& argument : arguments())
    if (argument.starts_with("--folder=")) folder = argument.substr(9);
  io::save_npy(folder + "/out.npy", some_arrays()[0]);
  for (const bool compressed : {false, true}) {
    const std::string path = folder + (compressed ? "/out.npz" : "/stored.npz");
    io::save_npz(path, some_arrays(), compressed);
    const std::string bytes = read_bytes(path);
    const auto arrays = io::load_npz(path);
    ASSERT_EQ(arrays.size(), 3u);
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      EXPECT_EQ(arrays[i].name, some_arrays()[i].name);
      EXPECT_EQ(arrays[i].shape, some_arrays()[i].shape);
      EXPECT_EQ(arrays[i].dtype, some_arrays()[i].dtype);
      EXPECT_EQ(arrays[i].words, some_arrays()[i].words);
    }
    io::save_npz(path, arrays, compressed);
    EXPECT_EQ(read_bytes(path), bytes) << "equal arrays make equal files";
  }
  EXPECT_LT(read_bytes(folder + "/out.npz").size(), read_bytes(folder + "/stored.npz").size());
  io::save_npz(own / "none.npz", {});
  EXPECT_TRUE(io::load_npz(own / "none.npz").empty());
}

TEST(Npz, NamesAndValuesAreCheckedBeforeAnythingIsWritten) {
  const Folder folder;
  const std::string path = folder / "a.npz";
  for (const std::string& name : {std::string(), std::string("a\0b", 3), std::string("\xff")})
    EXPECT_THROW(io::save_npz(path, {io::host_array({1}, std::vector<float>{1}, name)}), InvalidGraph);
  const HostArray one = io::host_array({1}, std::vector<float>{1}, "a");
  EXPECT_THROW(io::save_npz(path, {one, one}), InvalidGraph);
  EXPECT_THROW(io::save_npz(path, {io::host_array({1}, std::vector<float>{HUGE_VALF}, "a")}), NotFinite);
  EXPECT_TRUE(folder.names().empty());
  EXPECT_THROW(io::save_npz(folder / "no/such.npz", {one}), BadFile);
}

TEST(Npz, EveryTruncationAndFlippedByteIsRefusedOrTheSame) {
  const Folder folder;
  const std::string path = folder / "a.npz";
  io::save_npz(path, {some_arrays()[0]});
  const std::string whole = read_bytes(path);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_bytes(path, whole.substr(0, size));
    EXPECT_NE(refusal(path), "") << size;
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x55);
    write_bytes(path, changed);
    try {  // a date, say, means nothing
      const auto arrays = io::load_npz(path);
      for (const HostArray& array : arrays) EXPECT_EQ(io::f32_values(array), counted()) << at;
    } catch (const BadFile&) {
    }
  }
}

TEST(Npz, ArchivesOfOtherThingsAreRefused) {
  const Folder folder;
  const std::string path = folder / "a.npz", npy = io::format_npy(some_arrays()[0]);
  write_bytes(path, "no archive");
  EXPECT_THAT(refusal(path), HasSubstr("not a valid .npz file"));
  write_archive(path, {{"readme.txt", "hello"}});
  EXPECT_THAT(refusal(path), HasSubstr("'readme.txt' is no .npy file"));
  write_archive(path, {{"a.npy", "hello"}});
  EXPECT_THAT(refusal(path), HasSubstr("a: is not a valid .npy file"));
  write_archive(path, {{"a.npy", npy}}, ZIP_CM_STORE, ZIP_EM_AES_256);
  EXPECT_THAT(refusal(path), HasSubstr("is encrypted"));
  if (zip_compression_method_supported(ZIP_CM_BZIP2, 1)) {
    write_archive(path, {{"a.npy", npy}}, ZIP_CM_BZIP2);
    EXPECT_THAT(refusal(path), HasSubstr("neither stored nor deflated"));
  }
  EXPECT_THAT(refusal(folder.path()), HasSubstr("not a regular file"));
}

// Two names of one length in the directory and beside the data: the second becomes the first.
TEST(Npz, TwoArraysOfOneNameAreRefused) {
  const Folder folder;
  const std::string path = folder / "a.npz", npy = io::format_npy(some_arrays()[0]);
  write_archive(path, {{"same.npy", npy}, {"some.npy", npy}});
  std::string bytes = read_bytes(path);
  for (auto at = bytes.find("some.npy"); at != std::string::npos; at = bytes.find("some.npy"))
    bytes.replace(at, 8, "same.npy");
  write_bytes(path, bytes);
  EXPECT_THAT(refusal(path), HasSubstr("not a valid .npz file"));
}

// Zeros pack a thousandfold, and a byte of a file may become four of words.
// A file of holes, which takes no room on a disk.
TEST(Npz, TheLimitIsTheCallers) {
  const Folder folder;
  write_bytes(folder / "large.npz", "");
  std::filesystem::resize_file(folder / "large.npz", data::max_file_bytes + 2 * io::max_header_bytes);
  EXPECT_THAT(refusal(folder / "large.npz"), HasSubstr("is too large"));
  EXPECT_THAT([&] { io::load_npz(folder / "large.npz", {}, 2 * data::max_file_bytes); },
              ::testing::ThrowsMessage<BadFile>(HasSubstr("is not a valid .npz file")));
}

TEST(Npz, WhatUnpacksToTooMuchIsRefused) {
  const Folder folder;
  const std::string path = folder / "bomb.npz";
  const std::vector<std::uint32_t> zeros(std::size_t{1} << 22);
  io::save_npz(path, {io::host_array({1 << 22}, zeros, "a"), io::host_array({1 << 22}, zeros, "b")});
  EXPECT_LT(read_bytes(path).size(), 100'000u);
  EXPECT_EQ(io::load_npz(path, {}, 1 << 26).size(), 2u);
  const auto refused = [&](std::uint64_t most) {
    EXPECT_THAT([&] { io::load_npz(path, {}, most); },
                ::testing::ThrowsMessage<BadFile>(HasSubstr("too large: the limit is " + std::to_string(most))));
  };
  refused(1 << 20);
  refused((1 << 25) - 1);
  const std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (100,), }";
  const std::string bytes = std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(header.size()) + '\0' + header +
                            std::string(100, '\0');
  write_archive(path, {{"a.npy", bytes}});
  EXPECT_EQ(io::load_npz(path, {}, 400).size(), 1u);
  refused(399);
}

}  // namespace
}  // namespace volute::test
