// Operations through volute.h: each passes its tensors on, once none of them is empty.
#include "engine/c/handles.hpp"

using namespace volute;
using namespace volute::c;

namespace {

template <class Operation>
volute_status unary(const char* function, volute_tensor a, volute_tensor* out, Operation operation) {
  return guard(function, [&] {
    const Tensor x = need_tensor(a, "a");
    need(out, "out");
    *out = to_c(operation(x));
  });
}

template <class Operation>
volute_status binary(const char* function, volute_tensor a, volute_tensor b, volute_tensor* out, Operation operation) {
  return guard(function, [&] {
    const Tensor x = need_tensor(a, "a"), y = need_tensor(b, "b");
    need(out, "out");
    *out = to_c(operation(x, y));
  });
}

std::vector<int> need_axes(std::uint32_t count, const std::int32_t* axes, const char* name) {
  need_array(axes, count, name);
  return {axes, axes + count};
}

}  // namespace

extern "C" {

volute_status volute_add(volute_tensor a, volute_tensor b, volute_tensor* out) {
  return binary(__func__, a, b, out, [](Tensor x, Tensor y) { return x + y; });
}

volute_status volute_sub(volute_tensor a, volute_tensor b, volute_tensor* out) {
  return binary(__func__, a, b, out, [](Tensor x, Tensor y) { return x - y; });
}

volute_status volute_mul(volute_tensor a, volute_tensor b, volute_tensor* out) {
  return binary(__func__, a, b, out, [](Tensor x, Tensor y) { return x * y; });
}

volute_status volute_div(volute_tensor a, volute_tensor b, volute_tensor* out) {
  return binary(__func__, a, b, out, [](Tensor x, Tensor y) { return x / y; });
}

volute_status volute_maximum(volute_tensor a, volute_tensor b, volute_tensor* out) {
  return binary(__func__, a, b, out, maximum);
}

volute_status volute_minimum(volute_tensor a, volute_tensor b, volute_tensor* out) {
  return binary(__func__, a, b, out, minimum);
}

volute_status volute_affine(volute_tensor a, float factor, float offset, volute_tensor* out) {
  return unary(__func__, a, out, [&](Tensor x) { return x * factor + offset; });
}

volute_status volute_less(volute_tensor a, volute_tensor b, volute_tensor* out) {
  return binary(__func__, a, b, out, less);
}

volute_status volute_equal(volute_tensor a, volute_tensor b, volute_tensor* out) {
  return binary(__func__, a, b, out, equal);
}

volute_status volute_where(volute_tensor condition, volute_tensor a, volute_tensor b, volute_tensor* out) {
  return binary(__func__, a, b, out,
                [&](Tensor x, Tensor y) { return where(need_tensor(condition, "condition"), x, y); });
}

volute_status volute_neg(volute_tensor a, volute_tensor* out) {
  return unary(__func__, a, out, [](Tensor x) { return -x; });
}

volute_status volute_exp(volute_tensor a, volute_tensor* out) { return unary(__func__, a, out, volute::exp); }
volute_status volute_expm1(volute_tensor a, volute_tensor* out) { return unary(__func__, a, out, volute::expm1); }
volute_status volute_log(volute_tensor a, volute_tensor* out) { return unary(__func__, a, out, volute::log); }
volute_status volute_sqrt(volute_tensor a, volute_tensor* out) { return unary(__func__, a, out, volute::sqrt); }
volute_status volute_abs(volute_tensor a, volute_tensor* out) { return unary(__func__, a, out, volute::abs); }
volute_status volute_tanh(volute_tensor a, volute_tensor* out) { return unary(__func__, a, out, volute::tanh); }
volute_status volute_sigmoid(volute_tensor a, volute_tensor* out) { return unary(__func__, a, out, sigmoid); }
volute_status volute_relu(volute_tensor a, volute_tensor* out) { return unary(__func__, a, out, relu); }
volute_status volute_to_f32(volute_tensor a, volute_tensor* out) { return unary(__func__, a, out, to_f32); }
volute_status volute_to_u32(volute_tensor a, volute_tensor* out) { return unary(__func__, a, out, to_u32); }
volute_status volute_argmax(volute_tensor a, volute_tensor* out) { return unary(__func__, a, out, argmax); }

volute_status volute_stop_gradient(volute_tensor a, volute_tensor* out) {
  return unary(__func__, a, out, stop_gradient);
}

volute_status volute_dropout(volute_tensor a, float p, volute_tensor* out) {
  return unary(__func__, a, out, [&](Tensor x) { return dropout(x, p); });
}

volute_status volute_sum(volute_tensor a, std::uint32_t count, const std::int32_t* axes, std::int32_t keepdims,
                         volute_tensor* out) {
  return unary(__func__, a, out, [&](Tensor x) { return sum(x, need_axes(count, axes, "axes"), keepdims != 0); });
}

volute_status volute_mean(volute_tensor a, std::uint32_t count, const std::int32_t* axes, std::int32_t keepdims,
                          volute_tensor* out) {
  return unary(__func__, a, out, [&](Tensor x) { return mean(x, need_axes(count, axes, "axes"), keepdims != 0); });
}

volute_status volute_max(volute_tensor a, std::uint32_t count, const std::int32_t* axes, std::int32_t keepdims,
                         volute_tensor* out) {
  return unary(__func__, a, out,
               [&](Tensor x) { return volute::max(x, need_axes(count, axes, "axes"), keepdims != 0); });
}

volute_status volute_softmax(volute_tensor a, std::int32_t axis, volute_tensor* out) {
  return unary(__func__, a, out, [&](Tensor x) { return softmax(x, axis); });
}

volute_status volute_log_softmax(volute_tensor a, std::int32_t axis, volute_tensor* out) {
  return unary(__func__, a, out, [&](Tensor x) { return log_softmax(x, axis); });
}

volute_status volute_reshape(volute_tensor a, std::uint32_t rank, const std::int64_t* dims, volute_tensor* out) {
  return unary(__func__, a, out, [&](Tensor x) { return reshape(x, need_shape(rank, dims)); });
}

volute_status volute_transpose(volute_tensor a, std::uint32_t count, const std::int32_t* order, volute_tensor* out) {
  return unary(__func__, a, out, [&](Tensor x) { return transpose(x, need_axes(count, order, "order")); });
}

volute_status volute_slice(volute_tensor a, std::int32_t axis, std::int64_t begin, std::int64_t end,
                           volute_tensor* out) {
  return unary(__func__, a, out, [&](Tensor x) { return slice(x, axis, begin, end); });
}

volute_status volute_concat(const volute_tensor* parts, std::uint32_t count, std::int32_t axis, volute_tensor* out) {
  return guard(__func__, [&] {
    const std::vector<Tensor> all = need_tensors(parts, count, "parts");
    need(out, "out");
    *out = to_c(concat(all, axis));
  });
}

volute_status volute_broadcast_to(volute_tensor a, std::uint32_t rank, const std::int64_t* dims, volute_tensor* out) {
  return unary(__func__, a, out, [&](Tensor x) { return broadcast_to(x, need_shape(rank, dims)); });
}

volute_status volute_matmul(volute_tensor a, volute_tensor b, std::int32_t transpose_a, std::int32_t transpose_b,
                            volute_tensor* out) {
  return binary(__func__, a, b, out,
                [&](Tensor x, Tensor y) { return matmul(x, y, transpose_a != 0, transpose_b != 0); });
}

volute_status volute_embedding(volute_tensor table, volute_tensor indices, volute_tensor* out) {
  return guard(__func__, [&] {
    const Tensor rows = need_tensor(table, "table"), at = need_tensor(indices, "indices");
    need(out, "out");
    *out = to_c(embedding(rows, at));
  });
}

volute_status volute_gradients(volute_tensor loss, const volute_tensor* wrt, std::uint32_t count, volute_tensor* out) {
  return guard(__func__, [&] {
    const Tensor of = need_tensor(loss, "loss");
    const std::vector<Tensor> found = gradients(of, need_tensors(wrt, count, "wrt"));
    need_array(out, count, "out");
    std::transform(found.begin(), found.end(), out, to_c);
  });
}

}  // extern "C"
