// Warnings collected instead of printed.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <volute/graph.hpp>

namespace volute::test {

class Warnings {
 public:
  Warnings() {
    set_warning_handler([this](const std::string& message) { all.push_back(message); });
  }
  ~Warnings() { set_warning_handler({}); }
  Warnings(const Warnings&) = delete;
  Warnings& operator=(const Warnings&) = delete;

  std::vector<std::string> take() { return std::exchange(all, {}); }

  std::vector<std::string> all;
};

}  // namespace volute::test
