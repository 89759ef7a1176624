// safetensors files: what save writes load reads back, and a file that is wrong in any way is refused
// with every parameter untouched.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include <volute/io.hpp>

namespace volute::io {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A module of given tensors; no layer's initial values in the way.
class Weights : public nn::Module {
 public:
  explicit Weights(const std::vector<std::pair<std::string, Shape>>& shapes, float first = 0.0f) {
    float next = first;
    for (const auto& [name, shape] : shapes) {
      std::vector<float> values;
      for (std::int64_t i = 0; i < shape.elements(); ++i) values.push_back(next += 0.5f);
      parameters_.emplace_back(name, shape, values);
    }
  }
  std::vector<std::vector<float>> values() const {
    std::vector<std::vector<float>> all;
    for (const Parameter& parameter : parameters_) all.push_back(parameter.values());
    return all;
  }
};

class Safetensors : public ::testing::Test {
 protected:
  Safetensors() {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              (std::string("volute_io_") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    path_ = (folder_ / "model.safetensors").string();
  }
  ~Safetensors() override { std::filesystem::remove_all(folder_); }

  static std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void write(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }
  /// A file of this header, unpadded, and so many bytes of data.
  void write(const std::string& header, std::size_t data_bytes) const {
    const std::uint64_t length = header.size();
    std::string bytes(sizeof length, '\0');
    std::memcpy(bytes.data(), &length, sizeof length);
    write(bytes + header + std::string(data_bytes, '\0'));
  }
  /// The message of the BadFile that loading tensor m.a [2, 3] from the file throws.
  std::string refusal() const {
    const Weights module({{"a", {2, 3}}}, 7);
    const auto before = module.values();
    std::string message;
    try {
      load(path_, {{"m", module}});
      ADD_FAILURE() << "the file was loaded";
    } catch (const BadFile& error) {
      message = error.what();
    }
    EXPECT_EQ(module.values(), before);
    EXPECT_THAT(message, StartsWith(path_ + ": "));
    return message;
  }

  std::filesystem::path folder_;
  std::string path_;
};

constexpr const char* one = R"({"m.a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})";

TEST_F(Safetensors, RoundTripIsExact) {
  const Weights saved({{"a", {2, 3}}, {"b", {}}, {"weight_ih_l0", {5, 1, 7}}});
  Parameter odd = saved.parameters()[0];
  odd.set(std::vector<float>{-0.0f, 1e-42f, std::numeric_limits<float>::max(), 3.4e38f, -1, 2});
  save(path_, {{"m", saved}});
  const Weights loaded({{"a", {2, 3}}, {"b", {}}, {"weight_ih_l0", {5, 1, 7}}}, 100);
  load(path_, {{"m", loaded}});
  for (std::size_t i = 0; i < saved.parameters().size(); ++i) {
    const auto a = saved.parameters()[i].values(), b = loaded.parameters()[i].values();
    ASSERT_EQ(a.size(), b.size());
    EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0);
  }
}

TEST_F(Safetensors, LayersKeepPyTorchsNames) {
  const nn::Linear head(3, 2);
  const nn::LSTM lstm(2, 3, {.layers = 2});
  save(path_, {{"lstm", lstm}, {"head", head}});
  const std::string bytes = read(path_);
  for (const char* name :
       {"lstm.weight_ih_l0", "lstm.weight_hh_l0", "lstm.bias_ih_l1", "lstm.bias_hh_l1", "head.weight", "head.bias"})
    EXPECT_THAT(bytes, HasSubstr('"' + std::string(name) + '"'));
}

TEST_F(Safetensors, DataStartsAtAMultipleOfEight) {
  for (int length = 0; length < 8; ++length) {
    const Weights module({{"a", {1}}});
    save(path_, {{"m" + std::string(static_cast<std::size_t>(length), 'x'), module}});
    std::uint64_t header = 0;
    const std::string bytes = read(path_);
    std::memcpy(&header, bytes.data(), sizeof header);
    EXPECT_EQ(header % 8, 0u);
    EXPECT_EQ(bytes.size(), 8 + header + 4);
  }
}

