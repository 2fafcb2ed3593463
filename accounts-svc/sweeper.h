#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "accounts-svc/store/store.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace perennial::accounts {

// Computes facts anew that the clock alone has changed. Those of all accounts: after each UTC midnight, after a start on
// another day than the last sweep's or of a program with other facts, and when a metric is known that was not. Those of
// one account: when something that was stored ahead takes effect (an end of a subscription, a promised time). And those
// that a change of exchange rates or of the lifecycle's rules concerns (Refresh), from where the last write stood. Works in
// small writes, so that others get their turn; after a failed write it goes on where it stood, after a restart it begins
// anew. It also forgets requests that are too old to count (idempotency.h) and finishes purges.
class Sweeper {
 public:
  // All must outlive this. Starts a thread, which looks at the clock every `interval`.
  Sweeper(Store& store, const Clock& clock, std::chrono::milliseconds interval = std::chrono::seconds(1));
  // Stops between two writes.
  ~Sweeper();

 private:
  absl::Status SweepIfDue();
  // What a finished sweep of all accounts at `now` is known by: the day and how many metrics are known.
  absl::StatusOr<std::string> GoalAt(absl::Time now);
  absl::Status SweepAll();
  absl::Status SweepDue(absl::Time now);
  absl::Status RefreshAsked();
  absl::Status ForgetRequests(absl::Time now);
  absl::Status TouchAll(const std::vector<AccountNo>& numbers);
  void Loop();
  bool Stopping();

  Store& store_;
  const Clock& clock_;
  const std::chrono::milliseconds interval_;
  std::string swept_;           // goal of the last finished sweep
  std::string goal_;            // of the sweep under way
  AccountNo swept_until_ = 0;   // how far that one is
  Mutex mu_;
  std::condition_variable changed_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace perennial::accounts
