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

struct Outcome {
  std::string mistake, at = "the destruction";
  bool thrown = false;
};

class Sweep {
 public:
  Sweep(const LifeOptions& options, bool from_disk) : habitat_(options), from_disk_(from_disk) {}

  void run(long samples) {
    for (int i = 0; i < 3; ++i) live(0, false, reference_);  // caches are warm
    const Life::Result expected = reference_;
    const long left = live_allocations, points = allocations;
    long tried = 0, thrown = 0;
    for (long sample = 0; sample < samples; ++sample) {
      // Evenly spread, and the remainder of a multiplication by a prime, so that no period of the life is kept to.
      const long point = 1 + (sample * points + sample * 7919 % points) / samples;
      watchdog_.now("allocation " + std::to_string(point));
      Life::Result result;
      Outcome outcome = live(point, sample % 2 == 0, result);
      if (!outcome.thrown || sample % 2 == 0)
        if (result != expected) outcome.mistake += "other results; ";
      outcome.mistake += habitat_.complaints();
      if (live_allocations != left)
        outcome.mistake += std::to_string(live_allocations - left) + " allocations left; ";
      if (!outcome.mistake.empty())
        ADD_FAILURE() << "allocation " << point << " of " << points << " in " << outcome.at << ": " << outcome.mistake;
      ++tried;
      thrown += outcome.thrown;
      ASSERT_EQ(live_allocations, left) << "of the next ones nothing could be told";
    }
    std::printf("%ld allocations in a life, %ld made to fail, %ld of them came out\n", points, tried, thrown);
    RecordProperty("failures", static_cast<int>(tried));
  }

 private:
  static void RecordProperty(const char* name, int value) { testing::Test::RecordProperty(name, value); }

  Outcome live(long point, bool repeat, Life::Result& result) {
    if (from_disk_) vk::forget_compiled_glsl();
    result = {};
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
        std::string other;
        try {
          (life.*step.run)();
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
  Life::Result reference_;
  Watchdog watchdog_{std::chrono::seconds(60)};
};

TEST(HostMemory, OnADeviceOfItsOwn) { Sweep({}, false).run(60); }
TEST(HostMemory, OnAnAdoptedDeviceWithShadersFromDisk) { Sweep({.adopted = true}, true).run(40); }
TEST(HostMemory, WithoutTimelines) {
  Sweep({.adopted = true, .masks = {.timeline_semaphores = false}}, false).run(20);
}
TEST(HostMemory, DISABLED_Many) { Sweep({}, false).run(1000); }
TEST(HostMemory, DISABLED_ManyOnAnAdoptedDevice) { Sweep({.adopted = true}, true).run(1000); }
TEST(HostMemory, DISABLED_ManyProfiledAndTuned) { Sweep({.profile = true, .tune = true}, false).run(300); }

}  // namespace
}  // namespace volute::test
