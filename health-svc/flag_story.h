#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/strings/string_view.h"
#include "perennial/health/v1/flag.pb.h"

namespace perennial::health {

// What happened to a flag, and what its rule read when it was last raised, as bytes: seldom looked at, and of every flag
// there is. Names of facts and what steps say again are kept once. Safe to read from many threads.
class FlagStory {
 public:
  FlagStory() = default;
  FlagStory(const std::vector<v1::FlagCause>& causes, const std::vector<v1::FlagTransition>& transitions);
  FlagStory(const FlagStory& other) { *this = other; }
  FlagStory& operator=(const FlagStory& other);
  FlagStory(FlagStory&&) = default;
  FlagStory& operator=(FlagStory&&) = default;
  ~FlagStory() = default;

  [[nodiscard]] std::vector<v1::FlagCause> Causes() const;
  // Oldest first.
  [[nodiscard]] std::vector<v1::FlagTransition> Transitions() const;

 private:
  [[nodiscard]] absl::string_view bytes() const;
  // A v1::Flag with nothing but its causes and transitions.
  [[nodiscard]] v1::Flag Unpack() const;
  void Keep(absl::string_view bytes);

  std::unique_ptr<char[]> kept_;  // their size, then the bytes; null for no story
};

}  // namespace perennial::health
