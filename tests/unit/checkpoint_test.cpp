// Checkpoints of everything but programs: each kind of thing comes back bit by bit, and a file that is not of what was
// added changes nothing. Programs are in tests/e2e/checkpoint_resume_test.cpp, damaged files in
// checkpoint_damage_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <thread>

#include <volute/io.hpp>

#include "engine/io/checksum.hpp"
#include "engine/io/reader.hpp"
#include "engine/io/writer.hpp"
#include "tests/support/files.hpp"
#include "tests/support/warnings.hpp"

namespace volute::io {
namespace {

using ::testing::HasSubstr;
using test::read_bytes;
using test::write_bytes;

std::vector<float> filled(const Parameter& parameter, float first) {
  std::vector<float> values(static_cast<std::size_t>(parameter.shape().elements()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = first + 0.25f * static_cast<float>(i);
  return values;
}

/// One of each kind, with values that `first` decides.
struct Things {
  nn::Linear linear{3, 2};
  std::vector<Parameter> parameters{Parameter("alone", {2}, {1, 2}), Parameter("scalar", {}, {3})};
  EMA ema{linear.parameters(), 0.5f};
  OptimizerStates states;
  Plateau plateau{0.1};
  EarlyStopping stopping{{.patience = 5, .keep = {parameters[0]}}};
  data::Generator generator{7};
  std::int64_t number = 0;
  double real = 0;
  std::string text;
  Checkpoint checkpoint;

  explicit Things(float first = 0) {
    states.get("adam.m", {2, 3});
    fill(first);
    checkpoint.add("linear", linear).add("parameters", parameters).add("ema", ema).add("states", states);
    checkpoint.add("plateau", plateau).add("stopping", stopping).add("generator", generator);
    checkpoint.add("number", number).add("real", real).add("text", text);
  }
  void fill(float first) {
    for (Parameter p : all()) p.set(filled(p, first += 10));
    plateau.restore({first, first / 3, 2, 1});
    stopping.restore({-first, 4, 1, 2, {}});
    if (first > 100) stopping.restore({-first, 4, 1, 2, {{first, 1 / first}}});
    generator.restore(0xfedcba9876543210u + static_cast<std::uint64_t>(first));
    number = std::numeric_limits<std::int64_t>::min() + static_cast<std::int64_t>(first);
    real = -0.1 * first;
    text = std::string("no \xff UTF-8\0", 11) + std::to_string(first);
  }
  std::vector<Parameter> all() const {
    std::vector<Parameter> every = linear.parameters();
    for (const auto* more : {&parameters, &ema.shadows(), &states.parameters()})
      every.insert(every.end(), more->begin(), more->end());
    return every;
  }
  /// Everything, so that two of them can be compared.
  std::string bytes() const {
    std::string all_bytes = text;
    const auto add = [&](const auto& value) { all_bytes.append(reinterpret_cast<const char*>(&value), sizeof value); };
    for (const Parameter& p : all())
      for (const float value : p.values()) add(value);
    for (const double value : {plateau.state().lr, plateau.state().best, stopping.state().best, real}) add(value);
    for (const std::int64_t value : {plateau.state().bad, plateau.state().cooling, stopping.state().looks,
                                     stopping.state().best_look, stopping.state().waited, number})
      add(value);
    add(generator.state());
    for (const auto& kept : stopping.state().kept)
      for (const float value : kept) add(value);
    return all_bytes;
  }
};

class Checkpoints : public ::testing::Test {
 protected:
  /// The message of the BadFile that loading throws; nothing may have changed.
  std::string refusal() const {
    const Things things(2);
    const std::string before = things.bytes();
    std::string message;
    try {
      things.checkpoint.load(path_);
      ADD_FAILURE() << "the file was loaded";
    } catch (const BadFile& error) {
      message = error.what();
    }
    EXPECT_EQ(things.bytes(), before);
    return message;
  }
  /// A file of `things` in which one tensor has been replaced, or one added, with a checksum that fits.
  void write_with(const Things& things, const Output& other) const {
    things.checkpoint.save(path_);
    const Reader reader(path_);
    std::map<std::string, std::uint64_t> wanted;
    for (const auto& [name, range] : reader.header().tensors) wanted[name] = range.end - range.begin;
    const Values values = reader.read(wanted);
    std::vector<Output> outputs;
    for (const auto& [name, range] : reader.header().tensors)
      if (name != other.name)
        outputs.push_back({name, range.dtype, range.shape, false, [&values, name = name] { return values.at(name); }});
    outputs.push_back(other);
    write_safetensors(path_, checkpoint_format, outputs, {});
    std::filesystem::remove(previous_);
  }

  test::Folder folder_;
  std::string path_ = folder_ / "run.safetensors";
  std::string previous_ = folder_ / "run.previous.safetensors";
};

template <class T>
Output tensor(const std::string& name, Shape shape, std::vector<T> values) {
  return {name, dtype_of<T>(), std::move(shape), false, [values] { return bytes_of<T>(std::span<const T>(values)); }};
}

TEST_F(Checkpoints, EveryKindComesBackBitByBit) {
  for (const float first : {3.0f, 200.0f}) {  // early stopping with and without values kept
    const Things saved(first);
    saved.checkpoint.save(path_, {{"epoch", "3"}});
    Things loaded(first < 100 ? 200.0f : 3.0f);
    ASSERT_NE(loaded.bytes(), saved.bytes());
    const Checkpoint::Loaded result = loaded.checkpoint.load(path_);
    EXPECT_EQ(loaded.bytes(), saved.bytes());
    EXPECT_EQ(result.path, path_);
    EXPECT_EQ(result.metadata, (Metadata{{"epoch", "3"}}));
    EXPECT_EQ(result.problem, "");
    EXPECT_EQ(data::Generator(saved.generator).next(), data::Generator(loaded.generator).next());
  }
}

TEST_F(Checkpoints, ValuesThatAreNoWeightsMayBeAnything) {
  Things saved(3), loaded(5);
  Parameter moments = saved.states.parameters()[0];
  std::vector<float> values = moments.values();
  values[2] = std::numeric_limits<float>::infinity();
  moments.set(values);
  saved.plateau.restore({0.1, std::numeric_limits<double>::infinity(), 0, 0});
  saved.real = std::nan("");
  saved.text.clear();
  saved.checkpoint.save(path_);
  loaded.checkpoint.load(path_);
  EXPECT_EQ(loaded.bytes(), saved.bytes());
}

TEST_F(Checkpoints, ModulesAloneAreReadFromThem) {
  const Things things(3);
  things.checkpoint.save(path_);
  const nn::Linear linear(3, 2);
  load(path_, {{"linear", linear}});
  for (int i = 0; i < 2; ++i) EXPECT_EQ(linear.parameters()[i].values(), things.linear.parameters()[i].values());
}

TEST_F(Checkpoints, NamesAreTheirOwn) {
  Things things;
  std::int64_t number = 0;
  for (const char* name : {"", "number", "volute.number", "__metadata__"})
    EXPECT_THROW(things.checkpoint.add(name, number), InvalidGraph) << name;
  const std::vector<Parameter> twins{Parameter("a", {}, {1}), Parameter("a", {}, {2})};
  EXPECT_THROW(things.checkpoint.add("twins", twins), InvalidGraph);
  // A tensor of one thing may have the name of another.
  things.checkpoint.add("plateau.lr", number);
  EXPECT_THROW(things.checkpoint.save(path_), BadFile);
  EXPECT_TRUE(folder_.names().empty());
}

TEST_F(Checkpoints, WhatDiffersIsRefused) {
  const Things things(3);
  write_with(things, tensor<float>("number", {}, {1}));
  EXPECT_THAT(refusal(), HasSubstr("tensor 'number' has dtype F32, it should be I64"));
  write_with(things, tensor<std::int64_t>("number", {1}, {1}));
  EXPECT_THAT(refusal(), HasSubstr("tensor 'number' has shape [1], it should be []"));
  write_with(things, tensor<float>("linear.weight", {3, 2}, std::vector<float>(6)));
  EXPECT_THAT(refusal(), HasSubstr("tensor 'linear.weight' has shape [3, 2], it should be [2, 3]"));
  write_with(things, tensor<std::int64_t>("another", {}, {1}));
  EXPECT_THAT(refusal(), HasSubstr("has tensor 'another' [], for which nothing was added"));
  write_with(things, tensor<std::uint8_t>("text", {2, 1}, {65, 66}));
  EXPECT_THAT(refusal(), HasSubstr("tensor 'text' has shape [2, 1]"));
  std::int64_t number = 0;
  Checkpoint small;
  small.add("number", number).save(path_);
  EXPECT_THAT(refusal(), HasSubstr("has no tensor 'linear.weight' [2, 3]"));
}

TEST_F(Checkpoints, WhatMakesNoSenseIsRefused) {
  const Things things(200);
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  write_with(things, tensor<double>("plateau.lr", {}, {infinity}));
  EXPECT_THAT(refusal(), HasSubstr("'plateau.lr' is inf"));
  write_with(things, tensor<double>("stopping.best", {}, {nan}));
  EXPECT_THAT(refusal(), HasSubstr("'stopping.best' is "));
  write_with(things, tensor<std::int64_t>("stopping.waited", {}, {-1}));
  EXPECT_THAT(refusal(), HasSubstr("'stopping.waited' is -1"));
  const float bad = std::nanf("");
  write_with(things, tensor<float>("linear.weight", {2, 3}, {1, 2, 3, 4, 5, bad}));
  EXPECT_THAT(refusal(), HasSubstr("tensor 'linear.weight' [2, 3]: element [1, 2] is "));
  write_with(things, tensor<float>("ema.1.bias", {2}, {bad, 1}));
  EXPECT_THAT(refusal(), HasSubstr("tensor 'ema.1.bias' [2]: element [0] is "));
  write_with(things, tensor<float>("stopping.kept.0.alone", {2}, {1, bad}));
  EXPECT_THAT(refusal(), HasSubstr("tensor 'stopping.kept.0.alone' [2]: element [1] is "));
}

TEST_F(Checkpoints, OtherFilesAreNone) {
  const Things things(3);
  save(path_, {{"linear", things.linear}});
  EXPECT_THAT(refusal(), HasSubstr("is a file of parameters, not a checkpoint"));
  const std::string header = R"({"number":{"dtype":"I64","shape":[],"data_offsets":[0,8]}})";
  std::string length(8, '\0');
  length[0] = static_cast<char>(header.size());
  write_bytes(path_, length + header + std::string(8, '\0'));
  EXPECT_THAT(refusal(), HasSubstr("is not a checkpoint of Volute's"));
  things.checkpoint.save(path_);
  std::string bytes = read_bytes(path_);
  bytes[bytes.find("volute.version") + 17] = '2';
  write_bytes(path_, bytes);
  std::filesystem::remove(previous_);
  EXPECT_THAT(refusal(), HasSubstr("is damaged: its checksum is not that of what it holds, which says version 2"));
}

/// A file of a version to come, of which only the checksum is known; `whole`: with one that fits.
std::string newer(bool whole) {
  const std::string before = R"({"__metadata__":{"volute.checksum":")";
  const std::string zeros(Checksum::digits, '0');
  const std::string after = R"(","volute.format":"layers","volute.more":"","volute.version":"2"},"a":{"dtype":"F5"}})";
  const std::uint64_t length = before.size() + zeros.size() + after.size();
  const std::string start(reinterpret_cast<const char*>(&length), sizeof length), data = "as it will be";
  const std::string all = start + before + zeros + after + data;
  Checksum checksum;
  checksum.add(all.data(), all.size());
  return start + before + (whole ? checksum.text() : zeros) + after + data;
}

