// TensorProto to constants. See onnx_operand.hpp.
#include <bit>
#include <cstring>

#include <volute/io.hpp>

#include "engine/interchange/onnx_operand.hpp"

namespace volute::onnx {
namespace {

using ::onnx::TensorProto;

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian");

std::string type_name(int type) {
  return TensorProto::DataType_IsValid(type) ? TensorProto::DataType_Name(static_cast<TensorProto::DataType>(type))
                                             : "number " + std::to_string(type);
}

template <class T>
std::vector<double> from_raw(const std::string& raw) {
  std::vector<double> values(raw.size() / sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i) {
    T value;
    std::memcpy(&value, raw.data() + i * sizeof(T), sizeof(T));
    values[i] = static_cast<double>(value);
  }
  return values;
}

template <class T, class Field>
std::vector<double> from(const TensorProto& tensor, const Field& field, const std::string& where) {
  if (tensor.has_raw_data()) {
    if (tensor.raw_data().size() % sizeof(T)) throw BadFile(where + ": its data is cut off");
    return from_raw<T>(tensor.raw_data());
  }
  return {field.begin(), field.end()};
}

std::vector<double> values_of(const TensorProto& t, const std::string& where) {
  switch (t.data_type()) {
    case TensorProto::FLOAT: return from<float>(t, t.float_data(), where);
    case TensorProto::DOUBLE: return from<double>(t, t.double_data(), where);
    case TensorProto::INT64: return from<std::int64_t>(t, t.int64_data(), where);
    case TensorProto::INT32: return from<std::int32_t>(t, t.int32_data(), where);
    case TensorProto::BOOL:
    case TensorProto::UINT8: return from<std::uint8_t>(t, t.int32_data(), where);
    default: throw Unsupported(where + ": the type " + type_name(t.data_type()) + " is not supported");
  }
}

}  // namespace

std::string quoted(const std::string& name) { return "\"" + io::printable(name, 200) + "\""; }

Operand constant_operand(Shape shape, std::vector<double> values, Element element) {
  return {{}, std::make_shared<const Constant>(Constant{std::move(shape), std::move(values)}), element};
}

Operand integers_operand(const std::vector<std::int64_t>& values) {
  return constant_operand({static_cast<std::int64_t>(values.size())}, {values.begin(), values.end()}, Element::integer);
}

Element element_of(int onnx_type, const std::string& where) {
  switch (onnx_type) {
    case TensorProto::FLOAT:
    case TensorProto::DOUBLE: return Element::real;
    case TensorProto::INT64:
    case TensorProto::INT32:
    case TensorProto::UINT8: return Element::integer;
    case TensorProto::BOOL: return Element::truth;
    default: throw Unsupported(where + ": the type " + type_name(onnx_type) + " is not supported");
  }
}

Operand read_tensor(const TensorProto& tensor, const std::string& where) {
  if (tensor.data_location() == TensorProto::EXTERNAL || tensor.external_data_size())
    throw Unsupported(where + ": its data is in another file, which is not supported; save the model as one file");
  if (tensor.dims_size() > max_rank) throw BadFile(where + ": has " + std::to_string(tensor.dims_size()) + " axes");
  const Shape shape(std::vector<std::int64_t>(tensor.dims().begin(), tensor.dims().end()));
  std::int64_t count = 0;
  try {
    count = shape.elements();
  } catch (const InvalidGraph& error) {
    throw BadFile(where + ": " + error.what());
  }
  std::vector<double> values = values_of(tensor, where);
  if (count != static_cast<std::int64_t>(values.size()))
    throw BadFile(where + ": shape " + shape.str() + " needs " + std::to_string(count) + " values, there are " +
                  std::to_string(values.size()));
  return constant_operand(shape, std::move(values), element_of(tensor.data_type(), where));
}

}  // namespace volute::onnx
