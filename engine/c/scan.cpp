// Loops through volute.h: the caller's body inside the body of a C++ scan.
#include "engine/c/handles.hpp"

using namespace volute;
using namespace volute::c;

namespace {

std::vector<volute_tensor> all_to_c(std::span<const Tensor> tensors) {
  std::vector<volute_tensor> all;
  for (Tensor t : tensors) all.push_back(to_c(t));
  return all;
}

struct Body {
  volute_scan_body call;
  void* user;
  std::uint32_t outputs;

  ScanStep operator()(std::span<const Tensor> xs, std::span<const Tensor> states) const {
    const std::vector<volute_tensor> in = all_to_c(xs), old = all_to_c(states);
    std::vector<volute_tensor> next(states.size()), out(outputs);
    forget_error();
    const volute_status status = call(user, in.data(), old.data(), next.data(), out.data());
    if (status != VOLUTE_OK) {
      const std::string said = volute_last_error();
      throw Aborted(status, "the body gave up with " + std::string(volute_status_name(status)) + " (" +
                                std::to_string(status) + ")" + (said.empty() ? "" : ": ") + said);
    }
    return {need_tensors(next.data(), static_cast<std::uint32_t>(next.size()), "next_states"),
            need_tensors(out.data(), outputs, "outputs")};
  }
};

}  // namespace

volute_status volute_scan(const volute_tensor* xs, std::uint32_t x_count, const volute_tensor* initial,
                          std::uint32_t state_count, std::uint32_t output_count, volute_scan_body body, void* user,
                          const volute_scan_options* options, volute_tensor* outputs, volute_tensor* last) {
  return guard(__func__, [&] {
    const volute_scan_options o = need_options(options, "options");
    if (!body) refuse("body", "is NULL");
    need_array(outputs, output_count, "outputs");
    const ScanResult result =
        scan(need_tensors(xs, x_count, "xs"), need_tensors(initial, state_count, "initial"),
             Body{body, user, output_count}, {.reverse = o.reverse != 0, .length = o.length});
    std::transform(result.outputs.begin(), result.outputs.end(), outputs, to_c);
    if (last) std::transform(result.last.begin(), result.last.end(), last, to_c);
  });
}
