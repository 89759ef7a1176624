// Numbers of a range from the library's generator, which gives the same ones on every platform.
#pragma once

#include <volute/data.hpp>

namespace live_sketch {

inline float uniform(volute::data::Generator& random, float low, float high) {
  return low + (high - low) * static_cast<float>(random.next() >> 40) * 0x1p-24f;
}

}  // namespace live_sketch
