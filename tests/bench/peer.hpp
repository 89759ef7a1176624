// The peer: PyTorch in a child process that is kept alive and told over a pipe to make one more step.
// Invariant: between commands the child waits for its pipe and takes no processor time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/bench/rows.hpp"

namespace volute::bench {

class Peer {
 public:
  /// Starts `python` with peer_torch.py. Throws std::runtime_error with the reason if it does not answer.
  Peer(const std::string& python, bool gpu, unsigned cores);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// "PyTorch 1.13.1, 2 threads, cpu".
  const std::string& description() const { return description_; }
  /// Builds the step that later calls of step() make.
  void load(const StepRow& row);
  /// Milliseconds of one more step.
  double step();
  /// Milliseconds of a product, median; the numbers are those of KernelCase::gemm.
  double gemm(const std::vector<std::int64_t>& sizes);

 private:
  std::string ask(const std::string& command);
  std::string read_line();

  int to_ = -1, from_ = -1, process_ = -1;
  std::string received_, description_;
};

}  // namespace volute::bench
