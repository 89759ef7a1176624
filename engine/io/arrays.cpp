// Arrays on the host.
// Invariant: what comes out has as many words as its shape has elements.
#include <bit>

#include <volute/io.hpp>

namespace volute::io {
namespace {

template <class T>
HostArray made(DType dtype, Shape shape, std::span<const T> values, std::string name) {
  if (static_cast<std::uint64_t>(shape.elements()) != values.size())
    throw InvalidGraph("host_array: " + shape.str() + " has " + std::to_string(shape.elements()) + " elements, got " +
                       std::to_string(values.size()) + " values");
  HostArray array{std::move(name), dtype, std::move(shape), {}};
  array.words.reserve(values.size());
  for (const T value : values) array.words.push_back(std::bit_cast<std::uint32_t>(value));
  return array;
}

}  // namespace

HostArray host_array(Shape shape, std::span<const float> values, std::string name) {
  return made(DType::f32, std::move(shape), values, std::move(name));
}

HostArray host_array(Shape shape, std::span<const std::uint32_t> values, std::string name) {
  return made(DType::u32, std::move(shape), values, std::move(name));
}

std::vector<float> f32_values(const HostArray& array) {
  if (array.dtype != DType::f32) throw InvalidGraph("f32_values: array '" + array.name + "' is of u32");
  if (static_cast<std::uint64_t>(array.shape.elements()) != array.words.size())
    throw InvalidGraph("f32_values: array '" + array.name + "' " + array.shape.str() + " has " +
                       std::to_string(array.words.size()) + " words");
  std::vector<float> values;
  values.reserve(array.words.size());
  for (const std::uint32_t word : array.words) values.push_back(std::bit_cast<float>(word));
  return values;
}

}  // namespace volute::io
