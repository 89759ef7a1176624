// A graph whose inputs carry the names of a golden file's tensors, and what to compare with others of them.
// Invariant: check_reference holds the oracle to PyTorch, check_device the compiled program to the same file.
#pragma once

#include <map>
#include <memory>

#include <volute/reference.hpp>
#include <volute/volute.hpp>

#include "tests/support/device.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/values.hpp"

namespace volute::test {

struct GoldenCase {
  explicit GoldenCase(const std::string& name) : golden(name) {}

  Golden golden;
  Graph graph;
  std::vector<std::shared_ptr<nn::Module>> modules;
  std::vector<std::string> fed, names;
  std::map<std::string, Tensor> leaves;
  std::vector<Tensor> results;

  Tensor input(const std::string& name, DType dtype = DType::f32) {
    fed.push_back(name);
    return leaves[name] = graph.input(name, golden.shape(name), dtype);
  }
  /// Keeps a module, with the file's values under the names of its parameters.
  template <class M>
  M& module(std::shared_ptr<M> made) {
    modules.push_back(made);
    for (Parameter p : made->parameters()) {
      if (!golden.has(p.name())) continue;
      p.set(golden.values<float>(p.name()));
      leaves[p.name()] = graph.parameter(p);
    }
    return *made;
  }
  void expect(const std::string& name, Tensor result) {
    names.push_back(name);
    results.push_back(result);
  }
  /// The output, the loss weighed by the file's factor, and the gradients.
  void expect_weighed(Tensor out) {
    expect("out", out);
    expect_loss(sum(out * input("factor")));
  }
  /// The loss and its gradient for every leaf of which the file has one.
  void expect_loss(Tensor loss) {
    expect("loss", loss);
    std::vector<Tensor> wrt;
    for (auto& [name, leaf] : leaves)
      if (golden.has("grad." + name)) {
        names.push_back("grad." + name);
        wrt.push_back(leaf);
      }
    if (wrt.empty()) ADD_FAILURE() << "no gradient is compared";
    for (Tensor gradient : gradients(loss, wrt)) results.push_back(gradient);
  }

  void check_reference() const {
    Reference reference;
    for (const std::string& name : fed) reference.set(leaves.at(name), golden.values(name));
    const auto got = reference.evaluate(results);
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(results[i].shape(), golden.shape(names[i])) << names[i];
      EXPECT_TRUE(close(got[i], expected(names[i]), 1e-7, 1e-8)) << names[i];
    }
  }
  void check_device() const {
    Program program = device().compile(graph, Targets(results));
    std::map<std::string, std::vector<float>> values;
    std::map<std::string, std::vector<std::uint32_t>> indices;
    std::vector<Feed> feeds;
    for (const std::string& name : fed) {
      const Tensor leaf = leaves.at(name);
      if (leaf.dtype() == DType::u32) feeds.emplace_back(leaf, indices[name] = golden.values<std::uint32_t>(name));
      else feeds.emplace_back(leaf, values[name] = golden.values<float>(name));
    }
    program.run(feeds);
    for (std::size_t i = 0; i < results.size(); ++i)
      EXPECT_TRUE(close(program.read(results[i]), expected(names[i]), 5e-5, 5e-5)) << names[i];
  }

 private:
  /// JSON has no infinity; 1e300 stands for it.
  std::vector<double> expected(const std::string& name) const {
    std::vector<double> values = golden.values(name);
    for (double& v : values)
      if (v >= 1e300) v = HUGE_VAL;
    return values;
  }
};

}  // namespace volute::test
