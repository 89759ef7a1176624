// Checkpoints through volute.h.
#include "engine/c/handles.hpp"

using namespace volute;
using namespace volute::c;

extern "C" {

volute_status volute_checkpoint_create(volute_checkpoint** checkpoint) {
  return guard(__func__, [&] {
    need(checkpoint, "checkpoint");
    give(checkpoint);
  });
}

void volute_checkpoint_destroy(volute_checkpoint* checkpoint) { delete checkpoint; }

volute_status volute_checkpoint_add_module(volute_checkpoint* checkpoint, const char* name,
                                           const volute_module* module) {
  return guard(__func__, [&] {
    SharedCheckpoint& to = *need(checkpoint, "checkpoint").shared;
    to.checkpoint.add(&need(name, "name"), need(module, "module").base());
  });
}

volute_status volute_checkpoint_add_program(volute_checkpoint* checkpoint, const char* name,
                                            volute_program* program) {
  return guard(__func__, [&] {
    SharedCheckpoint& to = *need(checkpoint, "checkpoint").shared;
    to.programs.push_back(need(program, "program").shared);
    to.checkpoint.add(&need(name, "name"), *to.programs.back());
  });
}

volute_status volute_checkpoint_add_int64(volute_checkpoint* checkpoint, const char* name, std::int64_t* value) {
  return guard(__func__, [&] {
    SharedCheckpoint& to = *need(checkpoint, "checkpoint").shared;
    to.checkpoint.add(&need(name, "name"), need(value, "value"));
  });
}

volute_status volute_checkpoint_save(const volute_checkpoint* checkpoint, const char* path,
                                     const volute_metadata_entry* metadata, std::uint32_t metadata_count) {
  return guard(__func__, [&] {
    const SharedCheckpoint& of = *need(checkpoint, "checkpoint").shared;
    of.checkpoint.save(&need(path, "path"), need_metadata(metadata, metadata_count));
  });
}

volute_status volute_checkpoint_load(const volute_checkpoint* checkpoint, const char* path,
                                     volute_metadata** metadata) {
  return guard(__func__, [&] {
    const SharedCheckpoint& of = *need(checkpoint, "checkpoint").shared;
    const io::Checkpoint::Loaded loaded = of.checkpoint.load(&need(path, "path"));
    if (!metadata) return;
    give(metadata, std::vector<std::pair<std::string, std::string>>(loaded.metadata.begin(), loaded.metadata.end()));
  });
}

volute_status volute_autosave_create(const char* path, const volute_checkpoint* checkpoint,
                                     std::int64_t steps, double seconds, volute_autosave** autosave) {
  return guard(__func__, [&] {
    const std::string to = &need(path, "path");
    const auto& shared = need(checkpoint, "checkpoint").shared;
    need(autosave, "autosave");
    if (steps < 0) refuse("steps", "must be 0 or more, is " + std::to_string(steps));
    if (!(seconds >= 0)) refuse("seconds", "must be 0 or more, is " + std::to_string(seconds));
    io::Autosave made(to, shared->checkpoint, {.steps = steps, .seconds = seconds});
    give(autosave, shared, std::move(made));
  });
}

void volute_autosave_destroy(volute_autosave* autosave) { delete autosave; }

volute_status volute_autosave_step(volute_autosave* autosave, std::int32_t* saved) {
  return guard(__func__, [&] {
    const bool did = need(autosave, "autosave").autosave.step();
    if (saved) *saved = did;
  });
}

}  // extern "C"
