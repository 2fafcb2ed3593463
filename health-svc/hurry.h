#pragma once

#include <atomic>

namespace perennial::health {

// Counts itself among the calls that a sweep lets go first, for as long as it lives.
class Hurry {
 public:
  // `calls` must outlive this.
  explicit Hurry(std::atomic<int>& calls) : calls_(calls) { ++calls_; }
  ~Hurry() { --calls_; }
  Hurry(const Hurry&) = delete;
  Hurry& operator=(const Hurry&) = delete;

 private:
  std::atomic<int>& calls_;
};

}  // namespace perennial::health
