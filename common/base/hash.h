#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace perennial {

// FNV-1a, 64 bits. The same on every machine and in every version: shards and checksums depend on it.
constexpr std::uint64_t Fnv1a64(absl::string_view text, std::uint64_t seed = 14695981039346656037ULL) {
  std::uint64_t hash = seed;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ULL;
  }
  return hash;
}

}  // namespace perennial
