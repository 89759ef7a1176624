// Row and tile ownership; see locality.hpp.

#include "engine/compile/locality.hpp"

#include <algorithm>
#include <map>

#include "engine/graph/operation.hpp"

namespace volute {
namespace {

bool writes_storage(const std::vector<View>& writes, const Storage* storage) {
  return std::any_of(writes.begin(), writes.end(), [&](const View& view) { return view.storage == storage; });
}

/// Whether two views of one storage never meet at any one step: they move alike, in different slots.
bool apart(const View& a, const View& b) {
  const Moving &x = a.offset, &y = b.offset;
  if (!x.stride || x.stride != y.stride || x.slots != y.slots) return false;
  for (const View* view : {&a, &b})
    if (view->source || view->offset.base + touched_elements(*view) > x.stride) return false;
  const std::int64_t distance = x.phase - y.phase;
  return x.slots ? distance % x.slots != 0 : distance != 0;
}

bool meets(const View& a, const View& b) { return a.storage == b.storage && !apart(a, b); }

/// Whether row r of the view is row r (modulo `rows`) of a storage of rows of `pitch` elements.
bool keeps_rows(const View& view, std::int64_t rows, std::int64_t pitch) {
  if (view.source || view.shape.rank() != 2 || view.shape[0] != rows || view.strides[0] != pitch) return false;
  const std::int64_t column = view.offset.base % pitch, last = view.shape[1] > 1 ? view.strides[1] : 0;
  return view.offset.base / pitch % rows == 0 && view.offset.stride % (pitch * rows) == 0 &&
         column + (view.shape[1] - 1) * last < pitch;
}

}  // namespace

StageViews views_of(const Stage& stage) {
  StageViews views;
  if (stage.product) {
    views.reads = {stage.product->a.view, stage.product->b.view};
    views.writes = {stage.product->c};
    return views;
  }
  const FusedKernel& kernel = stage.pointwise;
  for (const Node* node : kernel.nodes) {
    for (const Node* input : node->inputs) {
      const bool inside = std::find(kernel.nodes.begin(), kernel.nodes.end(), input) != kernel.nodes.end();
      const Op base = stored(input)->op;
      if (inside || base == Op::constant || base == Op::iota) continue;
      const bool table = node->op == Op::embedding && input == node->inputs[0];
      (table ? views.tables : views.reads).push_back(kernel.view(input));
    }
  }
  for (const FusedOutput& out : kernel.outputs) views.writes.push_back(out.place);
  return views;
}

bool is_row_local(const std::vector<Stage>& stages, std::int64_t rows) {
  std::vector<View> reads, writes, tables;
  for (const Stage& stage : stages) {
    const StageViews views = views_of(stage);
    reads.insert(reads.end(), views.reads.begin(), views.reads.end());
    writes.insert(writes.end(), views.writes.begin(), views.writes.end());
    tables.insert(tables.end(), views.tables.begin(), views.tables.end());
    if (stage.product) tables.push_back(stage.product->b.view);
  }
  for (const View& table : tables)
    if (writes_storage(writes, table.storage)) return false;
  if (rows == 1) return true;
  std::map<const Storage*, std::int64_t> pitches;
  for (const View& view : writes) {
    if (view.shape.rank() != 2) return false;
    pitches.try_emplace(view.storage, view.strides[0]);
  }
  const auto local = [&](const View& view) {
    const auto pitch = pitches.find(view.storage);
    return pitch == pitches.end() || keeps_rows(view, rows, pitch->second);
  };
  return std::all_of(reads.begin(), reads.end(), local) && std::all_of(writes.begin(), writes.end(), local);
}

std::int64_t gates_shared(const Stage& product, const Stage& pointwise) {
  const View& c = product.product->c;
  const Shape& shape = pointwise.pointwise.nodes.back()->shape;
  const std::int64_t width = shape[-1], gates = c.shape[-1] / width;
  if (shape.rank() != 2 || shape[0] != c.shape[0] || c.shape[-1] % width || (gates > 1 && width % 4)) return 0;
  const StageViews views = views_of(pointwise);
  if (writes_storage(views.tables, c.storage)) return 0;
  bool used = false;
  for (const View& view : views.reads) {
    if (!meets(view, c)) continue;
    const std::int64_t from = view.offset.base - c.offset.base;
    const bool own = !view.source && view.shape == shape && view.strides[0] == c.strides[0] &&
                     (view.strides[1] == 1 || width == 1) && view.offset.stride == c.offset.stride &&
                     view.offset.slots == c.offset.slots && view.offset.phase == c.offset.phase &&
                     from >= 0 && from % width == 0 && from / width < gates;
    if (!own) return 0;
    used = true;
  }
  for (const View& view : views.writes)
    if (meets(view, product.product->a.view) || meets(view, product.product->b.view) || meets(view, c)) return 0;
  return used ? gates : 0;
}

}  // namespace volute
