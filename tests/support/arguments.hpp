// What a test program was called with besides GoogleTest's own flags: counts larger than an ordinary run's.
#pragma once

#include <string>
#include <vector>

namespace volute::test {

inline std::vector<std::string>& arguments() {
  static std::vector<std::string> all;
  return all;
}

/// count_argument("kills", 25): 200 if the program was called with --kills=200.
inline int count_argument(const std::string& name, int otherwise) {
  const std::string prefix = "--" + name + "=";
  for (const std::string& argument : arguments())
    if (argument.starts_with(prefix)) return std::stoi(argument.substr(prefix.size()));
  return otherwise;
}

}  // namespace volute::test
