// What the handles of volute.h hold. Invariant: a handle owns, or shares, all that its functions touch; targets and
// programs share their graph, so that tensors stay valid with them. Numbers in a checkpoint are the caller's.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <volute/io.hpp>
#include <volute/layers.hpp>

#include "engine/c/guard.hpp"

namespace volute::c {

/// Parameters of a caller's own layer.
class Collection : public nn::Module {
 public:
  explicit Collection(std::vector<Parameter> parameters) { parameters_ = std::move(parameters); }
};

using Layer = std::variant<nn::Embedding, nn::Linear, nn::LayerNorm, nn::Dropout, nn::Recurrent, Collection>;

io::Metadata need_metadata(const volute_metadata_entry* metadata, std::uint32_t count);

/// Hands a new handle to the caller.
template <class Handle, class... Parts>
void give(Handle** out, Parts&&... parts) {
  *out = new Handle{std::forward<Parts>(parts)...};
}

}  // namespace volute::c

struct volute_device {
  volute::Device device;
  std::string name;
};

struct volute_device_list {
  std::vector<volute::DeviceInfo> infos;
};

struct volute_graph {
  volute::Graph graph;
};

struct volute_parameter {
  volute::Parameter parameter;
};

struct volute_module {
  volute::c::Layer layer;
  const volute::nn::Module& base() const {
    return std::visit([](const volute::nn::Module& module) -> const volute::nn::Module& { return module; }, layer);
  }
};

struct volute_targets {
  volute::Graph graph;
  volute::Targets targets;
};

struct volute_program {
  volute::Graph graph;
  std::shared_ptr<volute::Program> shared;  // by checkpoints
  std::string text = {};                    // of volute_program_explain
  volute::Program& program = *shared;
};

struct volute_metadata {
  std::vector<std::pair<std::string, std::string>> entries;
};

namespace volute::c {

/// A checkpoint and what it refers to.
struct SharedCheckpoint {
  io::Checkpoint checkpoint;
  std::vector<std::shared_ptr<Program>> programs;
};

}  // namespace volute::c

struct volute_checkpoint {
  std::shared_ptr<volute::c::SharedCheckpoint> shared = std::make_shared<volute::c::SharedCheckpoint>();
};

struct volute_autosave {
  std::shared_ptr<volute::c::SharedCheckpoint> shared;
  volute::io::Autosave autosave;
};
