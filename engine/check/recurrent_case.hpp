// A recurrent layer under check: what is fed, the loss it is trained on, and its values on the device and on
// the float64 reference. Invariant: everything is a function of the seed.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <volute/reference.hpp>
#include <volute/volute.hpp>

#include "engine/compile/program_data.hpp"

namespace volute::check {

enum class CellKind { lstm, gru, rnn, indrnn, mingru, minlstm, custom };
enum class Masking { none, lengths, mask_u32, mask_f32 };
enum class Start { zero, fed };

/// A cell of one's own: a minimal gated unit (Zhou et al. 2016) with a learned slope, in the public blocks.
nn::Cell minimal_gated_unit();

struct Setting {
  CellKind kind = CellKind::lstm;
  nn::RecurrentOptions options;
  Masking masking = Masking::none;
  Start start = Start::zero;
  Mode mode = Mode::training;
  std::int64_t T = 4, N = 3, I = 3, H = 5;
  bool nan_padding = false;
  std::string note;  ///< what the options are, for messages
};

nn::Recurrent make_layer(const Setting& setting);

/// loss = sum(outputs * a) + sum(last_output * b) + sum(last[s] * c_s), and its gradients.
class RecurrentCase {
 public:
  RecurrentCase(const Setting& setting, std::uint32_t seed);

  /// Names of what is compared: "loss", "outputs", "last_output", "last.h", "grad.x", "grad.weight_ih_l0", ...
  const std::vector<std::string>& names() const { return names_; }
  std::vector<std::vector<float>> on_device(const Device& device, Precision precision = Precision::f32) const;
  Program compile(const Device& device, const CompileOptions& options, Precision precision = Precision::f32) const;
  std::vector<std::vector<float>> run(Program& program) const;
  std::vector<Reference::Values> on_reference(Precision precision = Precision::f32) const;
  /// d loss / d element by central differences of the reference. `name` as in names(), without "grad.".
  double slope(const std::string& name, std::size_t element) const;
  /// Replaces the values of x where steps are masked.
  void set_padding(float value);
  bool is_padding(std::size_t x_element) const;
  const std::vector<std::string>& leaves() const { return leaf_names_; }
  std::size_t elements(const std::string& leaf) const { return leaves_.at(leaf).shape().elements(); }

 private:
  Tensor fed(const std::string& name, Shape shape, std::vector<float> values);
  void feed_masks(nn::RecurrentInputs& in, std::uint32_t seed);
  void feed_states(nn::RecurrentInputs& in, const nn::Recurrent& layer, std::uint32_t seed);
  Reference reference() const;

  Setting setting_;
  Graph graph_;
  Tensor x_, loss_;
  std::vector<bool> valid_;  ///< [T, N]; empty: all
  std::vector<std::pair<Tensor, std::vector<float>>> feeds_;
  std::vector<std::pair<Tensor, std::vector<std::uint32_t>>> index_feeds_;
  std::map<std::string, Tensor> leaves_;
  std::vector<std::string> leaf_names_, names_;
  std::vector<Tensor> results_;
};

}  // namespace volute::check
