#pragma once

#include <random>
#include <string>

#include "absl/strings/str_format.h"

namespace perennial {

// Sixteen hexadecimal digits at random, by which a feed is told from every other.
inline std::string RandomFeedId() {
  std::random_device random;
  return absl::StrFormat("%08x%08x", random(), random());
}

}  // namespace perennial
