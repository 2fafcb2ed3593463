#include "accounts-svc/facts_writer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "accounts-svc/facts/compute_facts.h"
#include "accounts-svc/facts/packed_numbers.h"
#include "accounts-svc/learn_facts.h"
#include "accounts-svc/use_state_codec.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/facts/packed_facts.h"
#include "perennial/accounts/v1/goal.pb.h"

namespace perennial::accounts {
namespace {

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
  if (memory_.shared) warm_.Clear();
  PERENNIAL_RETURN_IF_ERROR(LearnRules(transaction));
  return LearnFacts(transaction, numbering_);
}

// What tells whether states are stored, and which of them hold.
absl::Status FactsWriter::LearnRules(ReadTransaction& transaction) {
  if (memory_.bytes == 0) return absl::OkStatus();
  PERENNIAL_ASSIGN_OR_RETURN(const AccountNo greatest, transaction.GreatestNo());
  stores_states_ = memory_.shared || greatest >= memory_.many_accounts;
  if (!stores_states_) return absl::OkStatus();
  PERENNIAL_ASSIGN_OR_RETURN(const auto rules, transaction.FindLifecycleRules(0));
  if (!rules.has_value()) return absl::DataLossError("the lifecycle has no rules");
  rules_revision_ = rules->rules.revision;
  return absl::OkStatus();
}

absl::Status FactsWriter::BeforeUse(ReadTransaction& transaction, const std::vector<AccountNo>& accounts) {
  if (!stores_states_) return absl::OkStatus();
  std::vector<AccountNo> unknown;
  for (const AccountNo no : accounts) {
    if (warm_.Peek(no) == nullptr) unknown.push_back(no);
  }
  if (unknown.empty()) return absl::OkStatus();
  const absl::Time now = clock_.Now();
  PERENNIAL_ASSIGN_OR_RETURN(std::vector<KeptFacts> kept, transaction.ListKeptFacts(unknown));
  for (KeptFacts& facts : kept) {
    WarmAccount account;
    account.id = std::move(facts.account_id);
    account.payload = std::move(facts.payload);
    account.stored = true;
    if (!DecodeUseState(facts.use_state, rules_revision_, account) || !account.HoldsAt(now)) continue;
    warm_.Put(facts.no, std::move(account));
  }
  return absl::OkStatus();
}

std::string FactsWriter::StateOf(const WarmAccount& account) const {
  return stores_states_ ? EncodeUseState(account, rules_revision_) : std::string();
}

absl::Status FactsWriter::PutIfChanged(WriteTransaction& transaction, AccountNo no, FeedRow row) const {
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<FeedRow> present, transaction.FindFacts(no));
  if (present.has_value() && present->deleted == row.deleted && present->payload == row.payload) {
    const bool none = present->use_state.empty() && row.use_state.empty();
    return none ? absl::OkStatus() : transaction.PutUseState(no, row.use_state);
  }
  if (!present.has_value() && row.deleted) return absl::OkStatus();
  return transaction.PutFacts(no, row).status();
}

// A state that is stored is always that of the present facts and use, or taken away.
absl::Status FactsWriter::PutUse(WriteTransaction& transaction, AccountNo no, WarmAccount& account,
                                 bool facts_changed) const {
  const std::string state = StateOf(account);
  const bool was_stored = std::exchange(account.stored, !state.empty());
  if (facts_changed) {
    const FeedRow row{
        .account_id = account.id, .as_of = account.as_of, .payload = account.payload, .use_state = state};
    return transaction.PutFacts(no, row).status();
  }
  return was_stored || account.stored ? transaction.PutUseState(no, state) : absl::OkStatus();
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
  WarmAccount warm{.id = account->id,
                   .payload = packed.SerializeAsString(),
                   .as_of = now,
                   .next_change = computed.next_change.value_or(absl::InfiniteFuture()),
                   .usage = std::move(computed.usage),
                   .context = std::move(computed.use_context)};
  FeedRow row{.account_id = account->id, .as_of = now, .payload = warm.payload};
  // With rules that this transaction changed itself, or a goal that was reached, it is read anew.
  const bool holds = computed.reached_goals.empty();
  if (holds && !transaction.rules_changed()) row.use_state = StateOf(warm);
  warm.stored = !row.use_state.empty();
  PERENNIAL_RETURN_IF_ERROR(PutIfChanged(transaction, no, std::move(row)));
  if (!in_use || !holds) return absl::OkStatus();
  unsure_.push_back(no);
  warm_.Put(no, std::move(warm));
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
  if (row.changed()) account->payload = row.Pack();
  PERENNIAL_RETURN_IF_ERROR(PutUse(transaction, no, *account, row.changed()));
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
