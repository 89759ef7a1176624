// Every Vulkan call of a whole life that can fail is made to fail, one in each life: the error has its type and names
// the call, or the call may fail unnoticed; nothing is left alive or misused; the validation layer is silent; nothing
// hangs. Repeated steps go through and end with the weights of a life in which nothing failed.
// The whole sweep: --gtest_also_run_disabled_tests --gtest_filter='*Whole*'; the others take every so manieth point.
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/support/watchdog.hpp"
#include "tests/unit/whole_life.hpp"

namespace volute::test {
namespace {

using Failure = Failures::Failure;

bool is_lost(const std::optional<Failure>& failure) { return failure && failure->result == VK_ERROR_DEVICE_LOST; }

/// Failures that may go unnoticed: what they keep from happening changes no result.
bool may_be_tolerated(const Failure& failure) {
  if (failure.result > 0) return true;                              // "not yet" is asked again
  if (failure.function == "vkGetPipelineCacheData") return true;    // the cache is not saved
  if (failure.function == "vkGetQueryPoolResults") return failure.result != VK_ERROR_DEVICE_LOST;  // not timed
  return failure.result == VK_ERROR_OUT_OF_POOL_MEMORY || failure.result == VK_ERROR_FRAGMENTED_POOL;  // another pool
}

const char* class_of(const Error& error) {
  if (dynamic_cast<const DeviceLost*>(&error)) return "DeviceLost";
  if (dynamic_cast<const OutOfMemory*>(&error)) return "OutOfMemory";
  if (dynamic_cast<const Unsupported*>(&error)) return "Unsupported";
  return typeid(error) == typeid(Error) ? "Error" : "another";
}

const char* class_of(VkResult result) {
  switch (result) {
    case VK_ERROR_DEVICE_LOST: return "DeviceLost";
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_OUT_OF_POOL_MEMORY:
    case VK_ERROR_FRAGMENTED_POOL:
    case VK_ERROR_FRAGMENTATION:
    case VK_ERROR_TOO_MANY_OBJECTS: return "OutOfMemory";
    case VK_ERROR_EXTENSION_NOT_PRESENT:
    case VK_ERROR_FEATURE_NOT_PRESENT:
    case VK_ERROR_LAYER_NOT_PRESENT:
    case VK_ERROR_INCOMPATIBLE_DRIVER: return "Unsupported";
    default: return "Error";
  }
}

/// Unsupported says what is missing in words; all others name the call. Without timelines, a step that goes to the
/// queue in part cannot be taken back, and the device counts as lost.
std::string mistake_in(const Error& error, const Failure& failure, bool timelines) {
  const bool in_part = !timelines && failure.function == "vkQueueSubmit" && dynamic_cast<const DeviceLost*>(&error);
  if (in_part) return "";
  if (std::string(class_of(error)) != class_of(failure.result))
    return std::string("threw ") + class_of(error) + ", not " + class_of(failure.result) + ": " + error.what();
  if (dynamic_cast<const Unsupported*>(&error)) return "";
  const bool named = std::string(error.what()).find(failure.function) != std::string::npos;
  return named ? "" : std::string("does not name the call: ") + error.what();
}

struct Plan {
  LifeOptions options = {};
  long stride = 1, first = 1;
  bool repeat = false;  ///< the step that failed, which then goes through
  bool lose = false;    ///< the device, at the points that can
  bool every_result = false;
};

class Sweep {
 public:
  explicit Sweep(const Plan& plan) : plan_(plan), habitat_(plan.options) {}

  void run() {
    reference_ = measure();
    measure();  // the driver's caches are warm
    const std::vector<std::string> sequence = habitat_.shim.failures().sequence();
    for (long point = plan_.first; point <= static_cast<long>(sequence.size()); point += plan_.stride) {
      const auto& results = failures_of(sequence[static_cast<std::size_t>(point - 1)]);
      const auto lost = std::find(results.begin(), results.end(), VK_ERROR_DEVICE_LOST);
      if (plan_.lose && lost == results.end()) continue;
      std::size_t choice = plan_.lose ? static_cast<std::size_t>(lost - results.begin())
                           : plan_.repeat ? 0 : static_cast<std::size_t>(point);
      for (std::size_t i = 0; i < (plan_.every_result ? results.size() : 1); ++i) fail(point, choice++);
    }
    EXPECT_TRUE(measure() == reference_) << "after all that failed";
    EXPECT_GE(10 * tried_, 9 * selected_) << "of the points chosen, too few were reached";
    EXPECT_GT(2 * thrown_, tried_) << "most failures should be errors";
    report(sequence.size());
  }

 private:
  Life::Result measure() {
    watchdog_.now("a life in which nothing fails");
    habitat_.shim.failures().count();
    Life life(habitat_);
    life.live();
    return life.result();
  }

