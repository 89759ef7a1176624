// Turns nodes into GLSL statements over an iteration space of texels.
// Invariant: `i` is the texel number in the padded natural layout of the iteration shape, `c` the texel
// within its row, `row` the row number, d0, d1, ... the leading indices; those a kernel needs are declared.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/kernels/fused.hpp"

namespace volute {

/// Bindings, push words and touches of one dispatch, shared by the emitters of its parts.
class KernelInterface {
 public:
  /// `walks_time`: the kernel walks a loop itself and has the step in `t`, so offsets that move with time are
  /// expressions of `t` and not pushed.
  explicit KernelInterface(const KernelTarget& target, bool walks_time = false);

  std::string read_slot(const Storage* storage, DType dtype);
  std::string write_slot(const Storage* storage, DType dtype, bool whole_texels);
  /// An expression for the number at the step being run.
  std::string push(const Moving& word);
  /// The same, pushed whatever it is, so that the compiler of the shader cannot know it.
  std::string pushed(const Moving& word);
  /// Once for all touches of a storage that say the same.
  void touch(const Touch& touch);
  void use_random() { uses_random_ = true; }
  void use_half() { uses_half_ = true; }
  void next_part() { ++part_; }
  /// Memory shared by a workgroup, in texels; 0: none.
  void share(std::uint32_t texels) { shared_ = std::max(shared_, texels); }

  /// #version, extensions, includes, bindings, push constants. `coherent`: invocations read what others of the
  /// same workgroup have written.
  std::string header(std::uint32_t local_size, const std::vector<std::string>& extensions = {},
                     bool coherent = false) const;
  /// Includes and bindings alone, numbered from `first` on, for text inside of another kernel.
  std::string declarations(std::size_t first) const;
  /// Everything but source, groups and estimates.
  void fill(Dispatch& dispatch) const;

 private:
  struct Slot {
    Binding binding;
    std::string type;  ///< of a written array; empty for reads
    std::string name;
    DType dtype = DType::f32;
  };

  bool is_written(const Storage* storage) const;
  std::string declaration(const Slot& slot, std::size_t number) const;

  bool texel_loads_, walks_time_;
  std::uint64_t max_storage_range_;
  std::vector<Slot> slots_;
  std::vector<Moving> push_;
  std::vector<Touch> touches_;
  bool uses_random_ = false, uses_half_ = false;
  std::uint32_t shared_ = 0;
  int part_ = 0;
};

class Emitter {
 public:
  Emitter(const FusedKernel& kernel, const Shape& shape, KernelInterface& io);

  /// Statements that compute every node; `indent` in front of each line.
  std::string statements(const std::string& indent) { return statements(kernel_.nodes, indent); }
  std::string statements(const std::vector<const Node*>& nodes, const std::string& indent);
  /// The variable or literal of a value at the current index; loads it if it is not computed here.
  /// Call after statements().
  std::string value(const Node* node);
  /// The same to be stored: a 16-bit value before rounding, which storing does.
  std::string stored_value(const Node* node);
  /// Statements that store `expression` (vec4 or uvec4) to a place of the iteration shape.
  std::string store(const View& place, DType dtype, const std::string& expression, const std::string& indent);
  /// The statement that stores a complete vec4 to texel `index` of a natural place.
  std::string store_natural(const View& place, const std::string& index, const std::string& variable,
                            const std::string& indent);
  /// Zeroes lanes beyond the last extent; empty if there are none.
  std::string tail_mask(const std::string& variable, DType dtype, const char* fill, const std::string& indent) const;

  /// Statements that define c, row and d0.. from i.
  std::string index_from_flat(const std::string& indent) const;
  /// Statements that define d0.. from row.
  std::string index_from_row(const std::string& indent) const;

  // Kernels that walk rows. A value of a whole row is a vector of equal lanes, so expressions take it as it is.
  /// Statements that compute nodes of one value a row; only `row` and d0.. are needed.
  std::string row_statements(const std::vector<const Node*>& nodes, const std::string& indent);
  /// Statements that load what the nodes read alike everywhere in a row.
  std::string row_operands(const std::vector<const Node*>& nodes, const std::string& indent);
  /// Statements that store the value of a row; the last of a padded run of rows also stores the zeros after it.
  std::string store_row(const View& place, DType dtype, const std::string& expression, const std::string& indent);
  /// Statements that load a value which is not computed here.
  std::string load_operand(const Node* node, const std::string& indent);
  void set(const Node* node, const std::string& variable) { values_[node] = variable; }
  /// Statements emitted after enter() stand in a block of their own, which leave() closes.
  void enter() { outer_.emplace_back(values_, known_); }
  void leave();

 private:
  std::string load(const View& view, DType dtype);
  std::string load_row(const Node* node);
  std::string load_lanes(const View& view, DType dtype, const std::string& slot, const std::string& offset);
  std::string embedding(const Node* node);
  std::string random(const Node* node);
  std::string iota(const View& view) const;
  std::string operand(const Node* node, std::string& code, const std::string& indent);
  std::string define(const Node* node, const std::string& expression, std::string& code, const std::string& indent);
  /// Sum of index times stride, in elements divided by `unit`, leading axes only.
  std::string leading_offset(const View& view, std::int64_t unit) const;
  std::string lane_element(const View& view, const std::string& offset, int lane) const;
  /// Element number of the value a view over rows, or over rows and an axis of 1, has for the current row.
  std::string row_element(const View& view, const std::string& offset) const;
  /// Offset of a view in units of elements. What moves with time is pushed, once for all views that move
  /// alike; the rest is part of the view's shape and stands in the text.
  std::string push_offset(const View& view, std::int64_t unit);
  /// "STORE(out, index, value);" for a slot of write_slot.
  std::string store_call(const std::string& slot, const std::string& index, const std::string& value,
                         bool whole_texels) const;
  void touch(const View& view, bool write);

  const FusedKernel& kernel_;
  Shape shape_;
  std::int64_t width_, texels_;
  KernelInterface& io_;
  std::map<const Node*, std::string> values_;
  std::map<const Node*, const Node*> narrow_;  ///< 16-bit values made here -> the f32 value each rounds
  std::map<std::string, std::string> known_;  ///< expression -> variable
  std::vector<std::pair<std::map<const Node*, std::string>, std::map<std::string, std::string>>> outer_;
  std::set<const Node*> members_;  ///< of a row kernel: read through views, they are still in registers
  bool row_level_ = false;
  int stores_ = 0;
};

/// The view of a node seen through its view operations, from the view of what they read. Nothing if
/// strides cannot express it.
std::optional<View> view_through(const Node* node, const View& base);

/// An iota seen through view operations.
View iota_view(const Node* node);

/// A literal.
std::string number(std::int64_t value);
/// What a reduction starts from, and the expression that adds to it.
const char* identity_of(const Node* reduce);
std::string combine(const Node* reduce, const std::string& a, const std::string& b);

}  // namespace volute
