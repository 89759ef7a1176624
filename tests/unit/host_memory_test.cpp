// Every so manieth allocation that Volute makes in a whole life fails, one in each life: std::bad_alloc or OutOfMemory
// comes out, nothing terminates, no Vulkan object and no allocation is left; the step repeated goes through, and the
// weights are those of a life in which nothing failed. What drivers and layers allocate does not fail.
// More points: --gtest_also_run_disabled_tests --gtest_filter='*Many*'.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "engine/vulkan/glsl.hpp"
#include "tests/support/watchdog.hpp"
#include "tests/unit/whole_life.hpp"

namespace {

// Counts while a life is lived on this thread.
thread_local bool watched = false;
thread_local long allocations = 0, failing = 0;
std::atomic<long> live_allocations = 0;

/// In front of every allocation; as long as the strictest ordinary alignment.
struct alignas(std::max_align_t) Header {
  bool counted;
};

bool is_ours() { return watched && !volute::test::VulkanShim::inside_call(); }

void* allocate(std::size_t bytes) noexcept {
  const bool ours = is_ours();
  if (ours && ++allocations == failing) return nullptr;
  auto* header = static_cast<Header*>(std::malloc(sizeof(Header) + bytes));
  if (!header) return nullptr;
  header->counted = ours;
  if (ours) ++live_allocations;
  return header + 1;
}

void release(void* pointer) noexcept {
  if (!pointer) return;
  Header* header = static_cast<Header*>(pointer) - 1;
  if (header->counted) --live_allocations;
  std::free(header);
}

}  // namespace

void* operator new(std::size_t bytes) {
  if (void* made = allocate(bytes)) return made;
  throw std::bad_alloc();
}
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes); }
void operator delete(void* pointer) noexcept { release(pointer); }
void operator delete[](void* pointer) noexcept { release(pointer); }
void operator delete(void* pointer, std::size_t) noexcept { release(pointer); }
void operator delete[](void* pointer, std::size_t) noexcept { release(pointer); }
void operator delete(void* pointer, const std::nothrow_t&) noexcept { release(pointer); }
void operator delete[](void* pointer, const std::nothrow_t&) noexcept { release(pointer); }

namespace volute::test {
namespace {

/// From here to the end of the scope allocation number `point` fails; 0: none.
class Watched {
 public:
  explicit Watched(long point) {
    allocations = 0;
    failing = point;
    watched = true;
  }
  ~Watched() { watched = false; }
};

/// For what the test itself allocates.
struct Pause {
  Pause() { watched = false; }
  ~Pause() { watched = true; }
};

struct Outcome {
  std::string mistake, at = "the destruction";
  bool thrown = false;
};

class Sweep {
 public:
  Sweep(const LifeOptions& options, bool from_disk) : habitat_(options), from_disk_(from_disk) {}

  /// Points spread over the whole life, and in each of its steps.
  void run(long samples, long in_each_step) {
    Life::Result expected;
    for (int i = 0; i < 3; ++i) {  // caches are warm
      live(0, false, expected);
      if (from_disk_) vk::forget_compiled_glsl();
    }
    const long left = live_allocations, points = allocations;
    std::vector<long> chosen;
    spread(chosen, 0, points, samples);
    long before = 0;
    for (const long end : std::vector<long>(ends_)) {
      spread(chosen, before, end, in_each_step);
      before = end;
    }
    spread(chosen, before, points, in_each_step);
    long tried = 0, thrown = 0;
    for (const long point : chosen) {
      watchdog_.now("allocation " + std::to_string(point));
      const bool repeat = tried % 2 == 0;
      Life::Result result;
      Outcome outcome = live(point, repeat, result);
      if (from_disk_) vk::forget_compiled_glsl();
      if ((!outcome.thrown || repeat) && result != expected) outcome.mistake += "other results; ";
      outcome.mistake += habitat_.complaints();
      if (live_allocations != left)
        outcome.mistake += std::to_string(live_allocations - left) + " allocations left; ";
      if (!outcome.mistake.empty())
        ADD_FAILURE() << "allocation " << point << " of " << points << " in " << outcome.at << ": " << outcome.mistake;
      ++tried;
      thrown += outcome.thrown;
      ASSERT_EQ(live_allocations, left) << "of the next ones nothing could be told";
    }
    EXPECT_GT(thrown, tried / 2);
    std::printf("%ld allocations in a life, %ld made to fail, %ld of them came out\n", points, tried, thrown);
    testing::Test::RecordProperty("failures", static_cast<int>(tried));
  }

 private:
  /// So many of the points after `begin` up to `end`, not at equal distances: a life has its periods.
  static void spread(std::vector<long>& chosen, long begin, long end, long count) {
    const long points = end - begin;
    for (long i = 0; i < std::min(count, points); ++i)
      chosen.push_back(begin + 1 + (i * points + i * 7919 % points) / std::min(count, points));
  }

  Outcome live(long point, bool repeat, Life::Result& result) {
    ends_.clear();
    Outcome outcome;
    const char* at = "";
    {
      const Watched scope(point);
      Life life(habitat_);
      if (!steps(life, repeat, outcome, at)) return outcome;
      watched = false;
      outcome.at = "the destruction";
      result = life.result();
      watched = true;
    }
    return outcome;
  }

  bool steps(Life& life, bool repeat, Outcome& outcome, const char*& at) {
    for (const Life::Step& step : Life::steps()) {
      at = step.name;
      for (bool again = true; again;) {
        again = false;
        std::string other;  // short, or assigned in a pause
        try {
          (life.*step.run)();
          const Pause pause;
          ends_.push_back(allocations);
          continue;
        } catch (const std::bad_alloc&) {
        } catch (const OutOfMemory&) {
        } catch (const std::exception& error) {
          watched = false;
          other = error.what();
        }
        watched = false;
        outcome.at = at;
        if (!other.empty()) outcome.mistake += "threw " + other + "; ";
        if (outcome.thrown) outcome.mistake += "failed again; ";
        again = repeat && !outcome.thrown;
        outcome.thrown = true;
        watched = true;
        if (!again) return false;
      }
    }
    return true;
  }

  Habitat habitat_;
  bool from_disk_;
  std::vector<long> ends_;  ///< allocations at the end of each step
  Watchdog watchdog_{std::chrono::seconds(60)};
};

TEST(HostMemory, OnADeviceOfItsOwn) { Sweep({}, false).run(12, 1); }
TEST(HostMemory, OnAnAdoptedDeviceWithShadersFromDisk) { Sweep({.adopted = true}, true).run(10, 0); }

TEST(HostMemory, DISABLED_Many) { Sweep({}, false).run(200, 12); }
TEST(HostMemory, DISABLED_ManyOnAnAdoptedDevice) { Sweep({.adopted = true}, true).run(100, 6); }
TEST(HostMemory, DISABLED_ManyWithoutTimelines) {
  Sweep({.adopted = true, .masks = {.timeline_semaphores = false}}, false).run(20, 6);
}
TEST(HostMemory, DISABLED_ManyProfiledAndTuned) { Sweep({.profile = true, .tune = true}, false).run(100, 3); }

}  // namespace
}  // namespace volute::test
