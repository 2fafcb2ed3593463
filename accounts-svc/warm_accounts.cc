#include "accounts-svc/warm_accounts.h"

#include <utility>

#include "common/base/time_util.h"

namespace perennial::accounts {
namespace {

// With what lists and maps add to each element.
constexpr std::size_t kOverhead = 64;

std::size_t BytesOf(const WarmAccount& account) {
  std::size_t bytes = sizeof(WarmAccount) + kOverhead + account.id.capacity() + account.payload.capacity();
  for (const Goal& goal : account.context.goals) bytes += sizeof(Goal) + goal.id.capacity() + goal.fact.capacity();
  return bytes + account.usage.bytes();
}

}  // namespace

bool WarmAccount::HoldsAt(absl::Time now) const {
  return as_of <= now && now < next_change && DayOf(as_of) == DayOf(now);
}

WarmAccount* WarmAccounts::Find(AccountNo no) {
  const auto found = places_.find(no);
  if (found == places_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, found->second);
  return &found->second->account;
}

const WarmAccount* WarmAccounts::Peek(AccountNo no) const {
  const auto found = places_.find(no);
  return found == places_.end() ? nullptr : &found->second->account;
}

void WarmAccounts::Put(AccountNo no, WarmAccount account) {
  if (most_bytes_ == 0) return;
  Erase(no);
  kept_.push_front({.no = no, .account = std::move(account)});
  places_.emplace(no, kept_.begin());
  Resize(no);
}

void WarmAccounts::Resize(AccountNo no) {
  const auto found = places_.find(no);
  if (found == places_.end()) return;
  Kept& kept = *found->second;
  bytes_ -= kept.bytes;
  kept.bytes = BytesOf(kept.account);
  bytes_ += kept.bytes;
  while (bytes_ > most_bytes_) Erase(kept_.back().no);
}

void WarmAccounts::Erase(AccountNo no) {
  const auto found = places_.find(no);
  if (found == places_.end()) return;
  bytes_ -= found->second->bytes;
  kept_.erase(found->second);
  places_.erase(found);
}

void WarmAccounts::Clear() {
  places_.clear();
  kept_.clear();
  bytes_ = 0;
}

}  // namespace perennial::accounts
