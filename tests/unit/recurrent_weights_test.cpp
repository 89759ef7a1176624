// Weights of other frameworks that do not fit a module are refused, naming both sides, with every parameter untouched.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <limits>

#include <volute/io.hpp>

namespace volute::io {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using nn::RecurrentOptions;

constexpr std::int64_t I = 3, H = 4;

std::vector<std::vector<float>> values(const nn::Module& module) {
  std::vector<std::vector<float>> all;
  for (const Parameter& parameter : module.parameters()) all.push_back(parameter.values());
  return all;
}

template <class F>
std::string refusal(F&& call) {
  try {
    call();
  } catch (const InvalidGraph& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

/// The message of what setting the weights throws.
std::string refused(const nn::Recurrent& module, const RecurrentWeights& weights, const WeightLayout& layout,
                    int layer = 0, bool backward = false) {
  const auto before = values(module);
  const std::string message = refusal([&] { set_weights(module, weights, layout, layer, backward); });
  EXPECT_EQ(values(module), before);
  return message;
}

TEST(RecurrentWeights, EveryOrderLeadsToEveryOther) {
  const nn::LSTM lstm(I, H, {.layers = 2, .bidirectional = true});
  for (const WeightLayout& layout : {WeightLayout::onnx(), WeightLayout::pytorch()}) {
    const nn::LSTM other(I, H, {.layers = 2, .bidirectional = true});
    for (int layer = 0; layer < 2; ++layer)
      for (const bool backward : {false, true})
        set_weights(other, weights_of(lstm, layout, layer, backward), layout, layer, backward);
    EXPECT_EQ(values(other), values(lstm)) << layout.name;
  }
  const nn::GRU gru(I, H);
  for (const WeightLayout& layout : {WeightLayout::onnx(true), WeightLayout::keras(), WeightLayout::haste()}) {
    const nn::GRU other(I, H);
    set_weights(other, weights_of(gru, layout), layout);
    EXPECT_EQ(values(other), values(gru)) << layout.name;
  }
}

// r (U h + b) and U (r h) + b are different functions of any weights.
TEST(RecurrentWeights, OtherResetsAreRefused) {
  const nn::GRU after(I, H), before(I, H, {.reset_after = false});
  const std::string message = refused(before, weights_of(after, WeightLayout::keras()), WeightLayout::keras());
  EXPECT_THAT(message, AllOf(HasSubstr("gru, weights_l0 of Keras"), HasSubstr("layout has reset_after = true"),
                             HasSubstr("module false")));
  EXPECT_THAT(refusal([&] { weights_of(after, WeightLayout::onnx()); }),
              AllOf(HasSubstr("layout has reset_after = false"), HasSubstr("module true")));
}

TEST(RecurrentWeights, BiasesThatAreNotOneAreRefused) {
  const nn::GRU two(I, H), one(I, H, {.bias = nn::Bias::single}), none(I, H, {.bias = nn::Bias::none});
  WeightLayout single;
  single.gru_biases = Biases::single;
  EXPECT_THAT(refusal([&] { weights_of(two, single); }), HasSubstr("the module's second is not 0"));
  EXPECT_THAT(refused(one, weights_of(two, {}), {}), HasSubstr("the module has Bias::single"));
  EXPECT_THAT(refused(none, weights_of(one, single), single), HasSubstr("Bias::none"));
  // What is 0 takes no place.
  const nn::GRU again(I, H);
  set_weights(again, weights_of(one, single), single);
  EXPECT_EQ(again.parameters()[2].values(), one.parameters()[2].values());
  EXPECT_EQ(again.parameters()[3].values(), std::vector<float>(3 * H, 0.0f));
  set_weights(one, weights_of(again, {}), {});
  set_weights(again, weights_of(none, single), single);
  EXPECT_EQ(again.parameters()[2].values(), std::vector<float>(3 * H, 0.0f));
}

TEST(RecurrentWeights, PartsOneSideHasNotAreRefused) {
  const nn::LSTM plain(I, H), peepholes(I, H, {.peepholes = true}), coupled(I, H, {.coupled = true}),
      projection(I, H, {.projection = 2}), norm(I, H, {.layer_norm = true});
  const WeightLayout own, keras = WeightLayout::keras();
  EXPECT_THAT(refusal([&] { weights_of(peepholes, keras); }), HasSubstr("module has peepholes, the layout has not"));
  EXPECT_THAT(refusal([&] { weights_of(projection, keras); }), HasSubstr("a projection of 2"));
  EXPECT_THAT(refusal([&] { weights_of(norm, keras); }), HasSubstr("layer_norm"));
  EXPECT_THAT(refusal([&] { weights_of(coupled, own); }), HasSubstr("coupled = false, the module true"));
  EXPECT_THAT(refused(plain, weights_of(peepholes, own), own), HasSubstr("peepholes, the module has no place"));
  EXPECT_THAT(refused(peepholes, weights_of(plain, own), own), HasSubstr("there is no peepholes"));
  RecurrentWeights weights = weights_of(plain, own);
  weights.projection = host_array({2, H}, std::vector<float>(2 * H, 1.0f));
  EXPECT_THAT(refused(plain, weights, own), HasSubstr("projection"));
  weights = weights_of(plain, keras);
  weights.recurrent_bias = weights.bias;
  EXPECT_THAT(refused(plain, weights, keras), HasSubstr("keeps all in bias"));
  weights = weights_of(plain, own);
  weights.bias = {};
  EXPECT_THAT(refused(plain, weights, own), HasSubstr("one of bias and recurrent_bias"));
}

// A layer norm takes its mean over all gates: with f's rows, which a coupled LSTM has not, it is another.
TEST(RecurrentWeights, CoupledGatesUnderALayerNormAreRefused) {
  const nn::LSTM coupled(I, H, {.coupled = true, .layer_norm = true}), plain(I, H, {.layer_norm = true});
  WeightLayout layout;
  layout.coupled = true;
  EXPECT_THAT(refusal([&] { weights_of(coupled, layout); }), HasSubstr("coupled and layer_norm"));
  EXPECT_THAT(refused(coupled, weights_of(plain, {}), layout), HasSubstr("coupled and layer_norm"));
}

TEST(RecurrentWeights, ShapesAndValuesAreChecked) {
  const nn::LSTM lstm(I, H);
  const WeightLayout keras = WeightLayout::keras();
  const RecurrentWeights right = weights_of(lstm, keras);
  RecurrentWeights wrong = right;
  wrong.input = weights_of(lstm, {}).input;
  EXPECT_THAT(refused(lstm, wrong, keras), AllOf(HasSubstr("input must be f32 [3, 16]"), HasSubstr("got f32 [16, 3]")));
  wrong.input = host_array({3, 16}, std::vector<std::uint32_t>(48));
  EXPECT_THAT(refused(lstm, wrong, keras), HasSubstr("got u32 [3, 16]"));
  wrong = right;
  wrong.recurrent = {};
  EXPECT_THAT(refused(lstm, wrong, keras), HasSubstr("there is no recurrent"));
  wrong = right;
  wrong.bias.words[5] = std::bit_cast<std::uint32_t>(std::numeric_limits<float>::infinity());
  EXPECT_THAT(refused(lstm, wrong, keras), HasSubstr("bias_ih_l0 is not finite: element [5] is inf"));
  wrong = right;
  wrong.bias.words.pop_back();
  EXPECT_THAT(refused(lstm, wrong, keras), HasSubstr("15 words"));
  RecurrentWeights wide = right;  // [1, 1, I, G, H], as oneDNN has it
  wide.input.shape = {1, 1, 3, 4, 4};
  set_weights(lstm, wide, WeightLayout::onednn());
  wide.input.shape = {1, 2, 3, 2, 4};
  EXPECT_THAT(refused(lstm, wide, WeightLayout::onednn()), HasSubstr("[1, 2, 3, 2, 4]"));
}

TEST(RecurrentWeights, TheLayerMustBeThere) {
  const nn::LSTM lstm(I, H);
  const RecurrentWeights weights = weights_of(lstm, {});
  EXPECT_THAT(refused(lstm, weights, {}, 1), HasSubstr("no layer 1"));
  EXPECT_THAT(refused(lstm, weights, {}, -1), HasSubstr("no layer -1"));
  EXPECT_THAT(refused(lstm, weights, {}, 0, true), HasSubstr("no layer 0 backward"));
  EXPECT_THAT(refusal([&] { weights_of(nn::MinGRU(I, H), {}); }), HasSubstr("mingru"));
}

TEST(RecurrentWeights, TheSenseOfZNeedsTheSigmoid) {
  WeightLayout writing;
  writing.z_keeps = false;
  const nn::GRU plain(I, H);
  const RecurrentWeights weights = weights_of(plain, {});
  const nn::GRU hard(I, H, {.gate_activation = nn::Activation::relu});
  EXPECT_THAT(refused(hard, weights, writing), HasSubstr("gate_activation"));
  const nn::GRU lopsided(I, H, {.clip_inputs = {{-1.0f, 2.0f}}});
  EXPECT_THAT(refused(lopsided, weights, writing), HasSubstr("clip_inputs"));
}

TEST(RecurrentWeights, OrdersNameEachGateOnce) {
  const nn::LSTM lstm(I, H);
  WeightLayout layout;
  for (const char* order : {"", "ifg", "ifgg", "ifgon"}) {
    layout.lstm = order;
    EXPECT_THAT(refusal([&] { weights_of(lstm, layout); }), HasSubstr("must have each of \"fgio\" once")) << order;
  }
  layout = {};
  layout.biases = Biases::candidate;
  EXPECT_THAT(refusal([&] { weights_of(lstm, layout); }), HasSubstr("candidate"));
}

}  // namespace
}  // namespace volute::io
