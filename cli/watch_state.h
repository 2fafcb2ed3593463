#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "cli/watch_events.h"
#include "perennial/health/v1/health_score_service.pb.h"

namespace perennial::cli {

// The newest score and raised flags of every account, so that a row of the feed of scores can be told as what changed.
// Some 60 bytes an account and its id: bands and sets of flags are kept once. Not thread-safe.
class ScoreState {
 public:
  // Takes a row over and returns what it changed, the score first. A row that changes nothing gives nothing.
  std::vector<WatchEvent> Apply(const perennial::health::v1::HealthScoreUpdate& update);

  // Forgets everything.
  void Clear();

  [[nodiscard]] std::size_t size() const { return accounts_.size(); }

 private:
  struct Kept {
    double score = 0;  // NaN while unknown
    double coverage = 0;
    std::uint32_t band = 0;
    std::uint32_t flags = 0;
    bool frozen = false;
  };
  // Values that many accounts share, by number.
  template <class T>
  struct Shared {
    std::vector<T> values;
    absl::flat_hash_map<T, std::uint32_t> numbers;

    std::uint32_t NumberOf(const T& value);
  };
  using Flags = std::vector<std::string>;

  [[nodiscard]] ScorePoint PointOf(const Kept& kept) const;

  absl::flat_hash_map<std::string, Kept> accounts_;
  Shared<std::string> bands_;
  Shared<Flags> flag_sets_;
};

}  // namespace perennial::cli
