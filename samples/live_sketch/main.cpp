// live_sketch: learns to continue hand-drawn strokes while it draws them, on the application's own Vulkan device.
// Invariant: mistakes in arguments and files are one line and exit status 2, other failures one line and status 1.
#include <vulkan/vulkan.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <numeric>

#include "samples/live_sketch/app.hpp"
#include "samples/live_sketch/swapchain.hpp"

namespace live_sketch {
namespace {

float percentile(std::vector<float> values, double part) {
  if (values.empty()) return 0;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

void print_times(const char* name, const std::vector<float>& ms) {
  const double sum = std::accumulate(ms.begin(), ms.end(), 0.0);
  const double mean = sum / static_cast<double>(std::max(ms.size(), std::size_t{1}));
  std::printf("%s: mean %.1f  median %.1f  p95 %.1f  p99 %.1f  max %.1f ms\n", name, mean, percentile(ms, 0.5),
              percentile(ms, 0.95), percentile(ms, 0.99), percentile(ms, 1));
}

void print(const Report& r) {
  const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf("frames: %zu\n", r.frame_ms.size());
  print_times("frame time", r.frame_ms);
  print_times("host time of learning a frame", r.advance_ms);
  std::printf("training steps: %lld\ncontinuations: %lld\nlosses read: %lld\n", static_cast<long long>(r.steps),
              static_cast<long long>(r.continuations), static_cast<long long>(r.loss_reads));
  const Counts& c = r.counts;
  std::printf("in the loop: maps %llu, invalidations %llu, submissions %llu, waits for Volute %llu\n", number(c.maps),
              number(c.invalidates), number(c.submits), number(c.waits));
  std::printf("in the loop: copies to the host %llu (%llu bytes), from the host %llu (%llu bytes)\n",
              number(c.to_host), number(c.to_host_bytes), number(c.from_host), number(c.from_host_bytes));
}

void print_device(Context& context) {
  std::fprintf(stderr, "device: %s\n", context.name.c_str());
  for (const std::string& one : context.volute().info().without)
    std::fprintf(stderr, "Volute does without %s\n", one.c_str());
}

/// Returns the number of validation messages.
int run(const Options& o) {
  std::unique_ptr<Window> window;
  ContextOptions asked;
  asked.get = counting(&vkGetInstanceProcAddr);
  asked.device = o.device;
  asked.validation = o.validation;
  if (!o.headless) {
    window = std::make_unique<Window>(static_cast<int>(o.width), static_cast<int>(o.height), "Volute live_sketch");
    asked.instance_extensions = window->instance_extensions();
    asked.make_surface = [&](VkInstance instance) { return window->make_surface(instance); };
  }
  int messages = 0;
  Report report;
  {
    Context context(asked, messages);
    print_device(context);
    std::unique_ptr<Target> target;
    if (window)
      target = std::make_unique<Swapchain>(context, [&] { return window->extent(); });
    else
      target = std::make_unique<OffscreenTarget>(context, VkExtent2D{o.width, o.height});
    report = App(o, context, *target, window.get()).run();
  }
  if (o.stats) print(report);
  if (o.validation) std::printf("validation messages: %d\n", messages);
  return messages;
}

int fail(int status, std::string message) {
  std::replace(message.begin(), message.end(), '\n', ' ');
  std::fprintf(stderr, "live_sketch: %s\n", message.c_str());
  return status;
}

}  // namespace
}  // namespace live_sketch

int main(int argc, char** argv) {
  try {
    const auto options = live_sketch::parse(argc, argv);
    return options && live_sketch::run(*options) > 0 ? 1 : 0;
  } catch (const live_sketch::UsageError& error) {
    return live_sketch::fail(2, error.what());
  } catch (const volute::BadFile& error) {
    return live_sketch::fail(2, error.what());
  } catch (const std::exception& error) {
    return live_sketch::fail(1, error.what());
  }
}
