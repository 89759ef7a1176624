// The search for where infinity or NaN began; see first_non_finite.hpp.

#include "engine/compile/first_non_finite.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "engine/compile/describe.hpp"
#include "engine/compile/program_data.hpp"
#include "engine/graph/build.hpp"
#include "engine/graph/narrow.hpp"
#include "engine/graph/operation.hpp"

namespace volute {
namespace {

/// So much memory may be taken for a group of nodes, however small the program is.
constexpr std::uint64_t kLeastBytes = 256 << 20;

/// What is found of a value.
enum Code { finite = 0, infinite = 1, nan = 2 };

/// A node at a time of its loop; -1 outside.
using Place = std::pair<const Node*, std::int64_t>;

bool passes_values(Op op) {
  switch (op) {
    case Op::broadcast: case Op::reshape: case Op::transpose: case Op::stop_gradient: case Op::concat:
    case Op::stack: case Op::last: return true;
    default: return false;
  }
}

/// Whether its values are computed to be looked at; those of the others are those of their sources.
bool is_probed(const Node* node) {
  if (node->dtype == DType::u32 || passes_values(node->op)) return false;
  return node->op != Op::constant && node->op != Op::random && node->op != Op::scan;
}

/// [] the largest Code of all elements.
Tensor code_of(Tensor values) {
  const Tensor size = abs(to_f32(values)), most = constant_like(size, std::numeric_limits<float>::max());
  const Tensor bad = where(less(most, size), constant_like(size, infinite), constant_like(size, nan));
  const Tensor code = where(less(size, most), constant_like(size, finite), bad);
  return code.rank() ? max(code) : code;
}

/// The graph as it is compiled, before passes: what the watched values need, in the order it is computed.
class Order {
 public:
  explicit Order(const std::vector<Node*>& roots) {
    int outer = 0;
    for (Node* node : topological(roots, nullptr)) {
      at_[node] = {outer, 0};
      nodes_.push_back(node);
      int inner = 0;
      if (node->op == Op::scan)
        for (Node* body : body_order(node->scan)) {
          at_[body] = {outer, inner++};
          nodes_.push_back(body);
        }
      ++outer;
    }
  }

  const std::vector<Node*>& nodes() const { return nodes_; }
  bool contains(const Node* node) const { return at_.contains(node); }

  /// Earlier places are less: by loop, by time in its direction, by node.
  std::tuple<int, std::int64_t, int> key(const Place& place) const {
    const auto& [node, time] = place;
    const auto [outer, inner] = at_.at(node);
    return {outer, node->scope && node->scope->reverse ? -time : time, inner};
  }

 private:
  std::unordered_map<const Node*, std::pair<int, int>> at_;
  std::vector<Node*> nodes_;
};

/// Codes by node and time, and the way back through them.
class Codes {
 public:
  void set(const Node* node, std::vector<float> codes) { codes_[node] = std::move(codes); }

  int of(const Place& place) const {
    const auto& [node, time] = place;
    if (const auto found = codes_.find(node); found != codes_.end())
      return static_cast<int>(found->second[static_cast<std::size_t>(std::max<std::int64_t>(time, 0))]);
    int worst = finite;
    if (passes_values(node->op))
      for (const Place& source : sources(place)) worst = std::max(worst, of(source));
    return worst;
  }

  /// What is not finite, though none of its sources is, among all that the root's values come from.
  std::vector<Place> origins(const Place& root) const {
    std::vector<Place> found, work{root};
    std::set<Place> seen{root};
    while (!work.empty()) {
      const Place place = work.back();
      work.pop_back();
      bool is_origin = true;
      for (const Place& source : sources(place)) {
        if (!of(source)) continue;
        is_origin = false;
        if (seen.insert(source).second) work.push_back(source);
      }
      if (is_origin) found.push_back(place);
    }
    return found;
  }

 private:
  static std::int64_t first_time(const Scan& scan) { return scan.reverse ? scan.length - 1 : 0; }

  /// A value as the body sees it at a time.
  static Place seen_at(const Node* node, std::int64_t time) { return {node, node->scope ? time : -1}; }

  static std::vector<Place> sources(const Place& place) {
    const auto& [node, time] = place;
    std::vector<Place> from;
    switch (node->op) {
      case Op::stack: case Op::total:
        for (std::int64_t t = 0; t < node->scan->length; ++t) from.push_back(seen_at(node->body, t));
        break;
      case Op::last:
        from.push_back(seen_at(node->scan->next[static_cast<std::size_t>(node->index)],
                               node->scan->reverse ? 0 : node->scan->length - 1));
        break;
      case Op::carry:
        if (time == first_time(*node->scan)) from.push_back(seen_at(node->inputs[0], -1));
        else
          from.push_back(seen_at(node->scan->next[static_cast<std::size_t>(node->index)],
                                 node->scan->reverse ? time + 1 : time - 1));
        break;
      case Op::element: {
        const Node* xs = node->inputs[0];
        from.push_back(xs->op == Op::stack ? seen_at(xs->body, time) : Place(xs, -1));
        break;
      }
      default:
        for (const Node* input : node->inputs) from.push_back(seen_at(input, time));
    }
    return from;
  }

  std::unordered_map<const Node*, std::vector<float>> codes_;
};

class Search {
 public:
  Search(Program::Data& data, std::span<const std::byte> inputs) : data_(data), inputs_(inputs) {
    Targets targets = data.watch.targets;
    for (const Watched& each : targets.watched) targets.outputs.push_back(each.value);
    targets.watched.clear();
    targets.non_finite = NonFinite::off;
    live_ = live_graph(Graph(data.user_graph), targets);
    narrow(live_, targets.precision);  // as it was, so with all targets
    watched_.assign(live_.outputs.end() - static_cast<std::ptrdiff_t>(data.watch.slots.size()), live_.outputs.end());
    order_.emplace(watched_);
  }

