// Use as it comes in: events one by one, their sums by day once for each write.
#include <algorithm>
#include <tuple>

#include "absl/container/flat_hash_set.h"
#include "accounts-svc/store/sql_transaction.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::accounts {

absl::Status SqlTransaction::InsertUsage(AccountNo no, const UsageEvent& event) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement insert,
      connection_.Prepare("INSERT INTO usage_events VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account_no, record_id) DO "
                          "NOTHING"));
  insert.Bind(1, no).Bind(2, event.record_id).Bind(3, event.metric).Bind(4, ToDb(event.time)).Bind(5, event.value);
  PERENNIAL_RETURN_IF_ERROR(insert.Bind(6, event.user).Run());
  if (connection_.changes() == 0) return absl::AlreadyExistsError("the record's id is taken");
  added_.push_back({no, DayOf(event.time), event});
  return absl::OkStatus();
}

absl::Status SqlTransaction::FlushUsage() {
  if (flushed_ == added_.size()) return absl::OkStatus();
  std::vector<const AddedUse*> uses;
  uses.reserve(added_.size() - flushed_);
  for (; flushed_ < added_.size(); ++flushed_) uses.push_back(&added_[flushed_]);
  const auto key = [](const AddedUse* use) { return std::tie(use->no, use->day, use->event.metric); };
  // Stable: sums of doubles depend on the order.
  std::stable_sort(uses.begin(), uses.end(), [&](const auto* a, const auto* b) { return key(a) < key(b); });
  PERENNIAL_RETURN_IF_ERROR(TellHookOfUse(uses));
  for (std::size_t begin = 0; begin < uses.size();) {
    std::size_t end = begin + 1;
    while (end < uses.size() && key(uses[end]) == key(uses[begin])) ++end;
    PERENNIAL_RETURN_IF_ERROR(FlushDay(&uses[begin], &uses[begin] + (end - begin)));
    begin = end;
  }
  return absl::OkStatus();
}

absl::Status SqlTransaction::TellHookOfUse(const std::vector<const AddedUse*>& uses) {
  if (hook_ == nullptr) return absl::OkStatus();
  std::vector<AccountNo> accounts;
  for (const AddedUse* use : uses) {
    if (touched_.contains(use->no) || (!accounts.empty() && accounts.back() == use->no)) continue;
    accounts.push_back(use->no);
  }
  return accounts.empty() ? absl::OkStatus() : hook_->BeforeUse(*this, accounts);
}

// Events of one account, day and metric.
absl::Status SqlTransaction::FlushDay(const AddedUse* const* begin, const AddedUse* const* end) {
  const auto& [no, day, first] = **begin;
  const CommitHook* const known = touched_.contains(no) ? nullptr : hook_;
  double total = 0;
  bool used = false;
  absl::flat_hash_set<absl::string_view> users;
  for (const auto* use = begin; use != end; ++use) {
    const UsageEvent& event = (*use)->event;
    total += event.value;
    if (event.value == 0) continue;
    used = true;
    if (!event.user.empty()) users.insert(event.user);
  }
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement sum,
      connection_.Prepare("INSERT INTO usage_days VALUES (?, ?, ?, ?) ON CONFLICT (account_no, day, metric_no) DO "
                          "UPDATE SET total = usage_days.total + excluded.total"));
  PERENNIAL_RETURN_IF_ERROR(sum.Bind(1, no).Bind(2, day).Bind(3, first.metric).Bind(4, total).Run());
  if (used && (known == nullptr || !known->KnowsUse(no, first.metric, day))) {
    PERENNIAL_ASSIGN_OR_RETURN(
        sql::Statement last,
        connection_.Prepare("INSERT INTO usage_last VALUES (?, ?, ?) ON CONFLICT (account_no, metric_no) DO UPDATE SET "
                            "last_day = excluded.last_day WHERE excluded.last_day > usage_last.last_day"));
    PERENNIAL_RETURN_IF_ERROR(last.Bind(1, no).Bind(2, first.metric).Bind(3, day).Run());
  }
  for (const absl::string_view user : users) {
    if (known != nullptr && known->KnowsUser(no, first.metric, day, user)) continue;
    PERENNIAL_ASSIGN_OR_RETURN(
        sql::Statement put,
        connection_.Prepare("INSERT INTO usage_users VALUES (?, ?, ?, ?) ON CONFLICT (account_no, day, metric_no, "
                            "\"user\") DO NOTHING"));
    PERENNIAL_RETURN_IF_ERROR(put.Bind(1, no).Bind(2, day).Bind(3, first.metric).Bind(4, user).Run());
  }
  return absl::OkStatus();
}

void SqlTransaction::SettleWrite(bool stays) {
  if (stays) {
    for (AddedUse& use : added_) new_usage_[use.no].push_back(std::move(use.event));
  } else {
    rules_.reset();  // it may have read what it had put itself
  }
  added_.clear();
  flushed_ = 0;
  last_revision_.reset();
}

}  // namespace perennial::accounts
