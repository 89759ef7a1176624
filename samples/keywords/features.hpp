// Log-mel spectra: how loud speech is in bands as wide as the ear hears them, by FFTW.
// Invariant: two frames make a step, so a step is 30 ms whatever the rate of the samples.
#pragma once

#include <fftw3.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <memory>
#include <numbers>
#include <span>
#include <vector>

namespace keywords {

class LogMel {
 public:
  static constexpr std::size_t bands = 24, stacked = 2, step_size = bands * stacked;

  explicit LogMel(int rate) : hop_(static_cast<std::size_t>(0.015 * rate)), weights_(bands), window_(size) {
    for (std::size_t i = 0; i < size; ++i)
      window_[i] = static_cast<float>(0.5 - 0.5 * std::cos(2 * std::numbers::pi * static_cast<double>(i) / size));
    const auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
    const double low = mel(100), high = mel(7000), width = (high - low) / (bands + 1);
    for (std::size_t b = 0; b < bands; ++b)  // triangles, each between the peaks of its neighbours
      for (std::size_t f = 0; f <= size / 2; ++f) {
        const double place = (mel(static_cast<double>(f) * rate / size) - low) / width;
        const double weight = 1 - std::abs(place - static_cast<double>(b + 1));
        weights_[b].push_back(static_cast<float>(std::max(0.0, weight)));
      }
  }
  /// [steps, step_size]
  std::vector<float> operator()(std::span<const float> samples) const {
    std::vector<float> values;
    for (std::size_t at = 0; at + hop_ * (stacked - 1) + size <= samples.size(); at += hop_ * stacked)
      for (std::size_t k = 0; k < stacked; ++k) frame(&samples[at + k * hop_], values);
    centre(values);
    return values;
  }

 private:
  static constexpr std::size_t size = 512;  // 23 ms of the 22050 samples a second that espeak-ng makes

  void frame(const float* samples, std::vector<float>& values) const {
    for (std::size_t i = 0; i < size; ++i) time_.get()[i] = samples[i] * window_[i];
    fftwf_execute(plan_.get());
    for (const std::vector<float>& weights : weights_) {
      float energy = 1e-3f;
      for (std::size_t f = 0; f < weights.size(); ++f) energy += weights[f] * std::norm(frequency_.get()[f]);
      values.push_back(std::log(energy));
    }
  }
  /// What is the same all the time says who speaks, not what is said.
  static void centre(std::vector<float>& values) {
    for (std::size_t b = 0; b < bands; ++b) {
      double sum = 0;
      for (std::size_t i = b; i < values.size(); i += bands) sum += values[i];
      const auto mean = static_cast<float>(sum * bands / static_cast<double>(values.size()));
      for (std::size_t i = b; i < values.size(); i += bands) values[i] -= mean;
    }
  }
  struct Free {
    void operator()(void* memory) const { fftwf_free(memory); }
    void operator()(fftwf_plan plan) const { fftwf_destroy_plan(plan); }
  };
  std::size_t hop_;
  std::vector<std::vector<float>> weights_;  // [bands][size / 2 + 1]
  std::vector<float> window_;
  std::unique_ptr<float, Free> time_{fftwf_alloc_real(size)};
  std::unique_ptr<std::complex<float>, Free> frequency_{
      reinterpret_cast<std::complex<float>*>(fftwf_alloc_complex(size / 2 + 1))};
  std::unique_ptr<fftwf_plan_s, Free> plan_{fftwf_plan_dft_r2c_1d(
      static_cast<int>(size), time_.get(), reinterpret_cast<fftwf_complex*>(frequency_.get()), FFTW_ESTIMATE)};
};

}  // namespace keywords