  std::optional<NonFiniteOrigin> run() {
    std::vector<Node*> probed;
    for (Node* node : order_->nodes())
      if (is_probed(node)) probed.push_back(node);
    for (std::span<Node* const> rest(probed); !rest.empty();) {
      const std::size_t count = fitting(rest);
      evaluate(rest.first(count));
      rest = rest.subspan(count);
    }
    for (std::size_t i = 0; i < watched_.size(); ++i) {
      const Place root{watched_[i], -1};
      if (!codes_.of(root)) continue;
      const std::vector<Place> all = codes_.origins(root);
      const Place first = *std::min_element(all.begin(), all.end(), [&](const Place& a, const Place& b) {
        return order_->key(a) < order_->key(b);
      });
      return origin(first, i);
    }
    return std::nullopt;
  }

 private:
  std::uint64_t most_bytes() const { return std::max(kLeastBytes, 2 * data_.arena.bytes); }

  /// How many of them to look at in one program, whose plan may keep all values, at all times, until its end.
  std::size_t fitting(std::span<Node* const> nodes) const {
    std::uint64_t bytes = 0;
    std::size_t count = 0;
    for (const Node* node : nodes) {
      bytes += padded_bytes(node->shape) * static_cast<std::uint64_t>(node->scope ? node->scope->length : 1);
      if (count > 0 && bytes > most_bytes() / 2) break;
      ++count;
    }
    return count;
  }

  /// All at once, or in halves if that takes too much memory after all.
  void evaluate(std::span<Node* const> nodes) {
    std::optional<Program> program;
    std::vector<Tensor> codes;
    for (Node* node : nodes) {
      const Tensor code = code_of(Tensor(node));
      codes.push_back(node->scope ? stack(node->scope, code) : code);
    }
    try {
      program = compile_program(data_.device, Graph(live_.graph), Targets(codes),
                                {.memory_bytes = nodes.size() > 1 ? most_bytes() : 0, .profile = false, .tune = false});
    } catch (const DeviceLost&) {
      throw;
    } catch (const Timeout&) {
      throw;
    } catch (const Error&) {
      if (nodes.size() < 2) throw;
      evaluate(nodes.first(nodes.size() / 2));
      evaluate(nodes.subspan(nodes.size() / 2));
      return;
    }
    repeat(program->data());
    for (std::size_t i = 0; i < nodes.size(); ++i) codes_.set(nodes[i], program->read(codes[i]));
  }

  /// One run with the inputs and states of the program's last one. Parameters are shared.
  void repeat(Program::Data& again) {
    for (auto& [node, slot] : again.inputs) {
      slot.fed = true;
      const auto known = data_.input_names.find(slot.name);
      if (known == data_.input_names.end()) continue;  // the program computes the same without it
      const auto& own = data_.inputs.at(known->second);
      std::byte* to = again.staging->mapped() + slot.offset;
      if (!inputs_.empty() && !own.bound) std::memcpy(to, inputs_.data() + own.offset, slot.device.bytes);
      else vk::download(data_.device->context, own.device, to);
    }
    for (const auto& [name, state] : again.states) {
      if (!data_.states.contains(name)) continue;
      std::vector<std::byte> bytes(padded_bytes(state.first->shape));
      vk::download(data_.device->context, data_.states.at(name).second->range(), bytes.data());
      if (counts_runs(*state.first)) set_step(bytes);
      vk::upload(data_.device->context, state.second->range(), bytes.data());
    }
    run_program(again, {}, {});
  }

  /// The step has been counted, though it has changed nothing else. The next one may have been counted too if it has
  /// begun.
  void set_step(std::vector<std::byte>& bytes) const {
    std::uint32_t step = 0;
    std::memcpy(&step, bytes.data(), sizeof step);
    step = data_.in_step ? static_cast<std::uint32_t>(data_.steps - 1) : step - 1;
    std::memcpy(bytes.data(), &step, sizeof step);
  }

  NonFiniteOrigin origin(const Place& place, std::size_t watched) const {
    const auto& [node, time] = place;
    NonFiniteOrigin found;
    for (const auto& [user, live] : live_.from_user)
      if (live == node) found.node = user;
    found.time = time;
    found.text = describe(node);
    if (time >= 0) found.text += " at " + describe_time(*node->scope, time);
    found.text += codes_.of(place) == nan ? " is nan" : " is inf";
    std::size_t part = 0;  // the first watched value it is needed for: a gradient is not needed for the loss
    while (part < watched && !Order({watched_[part]}).contains(node)) ++part;
    found.text += ", on the way to the " + data_.watch.slots[part].name;
    return found;
  }

  Program::Data& data_;
  std::span<const std::byte> inputs_;
  LiveGraph live_;
  std::vector<Node*> watched_;
  std::optional<Order> order_;
  Codes codes_;
};

}  // namespace

std::optional<NonFiniteOrigin> find_non_finite(Program::Data& data, std::span<const std::byte> inputs) {
  return Search(data, inputs).run();
}

std::string first_non_finite(Program::Data& data, std::span<const std::byte> inputs) {
  try {
    if (const auto origin = find_non_finite(data, inputs)) return "first: " + origin->text;
    return std::string("where first was not found: the step was repeated to look into it and was finite") +
           (data.exchange ? ", on this rank alone" : "");
  } catch (const std::exception& error) {
    return std::string("where first was not found: ") + error.what();
  }
}

}  // namespace volute
