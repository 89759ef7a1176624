// The model that continues strokes: one recurrent layer and a mixture of bivariate Gaussians for the next step (Graves
// 2013, section 4), with two programs: one trains, one continues strokes into vertices that are drawn as they are.
// Invariant: both programs share one set of parameters, so that a continuation shows what the last step has learned.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <volute/volute.hpp>

#include "samples/live_sketch/strokes.hpp"

namespace live_sketch {

/// min_gru has two layers, since gates of a single one see no state.
enum class Cell : std::uint8_t { gru, lstm, rnn, min_gru };
inline constexpr int cells = 4;
const char* name_of(Cell cell);  ///< "GRU", "LSTM", "RNN", "minGRU"

struct ModelOptions {
  Cell cell = Cell::gru;
  std::int64_t hidden = 96;    ///< H
  std::int64_t mixtures = 5;   ///< M
  std::int64_t batch = 32;     ///< N, strokes a training step
  std::int64_t length = 80;    ///< T, steps of a stroke a training step sees
  std::int64_t prefixes = 8;   ///< K, strokes continued at once
  std::int64_t samples = 4;    ///< S, continuations of each: the first the most likely, the others drawn at random
  std::int64_t warm_up = 64;   ///< W, steps of a stroke its continuation sees, the last ones
  std::int64_t points = 48;    ///< P, vertices of a continuation
  std::uint64_t seed = 1;
  float lr = 0;                ///< learning rate to begin with; 0: what suits the cell
};

/// The learning rate a model of these begins with.
float rate_of(const ModelOptions& options);

/// Throws volute::BadFile if the file was not written by Model::save; `base` with the cell and sizes it holds.
ModelOptions read_options(const std::string& path, ModelOptions base = {});

/// Networks and programs for one device. Another cell or size is another Model.
class Model {
 public:
  Model(volute::Device device, const ModelOptions& options);
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  /// As asked for.
  const ModelOptions& options() const;
  /// Number of trained values.
  std::int64_t weights() const;

  /// One update a run. batch() sets its scalar "lr".
  volute::Program& train();
  /// Mean negative log-likelihood of a step, in nats; steps are in units of step_length.
  volute::Tensor loss() const;
  /// The next batch as feeds of train(): begin(feeds) or run(feeds). Refers to memory of the model's, valid until the
  /// next call. The learning rate halves every 250 batches until it is a tenth: enough to learn what is drawn later.
  const std::vector<volute::Feed>& batch(TrainingSet& strokes);
  const std::vector<volute::Feed>& batch(Batch strokes);

  /// Continues the strokes fed last. Scalar "temperature" (default 0.5), from 0, where all continuations are the most
  /// likely one, to 1, as the model believes. Every run draws new random numbers unless seed() and reset() are called.
  /// There are two, turns 0 and 1, so that the vertices of one can be drawn while the other runs.
  volute::Program& continuation(std::size_t turn = 0);
  /// Its output, [K S, P, 4] f32: x, y in canvas coordinates, alpha (1, from where the pen goes up on 0; 0 for a stroke
  /// that is not there) and age (0 at the first vertex to 1 at the last). Row k S + s is continuation s of stroke k;
  /// vertices k S P + s P to + P - 1 are a line strip that begins at the stroke's end.
  volute::Tensor points() const;
  /// Up to K strokes (the last K if there are more) as feeds of continuation(). Refers to memory of the model's, valid
  /// until the next call. A stroke of less than one step is not continued.
  const std::vector<volute::Feed>& prefixes(const std::vector<Stroke>& strokes);

  /// safetensors, with cell and sizes as metadata.
  void save(const std::string& path) const;
  /// Throws volute::BadFile, and changes nothing, if the file is not of a model of this cell and these sizes.
  /// Optimiser states start over.
  void load(const std::string& path);
  /// New weights (of another seed each time) and optimiser states; nothing is compiled. No step may be in progress.
  void reset();

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

}  // namespace live_sketch
