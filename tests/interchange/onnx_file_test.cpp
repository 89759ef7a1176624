// ONNX files: read whole or refused by name, written atomically, the same bytes each time.
#include <gmock/gmock.h>

#include <volute/graph.hpp>

#include "engine/interchange/onnx_file.hpp"
#include "tests/support/files.hpp"

namespace volute::test {
namespace {

using testing::HasSubstr;

::onnx::ModelProto small_model() {
  ::onnx::ModelProto model;
  model.set_ir_version(8);
  model.set_producer_name("test");
  for (const char* key : {"b", "a"}) {
    auto* entry = model.add_metadata_props();
    entry->set_key(key);
    entry->set_value("1");
  }
  model.mutable_graph()->set_name("g");
  return model;
}

TEST(OnnxFile, WhatIsWrittenIsRead) {
  const Folder folder;
  onnx::write_model(folder / "a.onnx", small_model());
  onnx::write_model(folder / "b.onnx", onnx::read_model(folder / "a.onnx"));
  EXPECT_EQ(onnx::read_model(folder / "b.onnx").graph().name(), "g");
  EXPECT_EQ(read_bytes(folder / "a.onnx"), read_bytes(folder / "b.onnx"));
  EXPECT_EQ(folder.names(), (std::set<std::string>{"a.onnx", "b.onnx"}));
}

TEST(OnnxFile, WhatIsNoModelIsRefused) {
  const Folder folder;
  const auto expect_refused = [&](const std::string& bytes) {
    write_bytes(folder / "x.onnx", bytes);
    EXPECT_THAT([&] { onnx::read_model(folder / "x.onnx"); },
                testing::ThrowsMessage<BadFile>(HasSubstr("x.onnx: is not an ONNX file")));
  };
  expect_refused("");
  expect_refused("no model");
  const std::string whole = small_model().SerializeAsString();
  expect_refused(whole.substr(0, whole.size() - 1));
  EXPECT_THROW(onnx::read_model(folder / "missing.onnx"), BadFile);
  EXPECT_THROW(onnx::read_model(folder.path()), BadFile);
  EXPECT_THROW(onnx::write_model(folder / "no/such.onnx", small_model()), BadFile);
}

}  // namespace
}  // namespace volute::test
