// Turns nodes into GLSL statements over an iteration space of texels.
// Invariant: `i` is the texel number in the padded natural layout of the iteration shape, `c` the texel
// within its row, `row` the row number, d0, d1, ... the leading indices; those a kernel needs are declared.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/kernels/fused.hpp"

namespace volute {

class Emitter {
 public:
  Emitter(const FusedKernel& kernel, const Shape& shape, const KernelTarget& target);

  /// Statements that compute every node; `indent` in front of each line.
  std::string statements(const std::string& indent);
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

  /// #version, includes, bindings, push constants.
  std::string header(std::uint32_t local_size) const;
  /// Everything but source, groups and estimates.
  void fill(Dispatch& dispatch) const;

 private:
  struct Slot {
    Binding binding;
    std::string type;  ///< of a written array; empty for reads
    std::string name;
    DType dtype = DType::f32;
  };

  std::string load(const View& view, DType dtype);
  std::string load_lanes(const View& view, DType dtype, const std::string& slot, const std::string& offset);
  std::string embedding(const Node* node);
  std::string random(const Node* node);
  std::string iota(const View& view) const;
  std::string operand(const Node* node, std::string& code, const std::string& indent);
  std::string define(const Node* node, const std::string& expression, std::string& code, const std::string& indent);
  /// Sum of index times stride, in elements divided by `unit`, leading axes only.
  std::string leading_offset(const View& view, std::int64_t unit) const;
  std::string lane_element(const View& view, const std::string& offset, int lane) const;
  /// Offset of a view in units of elements. What moves with time is pushed, once for all views that move
  /// alike; the rest is part of the view's shape and stands in the text.
  std::string push_offset(const View& view, std::int64_t unit);
  std::string push(const Moving& word);
  std::string read_slot(const Storage* storage, DType dtype);
  std::string write_slot(const Storage* storage, DType dtype, bool whole_texels);
  /// "STORE(out, index, value);" for a slot of write_slot.
  std::string store_call(const std::string& slot, const std::string& index, const std::string& value,
                         bool whole_texels) const;
  void touch(const View& view, bool write);

  const FusedKernel& kernel_;
  Shape shape_;
  std::int64_t width_, texels_;
  bool texel_loads_;
  std::uint64_t max_storage_range_;
  std::map<const Node*, std::string> values_;
  std::map<const Node*, const Node*> narrow_;  ///< 16-bit values made here -> the f32 value each rounds
  std::map<std::string, std::string> known_;  ///< expression -> variable
  std::vector<Slot> slots_;
  std::vector<Moving> push_;
  std::vector<Touch> touches_;
  bool uses_random_ = false, uses_half_ = false;
};

/// The view of a node seen through its view operations, from the view of what they read. Nothing if
/// strides cannot express it.
std::optional<View> view_through(const Node* node, const View& base);

}  // namespace volute
