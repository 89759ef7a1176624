// Everything a program does with a device, from its creation to its destruction, in steps that may fail: what the
// sweeps over failing calls and failing allocations live through.
// Invariant: a life that ends, however often one of its steps had to be repeated, ends with the same result.
#pragma once

#include <memory>
#include <optional>

#include <volute/interop.hpp>
#include <volute/volute.hpp>

#include "tests/support/vulkan_application.hpp"
#include "tests/support/vulkan_shim.hpp"

namespace volute::test {

struct LifeOptions {
  bool adopted = false;    ///< on an application's device, ended by detach
  bool profile = false;
  bool tune = false;
  Masks masks = {};
};

/// A shim and, for adopted devices, an application; several lives may pass in it, one at a time.
class Habitat {
 public:
  explicit Habitat(LifeOptions options);
  /// Throws what the device's creation throws.
  Device make_device();
  /// A device that was lost is of no more use.
  void renew();
  /// Objects alive, handles misused, messages of the validation layers; empty if all is well.
  std::string complaints() const;

  const LifeOptions options;
  VulkanShim shim;
  std::optional<VulkanApplication> application;

 private:
  int messages_before_ = 0;
  std::size_t faults_before_ = 0;
};

class Life {
 public:
  explicit Life(Habitat& habitat);
  ~Life();
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  struct Step {
    const char* name;
    void (Life::*run)();
  };
  static const std::vector<Step>& steps();
  /// All steps, once each.
  void live();
  /// Bits of the weights, and the bytes of the file they were saved to.
  struct Result {
    std::vector<std::uint32_t> weights;
    std::string file;
    bool operator==(const Result&) const = default;
  };
  /// Once all steps are done.
  const Result& result() const { return result_; }

 private:
  struct Network;
  void create_device();
  void build();
  void compile();
  void compile_another();
  void run();
  void run_again();
  void set();
  void begin();
  void advance();
  void set_in_step();
  void finish();
  void read();
  void states();
  void reset();
  void keep();
  void snapshot();
  void restore();
  void parameters();
  void bind_input();
  void bind_output();
  void run_bound();
  void unbind_input();
  void unbind_output();
  void record();
  void predict();
  void save();
  void wait();
  void collect();
  void detach();

  Habitat& habitat_;
  std::optional<Device> device_;
  std::unique_ptr<Network> network_;
  Snapshot snapshot_;
  Result result_;
};

}  // namespace volute::test
