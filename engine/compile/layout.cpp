// Storages and places; see layout.hpp.

#include "engine/compile/layout.hpp"

#include "engine/graph/operation.hpp"
#include "engine/kernels/emitter.hpp"

namespace volute {

namespace {

void for_each_node(const std::vector<Unit>& units, const std::function<void(const Node*, const Unit&)>& visit) {
  for (const Unit& unit : units) {
    for (const Node* node : unit.nodes) visit(node, unit);
    if (unit.anchor) visit(unit.anchor, unit);
    for_each_node(unit.body, visit);
  }
}

/// A kernel that stores an element after all it reads there itself.
bool reads_before_it_writes(const Unit& unit) {
  return unit.kind == Unit::Kind::fused || unit.kind == Unit::Kind::rows;
}

}  // namespace

Layout::Layout(const LiveGraph& live, const Destinations& destinations, const std::vector<Unit>& units)
    : destinations_(destinations) {
  find_needed(units);
  for (const Node* node : live.outputs) needed_.insert(node);
  place_updates(live, units);
}

void Layout::find_needed(const std::vector<Unit>& units) {
  std::unordered_map<const Node*, const Unit*> unit_of;
  for_each_node(units, [&](const Node* node, const Unit& unit) { unit_of[node] = &unit; });
  for_each_node(units, [&](const Node* node, const Unit&) { note_reads(node, unit_of); });
  for (const auto& [node, destination] : destinations_) needed_.insert(node);
}

void Layout::note_reads(const Node* node, const std::unordered_map<const Node*, const Unit*>& unit_of) {
  std::vector<const Node*> reads(node->inputs.begin(), node->inputs.end());
  if (node->op == Op::scan) {
    const auto outside = read_from_outside(node->scan);
    reads.assign(outside.begin(), outside.end());
  }
  for (const Node* input : reads) {
    const Node* base = stored(input);
    const auto made = unit_of.find(base);
    const bool together = made != unit_of.end() && unit_of.contains(node) && made->second == unit_of.at(node);
    const bool direct = input == base || (together && made->second->kind == Unit::Kind::rows);
    const bool in_registers = together && direct && node->op != Op::scan;
    if (!in_registers) needed_.insert(base);
  }
}

/// A kernel writes an update in place if nothing later reads the old value, and it reads it itself only
/// at the element it writes.
void Layout::place_updates(const LiveGraph& live, const std::vector<Unit>& units) {
  std::unordered_map<const Node*, int> position, last_read;
  std::unordered_set<const Node*> read_shifted;  // read by its last reader other than element by element
  for (int i = 0; i < static_cast<int>(units.size()); ++i) {
    for_each_node({&units[i], &units[i] + 1}, [&](const Node* node, const Unit& unit) {
      position[node] = i;
      std::vector<const Node*> reads(node->inputs.begin(), node->inputs.end());
      if (node->op == Op::scan)
        for (const Node* outside : read_from_outside(node->scan)) reads.push_back(outside);
      for (const Node* input : reads) {
        const Node* base = stored(input);
        const auto [read, first] = last_read.try_emplace(base, i);
        if (!first && read->second < i) read_shifted.erase(base);
        read->second = i;
        const bool elementwise = input == base && reads_before_it_writes(unit);
        if (!elementwise || node->op == Op::embedding || node->op == Op::random) read_shifted.insert(base);
      }
    });
  }
  for (const auto& [target, value] : live.updates) {
    needed_.insert(value);
    const auto made = position.find(value);
    const bool fused = made != position.end() && reads_before_it_writes(units[made->second]);
    const auto read = last_read.find(target);
    const bool free = read == last_read.end() || !fused || read->second < made->second ||
                      (read->second == made->second && !read_shifted.contains(target));
    if (fused && free && !destinations_.contains(value)) in_place_[value] = target;
    else late_updates_.emplace_back(target, value);
  }
}

Storage* Layout::add_storage(Storage::Kind kind, std::string name, DType dtype, std::int64_t elements) {
  Storage& storage = storages_.emplace_back();
  storage.id = static_cast<int>(storages_.size()) - 1;
  storage.kind = kind;
  storage.dtype = dtype;
  storage.bytes = static_cast<std::uint64_t>(stored_bytes(elements, dtype));
  storage.name = std::move(name);
  return &storage;
}

const Storage* Layout::scratch(const std::string& name, std::int64_t elements) {
  return add_storage(Storage::Kind::temporary, name, DType::u32, elements);
}

View Layout::view(const Node* node) {
  const auto found = views_.find(node);
  if (found != views_.end()) return found->second;
  return views_[node] = compute(node);
}

View Layout::compute(const Node* node) {
  switch (node->op) {
    case Op::input: case Op::parameter: case Op::state: return leaf_view(node);
    case Op::element: {
      View step = view(node->inputs[0]);
      step.offset.stride = step.strides[0];
      step.strides.erase(step.strides.begin());
      step.shape = node->shape;
      return step;
    }
    case Op::carry: return state_view(node->scan, node->index, 0);
    case Op::last: return state_end(node->scan, node->index, 1);
    case Op::stack: return stack_view(node);
    case Op::sum_over_ranks: return view(node->inputs[0]);
    default: break;
  }
  if (operation(node->op).kind == Kind::view) return view_through(node, view(node->inputs[0])).value();
  return place(node);
}

View Layout::leaf_view(const Node* node) {
  const Storage*& storage = leaves_[node];
  if (!storage) {
    const auto kind = node->op == Op::input ? Storage::Kind::input : Storage::Kind::variable;
    storage = add_storage(kind, node->name, node->dtype, padded_elements(node->shape));
  }
  return natural_view(storage, node->shape);
}

View Layout::place(const Node* node) {
  const auto in_place = in_place_.find(node);
  if (in_place != in_place_.end()) return view(in_place->second);
  const auto found = destinations_.find(node);
  const Destination to = found == destinations_.end() ? Destination{} : found->second;
  switch (to.kind) {
    case Destination::Kind::next_state: return state_view(to.scan, to.state, 1);
    case Destination::Kind::initial_state: return state_end(to.scan, to.state, 0);
    case Destination::Kind::stack: {
      View step = natural_view(stack_storage(to.scan, node), node->shape);
      step.offset.stride = padded_elements(node->shape);
      return step;
    }
    case Destination::Kind::piece: {
      const int axis = static_cast<int>(to.whole->ints[0]);
      return slice_view(view(to.whole), axis, to.begin, to.begin + node->shape[axis]).value();
    }
    case Destination::Kind::exchanged: case Destination::Kind::own: break;
  }
  const auto kind = to.kind == Destination::Kind::own ? Storage::Kind::temporary : Storage::Kind::exchanged;
  const Storage* own = add_storage(kind, name_of(node->op), node->dtype, padded_elements(node->shape));
  return natural_view(own, node->shape);
}

const Storage* Layout::stack_storage(const Scan* scan, const Node* body) {
  const Storage*& storage = stacks_[body];
  if (!storage)
    storage = add_storage(Storage::Kind::temporary, std::string("all ") + name_of(body->op), body->dtype,
                          scan->length * padded_elements(body->shape));
  return storage;
}

View Layout::stack_view(const Node* stack) {
  const Node* body = stack->body;
  if (body->op == Op::carry) return state_history(stack->scan, body->index, 0);
  const auto found = destinations_.find(body);
  if (found->second.kind == Destination::Kind::next_state) return state_history(stack->scan, found->second.state, 1);
  View all = natural_view(stack_storage(stack->scan, body), body->shape);
  all.shape = stack->shape;
  all.strides.insert(all.strides.begin(), padded_elements(body->shape));
  all.zero_tail = body->shape.rank() > 0;
  return all;
}

const Layout::StateSlots& Layout::state_slots(const Scan* scan, int state) {
  StateSlots& slots = states_[{scan, state}];
  if (slots.storage) return slots;
  bool history = false;
  for (const Node* kept : scan->results) {
    const auto found = destinations_.find(kept);
    history |= kept == scan->carries[state] ||
               (found != destinations_.end() && found->second.kind == Destination::Kind::next_state &&
                found->second.state == state);
  }
  slots.stride = padded_elements(scan->carries[state]->shape);
  slots.slots = history ? 0 : 2;
  slots.storage = add_storage(Storage::Kind::temporary, "state " + std::to_string(state), scan->carries[state]->dtype,
                              slots.stride * (history ? scan->length + 1 : 2));
  return slots;
}

// Walking forward, step t finds its state in slot t and leaves it in t+1; in reverse from t+1 to t.
View Layout::state_view(const Scan* scan, int state, int after) {
  const StateSlots& slots = state_slots(scan, state);
  View view = natural_view(slots.storage, scan->carries[state]->shape);
  view.offset = {0, slots.stride, scan->reverse ? 1 - after : after, slots.slots};
  return view;
}

View Layout::state_end(const Scan* scan, int state, int end) {
  const StateSlots& slots = state_slots(scan, state);
  View view = natural_view(slots.storage, scan->carries[state]->shape);
  const std::int64_t slot = (end == 0) == scan->reverse ? scan->length : 0;
  view.offset.base = (slots.slots ? slot % slots.slots : slot) * slots.stride;
  return view;
}

View Layout::state_history(const Scan* scan, int state, int after) {
  View step = state_view(scan, state, after);
  View all = step;
  all.offset = {step.offset.phase * step.offset.stride, 0, 0, 0};
  std::vector<std::int64_t> dims{scan->length};
  dims.insert(dims.end(), step.shape.dims().begin(), step.shape.dims().end());
  all.shape = Shape(dims);
  all.strides.insert(all.strides.begin(), step.offset.stride);
  all.zero_tail = step.shape.rank() > 0;
  return all;
}

}  // namespace volute
