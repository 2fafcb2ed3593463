#include "segment-svc/health_facts.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::segments {
namespace {

constexpr char kMeasurePrefix[] = "health.measure.";
constexpr char kFlagPrefix[] = "flags.";
constexpr std::size_t kMostFacts = 10'000;  // of health-svc; more is nonsense

std::string InFactName(absl::string_view id) { return absl::StrReplaceAll(id, {{"-", "_"}}); }
// Ids of rules have no "_", so that this turns InFactName() round.
std::string RuleOf(absl::string_view name) { return absl::StrReplaceAll(name, {{"_", "-"}}); }

}  // namespace

HealthFacts::HealthFacts(facts::FactCatalogue& catalogue, facts::FactTable& table)
    : catalogue_(catalogue), table_(table) {
  using facts::FactType;
  // The catalogue is this process's own, and accounts-svc sends no health.* or flags.*: these cannot clash.
  score_ = *Register({.name = "health.score", .type = FactType::kNumber, .unit = "points 0-100",
                      .meaning = "Health score; unknown when nothing that the scorecard measures is known."});
  band_ = *Register({.name = "health.band", .type = FactType::kString,
                     .meaning = "Band that the score lies in; unknown when the score is.",
                     .change_fact = "health.band_time"});
  band_time_ = *Register({.name = "health.band_time", .type = FactType::kTime,
                          .meaning = "Since when the score has been in its band; unknown when the band is."});
  coverage_ = *Register({.name = "health.coverage", .type = FactType::kNumber, .unit = "share 0-1",
                         .meaning = "Share of the score's weight that rests on known, fresh values."});
  change_30d_ = *Register({.name = "health.change_30d", .type = FactType::kNumber, .unit = "points",
                           .meaning = "Score less the score 30 days before; unknown when either is."});
  open_flags_ = *Register({.name = "flags.open", .type = FactType::kNumber, .unit = "flags",
                           .meaning = "How many flags are raised; unknown until the account has been evaluated."});
}

absl::StatusOr<facts::FactId> HealthFacts::Register(facts::FactDefinition definition) {
  PERENNIAL_ASSIGN_OR_RETURN(const facts::FactId id, catalogue_.Add(std::move(definition)));
  const auto at = std::lower_bound(owned_.begin(), owned_.end(), id);
  if (at == owned_.end() || *at != id) owned_.insert(at, id);
  return id;
}

absl::StatusOr<facts::FactId> HealthFacts::Measure(absl::string_view id) {
  const auto known = measures_.find(id);
  if (known != measures_.end()) return known->second;
  if (owned_.size() >= kMostFacts) return absl::DataLossError("too many measures");
  const std::string name = absl::StrCat(kMeasurePrefix, InFactName(id));
  PERENNIAL_ASSIGN_OR_RETURN(
      const facts::FactId fact,
      Register({.name = name, .type = facts::FactType::kNumber, .unit = "points 0-100",
                .meaning = "Points of one measure of the score; unknown when its fact is unknown or too old."}));
  measures_.emplace(std::string(id), fact);
  new_names_.push_back(name);
  return fact;
}

absl::StatusOr<facts::FactId> HealthFacts::Rule(absl::string_view id) {
  const auto known = rules_.find(std::string(id));
  if (known != rules_.end()) return known->second;
  if (owned_.size() >= kMostFacts) return absl::DataLossError("too many flag rules");
  const std::string name = absl::StrCat(kFlagPrefix, InFactName(id));
  PERENNIAL_ASSIGN_OR_RETURN(const facts::FactId fact,
                             Register({.name = name, .type = facts::FactType::kBool,
                                       .meaning = "Whether the flag is raised; unknown until the account has been "
                                                  "evaluated."}));
  rules_.emplace(std::string(id), fact);
  new_names_.push_back(name);
  // Accounts that were evaluated before the rule was known do not have it raised. No filter can have read the fact yet.
  if (const facts::NumberColumn* evaluated = table_.numbers(open_flags_)) {
    const facts::Bitmap rows = evaluated->known;
    rows.ForEach([&](facts::RowId row) { table_.SetNumber(row, fact, facts::FactType::kBool, 0.0); });
  }
  return fact;
}

absl::Status HealthFacts::KnowRules(const std::vector<std::string>& rule_ids) {
  for (const std::string& id : rule_ids) PERENNIAL_RETURN_IF_ERROR(Rule(id).status());
  return absl::OkStatus();
}

absl::Status HealthFacts::KnowFacts(const std::vector<std::string>& names) {
  for (absl::string_view name : names) {
    if (absl::ConsumePrefix(&name, kMeasurePrefix)) {
      PERENNIAL_RETURN_IF_ERROR(Measure(name).status());
    } else if (absl::ConsumePrefix(&name, kFlagPrefix)) {
      PERENNIAL_RETURN_IF_ERROR(Rule(RuleOf(name)).status());
    }
  }
  new_names_.clear();
  return absl::OkStatus();
}

