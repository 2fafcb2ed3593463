#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace perennial::health {

// Cases with the same score.
struct TiedCases {
  double score = 0;
  std::int64_t positives = 0;
  std::int64_t negatives = 0;
};

// Area under a ROC curve, and the variance of that estimate.
struct RocArea {
  double area = 0;
  // By DeLong, DeLong and Clarke-Pearson (1988): from how each case is placed among those of the other kind. Cases
  // count as independent of each other.
  double variance = 0;
};

// The chance that a positive case has a lower score than a negative one, ties counting half (the Mann-Whitney
// statistic). `cases` by ascending score, each score once. Nothing without at least two cases of each kind. O(cases).
std::optional<RocArea> LowScoreRocArea(const std::vector<TiedCases>& cases);

// Counts cases by score, 0 to 100, in bounded memory: scores are told apart to a thousandth of a point.
class ScoreCounts {
 public:
  ScoreCounts();
  void Add(double score, bool positive);
  // By ascending score; only scores that there are.
  [[nodiscard]] std::vector<TiedCases> Cases() const;
  [[nodiscard]] std::int64_t positives() const { return positives_; }
  [[nodiscard]] std::int64_t total() const { return total_; }

 private:
  struct Count {
    std::uint32_t positives = 0;
    std::uint32_t negatives = 0;
  };
  std::vector<Count> counts_;
  std::int64_t positives_ = 0;
  std::int64_t total_ = 0;
};

}  // namespace perennial::health