TEST_F(Checkpoints, ANewerVersionDoesNotGiveWayToThePreviousFile) {
  const Things older(3);
  older.checkpoint.save(path_);
  older.checkpoint.save(path_);
  write_bytes(path_, newer(true));
  EXPECT_THAT(refusal(), HasSubstr("is of version 2, by a newer Volute; this one reads version 1"));
  EXPECT_THROW(read_metadata(path_), BadFile);
  Things things(5);
  test::Warnings warnings;
  write_bytes(path_, newer(false));
  EXPECT_EQ(things.checkpoint.load(path_).path, previous_);
  EXPECT_EQ(things.bytes(), older.bytes());
}

// PyTorch before 2.3 has no unsigned types but bytes, and cannot load a file with a tensor of one.
TEST_F(Checkpoints, EveryTypeIsOneThatAnyPyTorchLoads) {
  const Things things(200);
  things.checkpoint.save(path_);
  const Reader reader(path_);
  for (const auto& [name, range] : reader.header().tensors)
    EXPECT_TRUE((std::set<std::string>{"F32", "F64", "I64", "U8"}.contains(range.dtype))) << name << range.dtype;
}

TEST_F(Checkpoints, WhatCouldNotBeLoadedIsNotSaved) {
  std::string text(static_cast<std::size_t>(max_text_bytes) + 1, 'x');
  Checkpoint checkpoint;
  checkpoint.add("text", text);
  EXPECT_THROW(checkpoint.save(path_), BadFile);
  EXPECT_TRUE(folder_.names().empty());
}

