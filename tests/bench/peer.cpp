// Child process and pipe; see peer.hpp. POSIX only, as is the peer's set-up.
#include "tests/bench/peer.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace volute::bench {
namespace {

constexpr int patience_ms = 300'000;  // a cold import and the largest step together take less

/// Waiting threads must not spin: they would take the processors from Volute's turn.
std::vector<std::string> peer_environment(unsigned cores) {
  std::vector<std::string> values;
  for (char** entry = environ; *entry; ++entry) values.emplace_back(*entry);
  values.push_back("OMP_WAIT_POLICY=PASSIVE");
  values.push_back("OMP_NUM_THREADS=" + std::to_string(cores));
  values.push_back("OPENBLAS_NUM_THREADS=" + std::to_string(cores));
  return values;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

}  // namespace

Peer::Peer(const std::string& python, bool gpu, unsigned cores) {
  int commands[2], answers[2];
  if (pipe(commands) != 0 || pipe(answers) != 0) throw std::runtime_error("peer: no pipe");
  signal(SIGPIPE, SIG_IGN);  // a peer that died is found by its missing answer
  std::vector<std::string> arguments = {python, std::string(VOLUTE_SOURCE_DIR) + "/tests/bench/peer_torch.py", "serve",
                                        gpu ? "--gpu" : "--cpu"};
  std::vector<std::string> environment = peer_environment(cores);
  const auto argument_list = pointers(arguments), environment_list = pointers(environment);
  process_ = fork();
  if (process_ == 0) {
    dup2(commands[0], 0);
    dup2(answers[1], 1);
    for (int end : {commands[0], commands[1], answers[0], answers[1]}) close(end);
    execvpe(python.c_str(), argument_list.data(), environment_list.data());
    _exit(127);
  }
  close(commands[0]);
  close(answers[1]);
  to_ = commands[1];
  from_ = answers[0];
  try {
    if (process_ < 0) throw std::runtime_error("peer: no process");
    const auto hello = nlohmann::json::parse(read_line());
    description_ = "PyTorch " + hello.at("version").get<std::string>() + ", " +
                   std::to_string(hello.at("threads").get<int>()) + " threads, " +
                   hello.at("device").get<std::string>();
  } catch (...) {
    close(to_);
    close(from_);
    if (process_ > 0) waitpid(process_, nullptr, 0);
    throw;
  }
}

Peer::~Peer() {
  close(to_);  // the end of its input ends it
  close(from_);
  waitpid(process_, nullptr, 0);
}

std::string Peer::read_line() {
  for (;;) {
    const auto end = received_.find('\n');
    if (end != std::string::npos) {
      const std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      return line;
    }
    pollfd wait{from_, POLLIN, 0};
    if (poll(&wait, 1, patience_ms) == 0) throw std::runtime_error("peer: no answer");
    char buffer[4096];
    const ssize_t count = read(from_, buffer, sizeof buffer);
    if (count <= 0) throw std::runtime_error("peer: it ended; its message, if any, is above");
    received_.append(buffer, static_cast<std::size_t>(count));
  }
}

std::string Peer::ask(const std::string& command) {
  const std::string line = command + "\n";
  if (write(to_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    throw std::runtime_error("peer: it ended; its message, if any, is above");
  return read_line();
}

void Peer::load(const StepRow& row) {
  std::string command = row.layer_only() ? "layer" : "model";
  command += " " + row.cell;
  for (std::int64_t n : {row.V, row.layer_only() ? layer_features : row.E, row.H, row.L, row.B, row.T})
    command += " " + std::to_string(n);
  if (const std::string answer = ask(command); answer != "ready") throw std::runtime_error("peer: " + answer);
}

double Peer::step() { return nlohmann::json::parse(ask("step")).at("ms"); }

double Peer::gemm(const std::vector<std::int64_t>& sizes) {
  std::string command = "gemm";
  for (std::int64_t n : sizes) command += " " + std::to_string(n);
  return nlohmann::json::parse(ask(command)).at("ms");
}

}  // namespace volute::bench
