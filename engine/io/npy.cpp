// Arrays from and to NumPy's files; the header is read by npy_header.cpp.
// Invariant: an element is kept as it is, or rounded where the header of io.hpp says so, or refused by its index.
#include <bit>
#include <cmath>
#include <limits>

#include <volute/io.hpp>

#include "engine/io/file.hpp"
#include "engine/io/npy_header.hpp"
#include "engine/io/tensor.hpp"

namespace volute::io {
namespace {

template <class T>
T number_at(const char* from, bool big_endian) {
  unsigned char bytes[sizeof(T)];
  for (std::size_t i = 0; i < sizeof(T); ++i)
    bytes[i] = static_cast<unsigned char>(from[big_endian ? sizeof(T) - 1 - i : i]);
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// The bits of one element as f32 or u32; `why` is set if it cannot be one.
class Element {
 public:
  Element(const NpyHeader& header, DType as) : h_(header), as_(as) {}

  std::uint32_t operator()(const char* from, std::string& why) const {
    const bool big = h_.big_endian;
    switch (h_.kind) {
      case 'f':
        return real(h_.size == 2   ? f32_of_f16(number_at<std::uint16_t>(from, big))
                    : h_.size == 4 ? number_at<float>(from, big)
                                   : number_at<double>(from, big),
                    why);
      case 'i':
        return whole<std::int64_t>(h_.size == 1   ? number_at<std::int8_t>(from, big)
                                   : h_.size == 2 ? number_at<std::int16_t>(from, big)
                                   : h_.size == 4 ? number_at<std::int32_t>(from, big)
                                                  : number_at<std::int64_t>(from, big),
                                   why);
      default:
        const auto value = h_.size == 1   ? number_at<std::uint8_t>(from, big)
                           : h_.size == 2 ? number_at<std::uint16_t>(from, big)
                           : h_.size == 4 ? number_at<std::uint32_t>(from, big)
                                          : number_at<std::uint64_t>(from, big);
        if (h_.kind == 'b' && value > 1) why = "is no boolean";
        return whole<std::uint64_t>(value, why);
    }
  }

 private:
  std::uint32_t real(double value, std::string& why) const {
    if (!std::isfinite(value)) {
      why = "is " + std::to_string(value);
      return 0;
    }
    if (as_ == DType::f32) {
      const auto rounded = static_cast<float>(value);
      if (!std::isfinite(rounded)) why = "is beyond f32";
      return std::bit_cast<std::uint32_t>(rounded);
    }
    const bool fits = value >= 0 && value <= std::numeric_limits<std::uint32_t>::max() && value == std::floor(value);
    if (!fits) why = "is " + std::to_string(value) + ", no number of u32";
    return fits ? static_cast<std::uint32_t>(value) : 0;
  }

  template <class T>
  std::uint32_t whole(T value, std::string& why) const {
    if (as_ == DType::u32) {
      if (value < T{0} || value > T{std::numeric_limits<std::uint32_t>::max()})
        why = "is " + std::to_string(value) + ", no number of u32; it can be asked for as f32";
      return static_cast<std::uint32_t>(value);
    }
    const auto rounded = static_cast<float>(value);
    constexpr float beyond = std::is_signed_v<T> ? 0x1p63f : 0x1p64f;  // where the way back is undefined
    if (rounded >= beyond || static_cast<T>(rounded) != value)
      why = "is " + std::to_string(value) + ", which f32 does not hold";
    return std::bit_cast<std::uint32_t>(rounded);
  }

  const NpyHeader& h_;
  const DType as_;
};

/// Where each element lies, taken in row-major order.
class Walk {
 public:
  explicit Walk(const NpyHeader& header) : shape_(header.shape), index_(header.shape.dims().size(), 0) {
    std::int64_t stride = header.size;
    strides_.resize(index_.size());
    for (std::size_t k = 0; k < index_.size(); ++k) {
      const std::size_t axis = header.fortran ? k : index_.size() - 1 - k;
      strides_[axis] = stride;
      stride *= shape_.dims()[axis];
    }
  }
  std::int64_t next() {
    const std::int64_t here = at_;
    for (std::size_t axis = index_.size(); axis-- > 0;) {
      at_ += strides_[axis];
      if (++index_[axis] < shape_.dims()[axis]) break;
      at_ -= strides_[axis] * index_[axis];
      index_[axis] = 0;
    }
    return here;
  }

 private:
  const Shape& shape_;
  std::vector<std::int64_t> index_, strides_;
  std::int64_t at_ = 0;
};

}  // namespace

HostArray parse_npy(std::string_view bytes, const std::string& name, std::optional<DType> as) {
  const NpyHeader header = read_npy_header(bytes, name);
  HostArray array{name, as.value_or(header.kind == 'f' ? DType::f32 : DType::u32), header.shape, {}};
  const auto count = static_cast<std::int64_t>((bytes.size() - header.data_at) / static_cast<std::size_t>(header.size));
  array.words.reserve(static_cast<std::size_t>(count));
  const Element element(header, array.dtype);
  Walk walk(header);
  std::string why;
  for (std::int64_t i = 0; i < count; ++i) {
    array.words.push_back(element(bytes.data() + header.data_at + walk.next(), why));
    if (!why.empty()) throw BadFile(name + ": " + element_name(header.shape, i) + " " + why);
  }
  return array;
}

std::string format_npy(const HostArray& array) {
  if (static_cast<std::uint64_t>(array.shape.elements()) != array.words.size())
    throw InvalidGraph("format_npy: array '" + array.name + "' " + array.shape.str() + " has " +
                       std::to_string(array.words.size()) + " words");
  if (array.dtype == DType::f32)
    if (const auto where = not_finite(array.shape, f32_values(array)))
      throw NotFinite("format_npy: array '" + array.name + "' " + array.shape.str() + ": " + *where);
  std::string shape;
  for (const std::int64_t extent : array.shape.dims()) shape += (shape.empty() ? "" : ", ") + std::to_string(extent);
  if (array.shape.rank() == 1) shape += ",";
  std::string text = "{'descr': '" + std::string(array.dtype == DType::f32 ? "<f4" : "<u4") +
                     "', 'fortran_order': False, 'shape': (" + shape + "), }";
  constexpr std::size_t before = 10, aligned = 64;  // the data are mapped into memory by others
  text.resize((before + text.size() + 1 + aligned - 1) / aligned * aligned - before - 1, ' ');
  text += '\n';
  std::string bytes = "\x93NUMPY";
  bytes += {'\x01', '\0', static_cast<char>(text.size() & 255), static_cast<char>(text.size() >> 8)};
  bytes += text;
  const std::size_t data = bytes.size();
  bytes.resize(data + array.words.size() * sizeof(std::uint32_t));
  if (!array.words.empty()) std::memcpy(bytes.data() + data, array.words.data(), bytes.size() - data);
  return bytes;
}

HostArray load_npy(const std::string& path, std::optional<DType> as) {
  HostArray array = parse_npy(read_file(path, data::max_file_bytes), path, as);
  array.name.clear();
  return array;
}

void save_npy(const std::string& path, const HostArray& array) {
  replace_file(path, format_npy(array));
}

}  // namespace volute::io
