// Layers: parameters plus a few lines of graph. Weight names, order and initial distributions are
// PyTorch's. Sequences are time-major: [T, N, C].
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <volute/ops.hpp>

namespace volute {

/// Seeds the initial values of layers built from here on in this process.
void manual_seed(std::uint64_t seed);

namespace nn {

/// Something with parameters. Names are PyTorch's within the layer ("weight_ih_l0").
class Module {
 public:
  virtual ~Module() = default;
  const std::vector<Parameter>& parameters() const { return parameters_; }

 protected:
  std::vector<Parameter> parameters_;
};

struct EmbeddingOptions {
  std::int64_t padding = -1;  ///< index whose row starts at zero and gets no gradient from lookups; -1: none
  bool frozen = false;        ///< no gradient at all, not trained
};

/// indices [...] u32 -> [..., E]. weight [V, E] from N(0, 1).
class Embedding : public Module {
 public:
  Embedding(std::int64_t vocabulary, std::int64_t size, EmbeddingOptions options = {});
  Tensor operator()(Tensor indices) const;
  bool frozen() const { return options_.frozen; }

 private:
  Tensor weight(Graph graph) const;
  EmbeddingOptions options_;
};

/// x [..., I] -> x weight^T + bias, [..., O]. weight [O, I], bias [O], both U(+-1/sqrt(I)).
class Linear : public Module {
 public:
  Linear(std::int64_t inputs, std::int64_t outputs, bool bias = true);
  /// A head [..., E] -> [..., V] on the embedding's own weight, which both then train; only the bias is new.
  explicit Linear(const Embedding& tied, bool bias = true);
  Tensor operator()(Tensor x) const;

 private:
  bool frozen_ = false;
};

struct RecurrentOptions {
  int layers = 1;
  float dropout = 0.0f;  ///< between layers, a new mask per element and step; not after the last layer
};

/// The outputs of the last layer [T, N, H], and the last states, each [layers, N, H].
struct RecurrentResult {
  Tensor outputs;
  std::vector<Tensor> last;
};

/// A stack of scans over one cell. The cells below differ in `gates`, `states` and `cell` only.
class Recurrent : public Module {
 public:
  /// x [T, N, I] from a zero state -> [T, N, H].
  Tensor operator()(Tensor x) const;
  /// As above, from the state in which the previous run of the program ended, gradient cut.
  Tensor operator()(Tensor x, Carried) const;
  /// With initial states, each [layers, N, H] (h for RNN and GRU; h, c for LSTM).
  RecurrentResult run(Tensor x, const std::vector<Tensor>& initial) const;
  std::int64_t hidden() const { return hidden_; }

 protected:
  /// Weights of one layer as graph tensors: w_ih [G*H, I], w_hh [G*H, H], b_ih [G*H], b_hh [G*H].
  struct Weights {
    Tensor w_ih, w_hh, b_ih, b_hh;
  };
  Recurrent(std::string name, int gates, int states, std::int64_t inputs, std::int64_t hidden,
            RecurrentOptions options);
  /// One step: x [N, I], states [N, H] each -> next states, the first of them the output.
  virtual std::vector<Tensor> cell(Tensor x, std::span<const Tensor> states, const Weights& w) const = 0;

 private:
  Weights weights(const Graph& graph, int layer) const;
  std::vector<Tensor> zero_states(Tensor x) const;
  void check_input(Tensor x) const;
  void check_states(Tensor x, const std::vector<Tensor>& initial) const;

  std::string name_;
  int gates_, states_;
  std::int64_t hidden_;
  RecurrentOptions options_;
};

/// i f g o; c' = f c + i g, h' = o tanh(c'). Hochreiter and Schmidhuber 1997, with forget gate.
class LSTM : public Recurrent {
 public:
  LSTM(std::int64_t inputs, std::int64_t hidden, RecurrentOptions options = {});

 protected:
  std::vector<Tensor> cell(Tensor x, std::span<const Tensor> states, const Weights& w) const override;
};

/// r z n, reset after the recurrent product (PyTorch, cuDNN): h' = (1 - z) n + z h. Cho et al. 2014.
class GRU : public Recurrent {
 public:
  GRU(std::int64_t inputs, std::int64_t hidden, RecurrentOptions options = {});

 protected:
  std::vector<Tensor> cell(Tensor x, std::span<const Tensor> states, const Weights& w) const override;
};

/// h' = tanh(W x + b_ih + U h + b_hh). Elman 1990.
class RNN : public Recurrent {
 public:
  RNN(std::int64_t inputs, std::int64_t hidden, RecurrentOptions options = {});

 protected:
  std::vector<Tensor> cell(Tensor x, std::span<const Tensor> states, const Weights& w) const override;
};

}  // namespace nn
}  // namespace volute
