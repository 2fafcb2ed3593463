#include "segment-svc/account_facts.h"

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::segments {

absl::StatusOr<std::vector<AppliedRow>> AccountFacts::Apply(
    const perennial::accounts::v1::WatchFactsResponse& message) {
  std::vector<std::pair<facts::RowId, facts::FactRow>> kept;
  std::vector<std::pair<facts::RowId, facts::FactRow>> kept_values;
  for (const auto& packed : message.rows()) {
    if (!packed.deleted()) continue;
    const auto row = table_.FindAny(packed.account_id());
    if (!row.has_value()) continue;
    if (auto health = health_.NewerThan(*row, packed.revision())) kept.emplace_back(*row, *std::move(health));
    if (auto values = values_.NewerThan(*row, packed.revision())) kept_values.emplace_back(*row, *std::move(values));
  }
  auto applied = accounts_.Apply(message);
  for (const auto& [row, health] : kept) health_.Restore(row, health);
  for (const auto& [row, values] : kept_values) values_.Restore(row, values);
  if (!applied.ok()) return applied;
  for (const AppliedRow& row : *applied) unseen_.erase(row.row);
  if (accounts_.caught_up()) DeleteUnseen(*applied);
  NoteTimes(*applied);
  fact_days_.resize(table_.row_count());
  for (const AppliedRow& row : *applied) fact_days_[row.row] = static_cast<std::int32_t>(DayOf(row.as_of));
  return applied;
}

absl::StatusOr<std::vector<AppliedRow>> AccountFacts::Apply(
    const perennial::health::v1::WatchHealthScoresResponse& message, std::size_t feed) {
  auto applied = health_.Apply(message, feed);
  if (applied.ok()) NoteTimes(*applied);
  return applied;
}

absl::StatusOr<std::vector<AppliedRow>> AccountFacts::Apply(const perennial::health::v1::WatchValuesResponse& message,
                                                            std::size_t feed) {
  return values_.Apply(message, feed);
}

void AccountFacts::TrackChanges(bool on) {
  accounts_.TrackChanges(on);
  health_.TrackChanges(on);
  values_.TrackChanges(on);
}

void AccountFacts::NoteTimes(const std::vector<AppliedRow>& rows) {
  if (as_of_.size() < table_.row_count()) as_of_.resize(table_.row_count(), absl::UnixEpoch());
  for (const AppliedRow& row : rows) as_of_[row.row] = std::max(as_of_[row.row], row.as_of);
}

void AccountFacts::RewindAccounts() {
  accounts_.Rewind();
  table_.live_rows().ForEach([&](facts::RowId row) { unseen_.insert(row); });
}

void AccountFacts::DeleteUnseen(std::vector<AppliedRow>& rows) {
  for (const facts::RowId row : unseen_) {
    table_.Delete(row);
    rows.push_back({.row = row, .revision = accounts_.revision(), .deleted = true, .as_of = accounts_.server_time(),
                    .changed = {}, .before = {}});
  }
  unseen_.clear();
}

facts::RowId AccountFacts::Remember(absl::string_view account_id) {
  if (const auto row = table_.FindAny(account_id)) return *row;
  const facts::RowId row = table_.Upsert(account_id);
  table_.Delete(row);
  return row;
}

}  // namespace perennial::segments
