#pragma once

#include <cstdint>

#include "cli/portfolio_math.h"

namespace perennial::cli {

// How well an account is doing, which nobody sees: what it uses, says and complains about reflects it only with noise,
// and whether it stays depends on it. About 0 is usual, +1 good, -2 nearly gone.
//
// A week's change pulls it towards the account's own level, which wanders, falls when a champion leaves and rises when
// another team joins; each bad experience with support takes something off.
class Engagement {
 public:
  explicit Engagement(Random* random);

  // One week goes by.
  void Step(Random* random);
  // An experience with support: negative for a bad one.
  void Experience(double effect) {
    value_ += effect;
    // Part of it lasts.
    level_ += 0.9 * effect;
  }
  // The customer has decided to leave `decision` and will be gone at `end`: it lets go bit by bit.
  void LetGo(std::int64_t decision, std::int64_t end) {
    decision_ = decision;
    end_ = end;
  }
  void ComeBack(Random* random);

  // The state of `day`.
  [[nodiscard]] double At(std::int64_t day) const;
  // The state of the last two months or so, on which decisions are made.
  [[nodiscard]] double Lately() const { return lately_; }

 private:
  double home_;
  double level_;
  double value_;
  double lately_;
  std::int64_t decision_ = -1;
  std::int64_t end_ = -1;
};

}  // namespace perennial::cli
