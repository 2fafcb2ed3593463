#include "accounts-svc/facts_writer.h"

#include <algorithm>
#include <string>

#include "accounts-svc/facts/compute_facts.h"
#include "accounts-svc/facts/packed_numbers.h"
#include "accounts-svc/learn_facts.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/facts/packed_facts.h"
#include "perennial/accounts/v1/goal.pb.h"

namespace perennial::accounts {
namespace {

absl::Status PutIfChanged(WriteTransaction& transaction, AccountNo no, FeedRow row) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<FeedRow> present, transaction.FindFacts(no));
  if (present.has_value() && present->deleted == row.deleted && present->payload == row.payload)
    return absl::OkStatus();
  if (!present.has_value() && row.deleted) return absl::OkStatus();
  return transaction.PutFacts(no, row).status();
}

absl::Status PutDerived(WriteTransaction& transaction, const AccountRecord& account, const Computed& computed) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<PhaseChange> phases, transaction.ListPhaseChanges(account.no));
  if (phases != computed.phases) PERENNIAL_RETURN_IF_ERROR(transaction.ReplacePhases(account.no, computed.phases));
  const std::vector<Movement> movements = MovementsOf(computed.mrr);
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<AccountMovement> stored,
                             transaction.ListMovements({.account = account.no, .limit = -1}));
  bool same = stored.size() == movements.size();
  for (std::size_t i = 0; same && i < movements.size(); ++i) same = stored[i].movement == movements[i];
  return same ? absl::OkStatus() : transaction.ReplaceMovements(account.no, account.id, movements);
}

// Keeps that goals have been reached: they stay so when the value falls.
absl::Status PutReached(WriteTransaction& transaction, AccountNo no, const std::vector<std::string>& goals,
                        absl::Time now) {
  for (const std::string& id : goals) {
    PERENNIAL_ASSIGN_OR_RETURN(std::optional<CareRecord> record, transaction.FindCare(no, CareKind::kGoal, id));
    perennial::accounts::v1::Goal goal;
    if (!record.has_value() || !goal.ParseFromString(record->payload)) {
      return absl::DataLossError("a stored goal cannot be read");
    }
    goal.set_state(perennial::accounts::v1::GOAL_STATE_ACHIEVED);
    SetTimestamp(now, goal.mutable_achieve_time());
    record->payload = goal.SerializeAsString();
    record->update_time = now;
    record->effective = std::max(now, record->effective);
    ++record->version;
    PERENNIAL_RETURN_IF_ERROR(transaction.PutCare(no, CareKind::kGoal, *record));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status FactsWriter::BeforeWrites(ReadTransaction& transaction) {
  // What the last transaction left here is not what the store has, unless it was committed.
  for (const AccountNo no : unsure_) warm_.Erase(no);
  unsure_.clear();
  return LearnFacts(transaction, numbering_);
}

absl::Status FactsWriter::BeforeCommit(WriteTransaction& transaction, const std::set<AccountNo>& touched) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<Metric> metrics, transaction.ListMetrics());
  const absl::Time now = clock_.Now();
  if (transaction.rules_changed()) warm_.Clear();
  for (const AccountNo no : touched) PERENNIAL_RETURN_IF_ERROR(Refresh(transaction, no, metrics, now));
  for (const auto& [no, events] : transaction.new_usage()) {
    if (touched.contains(no)) continue;
    PERENNIAL_ASSIGN_OR_RETURN(const bool added, AddUse(transaction, no, events, metrics, now));
    if (!added) PERENNIAL_RETURN_IF_ERROR(Refresh(transaction, no, metrics, now));
  }
  const FactNumbering::Tail tail = numbering_.Unsaved();
  facts::FactId id = tail.first;
  for (const auto& definition : tail.definitions) {
    PERENNIAL_RETURN_IF_ERROR(transaction.PutFactDefinition(id++, definition));
  }
  saved_facts_ = id;
  return absl::OkStatus();
}

void FactsWriter::AfterCommit(std::int64_t) {
  unsure_.clear();
  numbering_.MarkSaved(saved_facts_);
  on_commit_();
}