TEST_F(Safetensors, MetadataComesBack) {
  const Weights module({{"a", {2}}});
  const Metadata metadata{{"cell", "lstm"}, {"vocabulary", "[10,32,255]"}, {"quote", "\"\\\n"}, {"", ""}};
  save(path_, {{"m", module}}, metadata);
  EXPECT_EQ(read_metadata(path_), metadata);
  save(path_, {{"m", module}});
  EXPECT_EQ(read_metadata(path_), Metadata{});
}

TEST_F(Safetensors, SavingReplacesAndLeavesNothingElse) {
  write("an older file");
  const Weights module({{"a", {2}}});
  save(path_, {{"m", module}});
  load(path_, {{"m", module}});
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(Safetensors, FailedSavesKeepTheOldFile) {
  const Weights module({{"a", {2}}});
  write("an older file");
  EXPECT_THROW(save(path_, {{"m", module}, {"m", module}}), BadFile);
  EXPECT_THROW(save(path_, {{"m", module}}, {{"bytes", "\xff"}}), BadFile);
  EXPECT_EQ(read(path_), "an older file");
  EXPECT_THROW(save((folder_ / "none" / "file").string(), {{"m", module}}), BadFile);
  EXPECT_THROW(save(folder_.string(), {{"m", module}}), BadFile);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
  EXPECT_TRUE(std::filesystem::is_directory(folder_));
}

TEST_F(Safetensors, WhatAKilledRunLeftIsTakenOver) {
  const Weights module({{"a", {2}}});
  std::ofstream(path_ + ".tmp") << std::string(100'000, 'x');
  save(path_, {{"m", module}});
  load(path_, {{"m", module}});
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(Safetensors, ATemporaryFileThatIsAnothersIsNotEmptied) {
  const Weights module({{"a", {2}}});
  const std::string other = (folder_ / "diary").string();
  std::ofstream(other) << "dear";
  std::filesystem::create_hard_link(other, path_ + ".tmp");
  save(path_, {{"m", module}});
  EXPECT_EQ(read(other), "dear");
  std::filesystem::create_symlink(other, path_ + ".tmp");
  EXPECT_THROW(save(path_, {{"m", module}}), BadFile);
  EXPECT_EQ(read(other), "dear");
  load(path_, {{"m", module}});
}

TEST_F(Safetensors, EveryTruncationIsRefused) {
  const Weights module({{"a", {2, 3}}, {"b", {3}}});
  save(path_, {{"m", module}}, {{"cell", "gru"}});
  const std::string bytes = read(path_);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    write(bytes.substr(0, size));
    EXPECT_NE(refusal(), "") << size;
    EXPECT_THROW(read_metadata(path_), BadFile) << size;
  }
  write(bytes + '\0');
  EXPECT_THAT(refusal(), HasSubstr("the file has"));
}

TEST_F(Safetensors, EveryChangedHeaderByteIsRefused) {
  const Weights module({{"a", {2, 3}}}, 7);
  save(path_, {{"m", module}}, {{"cell", "gru"}});
  const std::string bytes = read(path_);
  for (std::size_t at = 0; at < bytes.size() - 24; ++at) {
    for (char byte : {'\0', '"', '9', '[', '}', '\xff'}) {
      if (bytes[at] == byte) continue;
      std::string changed = bytes;
      changed[at] = byte;
      write(changed);
      EXPECT_NE(refusal(), "") << at;
      EXPECT_THROW(read_metadata(path_), BadFile) << at;
    }
  }
}

TEST_F(Safetensors, TheSameValuesMakeTheSameFile) {
  const Weights module({{"a", {2, 3}}, {"b", {3}}});
  save(path_, {{"m", module}}, {{"cell", "gru"}});
  const std::string bytes = read(path_);
  save(path_, {{"m", module}}, {{"cell", "gru"}});
  EXPECT_EQ(read(path_), bytes);
}

TEST_F(Safetensors, FilesOfOthersNeedNoChecksum) {
  write(one, 24);
  const Weights module({{"a", {2, 3}}}, 7);
  load(path_, {{"m", module}});
  EXPECT_EQ(module.values()[0], std::vector<float>(6));
  write(R"({"__metadata__":{"format":"pt"},"m.a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})", 24);
  load(path_, {{"m", module}});
  EXPECT_EQ(read_metadata(path_), (Metadata{{"format", "pt"}}));
}

/// Metadata of Volute's that is not all there, and none of it checked by a checksum that fits.
TEST_F(Safetensors, WhatIsOursMustBeWhole) {
  const auto with = [&](const std::string& metadata) {
    write(R"({"__metadata__":{)" + metadata + R"(},"m.a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})", 24);
    return refusal();
  };
  const std::string format = R"("volute.format":"parameters")", version = R"("volute.version":"1")",
                    checksum = R"("volute.checksum":"00000000000000000000000000000000")";
  EXPECT_THAT(with(format), HasSubstr("no 'volute.version'"));
  EXPECT_THAT(with(version + "," + checksum), HasSubstr("no 'volute.format'"));
  EXPECT_THAT(with(format + "," + version), HasSubstr("no 'volute.checksum'"));
  EXPECT_THAT(with(format + "," + version + "," + checksum), HasSubstr("is damaged"));
  EXPECT_THAT(with(format + "," + version + "," + checksum + R"(,"volute.more":"")"), HasSubstr("keys of Volute's"));
  EXPECT_THAT(with(version + "," + checksum + R"(,"volute.format":"pictures")"), HasSubstr("format is 'pictures'"));
  EXPECT_THAT(with(format + "," + checksum + R"(,"volute.version":"2")"),
              HasSubstr("is damaged: its checksum is not that of what it holds, which says version 2"));
  for (const char* number : {"", "0", "-1", "01", "1 ", "one", "99999999999999999999"})
    EXPECT_THAT(with(format + "," + checksum + R"(,"volute.version":")" + number + "\""),
                HasSubstr("version is '" + std::string(number) + "'"));
  for (const char* digits : {"", "0", "00000000000000000000000000000000000000000000000000000000000000000"})
    EXPECT_THAT(with(format + "," + version + R"(,"volute.checksum":")" + digits + "\""), HasSubstr("its checksum is"));
}

