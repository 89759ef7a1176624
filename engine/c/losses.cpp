// Losses through volute.h.
#include "engine/c/handles.hpp"

using namespace volute;
using namespace volute::c;

namespace {

Reduction need_reduction(volute_reduction reduction) { return need_enum(reduction, Reduction::none, "reduction"); }

ClassOptions class_options(const volute_class_options* given) {
  const volute_class_options o = need_options(given, "options");
  check_reserved(o.reserved, "options");
  ClassOptions options;
  if (o.has_ignore_index) options.ignore_index = o.ignore_index;
  options.label_smoothing = o.label_smoothing;
  options.class_weights = to_cpp(o.class_weights);
  options.reduction = need_reduction(o.reduction);
  return options;
}

/// A loss of two tensors, under the names the header gives them.
template <class Loss>
volute_status loss_of(const char* function, volute_tensor a, const char* a_name, volute_tensor b, const char* b_name,
                      volute_tensor* out, Loss loss) {
  return guard(function, [&] {
    const Tensor x = need_tensor(a, a_name), y = need_tensor(b, b_name);
    need(out, "out");
    *out = to_c(loss(x, y));
  });
}

}  // namespace

extern "C" {

volute_status volute_cross_entropy(volute_tensor logits, volute_tensor targets, const volute_class_options* options,
                                   volute_tensor* out) {
  return loss_of(__func__, logits, "logits", targets, "targets", out, [&](Tensor x, Tensor y) {
    return options ? cross_entropy(x, y, class_options(options)) : cross_entropy(x, y);
  });
}

volute_status volute_nll_loss(volute_tensor log_probabilities, volute_tensor targets,
                              const volute_class_options* options, volute_tensor* out) {
  return loss_of(__func__, log_probabilities, "log_probabilities", targets, "targets", out,
                 [&](Tensor x, Tensor y) { return nll_loss(x, y, class_options(options)); });
}

volute_status volute_mse_loss(volute_tensor prediction, volute_tensor target, volute_reduction reduction,
                              volute_tensor* out) {
  return loss_of(__func__, prediction, "prediction", target, "target", out,
                 [&](Tensor x, Tensor y) { return mse_loss(x, y, need_reduction(reduction)); });
}

volute_status volute_l1_loss(volute_tensor prediction, volute_tensor target, volute_reduction reduction,
                             volute_tensor* out) {
  return loss_of(__func__, prediction, "prediction", target, "target", out,
                 [&](Tensor x, Tensor y) { return l1_loss(x, y, need_reduction(reduction)); });
}

volute_status volute_huber_loss(volute_tensor prediction, volute_tensor target, float delta,
                                volute_reduction reduction, volute_tensor* out) {
  return loss_of(__func__, prediction, "prediction", target, "target", out,
                 [&](Tensor x, Tensor y) { return huber_loss(x, y, delta, need_reduction(reduction)); });
}

volute_status volute_bce_with_logits(volute_tensor logits, volute_tensor targets, const volute_binary_options* options,
                                     volute_tensor* out) {
  return loss_of(__func__, logits, "logits", targets, "targets", out, [&](Tensor x, Tensor y) {
    const volute_binary_options o = need_options(options, "options");
    return bce_with_logits(x, y, {to_cpp(o.weight), to_cpp(o.pos_weight), need_reduction(o.reduction)});
  });
}

}  // extern "C"
