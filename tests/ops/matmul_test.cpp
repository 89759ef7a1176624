// Every matmul variant on its own: each table entry, both operands as stored and transposed, both ways of
// reading and of writing, on extents around its tile.
// Invariant: only the elements of A and B are numbers; what surrounds them, the padding of their rows
// included, is NaN, so a kernel that lets anything else into a sum fails. C lies between guard words.
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "engine/compile/device_data.hpp"
#include "engine/kernels/matmul.hpp"
#include "engine/vulkan/commands.hpp"
#include "tests/support/device.hpp"
#include "tests/support/half.hpp"
#include "tests/support/values.hpp"

namespace volute::test {
namespace {

constexpr float guard = std::numeric_limits<float>::quiet_NaN();

struct Extents {
  std::int64_t M, N, K, batches = 1;
  bool shared_b = false;  ///< all batches use the first B
};

/// How kernels reach memory.
struct Access {
  const char* name;
  bool texel_loads, image_stores;
};

/// A matrix batch in memory of its own: NaNs, then rows at a pitch of a texel more than they need, then NaNs.
class Matrices {
 public:
  Matrices(std::int64_t rows, std::int64_t columns, std::int64_t batches, bool transposed, int id,
           DType dtype = DType::f32)
      : rows_(rows), columns_(columns), batches_(batches), transposed_(transposed) {
    const std::int64_t elements = start + batches * batch_stride() + 64;
    storage_.id = id;
    storage_.dtype = dtype;
    storage_.bytes = static_cast<std::uint64_t>(stored_bytes(elements, dtype));
    buffer_ = std::make_unique<vk::Buffer>(device().data()->context, storage_.bytes, vk::Residency::device);
    host_.assign(static_cast<std::size_t>(elements), guard);
  }

  /// Values the type holds exactly.
  void set_random(std::uint32_t seed) {
    auto values = random_values(static_cast<std::size_t>(batches_ * rows_ * columns_), seed);
    const float steps = storage_.dtype == DType::f16 ? 1024 : 128;
    if (storage_.dtype != DType::f32)
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
    if (storage_.dtype == DType::f32) return vk::upload(device().data()->context, range(), host_.data());
    std::vector<std::uint16_t> words(storage_.bytes / 2);
    for (std::size_t i = 0; i < host_.size(); ++i) words[i] = half_bits(host_[i], storage_.dtype);
    vk::upload(device().data()->context, range(), words.data());
  }
  void download() { vk::download(device().data()->context, range(), host_.data()); }
  vk::BufferRange range() const { return {buffer_.get(), 0, storage_.bytes}; }

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