absl::Status FactsWriter::Refresh(WriteTransaction& transaction, AccountNo no, const std::vector<Metric>& metrics,
                                  absl::Time now) {
  // Those that only a sweep touches would drive out those that are in use.
  const bool in_use = warm_.Peek(no) != nullptr || transaction.new_usage().contains(no);
  warm_.Erase(no);
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<AccountRecord> account, transaction.FindAccountByNo(no));
  if (!account.has_value()) return absl::OkStatus();
  if (account->delete_time.has_value()) {
    PERENNIAL_RETURN_IF_ERROR(transaction.SetDue(no, std::nullopt));
    return PutIfChanged(transaction, no, {.account_id = account->id, .deleted = true, .as_of = now});
  }
  const absl::StatusOr<AccountHistory> history = transaction.LoadHistory(*account, now);
  if (absl::IsNotFound(history.status())) {  // it begins to exist later
    PERENNIAL_ASSIGN_OR_RETURN(const auto versions, transaction.ListAccountVersions(no));
    return versions.empty() ? absl::OkStatus() : transaction.SetDue(no, versions.front().effective);
  }
  if (!history.ok()) return history.status();
  PERENNIAL_ASSIGN_OR_RETURN(Computed computed, ComputeFacts(*history, metrics, now, numbering_));
  PERENNIAL_RETURN_IF_ERROR(PutDerived(transaction, *account, computed));
  PERENNIAL_RETURN_IF_ERROR(PutReached(transaction, no, computed.reached_goals, now));
  // Where goals count towards a phase, one that was reached may change it at once.
  const bool again = !computed.reached_goals.empty() && history->rules.success_after_goals > 0;
  PERENNIAL_RETURN_IF_ERROR(transaction.SetDue(no, again ? now : computed.next_change));
  perennial::accounts::v1::PackedFacts packed;
  facts::Pack(numbering_.ToStored(computed.facts), &packed);
  FeedRow row{.account_id = account->id, .as_of = now, .payload = packed.SerializeAsString()};
  PERENNIAL_RETURN_IF_ERROR(PutIfChanged(transaction, no, row));
  // A goal that was reached is read anew.
  if (!in_use || !computed.reached_goals.empty()) return absl::OkStatus();
  unsure_.push_back(no);
  warm_.Put(no, {.id = account->id,
                 .payload = std::move(row.payload),
                 .as_of = now,
                 .next_change = computed.next_change.value_or(absl::InfiniteFuture()),
                 .usage = std::move(computed.usage),
                 .context = std::move(computed.use_context)});
  return absl::OkStatus();
}

// False when its history must be looked at.
absl::StatusOr<bool> FactsWriter::AddUse(WriteTransaction& transaction, AccountNo no,
                                         const std::vector<UsageEvent>& events, const std::vector<Metric>& metrics,
                                         absl::Time now) {
  WarmAccount* account = warm_.Find(no);
  if (account == nullptr || !account->HoldsAt(now)) return false;
  unsure_.push_back(no);
  absl::Time next_change = account->next_change;
  for (const UsageEvent& event : events) {
    if (event.time > now) {
      next_change = std::min(next_change, event.time);
    } else if (!account->usage.Add(event)) {
      return false;
    }
  }
  PERENNIAL_ASSIGN_OR_RETURN(PackedNumbers row, PackedNumbers::Open(account->payload, numbering_));
  if (!PutFactsOfUse(account->usage, account->context, metrics, numbering_, now, row).empty()) return false;
  if (next_change < account->next_change && next_change < StartOfDay(DayOf(now) + 1)) {
    account->next_change = next_change;
    PERENNIAL_RETURN_IF_ERROR(transaction.SetDue(no, next_change));
  }
  account->as_of = now;
  if (row.changed()) {
    account->payload = row.Pack();
    PERENNIAL_RETURN_IF_ERROR(
        transaction.PutFacts(no, {.account_id = account->id, .as_of = now, .payload = account->payload}).status());
  }
  warm_.Resize(no);
  return true;
}

bool FactsWriter::KnowsUse(AccountNo no, std::int64_t metric, std::int64_t day) const {
  const WarmAccount* account = warm_.Peek(no);
  return account != nullptr && account->usage.KnowsUse(metric, day);
}

bool FactsWriter::KnowsUser(AccountNo no, std::int64_t metric, std::int64_t day, absl::string_view user) const {
  const WarmAccount* account = warm_.Peek(no);
  return account != nullptr && account->usage.KnowsUser(metric, day, user);
}

}  // namespace perennial::accounts
