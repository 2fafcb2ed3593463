#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "accounts-svc/facts/fact_groups.h"
#include "accounts-svc/facts/usage_state.h"
#include "accounts-svc/model.h"

namespace perennial::accounts {

// What is kept of an account so that its facts can be brought up to date with more use, without a look at its history.
struct WarmAccount {
  std::string id = {};
  // Its facts as they are stored, and the moment they were computed for.
  std::string payload = {};
  absl::Time as_of;
  // When they change next without a write; InfiniteFuture: not before the next midnight.
  absl::Time next_change;
  UsageState usage = {};
  UseContext context = {};
  bool stored = false;  // whether its state is stored with its facts

  // Whether at `now` nothing but new use can have changed its facts.
  [[nodiscard]] bool HoldsAt(absl::Time now) const;
};

// The accounts used last, within a limit of memory. For one thread.
class WarmAccounts {
 public:
  // Keeps none when `most_bytes` is 0.
  explicit WarmAccounts(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  // nullptr when it is not kept. Valid until the next call that is not const.
  WarmAccount* Find(AccountNo no);
  [[nodiscard]] const WarmAccount* Peek(AccountNo no) const;
  void Put(AccountNo no, WarmAccount account);
  // Counts the memory of an account anew, after it was changed in place.
  void Resize(AccountNo no);
  void Erase(AccountNo no);
  void Clear();
  [[nodiscard]] std::size_t size() const { return places_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Kept {
    AccountNo no = 0;
    std::size_t bytes = 0;
    WarmAccount account;
  };
  const std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  std::list<Kept> kept_;  // the one used last first
  absl::flat_hash_map<AccountNo, std::list<Kept>::iterator> places_;
};

}  // namespace perennial::accounts
