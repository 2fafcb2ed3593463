#include "health-svc/portfolio.h"

#include <algorithm>
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
  carry_specs_ = scorecards_.CarrySpecs();
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
  if (const StandingOverride* standing = OverrideOf(row)) {
    *out->mutable_override() = standing->config;
    if (standing->computed.has_value()) out->set_computed_score(*standing->computed);
  }
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

const CompiledScorecard* Portfolio::FindScorecard(const std::string& id, std::int64_t revision) const {
  if (const CompiledScorecard* found = scorecards_.Find(id, revision)) return found;
  for (const auto& card : retired_) {
    if (card->config().id() == id && card->config().revision() == revision) return card.get();
  }
  return nullptr;
}

std::vector<std::pair<std::string, std::int64_t>> Portfolio::UnknownScorecards() const {
  std::vector<std::pair<std::string, std::int64_t>> out;
  for (const ScorecardName& name : scorecard_names_) {
    if (name.compiled == nullptr) out.emplace_back(name.id, name.revision);
  }
  return out;
}

void Portfolio::KeepRetired(std::unique_ptr<CompiledScorecard> scorecard) {
  (void)scorecard->Resolve(catalogue_);
  retired_.push_back(std::move(scorecard));
  for (ScorecardName& name : scorecard_names_) name.compiled = FindScorecard(name.id, name.revision);
}

absl::Status Portfolio::SetConfiguration(Scorecards scorecards, FlagRules rules) {
  PERENNIAL_RETURN_IF_ERROR(health_facts_.Follow(scorecards, rules, catalogue_));
  (void)scorecards.Resolve(catalogue_);
  (void)rules.Resolve(catalogue_);
  for (std::unique_ptr<CompiledScorecard>& card : scorecards_.TakeAll()) {
    const bool used = std::any_of(scorecard_names_.begin(), scorecard_names_.end(),
                                  [&](const ScorecardName& name) { return name.compiled == card.get(); });
    if (used && scorecards.Find(card->config().id(), card->config().revision()) == nullptr) {
      retired_.push_back(std::move(card));
    }
  }
  std::vector<absl::flat_hash_map<facts::RowId, FlagState>> flags(rules.all().size());
  for (std::size_t i = 0; i < rules_.all().size(); ++i) {
    if (const auto now = rules.Find(rules_.all()[i].config.id())) {
      flags[*now] = std::move(flags_[i]);
    } else {
      ForgetFlags(flags_[i]);
    }
  }
  flags_ = std::move(flags);
  scorecards_ = std::move(scorecards);
  rules_ = std::move(rules);
  carry_specs_ = scorecards_.CarrySpecs();
  for (ScorecardName& name : scorecard_names_) name.compiled = FindScorecard(name.id, name.revision);
  return absl::OkStatus();
}

void Portfolio::SetFlagRevision(FlagKey key, std::int64_t before, std::int64_t revision) {
  if (revision == 0 || revision == before) return;
  if (before > 0) flags_by_revision_.erase(before);
  flags_by_revision_.emplace_hint(flags_by_revision_.end(), revision, key);
  RaiseFlagRevision(revision);
}

void Portfolio::ForgetFlags(const absl::flat_hash_map<facts::RowId, FlagState>& flags) {
  for (const auto& [row, state] : flags) flags_by_revision_.erase(state.revision);
}

void Portfolio::PutFlagTombstone(facts::RowId row, const std::string& rule, std::int64_t revision) {
  if (revision == 0) return;
  const std::uint32_t number = rule_names_.Add(rule);
  std::int64_t& known = flag_tombstones_[{row, number}];
  SetFlagRevision({.row = row, .rule = number, .removed = 1}, std::exchange(known, revision), revision);
}

std::uint32_t Portfolio::ScorecardIndex(const std::string& id, std::int64_t revision) {
  for (std::size_t i = 0; i < scorecard_names_.size(); ++i) {
    if (scorecard_names_[i].id == id && scorecard_names_[i].revision == revision) return static_cast<std::uint32_t>(i);
  }
  scorecard_names_.push_back({.id = id, .revision = revision, .compiled = FindScorecard(id, revision)});
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
  if (score.has_override()) {
    overrides_[row] = {
        .config = score.override(),
        .computed = score.has_computed_score() ? std::optional<double>(score.computed_score()) : std::nullopt};
  } else {
    overrides_.erase(row);
  }
  health_facts_.Put(score, row, catalogue_, table_);
}

void Portfolio::PutTombstone(facts::RowId row, std::int64_t revision) {
  SetRevision(row, revision);
  Entry& entry = mutable_entry(row);
  entry.deleted = true;
  entry.frozen = false;
  overrides_.erase(row);
  carried_.erase(row);
  hierarchy_.SetParent(row, std::nullopt);
  table_.Delete(row);
  row_changed_(row);
}

void Portfolio::FollowParent(facts::RowId row) {
  const auto parent = catalogue_.Find("parent");
  if (parent.has_value()) hierarchy_.SetParent(row, table_.Text(row, *parent));
  row_changed_(row);
}

void Portfolio::PutCarried(facts::RowId row, CarriedFacts carried) {
  if (carried.empty()) {
    carried_.erase(row);
  } else {
    carried_[row] = std::move(carried);
  }
}

void Portfolio::PutFlag(facts::RowId row, std::size_t rule, FlagState state) {
  const std::uint32_t number = rule_names_.Add(rules_.all()[rule].config.id());
  const auto tombstone = flag_tombstones_.find({row, number});
  if (tombstone != flag_tombstones_.end() && state.revision > 0) {
    flags_by_revision_.erase(tombstone->second);
    flag_tombstones_.erase(tombstone);
  }
  FlagState& present = flags_[rule][row];
  SetFlagRevision({.row = row, .rule = number}, present.revision, state.revision);
  present = std::move(state);
}

void Portfolio::DropFlags(facts::RowId row) {
  for (auto& states : flags_) {
    const auto found = states.find(row);
    if (found == states.end()) continue;
    flags_by_revision_.erase(found->second.revision);
    states.erase(found);
  }
}

void Portfolio::SetProgress(std::int64_t facts_revision, std::int64_t scored_revision, bool caught_up) {
  facts_revision_ = facts_revision;
  scored_revision_ = scored_revision;
  caught_up_ = caught_up;
}

}  // namespace perennial::health
