// .npy files that are damaged, hostile or of values that cannot be kept: each is a BadFile that says what and where.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include <volute/io.hpp>

namespace volute::io {
namespace {

using ::testing::HasSubstr;

std::string refusal(const std::string& bytes, std::optional<DType> as = {}) {
  try {
    parse_npy(bytes, "file", as);
  } catch (const BadFile& error) {
    EXPECT_THAT(error.what(), ::testing::StartsWith("file: "));
    return error.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

/// A file of this header and these bytes.
std::string file_of(const std::string& header, const std::string& data = "", char major = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += {major, '\0', static_cast<char>(header.size() & 255), static_cast<char>(header.size() >> 8)};
  if (major > 1) bytes += std::string(2, '\0');
  return bytes + header + data;
}

template <class T>
std::string file_of(const char* type, const std::vector<T>& values) {
  std::string data(values.size() * sizeof(T), '\0');
  std::memcpy(data.data(), values.data(), data.size());
  return file_of("{'descr': '" + std::string(type) + "', 'fortran_order': False, 'shape': (" +
                     std::to_string(values.size()) + ",), }\n",
                 data);
}

TEST(NpyFiles, NumbersAreKeptOrRefused) {
  using std::numeric_limits;
  using Signed = std::vector<std::int64_t>;
  using Unsigned = std::vector<std::uint64_t>;
  using Real = std::vector<double>;
  const auto f32 = DType::f32, u32 = DType::u32;
  EXPECT_EQ(parse_npy(file_of("<i8", Signed{0, 0xffffffff}), "file").words,
            (std::vector<std::uint32_t>{0, 0xffffffffu}));
  EXPECT_THAT(refusal(file_of("<i8", Signed{0, -1})), HasSubstr("element [1] is -1, no number of u32; it can be"));
  EXPECT_THAT(refusal(file_of("<u8", Unsigned{1ull << 32})), HasSubstr("is 4294967296, no number of u32"));
  EXPECT_EQ(f32_values(parse_npy(file_of("<i8", Signed{1ll << 40, numeric_limits<std::int64_t>::min(), -16777216}),
                                 "file", f32)),
            (std::vector<float>{0x1p40f, -0x1p63f, -16777216}));
  EXPECT_THAT(refusal(file_of("<i8", Signed{16777217}), f32), HasSubstr("is 16777217, which f32 does not hold"));
  EXPECT_THAT(refusal(file_of("<i8", Signed{numeric_limits<std::int64_t>::max()}), f32), HasSubstr("does not hold"));
  EXPECT_THAT(refusal(file_of("<u8", Unsigned{numeric_limits<std::uint64_t>::max()}), f32), HasSubstr("does not hold"));
  EXPECT_EQ(f32_values(parse_npy(file_of("<u8", Unsigned{1ull << 63}), "file", f32)), std::vector<float>{0x1p63f});
  EXPECT_EQ(f32_values(parse_npy(file_of("<f8", Real{0.1, 1e-300}), "file")), (std::vector<float>{0.1f, 0}));
  EXPECT_THAT(refusal(file_of("<f8", Real{0.1, 1e300})), HasSubstr("element [1] is beyond f32"));
  EXPECT_EQ(parse_npy(file_of("<f8", Real{4294967295.0, -0.0}), "file", u32).words,
            (std::vector<std::uint32_t>{0xffffffffu, 0}));
  for (const double value : {0.5, -1.0, 4294967296.0})
    EXPECT_THAT(refusal(file_of("<f8", Real{value}), u32), HasSubstr("no number of u32")) << value;
  for (const double value : {HUGE_VAL, -HUGE_VAL, std::nan("")})
    for (const auto as : {f32, u32})
      EXPECT_THAT(refusal(file_of("<f8", Real{0, value}), as), HasSubstr("element [1] is"));
  EXPECT_THAT(refusal(file_of("|b1", std::vector<std::uint8_t>{0, 1, 2})), HasSubstr("element [2] is no boolean"));
}

TEST(NpyFiles, HeadersInEveryWayPythonWritesThem) {
  const std::string data(8, '\0');
  for (const char* header :
       {"{'descr':'<f4','fortran_order':False,'shape':(2,)}",
        "{\"shape\": (2L,), \"fortran_order\": True, \"descr\": \"<f4\"}",
        "  { 'shape' : ( 2 , ) , 'descr' : '<f4' , 'fortran_order' : False , }  \n"})
    for (const char major : {1, 2, 3})
      EXPECT_EQ(parse_npy(file_of(header, data, major), "file").shape, Shape{2}) << header;
}

TEST(NpyFiles, HeadersThatAreNoneAreRefused) {
  const std::string data(8, '\0');
  for (const char* header :
       {"", "{", "{}", "()", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}", "{'descr': '<f4', 'fortran_order': False, 'shape': 2}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2.0,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': 'f4', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '|f4', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f3', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<\\f4', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4, 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}"})
    EXPECT_THAT(refusal(file_of(header, data)), HasSubstr("not a valid .npy file")) << header;
  const std::string many = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2)}";
  EXPECT_THAT(refusal(file_of(many, data)), HasSubstr("more than 16 axes"));
  EXPECT_THAT(refusal(file_of("{}", data, 4)), HasSubstr("version 4.0"));
}

// No memory is asked for before a shape has been held against the bytes there are.
TEST(NpyFiles, ShapesAreHeldAgainstTheData) {
  const auto with = [&](const std::string& shape, std::size_t bytes) {
    const std::string header = "{'descr': '<f4', 'fortran_order': True, 'shape': (" + shape + ")}";
    return refusal(file_of(header, std::string(bytes, '\0')));
  };
  EXPECT_THAT(with("3,", 8), HasSubstr("its shape [3] takes 12 bytes, there are 8"));
  EXPECT_THAT(with("1,", 8), HasSubstr("takes 4 bytes, there are 8"));
  EXPECT_THAT(with("0, 5", 8), HasSubstr("takes 0 bytes, there are 8"));
  EXPECT_THAT(with("1000000000000,", 8), HasSubstr("takes 4000000000000 bytes"));
  for (const char* shape : {"9223372036854775807,", "4294967296, 4294967296", "0, 4294967296, 4294967296"})
    EXPECT_THAT(with(shape, 0), HasSubstr("too large")) << shape;
}

TEST(NpyFiles, EveryTruncationIsRefused) {
  const std::string whole = format_npy(host_array({2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6}));
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_NE(refusal(whole.substr(0, size)), "") << size;
  EXPECT_NE(refusal(whole + '\0'), "");
}

TEST(NpyFiles, WhatIsWrittenIsRead) {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{7}, Shape{0}, Shape{2, 3, 4}, Shape{1, 1, 1, 1, 1, 1, 1, 2}}) {
    std::vector<float> values;
    for (std::int64_t i = 0; i < shape.elements(); ++i) values.push_back(0.1f * static_cast<float>(i) - 0.05f);
    const std::string bytes = format_npy(host_array(shape, values));
    const HostArray back = parse_npy(bytes, "file");
    EXPECT_EQ(back.shape, shape);
    EXPECT_EQ(f32_values(back), values);
    EXPECT_EQ((bytes.size() - values.size() * 4) % 64, 0u);
  }
}

TEST(NpyFiles, ArraysThatAreNoneAreNotWritten) {
  HostArray array = host_array({2}, std::vector<float>{1, 2});
  array.words.pop_back();
  EXPECT_THROW(format_npy(array), InvalidGraph);
  EXPECT_THROW(f32_values(array), InvalidGraph);
  EXPECT_THROW(host_array({3}, std::vector<float>{1, 2}), InvalidGraph);
  EXPECT_THROW(f32_values(host_array({1}, std::vector<std::uint32_t>{1})), InvalidGraph);
  EXPECT_THROW(format_npy(host_array({2}, std::vector<float>{1, HUGE_VALF})), NotFinite);
}

}  // namespace
}  // namespace volute::io
