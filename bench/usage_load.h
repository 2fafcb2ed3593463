#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"

namespace perennial::bench {

// A usage event as every contender gets it.
struct Use {
  int account = 0;
  std::string record_id;
  int metric = 0;
  absl::Time time;
  double value = 1;
  std::string user;
};

constexpr const char* kMetrics[] = {"logins", "api_calls", "hours"};

inline std::string AccountId(int account) { return absl::StrCat("a", account); }

// Makes events of the day of `now`, in order of time, spread evenly over accounts. Ids are 20 characters, as random as most
// senders choose them; each account has 20 users.
class UsageMaker {
 public:
  UsageMaker(absl::Time now, int accounts, unsigned seed) : time_(now - absl::Hours(6)), accounts_(accounts), random_(seed) {}

  std::vector<Use> Batch(int size) {
    std::vector<Use> batch;
    batch.reserve(static_cast<std::size_t>(size));
    for (int i = 0; i < size; ++i) {
      const auto draw = random_();
      Use use{.account = static_cast<int>(draw % static_cast<unsigned>(accounts_)),
              .record_id = absl::StrFormat("evt_%016x", random_()),
              .metric = static_cast<int>((draw >> 32) % 3),
              .time = time_ += absl::Microseconds(100),
              .user = absl::StrCat("user", (draw >> 40) % 20, "@example.com")};
      if (use.metric == 1) use.value = static_cast<double>((draw >> 48) % 100);
      if (use.metric == 2) use.value = static_cast<double>((draw >> 48) % 100) / 10;
      batch.push_back(std::move(use));
    }
    return batch;
  }

 private:
  absl::Time time_;
  const int accounts_;
  std::mt19937_64 random_;
};

}  // namespace perennial::bench