  void fail(long point, std::size_t choice) {
    watchdog_.now("point " + std::to_string(point) + " result " + std::to_string(choice));
    Failures& failures = habitat_.shim.failures();
    failures.fail(point, choice);
    ++selected_;
    std::string mistake, at;
    bool thrown = false, finished = false;
    {
      Life life(habitat_);
      finished = live(life, thrown, mistake, at);
      if (finished && life.result() != reference_) mistake += "other results; ";
    }
    const std::optional<Failure> failure = failures.struck();
    failures.stop();
    if (!failure) return;  // calls that depend on timing were fewer
    if (!thrown && !may_be_tolerated(*failure) && !in_destructor(point)) mistake += "went unnoticed; ";
    mistake += habitat_.complaints();
    if (!mistake.empty())
      ADD_FAILURE() << "point " << point << ", " << failure->function << " -> " << failure->result << ", in " << at
                    << ": " << mistake;
    ++outcomes_[failure->function][thrown ? class_of(failure->result) : "tolerated"];
    ++tried_;
    thrown_ += thrown;
    if (is_lost(failure) || !mistake.empty()) habitat_.renew();
  }

  /// Whether the life went on to its end.
  bool live(Life& life, bool& thrown, std::string& mistake, std::string& at) {
    for (const Life::Step& step : Life::steps()) {
      at = step.name;
      for (bool again = true; again;) {
        again = false;
        try {
          (life.*step.run)();
        } catch (const Error& error) {
          const std::optional<Failure> failure = habitat_.shim.failures().struck();
          if (!failure || (thrown && !is_lost(failure))) mistake += std::string("failed again: ") + error.what();
          else mistake += mistake_in(error, *failure, plan_.options.masks.timeline_semaphores);
          again = plan_.repeat && !thrown && !dynamic_cast<const DeviceLost*>(&error);
          thrown = true;
          if (!again) return false;
        }
      }
    }
    end_of_steps_ = habitat_.shim.failures().points();
    return true;
  }

  bool in_destructor(long point) const { return point > end_of_steps_; }

  void report(std::size_t points) const {
    std::printf("%zu points, %ld failures tried\n", points, tried_);
    for (const auto& [function, outcomes] : outcomes_) {
      std::printf("  %-38s", function.c_str());
      for (const auto& [outcome, count] : outcomes) std::printf(" %s %ld", outcome.c_str(), count);
      std::printf("\n");
    }
    testing::Test::RecordProperty("points", static_cast<int>(points));
    testing::Test::RecordProperty("failures", static_cast<int>(tried_));
  }

  Plan plan_;
  Habitat habitat_;
  Watchdog watchdog_{std::chrono::seconds(60)};
  Life::Result reference_;
  std::map<std::string, std::map<std::string, long>> outcomes_;
  long selected_ = 0, tried_ = 0, thrown_ = 0, end_of_steps_ = 0;
};

const LifeOptions adopted{.adopted = true}, no_timelines{.adopted = true, .masks = {.timeline_semaphores = false}},
    profiled_and_tuned{.profile = true, .tune = true};

TEST(Faults, OnADeviceOfItsOwn) { Sweep({.stride = 41}).run(); }
TEST(Faults, OnAnAdoptedDevice) { Sweep({.options = adopted, .stride = 53, .first = 7}).run(); }
TEST(Faults, TheDeviceIsLost) { Sweep({.stride = 29, .lose = true}).run(); }
TEST(Faults, StepsAreRepeated) { Sweep({.stride = 59, .first = 11, .repeat = true}).run(); }
TEST(Faults, WithoutTimelines) { Sweep({.options = no_timelines, .stride = 67, .first = 17, .repeat = true}).run(); }
TEST(Faults, ProfiledAndTuned) { Sweep({.options = profiled_and_tuned, .stride = 401, .first = 23}).run(); }

TEST(Faults, DISABLED_WholeOnADeviceOfItsOwn) { Sweep({}).run(); }
TEST(Faults, DISABLED_WholeWithEveryResult) { Sweep({.every_result = true}).run(); }
TEST(Faults, DISABLED_WholeOnAnAdoptedDevice) { Sweep({.options = adopted}).run(); }
TEST(Faults, DISABLED_WholeTheDeviceIsLost) { Sweep({.lose = true}).run(); }
TEST(Faults, DISABLED_WholeStepsAreRepeated) { Sweep({.repeat = true}).run(); }
TEST(Faults, DISABLED_WholeWithoutTimelines) { Sweep({.options = no_timelines}).run(); }
TEST(Faults, DISABLED_WholeWithoutTimelinesLost) { Sweep({.options = no_timelines, .lose = true}).run(); }
TEST(Faults, DISABLED_WholeWithoutTimelinesRepeated) { Sweep({.options = no_timelines, .repeat = true}).run(); }
TEST(Faults, DISABLED_WholeProfiledAndTuned) { Sweep({.options = profiled_and_tuned, .stride = 7}).run(); }

}  // namespace
}  // namespace volute::test
