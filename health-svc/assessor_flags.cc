// Flags in the table: putting and removing them, and when they change by themselves.
#include <algorithm>
#include <optional>

#include "health-svc/assessor.h"

namespace perennial::health {
namespace {

// When a flag changes by itself if nothing else happens.
std::optional<absl::Time> DueTimeOf(const FlagState& state, const CompiledFlagRule& rule) {
  const std::optional<absl::Time> held = DueTime(state.standing, rule.raise_after, rule.clear_after);
  if (!state.standing.open || state.handled != v1::FLAG_STATE_SNOOZED) return held;
  const std::optional<absl::Time> woken = state.snooze_until;
  return held.has_value() ? std::min(held, woken) : woken;
}

}  // namespace

void Assessor::RemoveFlags(Assessment& assessment, std::int64_t& flag_revision, HealthBatch& batch) {
  const auto row = portfolio_.Find(assessment.account_id);
  if (!row.has_value()) return;
  for (std::size_t rule = 0; rule < portfolio_.rules().all().size(); ++rule) {
    const auto found = portfolio_.flags(rule).find(*row);
    if (found == portfolio_.flags(rule).end() || found->second.revision == 0) continue;
    assessment.removed_flags.emplace_back(rule, ++flag_revision);
    batch.flags.push_back({.account_id = assessment.account_id,
                           .rule = portfolio_.rules().all()[rule].config.id(),
                           .revision = flag_revision,
                           .removed = true});
  }
}

void Assessor::ForgetDueFlag(facts::RowId row, std::size_t rule) {
  const auto found = portfolio_.flags(rule).find(row);
  if (found == portfolio_.flags(rule).end()) return;
  if (const auto due = DueTimeOf(found->second, portfolio_.rules().all()[rule])) due_.erase({*due, row, rule});
}

void Assessor::RebuildDueFlags() {
  due_.clear();
  for (std::size_t rule = 0; rule < portfolio_.rules().all().size(); ++rule) {
    for (const auto& [row, state] : portfolio_.flags(rule)) {
      if (const auto due = DueTimeOf(state, portfolio_.rules().all()[rule])) due_.insert({*due, row, rule});
    }
  }
}

void Assessor::PublishFlag(facts::RowId row, std::size_t rule, const FlagState& state) {
  ForgetDueFlag(row, rule);
  if (const auto due = DueTimeOf(state, portfolio_.rules().all()[rule])) due_.insert({*due, row, rule});
  portfolio_.PutFlag(row, rule, state);
}

}  // namespace perennial::health
