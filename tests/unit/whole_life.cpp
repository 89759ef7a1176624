// A small LSTM with dropout between its layers, Adam and clipping, trained in several submissions; a second program
// that shares its weights.
#include "tests/unit/whole_life.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "engine/compile/program_data.hpp"
#include "tests/support/bits.hpp"

namespace volute::test {
namespace {

constexpr std::int64_t T = 5, N = 2, C = 3, H = 4;

std::vector<float> ramp(std::size_t count, int number) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i)
    values[i] = static_cast<float>((i * 7 + static_cast<std::size_t>(number) * 5) % 32) / 32.0f - 0.5f;
  return values;
}

}  // namespace

Habitat::Habitat(LifeOptions asked) : options(std::move(asked)), shim(options.masks) { renew(); }

void Habitat::renew() {
  application.reset();
  if (options.adopted) application.emplace(VulkanShim::entry(Side::application), VulkanShim::entry(Side::engine));
  messages_before_ = vk::validation_message_count();
  faults_before_ = shim.faults().size();
}

Device Habitat::make_device() {
  if (application) return interop::adopt(application->adoption());
  interop::Creation creation;
  creation.get_instance_proc_addr = VulkanShim::entry(Side::engine);
  return interop::create(creation);
}

std::string Habitat::complaints() const {
  std::string text;
  for (const auto& [type, count] : shim.live(Side::engine)) text += std::to_string(count) + " " + type + " left; ";
  const std::vector<std::string> faults = shim.faults();
  for (std::size_t i = faults_before_; i < faults.size(); ++i) text += faults[i] + "; ";
  if (vk::validation_message_count() > messages_before_) text += vk::last_validation_message();
  if (application && application->messages()) text += "a message to the application";
  return text;
}

struct Life::Network {
  Network() {
    x = g.input("x", {T, N, C});
    y = dropout(head(lstm(x, g.carried())), 0.1f);  // [T, N, 1]
    loss = mean((y - 0.25f) * (y - 0.25f));
    targets = minimize(loss, Adam{.lr = 1e-2f}, {.clip_norm = 0.5f});
    targets.outputs.push_back(y);
    px = p.input("x", {T, N, C});
    py = head(lstm(px));
  }
  static nn::LSTM seeded() {
    manual_seed(3);
    return {C, H};
  }

  nn::LSTM lstm = seeded();
  nn::Linear head{H, 1};
  Graph g, p{Mode::inference};
  Tensor x, y, loss, px, py;
  Targets targets;
  std::optional<Program> train, predict;
};

Life::Life(Habitat& habitat) : habitat_(habitat) {}
Life::~Life() = default;

const std::vector<Life::Step>& Life::steps() {
  static const std::vector<Step> all = {
      {"create_device", &Life::create_device}, {"build", &Life::build},
      {"compile", &Life::compile},             {"compile_another", &Life::compile_another},
      {"run", &Life::run},                     {"run_again", &Life::run_again},
      {"set", &Life::set},                     {"begin", &Life::begin},
      {"advance", &Life::advance},             {"set_in_step", &Life::set_in_step},
      {"finish", &Life::finish},               {"read", &Life::read},
      {"states", &Life::states},               {"keep", &Life::keep},
      {"run_again", &Life::run_again},         {"snapshot", &Life::snapshot},
      {"run_again", &Life::run_again},         {"restore", &Life::restore},
      {"parameters", &Life::parameters},
      {"bind_input", &Life::bind_input},       {"bind_output", &Life::bind_output},
      {"run_bound", &Life::run_bound},         {"unbind_input", &Life::unbind_input},
      {"unbind_output", &Life::unbind_output}, {"record", &Life::record},
      {"predict", &Life::predict},             {"reset", &Life::reset},
      {"run_again", &Life::run_again},         {"save", &Life::save},
      {"wait", &Life::wait},                   {"collect", &Life::collect},
      {"detach", &Life::detach}};
  return all;
}

void Life::live() {
  for (const Step& step : steps()) (this->*step.run)();
}

void Life::create_device() { device_.emplace(habitat_.make_device()); }

void Life::build() { network_ = std::make_unique<Network>(); }

void Life::compile() {
  network_->train.emplace(compile_program(device_->data(), network_->g, network_->targets,
                                          {.submission_seconds = 2e-5,
                                           .part_seconds = 1e-5,
                                           .profile = habitat_.options.profile,
                                           .tune = habitat_.options.tune}));
  if (network_->train->stats().submissions < 3) throw std::logic_error("a step is to take several submissions");
}

void Life::compile_another() {
  network_->predict.emplace(device_->compile(network_->p, {.outputs = {network_->py}}));
}

void Life::run() { network_->train->run({{network_->x, ramp(T * N * C, 0)}}); }

void Life::run_again() { network_->train->run({{network_->x, ramp(T * N * C, 1)}}); }

void Life::set() {
  network_->train->set("lr", 2e-2f);
  network_->train->seed(7);
}

void Life::begin() {
  if (!network_->train->in_step()) network_->train->begin({{network_->x, ramp(T * N * C, 2)}});
}

void Life::advance() {
  for (int i = 0; i < 2 && network_->train->in_step(); ++i) network_->train->advance(std::chrono::microseconds(10));
}

void Life::set_in_step() { network_->train->set("lr", 1e-2f); }

void Life::finish() { network_->train->finish(); }

void Life::read() {
  network_->train->value(network_->loss);
  network_->train->read(network_->y);
}

void Life::states() {
  for (const std::string& name : network_->train->state_names()) {
    if (!name.starts_with("lstm.")) continue;
    const std::vector<float> values = network_->train->read_state(name);
    network_->train->write_state(name, values);
  }
}

void Life::keep() { network_->train->keep(1); }

void Life::snapshot() { snapshot_ = network_->train->snapshot(); }

void Life::restore() { network_->train->restore(snapshot_); }

void Life::reset() { network_->train->reset("lstm."); }

void Life::parameters() {
  const Parameter bias = network_->head.parameters().back();
  Parameter(bias).set(std::vector<float>(1, 0.125f));
}

void Life::bind_input() {
  interop::bind(*network_->train, network_->x, interop::slice(*network_->train, network_->x));
}

void Life::bind_output() {
  interop::bind(*network_->train, network_->y, interop::slice(*network_->train, network_->y));
}

void Life::run_bound() { network_->train->run(); }

void Life::unbind_input() { interop::unbind(*network_->train, network_->x); }

void Life::unbind_output() { interop::unbind(*network_->train, network_->y); }

/// Records, and has the application execute it.
void Life::record() {
  if (!habitat_.application) return;
  interop::feed(*network_->predict, {{network_->px, ramp(T * N * C, 4)}});
  ApplicationCommands commands(*habitat_.application);
  interop::record(*network_->predict, commands.begin());
  commands.end();
  network_->predict->wait();
  commands.submit();
  commands.wait();
}

void Life::predict() {
  network_->predict->run({{network_->px, ramp(T * N * C, 3)}});
  network_->predict->read(network_->py);
}

void Life::save() {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("volute_life_" + std::to_string(getpid()) + ".safetensors")).string();
  io::save(path, {{"lstm", network_->lstm}, {"head", network_->head}});
  std::ifstream file(path, std::ios::binary);
  result_.file = std::string(std::istreambuf_iterator<char>(file), {});
  std::filesystem::remove(path);
}

void Life::wait() {
  network_->train->wait();
  network_->predict->wait();
}

void Life::collect() { result_.weights = bits_of({&network_->lstm, &network_->head}); }

void Life::detach() {
  if (habitat_.application) interop::detach(*device_);
}

}  // namespace volute::test