TEST_F(Safetensors, TheDigitsOfTheChecksumAreThemselvesChecked) {
  const Weights module({{"a", {2, 3}}}, 7);
  save(path_, {{"m", module}});
  std::string bytes = read(path_);
  const std::size_t at = bytes.find("volute.checksum\":\"") + 18;
  const std::size_t letter = bytes.find_first_of("abcdef", at);
  ASSERT_LT(letter, at + 32);
  bytes[letter] = static_cast<char>(std::toupper(bytes[letter]));
  write(bytes);
  EXPECT_THAT(refusal(), HasSubstr("is damaged"));
}

TEST_F(Safetensors, OurKeysAreNotForUsers) {
  const Weights module({{"a", {2}}});
  EXPECT_THROW(save(path_, {{"m", module}}, {{"volute.format", "parameters"}}), BadFile);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(Safetensors, WhatIsNotFiniteIsNeitherSavedNorLoaded) {
  const Weights module({{"a", {2, 3}}}, 7);
  save(path_, {{"m", module}});
  const std::string good = read(path_);
  for (const float value : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()}) {
    Parameter a = module.parameters()[0];
    const std::vector<float> before = a.values();
    a.set(std::vector<float>{1, 2, 3, 4, value, 6});
    EXPECT_THROW(save(path_, {{"m", module}}), NotFinite);
    EXPECT_EQ(read(path_), good);
    a.set(before);

    write(one, 24);
    std::string bytes = read(path_);
    std::memcpy(bytes.data() + bytes.size() - 8, &value, sizeof value);
    write(bytes);
    EXPECT_THAT(refusal(), HasSubstr("tensor 'm.a' [2, 3]: element [1, 1] is "));
    write(good);
  }
}

TEST_F(Safetensors, HeaderLengthsAreCheckedAgainstTheFile) {
  for (std::uint64_t length : {std::uint64_t{100}, std::uint64_t{1} << 40, ~std::uint64_t{0}, ~std::uint64_t{0} - 7}) {
    std::string bytes(sizeof length, '\0');
    std::memcpy(bytes.data(), &length, sizeof length);
    write(bytes + one);
    EXPECT_THAT(refusal(), HasSubstr("header claims " + std::to_string(length)));
  }
}

