#pragma once

#include <cstddef>
#include <vector>

namespace perennial::health {

// The arithmetic of scores: the weighted mean of groups of weighted means of measures, once the weight of what is
// missing has gone to the rest, and the coverage. For one account or for many in columns, by the same operations in the
// same order: the results are the same to the bit. Immutable.
class ScoreMean {
 public:
  struct Member {
    std::size_t group = 0;
    double weight = 0;
  };
  // One measure of the accounts, a number each. Flags are 1 or 0.
  struct Column {
    const double* points = nullptr;  // 0 where it does not count
    const double* counts = nullptr;  // it has points, its own or its missing policy's
    const double* known = nullptr;   // its value is known and fresh
  };
  // A number for each account.
  struct Result {
    double* score = nullptr;     // NaN where nothing is known
    double* coverage = nullptr;  // 0 to 1
    double* weights = nullptr;   // if wanted: shares of the score, `count` of the first measure, then of the second...
  };

  ScoreMean() = default;
  // By group, and by measure; weights are greater than 0.
  ScoreMean(std::vector<double> group_weights, std::vector<Member> members);

  // `columns` has one for each measure; `work` is memory to work with, which calls may share one after another.
  void Run(std::size_t count, const std::vector<Column>& columns, const Result& result,
           std::vector<double>& work) const;

 private:
  std::vector<double> group_weights_;
  std::vector<Member> members_;
  std::vector<double> coverage_;  // what each measure adds while it is known
};

}  // namespace perennial::health