TEST_F(Checkpoints, TheOneBeforeIsKept) {
  Things things(3);
  EXPECT_FALSE(Checkpoint::exists(path_));
  things.checkpoint.save(path_);
  EXPECT_EQ(folder_.names(), (std::set<std::string>{"run.safetensors"}));
  const std::string first = read_bytes(path_);
  things.fill(4);
  things.checkpoint.save(path_);
  const std::string second = read_bytes(path_);
  EXPECT_EQ(read_bytes(previous_), first);
  things.fill(5);
  things.checkpoint.save(path_);
  EXPECT_EQ(read_bytes(previous_), second);
  EXPECT_EQ(folder_.names(), (std::set<std::string>{"run.safetensors", "run.previous.safetensors"}));
}

TEST_F(Checkpoints, NamesOfPreviousFiles) {
  EXPECT_EQ(Checkpoint::previous("run.safetensors"), "run.previous.safetensors");
  EXPECT_EQ(Checkpoint::previous("a.b/run"), "a.b/run.previous");
  EXPECT_EQ(Checkpoint::previous("/a/run.1.st"), "/a/run.1.previous.st");
}

/// Killed between any two of the steps a save takes.
TEST_F(Checkpoints, WhatAKilledSaveLeftDoesNotMatter) {
  Things things(3);
  things.checkpoint.save(path_);
  things.fill(4);
  things.checkpoint.save(path_);
  write_bytes(path_ + ".tmp", "half");
  std::filesystem::create_hard_link(path_, previous_ + ".tmp");
  const std::string second = read_bytes(path_);
  things.fill(5);
  things.checkpoint.save(path_);
  EXPECT_EQ(read_bytes(previous_), second);
  EXPECT_EQ(folder_.names().size(), 2u);
  std::filesystem::remove(previous_);
  std::filesystem::create_hard_link(path_, previous_);  // one file by both names
  things.checkpoint.save(path_);
  EXPECT_EQ(folder_.names().size(), 2u);
}

