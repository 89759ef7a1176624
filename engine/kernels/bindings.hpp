// What a generated kernel binds and pushes: named slots for storages, push words, declarations.
// Invariant: one storage read (or written) in one way is one slot, whoever asks; equal words are pushed once.
#pragma once

#include <string>
#include <vector>

#include "engine/kernels/dispatch.hpp"

namespace volute {

class Bindings {
 public:
  /// `walks_time`: the kernel walks a loop itself and has the step in `t`, so offsets that move with time are
  /// expressions of `t` and not pushed.
  explicit Bindings(const KernelTarget& target, bool walks_time = false)
      : target_(target), walks_time_(walks_time) {}

  /// The name LOAD takes for reads of the storage.
  std::string read(const Storage* storage, DType dtype);
  /// The name `store` takes for writes of it, texel by texel or element by element.
  std::string write(const Storage* storage, DType dtype, bool whole_texels);
  /// "STORE(out, index, value);" for a slot of `write`.
  static std::string store(const std::string& slot, const std::string& index, const std::string& value,
                           bool whole_texels);
  /// An expression for the number at the step being run.
  std::string word(const Moving& word);
  /// The same, pushed whatever it is, so that the compiler of the shader cannot know it.
  std::string pushed(const Moving& word);
  void touch(const Touch& touch) { touches_.push_back(touch); }
  void use_random() { uses_random_ = true; }

  /// #version, extensions, includes, bindings, push constants. `coherent`: invocations read what others of the
  /// same workgroup have written.
  std::string header(std::uint32_t local_size, const std::vector<std::string>& extensions = {},
                     bool coherent = false) const;
  /// Everything but source, groups and estimates.
  void fill(Dispatch& dispatch) const;

 private:
  struct Slot {
    Binding binding;
    std::string type;  ///< of a written array; empty for reads
    std::string name;
  };

  bool is_written(const Storage* storage) const;

  const KernelTarget& target_;
  bool walks_time_;
  std::vector<Slot> slots_;
  std::vector<Moving> push_;
  std::vector<Touch> touches_;
  bool uses_random_ = false;
};

}  // namespace volute
