// Matrices on the device and the run of dispatches over them, for checks of kernels without a program.
// Invariant: only the elements of a matrix are numbers; what surrounds them, the padding of their rows included,
// is NaN, so a kernel that lets anything else into a sum fails, and one that writes outside of C is seen.
#pragma once

#include <cmath>
#include <limits>
#include <map>

#include "engine/check/findings.hpp"
#include "engine/check/half.hpp"
#include "engine/compile/device_data.hpp"
#include "engine/kernels/matmul.hpp"

namespace volute::check {

constexpr float guard = std::numeric_limits<float>::quiet_NaN();

struct Extents {
  std::int64_t M, N, K, batches = 1;
  bool shared_b = false;  ///< all batches use the first B
  /// "2 x [33, 7] [7, 65]"
  std::string text() const;
};

/// Whether they read through texel images, and whether they write through images.
struct Access {
  const char* name;
  bool texel_loads, image_stores;
};

/// A matrix batch in memory of its own: NaNs, then rows at a pitch of a texel more than they need, then NaNs.
class Matrices {
 public:
  Matrices(const Device& device, std::int64_t rows, std::int64_t columns, std::int64_t batches, bool transposed, int id,
           DType dtype = DType::f32)
      : context_(device.data()->context), rows_(rows), columns_(columns), batches_(batches), transposed_(transposed) {
    const std::int64_t elements = start + batches * batch_stride() + 64;
    storage_.id = id;
    storage_.dtype = dtype;
    storage_.bytes = static_cast<std::uint64_t>(stored_bytes(elements, dtype));
    buffer_ = std::make_unique<vk::Buffer>(context_, storage_.bytes, vk::Residency::device);
    host_.assign(static_cast<std::size_t>(elements), guard);
  }

  /// Values the type holds exactly. With `steps`, multiples of 1 / steps.
  void set_random(std::uint32_t seed, float steps = 0) {
    auto values = random_values(static_cast<std::size_t>(batches_ * rows_ * columns_), seed);
    if (steps == 0 && storage_.dtype != DType::f32) steps = storage_.dtype == DType::f16 ? 1024 : 128;
    if (steps != 0)
      for (float& v : values) v = std::round(v * steps) / steps;
    std::size_t next = 0;
    for (std::int64_t i = 0; i < batches_; ++i)
      for (std::int64_t r = 0; r < rows_; ++r)
        for (std::int64_t c = 0; c < columns_; ++c) at(i, r, c) = values[next++];
  }
  float& at(std::int64_t batch, std::int64_t row, std::int64_t column) { return host_[index(batch, row, column)]; }

  /// The view of `batches` of them; a matrix shared by all has stride 0.
  View view(std::int64_t batches) const {
    View view;
    view.storage = &storage_;
    view.shape = {batches, rows_, columns_};
    view.strides = {batches == batches_ ? batch_stride() : 0, transposed_ ? 1 : pitch(), transposed_ ? pitch() : 1};
    view.offset.base = start;
    return view;
  }
  void upload() {
    if (storage_.dtype == DType::f32) return vk::upload(context_, range(), host_.data());
    std::vector<std::uint16_t> words(storage_.bytes / 2);
    for (std::size_t i = 0; i < host_.size(); ++i) words[i] = half_bits(host_[i], storage_.dtype);
    vk::upload(context_, range(), words.data());
  }
  void download() { vk::download(context_, range(), host_.data()); }
  vk::BufferRange range() const { return {buffer_.get(), 0, storage_.bytes}; }
  const Storage* storage() const { return &storage_; }
  const std::vector<float>& host() const { return host_; }

  /// Elements that are none of the matrices', nor padding to a whole texel, and no longer the guard's NaN.
  int touched_outside() const {
    std::vector<bool> inside(host_.size());
    for (std::int64_t i = 0; i < batches_; ++i)
      for (std::int64_t r = 0; r < rows_; ++r)
        for (std::int64_t c = 0; c < pad4(columns_); ++c) inside[index(i, r, c)] = true;
    int count = 0;
    for (std::size_t i = 0; i < host_.size(); ++i) count += !inside[i] && !std::isnan(host_[i]);
    return count;
  }

 private:
  static constexpr std::int64_t start = 32;

  std::int64_t pitch() const { return pad4(transposed_ ? rows_ : columns_) + 4; }
  std::int64_t batch_stride() const { return (transposed_ ? columns_ : rows_) * pitch() + 8; }
  std::size_t index(std::int64_t batch, std::int64_t row, std::int64_t column) const {
    const std::int64_t line = transposed_ ? column : row, place = transposed_ ? row : column;
    return static_cast<std::size_t>(start + batch * batch_stride() + line * pitch() + place);
  }

  std::shared_ptr<vk::Context> context_;
  std::int64_t rows_, columns_, batches_;
  bool transposed_;
  Storage storage_;
  std::unique_ptr<vk::Buffer> buffer_;
  std::vector<float> host_;
};

/// How kernels reach memory.
KernelTarget target_of(const Device& device, const Access& access);
/// The dispatches in order, each after the one before, over these storages.
void run(const Device& device, const std::vector<Dispatch>& dispatches,
         const std::map<const Storage*, vk::BufferRange>& ranges);
/// |got - sum a b| stays below what rounding of K products explains; padding is zero, and nothing else is written.
void compare(Matrices& a, Matrices& b, Matrices& c, const Extents& e, Findings& findings);

}  // namespace volute::check
