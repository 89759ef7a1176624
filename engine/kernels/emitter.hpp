// Turns nodes into GLSL statements over an iteration space of texels.
// Invariant: `i` is the texel number in the padded natural layout of the iteration shape, `c` the texel
// within its row, `row` the row number, d0, d1, ... the leading indices; those a kernel needs are declared.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/kernels/bindings.hpp"
#include "engine/kernels/fused.hpp"

namespace volute {

class Emitter {
 public:
  /// What the statements bind and push is added to `bindings`.
  Emitter(const FusedKernel& kernel, const Shape& shape, Bindings& bindings);

  /// Statements that compute every node; `indent` in front of each line.
  std::string statements(const std::string& indent);
  /// The variable or literal of a value at the current index; loads it if it is not computed here.
  /// Call after statements().
  std::string value(const Node* node);
  /// Statements that store `expression` (vec4 or uvec4) to a place of the iteration shape.
  std::string store(const View& place, DType dtype, const std::string& expression, const std::string& indent);
  /// The statement that stores a complete vec4 to texel `index` of a natural place.
  std::string store_natural(const View& place, const std::string& index, const std::string& variable,
                            const std::string& indent);
  /// Zeroes lanes beyond the last extent; empty if there are none.
  std::string tail_mask(const std::string& variable, DType dtype, const char* fill, const std::string& indent) const;

  /// Statements that define c, row and d0.. from i.
  std::string index_from_flat(const std::string& indent) const;

 private:
  std::string load(const View& view, DType dtype);
  std::string load_lanes(const View& view, const std::string& slot, const std::string& offset);
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
  void touch(const View& view, bool write);

  const FusedKernel& kernel_;
  Shape shape_;
  std::int64_t width_, texels_;
  Bindings& bindings_;
  std::map<const Node*, std::string> values_;
  std::map<std::string, std::string> known_;  ///< expression -> variable
  int stored_ = 0;  ///< stores so far, for the names of their variables
};

/// The view of a node seen through its view operations, from the view of what they read. Nothing if
/// strides cannot express it.
std::optional<View> view_through(const Node* node, const View& base);

}  // namespace volute
