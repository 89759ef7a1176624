// The weights of modules, bit by bit, for tests that ask for equality and not for closeness.
#pragma once

#include <bit>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include <volute/nn.hpp>

namespace volute::test {

inline std::vector<std::uint32_t> bits_of(std::initializer_list<const nn::Module*> modules) {
  std::vector<std::uint32_t> bits;
  for (const nn::Module* module : modules)
    for (const Parameter& parameter : module->parameters())
      for (const float value : parameter.values()) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

}  // namespace volute::test
