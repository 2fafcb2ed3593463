#include "health-svc/health_facts.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::health {
namespace {

std::string FactName(absl::string_view prefix, const std::string& id) {
  return absl::StrCat(prefix, absl::StrReplaceAll(id, {{"-", "_"}}));
}

// Times as facts hold them, to the microsecond.
double SecondsOf(absl::Time time) { return static_cast<double>(absl::ToUnixMicros(time)) / 1e6; }
absl::Time TimeOf(double seconds) { return absl::FromUnixMicros(std::llround(seconds * 1e6)); }

std::set<std::string> MeasureIds(const Scorecards& scorecards) {
  std::set<std::string> ids;
  for (const auto& card : scorecards.all()) {
    for (const v1::Measure& measure : card->config().measures()) ids.insert(measure.id());
  }
  return ids;
}

}  // namespace

absl::Status HealthFacts::Check(const Scorecards& scorecards, const FlagRules& rules) {
  std::set<std::string> names = {"flags.open"};
  const auto clash = [&](const std::string& name) -> absl::Status {
    if (names.insert(name).second) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("two ids of scorecards or flag rules become the fact '", name, "'; rename one"));
  };
  for (const std::string& id : MeasureIds(scorecards)) {
    PERENNIAL_RETURN_IF_ERROR(clash(FactName("health.measure.", id)));
  }
  for (const CompiledFlagRule& rule : rules.all()) {
    PERENNIAL_RETURN_IF_ERROR(clash(FactName("flags.", rule.config.id())));
  }
  return absl::OkStatus();
}

absl::StatusOr<facts::FactId> HealthFacts::Add(facts::FactDefinition definition, facts::FactCatalogue& catalogue) {
  PERENNIAL_ASSIGN_OR_RETURN(const facts::FactId fact, catalogue.Add(std::move(definition)));
  if (Owns(fact)) return fact;
  owned_.resize(std::max<std::size_t>(owned_.size(), fact + 1));
  owned_[fact] = true;
  all_.insert(std::lower_bound(all_.begin(), all_.end(), fact), fact);
  return fact;
}

absl::StatusOr<HealthFacts> HealthFacts::Register(const Scorecards& scorecards, const FlagRules& rules,
                                                  facts::FactCatalogue& catalogue) {
  using enum facts::FactType;
  HealthFacts out;
  const auto add = [&](std::string name, facts::FactType type, std::string unit, std::string meaning) {
    return out.Add({.name = std::move(name), .type = type, .unit = std::move(unit), .meaning = std::move(meaning)},
                   catalogue);
  };
  PERENNIAL_ASSIGN_OR_RETURN(out.score_, add("health.score", kNumber, "0-100",
                                             "Health score; unknown when nothing that "
                                             "its scorecard measures is known."));
  PERENNIAL_ASSIGN_OR_RETURN(out.band_, out.Add({.name = "health.band",
                                                 .type = kString,
                                                 .meaning = "Band of the health score; unknown with it.",
                                                 .change_fact = "health.band_time"},
                                                catalogue));
  PERENNIAL_ASSIGN_OR_RETURN(out.band_time_,
                             add("health.band_time", kTime, "", "Since when the score has been in its band."));
  PERENNIAL_ASSIGN_OR_RETURN(out.coverage_,
                             add("health.coverage", kNumber, "share 0-1", "Share of weight on known, fresh values."));
  PERENNIAL_ASSIGN_OR_RETURN(out.change_, add("health.change_30d", kNumber, "points",
                                              "Difference to the score 30 days before; unknown without."));
  PERENNIAL_ASSIGN_OR_RETURN(out.open_, add("flags.open", kNumber, "flags", "Flags that are raised."));
  PERENNIAL_RETURN_IF_ERROR(Check(scorecards, rules));
  PERENNIAL_RETURN_IF_ERROR(out.Follow(scorecards, rules, catalogue));
  return out;
}

absl::Status HealthFacts::Follow(const Scorecards& scorecards, const FlagRules& rules,
                                 facts::FactCatalogue& catalogue) {
  using enum facts::FactType;
  for (const std::string& id : MeasureIds(scorecards)) {
    PERENNIAL_ASSIGN_OR_RETURN(measures_[id], Add({.name = FactName("health.measure.", id),
                                                   .type = kNumber,
                                                   .unit = "0-100",
                                                   .meaning = absl::StrCat("Points of the measure ", id, ".")},
                                                  catalogue));
  }
  measure_ids_.clear();
  for (const auto& [id, fact] : measures_) measure_ids_.push_back(id);
  std::sort(measure_ids_.begin(), measure_ids_.end());
  flags_.clear();
  for (const CompiledFlagRule& rule : rules.all()) {
    const std::string& id = rule.config.id();
    PERENNIAL_ASSIGN_OR_RETURN(const facts::FactId fact,
                               Add({.name = FactName("flags.", id),
                                    .type = kBool,
                                    .meaning = absl::StrCat("Whether the flag ", id, " is raised.")},
                                   catalogue));
    flags_.emplace_back(id, fact);
  }
  return absl::OkStatus();
}

facts::FactRow HealthFacts::ToFacts(const v1::HealthScore& score) const {
  facts::FactRow row;
  if (score.has_score()) row.SetNumber(score_, score.score());
  if (!score.band().empty()) row.SetText(band_, score.band());
  if (score.has_band_time()) row.SetNumber(band_time_, SecondsOf(ToTime(score.band_time())));
  row.SetNumber(coverage_, score.coverage());
  if (score.has_change_30d()) row.SetNumber(change_, score.change_30d());
  row.SetNumber(open_, score.open_flags_size());
  for (const v1::MeasureScore& measure : score.measures()) {
    const auto fact = measures_.find(measure.measure());
    if (fact != measures_.end()) row.SetNumber(fact->second, measure.score());
  }
  for (const auto& [rule, fact] : flags_) {
    const auto& open = score.open_flags();
    row.SetNumber(fact, std::binary_search(open.begin(), open.end(), rule) ? 1 : 0);
  }
  return row;
}

void HealthFacts::Put(const v1::HealthScore& score, facts::RowId row, const facts::FactCatalogue& catalogue,
                      facts::FactTable& table) const {
  (void)table.Replace(row, ToFacts(score), catalogue, all_);
}

void HealthFacts::Get(const facts::FactTable& table, facts::RowId row, const CompiledScorecard* scorecard,
                      v1::HealthScore* out) const {
  if (const auto score = table.Number(row, score_)) out->set_score(*score);
  if (const auto band = table.Text(row, band_)) out->set_band(std::string(*band));
  if (const auto time = table.Number(row, band_time_)) SetTimestamp(TimeOf(*time), out->mutable_band_time());
  out->set_coverage(table.Number(row, coverage_).value_or(0));
  if (const auto change = table.Number(row, change_)) out->set_change_30d(*change);
  const auto add = [&](const std::string& id) {
    const auto fact = measures_.find(id);
    if (fact == measures_.end()) return;
    const auto points = table.Number(row, fact->second);
    if (!points.has_value()) return;
    v1::MeasureScore* measure = out->add_measures();
    measure->set_measure(id);
    measure->set_score(*points);
  };
  if (scorecard != nullptr) {
    for (const v1::Measure& measure : scorecard->config().measures()) add(measure.id());
  } else {
    for (const std::string& id : measure_ids_) add(id);
  }
  if (table.Number(row, open_).value_or(0) == 0) return;
  for (const auto& [rule, fact] : flags_) {
    if (table.Number(row, fact).value_or(0) != 0) out->add_open_flags(rule);
  }
}

}  // namespace perennial::health