TEST_F(Safetensors, HeadersThatAreNoHeadersAreRefused) {
  for (const char* header :
       {"", "{", "null", "[]", "3", "{}x", R"({"m.a":3})", R"({"m.a":{}})", "{\"\xff\":1}", R"({"__metadata__":[]})",
        R"({"__metadata__":{"a":1}})", R"({"m.a":{"dtype":"F32","shape":3,"data_offsets":[0,24]}})",
        R"({"m.a":{"dtype":"F32","shape":[-2,3],"data_offsets":[0,24]}})",
        R"({"m.a":{"dtype":"F32","shape":[2.0,3],"data_offsets":[0,24]}})",
        R"({"m.a":{"dtype":"F32","shape":[2,3],"data_offsets":[0]}})",
        R"({"m.a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,"24"]}})",
        R"({"m.a":{"dtype":"F32","shape":[2,3]}})"}) {
    write(header, 24);
    EXPECT_THAT(refusal(), HasSubstr("not a valid safetensors file")) << header;
  }
  write(std::string(1'000'000, '['), 0);
  EXPECT_THAT(refusal(), HasSubstr("nested too deeply"));
  write(std::string(one).insert(1, std::string(one).substr(1, std::strlen(one) - 2) + ","), 24);
  EXPECT_THAT(refusal(), HasSubstr("names 'm.a' twice"));
}

TEST_F(Safetensors, ShapesThatOverflowAreRefused) {
  for (const char* shape : {"[4294967296,4294967296]", "[9223372036854775807]", "[18446744073709551615]",
                            "[2305843009213693953,8]", "[0,9223372036854775808]"}) {
    write(R"({"m.a":{"dtype":"F32","shape":)" + std::string(shape) + R"(,"data_offsets":[0,24]}})", 24);
    EXPECT_NE(refusal(), "") << shape;
  }
}

TEST_F(Safetensors, OffsetsMustFitTheDataAndTheShape) {
  const auto with = [&](const std::string& offsets) {
    write(R"({"m.a":{"dtype":"F32","shape":[2,3],"data_offsets":)" + offsets + "}}", 24);
    return refusal();
  };
  EXPECT_THAT(with("[0,25]"), HasSubstr("lies at 0 to 25 of 24 bytes"));
  EXPECT_THAT(with("[24,0]"), HasSubstr("lies at 24 to 0"));
  EXPECT_THAT(with("[18446744073709551608,16]"), HasSubstr("lies at"));
  EXPECT_THAT(with("[0,20]"), HasSubstr("needs 24 bytes, its offsets give 20"));
}

TEST_F(Safetensors, TensorsMustLieEndToEnd) {
  const auto with = [&](const std::string& second, std::size_t bytes) {
    write(
        R"({"m.a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"F32","shape":[6],"data_offsets":)" +
            second + "}}",
        bytes);
    return refusal();
  };
  EXPECT_THAT(with("[0,24]", 24), HasSubstr("the same offsets"));
  EXPECT_THAT(with("[8,32]", 32), HasSubstr("starts at byte 8 of the data, not at 24"));
  EXPECT_THAT(with("[28,52]", 52), HasSubstr("starts at byte 28"));
  EXPECT_THAT(with("[24,48]", 52), HasSubstr("take 48 bytes, the file has 52"));
}

TEST_F(Safetensors, TypesNobodyAskedForAreRead) {
  write(
      R"({"a":{"dtype":"BF16","shape":[3],"data_offsets":[24,30]},)"
      R"("b":{"dtype":"I64","shape":[],"data_offsets":[30,38]},)"
      R"("m.a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})",
      38);
  const Weights module({{"a", {2, 3}}}, 7);
  load(path_, {{"m", module}});
  EXPECT_EQ(module.values()[0], std::vector<float>(6));
  write(R"({"m.a":{"dtype":"F31","shape":[2,3],"data_offsets":[0,24]}})", 24);
  EXPECT_THAT(refusal(), HasSubstr("a dtype that does not exist: \"F31\""));
}

TEST_F(Safetensors, OtherTypesAndShapesAreRefused) {
  write(R"({"m.a":{"dtype":"I16","shape":[2,3],"data_offsets":[0,12]}})", 12);
  EXPECT_THAT(refusal(), HasSubstr("tensor 'm.a' has dtype I16, it should be F32, F64, F16 or BF16"));
  write(R"({"m.a":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]}})", 24);
  EXPECT_THAT(refusal(), HasSubstr("tensor 'm.a' has shape [3, 2], it should be [2, 3]"));
  write(R"({"m.b":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})", 24);
  EXPECT_THAT(refusal(), HasSubstr("has no tensor 'm.a' [2, 3]"));
}

