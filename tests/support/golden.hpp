// Reads a golden file: {"tensors": {name: {"shape", "values"}}, ...} beside the settings of its case.
// Invariant: an unknown name or file throws, it never gives an empty tensor.
#pragma once

#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <volute/graph.hpp>

namespace volute::test {

class Golden {
 public:
  explicit Golden(const std::string& name) {
    const std::string path = std::string(VOLUTE_SOURCE_DIR) + "/tests/golden/data/" + name + ".json";
    std::ifstream file(path);
    if (!file) throw BadFile("cannot read " + path);
    json_ = nlohmann::json::parse(file);
  }

  bool has(const std::string& name) const { return json_.at("tensors").contains(name); }
  Shape shape(const std::string& name) const { return Shape(tensor(name, "shape").get<std::vector<std::int64_t>>()); }
  template <class T = double>
  std::vector<T> values(const std::string& name) const {
    return tensor(name, "values").get<std::vector<T>>();
  }
  /// A setting of the case ("lr", "layers").
  template <class T>
  T setting(const std::string& name) const {
    return json_.at(name).get<T>();
  }

 private:
  const nlohmann::json& tensor(const std::string& name, const char* part) const {
    return json_.at("tensors").at(name).at(part);
  }

  nlohmann::json json_;
};

}  // namespace volute::test