  std::int64_t rows_, columns_, batches_;
  bool transposed_;
  Storage storage_;
  std::unique_ptr<vk::Buffer> buffer_;
  std::vector<float> host_;
};

KernelTarget target_of(const Access& access) {
  KernelTarget target = device().data()->target;
  target.texel_loads = access.texel_loads;
  target.max_storage_range = access.image_stores ? 1 : std::numeric_limits<std::uint64_t>::max();
  return target;
}

void run(const Dispatch& dispatch, const std::vector<vk::BufferRange>& ranges) {
  const auto& data = *device().data();
  std::vector<vk::BindingKind> kinds;
  for (const Binding& binding : dispatch.bindings) kinds.push_back(binding.kind);
  std::vector<std::uint32_t> words;
  for (const Moving& word : dispatch.push) words.push_back(static_cast<std::uint32_t>(word.at(0)));
  const vk::Pipeline& pipeline =
      data.pipelines->get(dispatch.source, kinds, static_cast<std::uint32_t>(words.size() * 4));
  vk::Descriptors descriptors(data.context);
  vk::CommandList list(data.context);
  list.begin();
  list.dispatch(pipeline, descriptors.get(pipeline, ranges), words.data(), dispatch.groups[0], dispatch.groups[1],
                dispatch.groups[2]);
  list.end();
  data.context->wait(data.context->submit(list.buffers()));
}

/// |got - sum a b| stays below what rounding of K products explains; padding is zero, and nothing else is written.
void compare(Matrices& a, Matrices& b, Matrices& c, const Extents& e) {
  double worst = 0;
  std::int64_t dirty = 0;
  for (std::int64_t i = 0; i < e.batches; ++i)
    for (std::int64_t m = 0; m < e.M; ++m) {
      for (std::int64_t n = 0; n < e.N; ++n) {
        double want = 0, size = 1;
        for (std::int64_t k = 0; k < e.K; ++k) {
          const double term = static_cast<double>(a.at(i, m, k)) * static_cast<double>(b.at(e.shared_b ? 0 : i, k, n));
          want += term;
          size += std::abs(term);
        }
        const double difference = std::abs(static_cast<double>(c.at(i, m, n)) - want) / size;
        worst = difference <= worst ? worst : difference;  // a NaN is kept
      }
      for (std::int64_t n = e.N; n < pad4(e.N); ++n) dirty += c.at(i, m, n) != 0;
    }
  EXPECT_LE(worst, 1e-6);
  EXPECT_EQ(dirty, 0) << "padding lanes of C are not zero";
  EXPECT_EQ(c.touched_outside(), 0) << "elements outside of C were written";
}

void multiply(const MatmulVariant& variant, const Extents& e, bool a_t, bool b_t, const Access& access,
              DType dtype = DType::f32) {
  SCOPED_TRACE(::testing::Message() << e.batches << " x [" << e.M << ", " << e.K << "] [" << e.K << ", " << e.N << "]");
  Matrices a(e.M, e.K, e.batches, a_t, 0, dtype), b(e.K, e.N, e.shared_b ? 1 : e.batches, b_t, 1, dtype);
  Matrices c(e.M, e.N, e.batches, false, 2);
  a.set_random(1);
  b.set_random(2);
  for (Matrices* m : {&a, &b, &c}) m->upload();
  const auto left = matrix_operand(a.view(e.batches)), right = matrix_operand(b.view(e.batches));
  ASSERT_TRUE(left && right);
  run(matmul_dispatch(*left, *right, c.view(e.batches), target_of(access), &variant),
      {a.range(), b.range(), c.range()});
  c.download();
  compare(a, b, c, e);
}

/// Odd extents, and one less, one more and exactly what a workgroup of the variant computes.
std::vector<Extents> extents_for(const MatmulVariant& v) {
  return {{1, 1, 1},
          {3, 7, 33},
          {7, 1, 3, 3},
          {1, 33, 65, 2},
          {v.rows, v.columns, 8},
          {v.rows + 1, v.columns + 1, 7, 2, true},
          {std::max(v.rows - 1, 1), v.columns - 1, 127},
          {2 * v.rows + 3, 2 * v.columns + 5, 36, 3}};
}

class Variants : public ::testing::TestWithParam<std::size_t> {
 protected:
  static void every_size(const MatmulVariant& variant, bool a_t, bool b_t, const Access& access) {
    SCOPED_TRACE(::testing::Message() << access.name << (a_t ? ", A transposed" : "") << (b_t ? ", B transposed" : ""));
    for (const Extents& e : extents_for(variant)) multiply(variant, e, a_t, b_t, access);
  }
};

TEST_P(Variants, SumElementsOfTheOperandsAlone) {
  const MatmulVariant& variant = matmul_variants()[GetParam()];
  if (variant.shuffle_lanes && variant.shuffle_lanes != device().data()->target.shuffle_lanes)
    return;  // never chosen here
  const Access texel{"texel loads", true, false}, storage{"storage loads", false, false};
  const bool for_gpus = variant.family == std::string("shared");
  for (const bool a_t : {false, true})
    for (const bool b_t : {false, true}) every_size(variant, a_t, b_t, for_gpus ? storage : texel);
  every_size(variant, false, true, for_gpus ? texel : storage);  // the way its devices do not take: once
  multiply(variant, {33, 65, 7, 2}, false, true, {"image stores", true, true});
}

// 16-bit operands differ in how a texel is loaded alone: each transposition and each way of reading, one size each.
TEST_P(Variants, ReadSixteenBits) {
  const MatmulVariant& v = matmul_variants()[GetParam()];
  if (v.shuffle_lanes && v.shuffle_lanes != device().data()->target.shuffle_lanes) return;  // never chosen here
  const Access texel{"texel loads", true, false}, storage{"storage loads", false, false};
  const bool for_gpus = v.family == std::string("shared");
  const Extents odd{v.rows + 1, v.columns + 1, 7, 2, true};
  for (const DType dtype : {DType::f16, DType::bf16}) {
    SCOPED_TRACE(name_of(dtype));
    for (const bool a_t : {false, true})
      for (const bool b_t : {false, true}) multiply(v, odd, a_t, b_t, for_gpus ? storage : texel, dtype);
    multiply(v, odd, false, true, for_gpus ? texel : storage, dtype);
  }
}

std::vector<std::size_t> all_variants() {
  std::vector<std::size_t> all(matmul_variants().size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  return all;
}

INSTANTIATE_TEST_SUITE_P(Table, Variants, ::testing::ValuesIn(all_variants()), [](const auto& row) {
  const MatmulVariant& v = matmul_variants()[row.param];
  return std::string(v.family) + "_" + std::to_string(v.rows) + "x" + std::to_string(v.columns) +
         (v.shuffle_lanes ? "_shuffle" : "");
});

TEST(ChooseMatmul, TakesOnlyWhatTheTargetCanRun) {
  KernelTarget target;
  for (const char* family : {"texel", "shared"}) {
    target.matmul = family;
    for (const std::int64_t extent : {1, 7, 33, 1000}) {
      const MatmulVariant& v = choose_matmul(extent, extent, 1, target);
      EXPECT_STREQ(v.family, family);
      EXPECT_EQ(v.shuffle_lanes, 0u);
    }
  }
  target.matmul = "none";
  EXPECT_THROW(choose_matmul(1, 1, 1, target), Unsupported);
}

TEST(MatrixOperand, RefusesWhatNoKernelCanRead) {
  const Storage storage;
  const View whole = natural_view(&storage, {8, 12});
  EXPECT_TRUE(matrix_operand(whole));
  EXPECT_TRUE(matrix_operand(*transpose_view(whole, {1, 0}))->transposed);
  EXPECT_TRUE(matrix_operand(*slice_view(whole, 1, 4, 11)));
  EXPECT_FALSE(matrix_operand(*slice_view(whole, 1, 1, 9))) << "rows off the texel grid";
  EXPECT_FALSE(matrix_operand(*reshape_view(natural_view(&storage, {8, 11}), {11, 8}))) << "padding inside the rows";
  EXPECT_FALSE(matrix_operand(*broadcast_view(natural_view(&storage, {8, 1}), {8, 12}))) << "one element a row";
  EXPECT_FALSE(matrix_operand(natural_view(&storage, {12}))) << "a vector";
}

}  // namespace
}  // namespace volute::test
