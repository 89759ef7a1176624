// The program of README.md, word for word (held by tests/e2e/readme_test.cpp): trains a character model on the
// text file it is given.
#include <cstdio>
#include <volute/volute.hpp>
using namespace volute;

int main(int, char** argv) {
  Device device;                                    // best Vulkan device; VOLUTE_DEVICE chooses another
  auto text = data::Text::load({argv[1]});          // characters, 90 % train, 10 % validation
  data::Streams streams(text.train(), /*T*/ 64, /*N*/ 32);

  nn::Embedding embed(text.vocab(), 64);            // parameters live here and are shared
  nn::LSTM lstm(64, 256, {.layers = 2, .dropout = 0.2f});   // by every program compiled from them
  nn::Linear head(256, text.vocab());

  Graph g;
  Tensor x = g.input("x", {64, 32}, DType::u32);    // [T, N]
  Tensor y = g.input("y", {64, 32}, DType::u32);
  Tensor loss = cross_entropy(head(lstm(embed(x), g.carried())), y);   // state carried, gradient cut

  Program train = device.compile(g, minimize(loss, Adam{.lr = 2e-3f}, {.clip_norm = 1.0f}));
  for (int step = 0; step < 3000; ++step) {
    if (step % streams.pieces() == 0) train.reset("lstm.");            // the text starts over
    auto [xs, ys] = streams.batch(step);
    train.run({{x, xs}, {y, ys}});                                     // returns before the device is done
    if (step % 100 == 0) std::printf("%d %f\n", step, train.value(loss));
  }
  io::save("lstm.safetensors", {{"embed", embed}, {"lstm", lstm}, {"head", head}});
}