TEST_F(Checkpoints, TheOneBeforeStandsInForABrokenOne) {
  Things things(3);
  things.checkpoint.save(path_);
  const std::string first = things.bytes();
  things.fill(4);
  things.checkpoint.save(path_);
  std::string bytes = read_bytes(path_);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write_bytes(path_, bytes);
  test::Warnings warnings;
  Things loaded(5);
  const Checkpoint::Loaded result = loaded.checkpoint.load(path_);
  EXPECT_EQ(loaded.bytes(), first);
  EXPECT_EQ(result.path, previous_);
  EXPECT_THAT(result.problem, HasSubstr("is damaged"));
  ASSERT_EQ(warnings.all.size(), 1u);
  EXPECT_THAT(warnings.all[0], HasSubstr(previous_ + " was loaded in its place"));

  std::filesystem::remove(path_);
  EXPECT_TRUE(Checkpoint::exists(path_));
  EXPECT_THAT(loaded.checkpoint.load(path_).problem, HasSubstr("No such file"));
  write_bytes(previous_, "broken too");
  EXPECT_THAT(refusal(), testing::AllOf(HasSubstr("No such file"), HasSubstr("previous.safetensors: is not a valid")));
}

TEST_F(Checkpoints, TheOneBeforeDoesNotStandInForAnother) {
  const Things things(3);
  things.checkpoint.save(path_);
  std::int64_t number = 0;
  Checkpoint small;
  small.add("number", number).save(path_);
  test::Warnings warnings;
  EXPECT_THAT(refusal(), HasSubstr("has no tensor"));
  EXPECT_TRUE(warnings.all.empty());
}

