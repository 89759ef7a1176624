// What a checkpoint says beside its tensors: with which options, on which text and device its training ran.
// Invariant: a training goes on only with everything its bits depend on as it was.
#pragma once

#include <volute/io.hpp>

#include "samples/char_lm/corpus.hpp"
#include "samples/char_lm/model.hpp"
#include "samples/char_lm/options.hpp"

namespace char_lm {

/// To be saved with checkpoints.
volute::io::Metadata describe_run(const Options& options, const Model& model, const Corpus& corpus,
                                  const std::string& device);

/// With --resume: the options of the checkpoint's run, where the user gave none, and the vocabulary. Throws UsageError
/// if there is no checkpoint, it is no char_lm's, or an option but --steps and --non-finite contradicts it; without
/// --resume, if there is one that would be overwritten.
struct Resumed {
  Options options;
  std::string vocabulary;  ///< empty without --resume
  volute::io::Metadata metadata;
};
Resumed resume_options(const Options& given);

/// Throws UsageError if it is not the text the checkpoint's run was trained on.
void check_text(const Resumed& resumed, const Corpus& corpus);

}  // namespace char_lm
