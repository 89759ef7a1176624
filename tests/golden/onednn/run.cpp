// Runs one layer of oneDNN in one direction on arrays from stdin, for make_weight_goldens.py, and prints its outputs.
// Input: kind T N I H P gates bias_gates peephole projection, then x, both weights ldigo, bias, peepholes, projection.
#include <iostream>
#include <string>
#include <vector>

#include <oneapi/dnnl/dnnl.hpp>

using namespace dnnl;
using tag = memory::format_tag;

namespace {

engine cpu(engine::kind::cpu, 0);
stream queue(cpu);

memory::desc shaped(const memory::dims& dims, tag format) { return {dims, memory::data_type::f32, format}; }

memory read(const memory::desc& desc) {
  memory m(desc, cpu);
  auto* data = static_cast<float*>(m.get_data_handle());
  for (std::size_t i = 0; i < desc.get_size() / sizeof(float); ++i) std::cin >> data[i];
  return m;
}

}  // namespace

int main() {
  std::string kind;
  memory::dim T, N, I, H, P, G, B, peephole, projection;
  std::cin >> kind >> T >> N >> I >> H >> P >> G >> B >> peephole >> projection;
  const auto direction = rnn_direction::unidirectional_left2right;
  const auto x = shaped({T, N, I}, tag::tnc), out = shaped({T, N, P}, tag::tnc);
  const auto wx = shaped({1, 1, I, G, H}, tag::ldigo), wh = shaped({1, 1, P, G, H}, tag::ldigo);
  const auto bias = shaped({1, 1, B, H}, tag::ldgo);
  const auto peep = peephole ? shaped({1, 1, 3, H}, tag::ldgo) : memory::desc();
  const auto proj = projection ? shaped({1, 1, H, P}, tag::ldio) : memory::desc();
  const memory::desc none;
  std::unordered_map<int, memory> arguments;
  arguments[DNNL_ARG_SRC_LAYER] = read(x);
  arguments[DNNL_ARG_WEIGHTS_LAYER] = read(wx);
  arguments[DNNL_ARG_WEIGHTS_ITER] = read(wh);
  arguments[DNNL_ARG_BIAS] = read(bias);
  if (peephole) arguments[DNNL_ARG_WEIGHTS_PEEPHOLE] = read(peep);
  if (projection) arguments[DNNL_ARG_WEIGHTS_PROJECTION] = read(proj);
  memory result(out, cpu);
  arguments[DNNL_ARG_DST_LAYER] = result;
  const auto run = [&](auto descriptor, auto primitive_desc, auto primitive) {
    using Desc = decltype(primitive_desc);
    using Primitive = decltype(primitive);
    Primitive(Desc(descriptor, cpu)).execute(queue, arguments);
  };
  const auto inference = prop_kind::forward_inference;
  if (kind == "rnn")
    run(vanilla_rnn_forward::desc(inference, algorithm::eltwise_tanh, direction, x, none, wx, wh, bias, out, none),
        vanilla_rnn_forward::primitive_desc(), vanilla_rnn_forward());
  else if (kind == "lstm")
    run(lstm_forward::desc(inference, direction, x, none, none, wx, wh, peep, proj, bias, out, none, none),
        lstm_forward::primitive_desc(), lstm_forward());
  else if (kind == "gru")
    run(gru_forward::desc(inference, direction, x, none, wx, wh, bias, out, none), gru_forward::primitive_desc(),
        gru_forward());
  else
    run(lbr_gru_forward::desc(inference, direction, x, none, wx, wh, bias, out, none),
        lbr_gru_forward::primitive_desc(), lbr_gru_forward());
  queue.wait();
  std::cout.precision(9);
  const auto* values = static_cast<const float*>(result.get_data_handle());
  for (memory::dim i = 0; i < T * N * P; ++i) std::cout << values[i] << '\n';
}