TEST_F(Checkpoints, WeightsThatAreNotFiniteAreNotSaved) {
  Things things(3);
  things.checkpoint.save(path_);
  const std::string good = read_bytes(path_);
  for (const Parameter& p : {things.linear.parameters()[0], things.parameters[1], things.ema.shadows()[1]}) {
    Parameter changed = p;
    const std::vector<float> before = p.values();
    std::vector<float> values = before;
    values.back() = std::nanf("");
    changed.set(values);
    try {
      things.checkpoint.save(path_);
      ADD_FAILURE() << "saved";
    } catch (const NotFinite& error) {
      EXPECT_THAT(error.what(), HasSubstr("is nan; it is not saved"));
    }
    changed.set(before);
    EXPECT_EQ(read_bytes(path_), good);
    EXPECT_EQ(folder_.names().size(), 1u);
  }
}

TEST_F(Checkpoints, AutosavesAreDueBySteps) {
  const Things things(3);
  Autosave autosave(path_, things.checkpoint, {.steps = 3, .metadata = {{"a", "b"}}});
  for (int step = 1; step <= 7; ++step) EXPECT_EQ(autosave.step(), step % 3 == 0) << step;
  EXPECT_EQ(read_metadata(path_), (Metadata{{"a", "b"}}));
  EXPECT_TRUE(std::filesystem::exists(previous_));
}

TEST_F(Checkpoints, AutosavesAreDueByTime) {
  const Things things(3);
  Autosave autosave(path_, things.checkpoint, {.seconds = 0.02});
  EXPECT_FALSE(autosave.step());
  std::this_thread::sleep_for(std::chrono::milliseconds(25));
  EXPECT_TRUE(autosave.step());
  EXPECT_FALSE(autosave.step());
}

TEST_F(Checkpoints, AutosavesThatFailWarnAndAreTriedAgain) {
  Things things(3);
  std::filesystem::create_directories(folder_ / "sub");
  Autosave autosave(folder_ / "sub/run", things.checkpoint, {.steps = 2});
  test::Warnings warnings;
  EXPECT_TRUE(autosave.save());
  std::filesystem::rename(folder_ / "sub", folder_ / "gone");
  EXPECT_FALSE(autosave.step());
  EXPECT_FALSE(autosave.step());
  EXPECT_EQ(autosave.failures(), 1);
  ASSERT_EQ(warnings.all.size(), 1u);
  EXPECT_THAT(warnings.all[0], testing::AllOf(HasSubstr("sub/run: cannot be written: No such file"),
                                              HasSubstr("training goes on")));
  EXPECT_FALSE(autosave.save());
  EXPECT_EQ(autosave.failures(), 2);
  std::filesystem::rename(folder_ / "gone", folder_ / "sub");
  Parameter weight = things.linear.parameters()[0];
  const std::vector<float> before = weight.values();
  weight.set(std::vector<float>(6, std::numeric_limits<float>::infinity()));
  EXPECT_FALSE(autosave.save());
  EXPECT_THAT(warnings.all.back(), HasSubstr("parameter 'linear.weight' [2, 3]: element [0, 0] is inf"));
  Things loaded(5);
  loaded.checkpoint.load(folder_ / "sub/run");
  weight.set(before);
  EXPECT_EQ(loaded.bytes(), things.bytes());
  EXPECT_TRUE(autosave.save());
  EXPECT_EQ(autosave.failures(), 0);
  EXPECT_EQ(warnings.all.size(), 3u);
}

TEST_F(Checkpoints, AutosavesThatCouldNeverSaveAreRefused) {
  const Things things(3);
  const double nan = std::nan("");
  for (const AutosaveOptions& options : {AutosaveOptions{}, AutosaveOptions{.steps = -1, .seconds = 1},
                                         AutosaveOptions{.steps = 1, .seconds = -1}, AutosaveOptions{.seconds = nan}})
    EXPECT_THROW(Autosave(path_, things.checkpoint, options), InvalidGraph);
  EXPECT_THROW(Autosave(folder_ / "none/run", things.checkpoint, {.steps = 1}), BadFile);
}

}  // namespace
}  // namespace volute::io