TEST_F(Safetensors, AMissingTensorLeavesTheFirstUntouched) {
  write(one, 24);
  const Weights module({{"a", {2, 3}}, {"b", {1}}}, 7);
  const auto before = module.values();
  EXPECT_THROW(load(path_, {{"m", module}}), BadFile);
  EXPECT_EQ(module.values(), before);
}

TEST_F(Safetensors, TensorsNobodyAskedForAreIgnored) {
  const Weights both({{"a", {2, 3}}, {"b", {3}}}), second({{"b", {3}}}, 50);
  save(path_, {{"m", both}});
  load(path_, {{"m", second}});
  EXPECT_EQ(second.values()[0], both.values()[1]);
}

TEST_F(Safetensors, EverythingThatIsMissingOrDiffersIsListed) {
  write(R"({"m.a":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]},"model.b":{"dtype":"F32","shape":[2],)"
        R"("data_offsets":[24,32]}})", 32);
  const Weights module({{"a", {2, 3}}, {"b", {2}}, {"c", {2}}});
  EXPECT_THAT([&] { load(path_, {{"m", module}}); },
              ::testing::ThrowsMessage<BadFile>(AllOf(HasSubstr("tensor 'm.a' has shape [3, 2], it should be [2, 3]"),
                                                      HasSubstr("has no tensors 'm.b', 'm.c'; it has 'model.b'"))));
}

TEST_F(Safetensors, PrefixesMayEndInADotOrBeEmpty) {
  const Weights first({{"a", {2}}}), second({{"a", {2}}}, 9), third({{"a", {2}}}, 50), fourth({{"a", {2}}}, 70);
  save(path_, {{"encoder.0.", first}, {"", second}});
  load(path_, {{"encoder.0", third}, {"", fourth}});
  EXPECT_EQ(third.values(), first.values());
  EXPECT_EQ(fourth.values(), second.values());
}

TEST_F(Safetensors, NamesOfOthersAreAskedFor) {
  const Weights saved({{"a", {2}}, {"b", {2}}}), loaded({{"a", {2}}, {"b", {2}}}, 50);
  save(path_, {{"model.rnn", saved}});
  const auto rename = [](const std::string& name) { return "model.rnn" + name.substr(1); };
  const LoadReport report = load(path_, {{"m", loaded}}, {.rename = rename, .strict = true});
  EXPECT_EQ(loaded.values(), saved.values());
  EXPECT_TRUE(report.missing.empty() && report.left_over.empty());
}

TEST_F(Safetensors, StrictAndPartial) {
  const Weights saved({{"a", {2}}, {"old", {2}}, {"num_batches_tracked", {}}}), loaded({{"a", {2}}, {"new", {3}}}, 50);
  save(path_, {{"m", saved}});
  const auto before = loaded.values();
  EXPECT_THROW(load(path_, {{"m", loaded}}), BadFile);
  EXPECT_THAT([&] { load(path_, {{"m", loaded}}, {.strict = true, .partial = true}); },
              ::testing::ThrowsMessage<BadFile>(::testing::EndsWith(": has 'm.old', which nothing asked for")));
  EXPECT_EQ(loaded.values(), before);
  const LoadReport report = load(path_, {{"m", loaded}}, {.partial = true});
  EXPECT_EQ(report.missing, std::vector<std::string>{"m.new"});
  EXPECT_EQ(report.left_over, (std::vector<std::string>{"m.num_batches_tracked", "m.old"}));
  EXPECT_EQ(loaded.values()[0], saved.values()[0]);
  EXPECT_EQ(loaded.values()[1], before[1]);
}

