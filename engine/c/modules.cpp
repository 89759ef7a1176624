// Layers through volute.h, the recurrent ones apart (recurrent.cpp).
#include "engine/c/handles.hpp"

using namespace volute;
using namespace volute::c;

namespace {

struct Apply {
  Tensor x;
  Tensor operator()(const Collection&) const { refuse("module", "holds parameters alone and cannot be applied"); }
  template <class Module>
  Tensor operator()(const Module& module) const {
    return module(x);
  }
};

}  // namespace

extern "C" {

void volute_manual_seed(std::uint64_t seed) { manual_seed(seed); }

volute_status volute_embedding_create(std::int64_t vocabulary, std::int64_t size,
                                      const volute_embedding_options* options, volute_module** module) {
  return guard(__func__, [&] {
    const volute_embedding_options o = need_options(options, "options");
    need(module, "module");
    const std::int64_t padding = o.has_padding ? static_cast<std::int64_t>(o.padding) : -1;
    give(module, nn::Embedding(vocabulary, size, {.padding = padding, .frozen = o.frozen != 0}));
  });
}

volute_status volute_linear_create(std::int64_t inputs, std::int64_t outputs, const volute_linear_options* options,
                                   volute_module** module) {
  return guard(__func__, [&] {
    const volute_linear_options o = need_options(options, "options");
    need(module, "module");
    give(module, nn::Linear(inputs, outputs, !o.no_bias));
  });
}

volute_status volute_linear_create_tied(const volute_module* embedding, const volute_linear_options* options,
                                        volute_module** module) {
  return guard(__func__, [&] {
    const auto* tied = std::get_if<nn::Embedding>(&need(embedding, "embedding").layer);
    if (!tied) refuse("embedding", "is another module");
    const volute_linear_options o = need_options(options, "options");
    need(module, "module");
    give(module, nn::Linear(*tied, !o.no_bias));
  });
}

volute_status volute_layer_norm_create(std::int64_t size, volute_module** module) {
  return guard(__func__, [&] {
    need(module, "module");
    give(module, nn::LayerNorm(size));
  });
}

volute_status volute_dropout_create(float p, std::int32_t over_time, volute_module** module) {
  return guard(__func__, [&] {
    need(module, "module");
    give(module, nn::Dropout(p, over_time != 0));
  });
}

volute_status volute_module_create(const volute_parameter* const* parameters, std::uint32_t count,
                                   volute_module** module) {
  return guard(__func__, [&] {
    need_array(parameters, count, "parameters");
    need(module, "module");
    std::vector<Parameter> all;
    for (std::uint32_t i = 0; i < count; ++i)
      all.push_back(need(parameters[i], ("parameters[" + std::to_string(i) + "]").c_str()).parameter);
    give(module, Collection(std::move(all)));
  });
}

void volute_module_destroy(volute_module* module) { delete module; }

volute_status volute_module_apply(const volute_module* module, volute_tensor x, volute_tensor* out) {
  return guard(__func__, [&] {
    const Layer& layer = need(module, "module").layer;
    const Tensor input = need_tensor(x, "x");
    need(out, "out");
    *out = to_c(std::visit(Apply{input}, layer));
  });
}

volute_status volute_module_parameter_count(const volute_module* module, std::uint32_t* count) {
  return guard(__func__, [&] {
    const auto size = need(module, "module").base().parameters().size();
    need(count, "count") = static_cast<std::uint32_t>(size);
  });
}

volute_status volute_module_parameter(const volute_module* module, std::uint32_t index, volute_parameter** parameter) {
  return guard(__func__, [&] {
    const std::vector<Parameter>& all = need(module, "module").base().parameters();
    need(parameter, "parameter");
    if (index >= all.size())
      refuse("index", std::to_string(index) + " is beyond the " + std::to_string(all.size()) + " parameters");
    give(parameter, all[index]);
  });
}

}  // extern "C"
