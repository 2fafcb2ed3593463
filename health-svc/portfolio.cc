#include "health-svc/portfolio.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::health {

absl::StatusOr<std::unique_ptr<Portfolio>> Portfolio::Create(Scorecards scorecards, FlagRules rules) {
  std::unique_ptr<Portfolio> out(new Portfolio(std::move(scorecards), std::move(rules)));
  PERENNIAL_ASSIGN_OR_RETURN(out->health_facts_, HealthFacts::Register(out->scorecards_, out->rules_, out->catalogue_));
  out->flags_.resize(out->rules_.all().size());
  (void)out->Resolve();
  return out;
}

bool Portfolio::Resolve() {
  const bool scorecards = scorecards_.Resolve(catalogue_);
  const bool rules = rules_.Resolve(catalogue_);
  return scorecards || rules;
}

std::optional<facts::RowId> Portfolio::Find(absl::string_view account_id) const {
  const auto row = table_.Find(account_id);
  return row.has_value() && *row < entries_.size() && entries_[*row].revision > 0 ? row : std::nullopt;
}

bool Portfolio::IsDeleted(absl::string_view account_id) const {
  const auto row = table_.FindAny(account_id);
  return row.has_value() && *row < entries_.size() && entries_[*row].deleted;
}

const CompiledScorecard* Portfolio::ScorecardOf(facts::RowId row) const {
  const Entry& entry = entries_[row];
  return entry.scorecard < scorecard_names_.size() ? scorecard_names_[entry.scorecard].compiled : nullptr;
}

void Portfolio::GetScore(facts::RowId row, v1::HealthScore* out) const {
  const Entry& entry = entries_[row];
  out->set_name(absl::StrCat("accounts/", table_.account_id(row), "/healthScore"));
  health_facts_.Get(table_, row, ScorecardOf(row), out);
  const ScorecardName& scorecard = scorecard_names_[entry.scorecard];
  out->set_scorecard(scorecard.id);
  out->set_scorecard_revision(scorecard.revision);
  SetTimestamp(entry.as_of, out->mutable_as_of());
  out->set_facts_revision(entry.facts_revision);
  out->set_revision(entry.revision);
  out->set_frozen(entry.frozen);
}

Portfolio::Entry& Portfolio::mutable_entry(facts::RowId row) {
  if (row >= entries_.size()) entries_.resize(row + 1);
  return entries_[row];
}

void Portfolio::SetRevision(facts::RowId row, std::int64_t revision) {
  Entry& entry = mutable_entry(row);
  if (entry.revision == revision) return;
  if (entry.revision > 0) by_revision_.erase(entry.revision);
  by_revision_.emplace_hint(by_revision_.end(), revision, row);
  entry.revision = revision;
  RaiseRevision(revision);
}

std::uint32_t Portfolio::ScorecardIndex(const std::string& id, std::int64_t revision) {
  for (std::size_t i = 0; i < scorecard_names_.size(); ++i) {
    if (scorecard_names_[i].id == id && scorecard_names_[i].revision == revision) return static_cast<std::uint32_t>(i);
  }
  scorecard_names_.push_back({.id = id, .revision = revision, .compiled = scorecards_.Find(id, revision)});
  return static_cast<std::uint32_t>(scorecard_names_.size() - 1);
}

void Portfolio::PutScore(facts::RowId row, const v1::HealthScore& score) {
  SetRevision(row, score.revision());
  Entry& entry = mutable_entry(row);
  entry.facts_revision = score.facts_revision();
  entry.as_of = ToTime(score.as_of());
  entry.scorecard = ScorecardIndex(score.scorecard(), score.scorecard_revision());
  entry.frozen = score.frozen();
  entry.deleted = false;
  health_facts_.Put(score, row, catalogue_, table_);
}

void Portfolio::PutTombstone(facts::RowId row, std::int64_t revision) {
  SetRevision(row, revision);
  Entry& entry = mutable_entry(row);
  entry.deleted = true;
  entry.frozen = false;
  table_.Delete(row);
}

void Portfolio::PutFlag(facts::RowId row, std::size_t rule, FlagState state) { flags_[rule][row] = std::move(state); }

void Portfolio::DropFlags(facts::RowId row) {
  for (auto& states : flags_) states.erase(row);
}

void Portfolio::SetProgress(std::int64_t facts_revision, std::int64_t scored_revision, bool caught_up) {
  facts_revision_ = facts_revision;
  scored_revision_ = scored_revision;
  caught_up_ = caught_up;
}

}  // namespace perennial::health
