// Nothing grows: memory and live Vulkan objects over thousands of steps, hundreds of compiled and destroyed programs,
// and devices that come and go.
// Invariant: blocks that this program's own code asks for are counted one by one, apart from those of the driver and
// its compiler; those must come back to the same number. Resident memory, the driver's with it, is fitted by a line.
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <new>
#include <optional>

#include <volute/interop.hpp>
#include <volute/layers.hpp>
#include <volute/nn.hpp>
#include <volute/optim.hpp>

#include "tests/support/values.hpp"
#include "tests/support/vulkan_shim.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool own_allocator = false;  // the sanitizers' allocators keep what is freed for a while
#else
constexpr bool own_allocator = true;

extern char __executable_start, etext;  // the linker's: this program's code lies between them

namespace {

std::atomic<long> own_blocks{0};

struct alignas(16) Header {
  bool own;
};

void* counted(std::size_t bytes, const void* caller) {
  auto* header = static_cast<Header*>(std::malloc(sizeof(Header) + bytes));
  if (!header) throw std::bad_alloc();
  header->own = caller >= &__executable_start && caller < &etext;
  own_blocks += header->own;
  return header + 1;
}

}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes, __builtin_return_address(0)); }
void* operator new[](std::size_t bytes) { return counted(bytes, __builtin_return_address(0)); }
void operator delete(void* block) noexcept {
  if (!block) return;
  Header* header = static_cast<Header*>(block) - 1;
  own_blocks -= header->own;
  std::free(header);
}
void operator delete[](void* block) noexcept { operator delete(block); }
void operator delete(void* block, std::size_t) noexcept { operator delete(block); }
void operator delete[](void* block, std::size_t) noexcept { operator delete(block); }
#endif

namespace volute::test {
namespace {

constexpr std::int64_t T = 4, N = 2, C = 3;

/// What the process holds, freed memory given back to the system.
struct Held {
  double resident_kib = 0;
  long blocks = 0;   ///< of this program's own
  long objects = 0;  ///< Vulkan's, alive
};

double resident_kib() {
  std::ifstream file("/proc/self/statm");
  long pages = 0, resident = 0;
  file >> pages >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1024;
}

class Soak : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!own_allocator) GTEST_SKIP() << "a sanitizer's allocator keeps what is freed";
  }

  Device device() {
    interop::Creation creation;
    creation.get_instance_proc_addr = VulkanShim::entry(Side::engine);
    return interop::create(creation);
  }

  Held held() {
    malloc_trim(0);
    long objects = 0;
    for (const auto& [type, count] : shim_.live(Side::engine)) objects += count;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    const long blocks = own_blocks;
#else
    const long blocks = 0;
#endif
    return {resident_kib(), blocks, objects};
  }

  /// Looks `looks` times, each after `rounds` of work; the first third warms up. Nothing of ours may grow over the
  /// rest, and resident memory by less than `allowed_kib` in all.
  void expect_flat(const char* what, int looks, int rounds, double allowed_kib, const std::function<void()>& work) {
    std::vector<Held> seen;
    seen.reserve(static_cast<std::size_t>(looks));
    for (int look = 0; look < looks; ++look) {
      for (int round = 0; round < rounds; ++round) work();
      shim_.forget_counts();
      seen.push_back(held());
    }
    const std::size_t first = seen.size() / 3;
    const double slope = slope_of(seen, first), growth = slope * static_cast<double>(seen.size() - 1 - first);
    std::printf("%s: %d rounds, %.0f KiB resident at a third, %.0f KiB at the end, slope %.3f KiB a round; "
                "own blocks %ld, then %ld; Vulkan objects %ld, then %ld\n",
                what, looks * rounds, seen[first].resident_kib, seen.back().resident_kib, slope / rounds,
                seen[first].blocks, seen.back().blocks, seen[first].objects, seen.back().objects);
    EXPECT_LT(growth, allowed_kib) << "fitted over the last two thirds";
    EXPECT_EQ(seen.back().objects, seen[first].objects);
    EXPECT_EQ(seen.back().blocks, seen[first].blocks);
  }

  VulkanShim shim_;

 private:
  /// KiB from one look to the next, by least squares.
  static double slope_of(const std::vector<Held>& seen, std::size_t first) {
    const double n = static_cast<double>(seen.size() - first), middle = (n - 1) / 2;
    double above = 0, below = 0;
    for (std::size_t i = first; i < seen.size(); ++i) {
      const double x = static_cast<double>(i - first) - middle;
      above += x * seen[i].resident_kib;
      below += x * x;
    }
    return above / below;
  }
};

/// A program with states, dropout and an optimiser, in several submissions.
struct Model {
  explicit Model(Device device, std::int64_t hidden = 5) : lstm(C, hidden, {.dropout = 0.1f}), head(hidden, 1) {
    x = g.input("x", {T, N, C});
    y = g.input("y", {T, N, 1});
    loss = mse_loss(head(lstm(x, g.carried())), y);
    program.emplace(device.compile(g, minimize(loss, Adam{.lr = 1e-3f}, {.clip_norm = 1.0f})));
  }
  void step() {
    program->run({{x, xs}, {y, ys}});
    if (++steps % 16 != 0) return;
    EXPECT_GE(program->value(loss), 0.0f);
  }

  nn::LSTM lstm;
  nn::Linear head;
  Graph g;
  Tensor x, y, loss;
  std::optional<Program> program;
  const std::vector<float> xs = random_values(T * N * C, 1), ys = random_values(T * N, 2);
  int steps = 0;
};

TEST_F(Soak, TwentyThousandSteps) {
  Model model(device());
  expect_flat("steps", 40, 500, 512, [&] { model.step(); });
}

TEST_F(Soak, ThreeHundredProgramsOfOneDevice) {
  const Device shared = device();
  int cycle = 0;
  expect_flat("compile, run, destroy", 30, 10, 1024, [&] {
    Model model(shared, 4 + cycle++ % 2);
    model.step();
    model.program->wait();
  });
}

TEST_F(Soak, FiftyDevices) {
  expect_flat("create, compile, run, destroy a device", 10, 5, 2048, [&] {
    Model model(device());
    model.step();
  });
  EXPECT_TRUE(shim_.live(Side::engine).empty());
  EXPECT_TRUE(shim_.faults().empty());
}

}  // namespace
}  // namespace volute::test