std::vector<std::string> HealthFacts::TakeNewNames() { return std::exchange(new_names_, {}); }

void HealthFacts::ReturnNewNames(const std::vector<std::string>& names) {
  new_names_.insert(new_names_.end(), names.begin(), names.end());
}

absl::StatusOr<facts::FactRow> HealthFacts::Facts(const perennial::health::v1::HealthScore& score) {
  facts::FactRow row;
  row.Reserve(owned_.size());
  if (score.has_score()) row.SetNumber(score_, score.score());
  if (!score.band().empty()) row.SetText(band_, score.band());
  if (score.has_band_time()) {
    row.SetNumber(band_time_, static_cast<double>(absl::ToUnixMicros(ToTime(score.band_time()))) / 1e6);
  }
  row.SetNumber(coverage_, score.coverage());
  if (score.has_change_30d()) row.SetNumber(change_30d_, score.change_30d());
  row.SetNumber(open_flags_, score.open_flags_size());
  for (const auto& measure : score.measures()) {
    PERENNIAL_ASSIGN_OR_RETURN(const facts::FactId fact, Measure(measure.measure()));
    row.SetNumber(fact, measure.score());
  }
  for (const std::string& rule : score.open_flags()) PERENNIAL_RETURN_IF_ERROR(Rule(rule).status());
  for (const auto& [rule, fact] : rules_) row.SetNumber(fact, 0);
  for (const std::string& rule : score.open_flags()) row.SetNumber(rules_.find(rule)->second, 1);
  return row;
}

facts::RowId HealthFacts::RowOf(absl::string_view account_id) {
  if (const auto row = table_.FindAny(account_id)) return *row;
  // The score has come before the facts. The account exists once its facts are here, and finds its health then.
  const facts::RowId row = table_.Upsert(account_id);
  table_.Delete(row);
  return row;
}

absl::StatusOr<std::vector<AppliedRow>> HealthFacts::Apply(
    const perennial::health::v1::WatchHealthScoresResponse& message, std::size_t feed) {
  Feed& from = feeds_[feed];
  std::vector<AppliedRow> applied;
  applied.reserve(static_cast<std::size_t>(message.updates_size()));
  for (const auto& update : message.updates()) {
    if (update.account_id().empty()) return absl::DataLossError("score without an account");
    facts::FactRow facts;
    if (!update.deleted()) {
      PERENNIAL_ASSIGN_OR_RETURN(facts, Facts(update.health_score()));
    }
    const facts::RowId row = RowOf(update.account_id());
    if (row >= scored_from_.size()) scored_from_.resize(row + 1);
    if (row >= scored_by_.size()) scored_by_.resize(row + 1);
    from.revision = update.revision();
    if (update.deleted() && scored_by_[row] != feed) continue;
    scored_by_[row] = static_cast<std::uint16_t>(feed);
    scored_from_[row] = update.deleted() ? 0 : update.health_score().facts_revision();
    AppliedRow change{.row = row,
                      .revision = update.revision(),
                      .as_of = ToTime(update.health_score().as_of()),
                      .changed = {},
                      .before = {}};
    ReplaceFacts(table_, facts, catalogue_, owned_, change, track_);
    applied.push_back(std::move(change));
  }
  from.revision = std::max(from.revision, message.progress_revision());
  // It falls when health-svc follows another feed of facts. 0: not all scores have been sent yet.
  if (message.facts_revision() > 0) from.scored_facts_revision = message.facts_revision();
  if (!message.feed_id().empty()) from.feed_id = message.feed_id();
  from.caught_up = from.caught_up || message.caught_up();
  return applied;
}

void HealthFacts::Rewind(std::size_t feed) { feeds_[feed] = {.caught_up = feeds_[feed].caught_up}; }

std::int64_t HealthFacts::scored_facts_revision() const {
  const auto least = std::min_element(feeds_.begin(), feeds_.end(), [](const Feed& a, const Feed& b) {
    return a.scored_facts_revision < b.scored_facts_revision;
  });
  return least->scored_facts_revision;
}

bool HealthFacts::caught_up() const {
  return std::all_of(feeds_.begin(), feeds_.end(), [](const Feed& feed) { return feed.caught_up; });
}

std::optional<facts::FactRow> HealthFacts::NewerThan(facts::RowId row, std::int64_t facts_revision) const {
  if (row >= scored_from_.size() || scored_from_[row] <= facts_revision) return std::nullopt;
  facts::FactRow facts;
  for (const facts::FactId fact : owned_) {
    const auto value = table_.Value(row, fact, catalogue_.Get(fact).type);
    if (!value.has_value()) continue;
    if (const auto* number = std::get_if<double>(&*value)) {
      facts.SetNumber(fact, *number);
    } else if (const auto* text = std::get_if<std::string>(&*value)) {
      facts.SetText(fact, *text);
    }
  }
  return facts;
}

void HealthFacts::Restore(facts::RowId row, const facts::FactRow& facts) {
  table_.Replace(row, facts, catalogue_, owned_);
}

}  // namespace perennial::segments
