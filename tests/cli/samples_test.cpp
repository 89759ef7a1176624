// Each config of samples/configs trains, is scored and used, for two steps of it.
#include <gmock/gmock.h>

#include "tests/cli/process.hpp"

namespace volute::test {
namespace {

namespace fs = std::filesystem;

class Samples : public Cli {};

TEST_F(Samples, EveryConfigTrains) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(VOLUTE_SOURCE_DIR) / "samples/configs")) {
    if (entry.path().extension() != ".json") continue;
    SCOPED_TRACE(entry.path().filename());
    const std::string run = entry.path().stem().string();
    const Result trained =
        succeed({"train", entry.path().string(), "--set", "training.steps=2", "--out", run, "--quiet"});
    EXPECT_THAT(trained.out, ::testing::StartsWith("loss "));
    EXPECT_EQ(succeed({"evaluate", run}).out, trained.out);
    const bool labels = trained.out.find("accuracy") != std::string::npos;
    EXPECT_NE(succeed(labels ? std::vector<std::string>{"generate", run, "--prompt", "the soup was not bad"}
                             : std::vector<std::string>{"generate", run, "--length", "3"}).out,
              "");
    ++count;
  }
  EXPECT_GE(count, 3);
}

}  // namespace
}  // namespace volute::test
