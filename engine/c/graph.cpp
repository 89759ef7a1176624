// Graphs, tensors and parameters through volute.h.
#include "engine/c/handles.hpp"

using namespace volute;
using namespace volute::c;

namespace {

DType need_dtype(volute_dtype dtype) { return need_enum(dtype, DType::u32, "dtype"); }

}  // namespace

extern "C" {

volute_status volute_graph_create(volute_mode mode, volute_graph** graph) {
  return guard(__func__, [&] {
    need(graph, "graph");
    give(graph, Graph(need_enum(mode, Mode::inference, "mode")));
  });
}

void volute_graph_destroy(volute_graph* graph) { delete graph; }

volute_status volute_graph_input(volute_graph* graph, const char* name, volute_dtype dtype, std::uint32_t rank,
                                 const std::int64_t* dims, volute_tensor* out) {
  return guard(__func__, [&] {
    Graph& g = need(graph, "graph").graph;
    need(out, "out");
    *out = to_c(g.input(&need(name, "name"), need_shape(rank, dims), need_dtype(dtype)));
  });
}

volute_status volute_graph_scalar(volute_graph* graph, const char* name, float value, volute_tensor* out) {
  return guard(__func__, [&] {
    Graph& g = need(graph, "graph").graph;
    need(out, "out");
    *out = to_c(g.scalar(&need(name, "name"), value));
  });
}

volute_status volute_graph_state(volute_graph* graph, const char* name, volute_dtype dtype, std::uint32_t rank,
                                 const std::int64_t* dims, float initial, volute_tensor* out) {
  return guard(__func__, [&] {
    Graph& g = need(graph, "graph").graph;
    need(out, "out");
    *out = to_c(g.state(&need(name, "name"), need_shape(rank, dims), initial, need_dtype(dtype)));
  });
}

volute_status volute_graph_carry(volute_graph* graph, volute_tensor target, volute_tensor value) {
  return guard(__func__, [&] {
    need(graph, "graph").graph.carry(need_tensor(target, "target"), need_tensor(value, "value"));
  });
}

volute_status volute_graph_parameter(volute_graph* graph, const volute_parameter* parameter, volute_tensor* out) {
  return guard(__func__, [&] {
    Graph& g = need(graph, "graph").graph;
    need(out, "out");
    *out = to_c(g.parameter(need(parameter, "parameter").parameter));
  });
}

volute_status volute_graph_full(volute_graph* graph, float value, std::uint32_t rank, const std::int64_t* dims,
                                volute_tensor* out) {
  return guard(__func__, [&] {
    Graph& g = need(graph, "graph").graph;
    need(out, "out");
    *out = to_c(g.full(need_shape(rank, dims), value));
  });
}

volute_status volute_tensor_dtype(volute_tensor tensor, volute_dtype* dtype) {
  return guard(__func__, [&] {
    const Tensor t = need_tensor(tensor, "tensor");
    need(dtype, "dtype") = static_cast<volute_dtype>(t.dtype());
  });
}

volute_status volute_tensor_shape(volute_tensor tensor, std::uint32_t capacity, std::int64_t* dims,
                                  std::uint32_t* rank) {
  return guard(__func__, [&] { give_shape(need_tensor(tensor, "tensor").shape(), capacity, dims, rank); });
}

volute_status volute_parameter_create(const char* name, std::uint32_t rank, const std::int64_t* dims,
                                      const float* values, std::uint64_t count, volute_parameter** parameter) {
  return guard(__func__, [&] {
    need(parameter, "parameter");
    need_array(values, count, "values");
    give(parameter, Parameter(&need(name, "name"), need_shape(rank, dims), std::vector<float>(values, values + count)));
  });
}

void volute_parameter_destroy(volute_parameter* parameter) { delete parameter; }

const char* volute_parameter_name(const volute_parameter* parameter) {
  return parameter ? parameter->parameter.name().c_str() : "";
}

volute_status volute_parameter_shape(const volute_parameter* parameter, std::uint32_t capacity, std::int64_t* dims,
                                     std::uint32_t* rank) {
  return guard(__func__,
               [&] { give_shape(need(parameter, "parameter").parameter.shape(), capacity, dims, rank); });
}

volute_status volute_parameter_read(const volute_parameter* parameter, float* values, std::uint64_t count) {
  return guard(__func__, [&] {
    const Parameter& p = need(parameter, "parameter").parameter;
    need(values, "values");
    check_count("parameter \"" + p.name() + "\"", p.shape(), count);
    const std::vector<float> read = p.values();
    std::copy(read.begin(), read.end(), values);
  });
}

volute_status volute_parameter_write(volute_parameter* parameter, const float* values, std::uint64_t count) {
  return guard(__func__, [&] {
    Parameter& p = need(parameter, "parameter").parameter;
    p.set({need_array(values, count, "values"), static_cast<std::size_t>(count)});
  });
}

}  // extern "C"