/// PyTorch saves a weight that two modules share under both names, safetensors' save_model under one of them.
TEST_F(Safetensors, TiedWeightsMayHaveOneNameOrBoth) {
  const nn::Embedding embed(3, 2);
  const nn::Linear head(embed, false);
  const std::vector<float> mine = embed.parameters()[0].values();
  const auto header = [](const std::string& names) { return "{" + names + "}"; };
  const std::string embedding = R"("embed.weight":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]})",
                    other = R"("head.weight":{"dtype":"F32","shape":[3,2],"data_offsets":[24,48]})",
                    alone = R"("head.weight":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]})";
  save(path_, {{"embed", embed}, {"head", head}});
  load(path_, {{"embed", embed}, {"head", head}}, {.strict = true});
  EXPECT_EQ(embed.parameters()[0].values(), mine);
  for (const std::string& names : {header(embedding), header(alone), header(embedding + "," + other)}) {
    Parameter(embed.parameters()[0]).set(mine);
    write(names, names.find(other) == std::string::npos ? 24 : 48);
    const LoadReport report = load(path_, {{"embed", embed}, {"head", head}}, {.strict = true});
    EXPECT_TRUE(report.missing.empty() && report.left_over.empty());
    EXPECT_EQ(embed.parameters()[0].values(), std::vector<float>(6, 0.0f));
  }
  std::string bytes = read(path_);
  bytes.back() = '\x3f';
  write(bytes);
  Parameter(embed.parameters()[0]).set(mine);
  EXPECT_THAT([&] { load(path_, {{"embed", embed}, {"head", head}}); },
              ::testing::ThrowsMessage<BadFile>(HasSubstr("'head.weight' has other values than 'embed.weight'")));
  EXPECT_EQ(embed.parameters()[0].values(), mine);
}

/// A file of one tensor m.a [2, 3] with these values.
template <class T>
std::string tensor_of(const std::string& dtype, const std::vector<T>& values) {
  std::string bytes(8 + values.size() * sizeof(T), '\0');
  const std::string header = R"({"m.a":{"dtype":")" + dtype + R"(","shape":[2,3],"data_offsets":[0,)" +
                             std::to_string(values.size() * sizeof(T)) + "]}}";
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, sizeof length);
  std::memcpy(bytes.data() + 8, values.data(), values.size() * sizeof(T));
  return bytes.insert(8, header);
}

TEST_F(Safetensors, OtherFloatsAreConverted) {
  const Weights module({{"a", {2, 3}}}, 7);
  const auto loaded = [&](const std::string& bytes) {
    write(bytes);
    load(path_, {{"m", module}}, {.strict = true});
    return module.values()[0];
  };
  using Bits = std::vector<std::uint16_t>;
  EXPECT_EQ(loaded(tensor_of("F16", Bits{0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x3555})),
            (std::vector<float>{1, -2, 65504, 0x1p-24f, 1023 * 0x1p-24f, 0x1.554p-2f}));
  EXPECT_EQ(loaded(tensor_of("BF16", Bits{0x3f80, 0xc000, 0x7f7f, 0x0001, 0x8000, 0x4049})),
            (std::vector<float>{1, -2, 0x1.fep127f, 0x1p-133f, -0.0f, 3.140625f}));
  EXPECT_EQ(loaded(tensor_of("F64", std::vector<double>{1, -2, 0.1, 1e-300, 3.4e38, 1.0 + 0x1p-25})),
            (std::vector<float>{1, -2, 0.1f, 0, 3.4e38f, 1}));
  write(tensor_of("F64", std::vector<double>{1, -2, 0.1, 1e39, 3.4e38, 1}));
  EXPECT_THAT(refusal(), HasSubstr("tensor 'm.a' [2, 3]: element [1, 0] is inf as f32"));
  write(tensor_of("F16", Bits{0x3c00, 0xc000, 0x7c01, 0x0001, 0x03ff, 0x3555}));
  EXPECT_THAT(refusal(), HasSubstr("element [0, 2] is nan"));
  write(tensor_of("BF16", Bits{0xff80, 0xc000, 0x7c01, 0x0001, 0x03ff, 0x3555}));
  EXPECT_THAT(refusal(), HasSubstr("element [0, 0] is -inf"));
}

TEST_F(Safetensors, WhatIsNoFileIsRefused) {
  EXPECT_THAT(refusal(), HasSubstr("No such file"));
  path_ = folder_.string();
  EXPECT_THAT(refusal(), HasSubstr("not a regular file"));
}

}  // namespace
}  // namespace volute::io
