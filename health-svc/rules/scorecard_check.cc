#include "health-svc/rules/scorecard_check.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/nearest.h"
#include "common/filter/filter.h"
#include "health-svc/rules/curve.h"
#include "health-svc/rules/live_filter.h"

namespace perennial::health {
namespace {

bool IsId(absl::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::string At(const std::string& where, int index) { return absl::StrCat(where, "[", index, "]"); }

// Facts of usage metrics and attributes come into being with the first value.
bool MayCome(absl::string_view fact) {
  return absl::StartsWith(fact, "attributes.") ||
         (absl::StartsWith(fact, "usage.") && std::count(fact.begin(), fact.end(), '.') >= 2);
}

class IdCheck {
 public:
  void Add(absl::string_view id, const std::string& field, BadRequest& faults) {
    if (!IsId(id)) {
      faults.Add(field, "must be 1 to 64 of a-z 0-9 _ -");
    } else if (!seen_.insert(std::string(id)).second) {
      faults.Add(field, absl::StrCat("'", std::string(id), "' stands twice"));
    }
  }

 private:
  absl::flat_hash_set<std::string> seen_;
};

void CheckFilter(const std::string& text, bool required, const std::string& field, BadRequest& faults) {
  if (required && text.empty()) return faults.Add(field, "is required");
  faults.AddIfError(field, LiveFilter::CheckText(text, {"health.", "flags.", "value."}));
}

void CheckWeight(double weight, const std::string& field, BadRequest& faults) {
  if (!(weight > 0) || !std::isfinite(weight)) faults.Add(field, "must be greater than 0");
}

void CheckCarry(const v1::Measure& measure, const std::string& at, BadRequest& faults) {
  if (measure.missing() != v1::MISSING_POLICY_CARRY) {
    if (measure.carry_days() != 0) faults.Add(at + ".carry_days", "must be 0 unless the measure is carried");
  } else if (!(measure.carry_days() > 0 && measure.carry_days() <= kMostCarryDays)) {
    faults.Add(at + ".carry_days", absl::StrCat("must be greater than 0 and at most ", kMostCarryDays));
  }
}

void CheckMeasure(const v1::Measure& measure, const std::string& at, BadRequest& faults) {
  if (measure.fact().empty()) faults.Add(at + ".fact", "is required");
  CheckWeight(measure.weight(), at + ".weight", faults);
  (void)Curve::Compile(measure.curve(), at + ".curve", faults);
  for (int i = 0; i < measure.variants_size(); ++i) {
    const std::string variant = At(at + ".variants", i);
    CheckFilter(measure.variants(i).filter(), true, variant + ".filter", faults);
    (void)Curve::Compile(measure.variants(i).curve(), variant + ".curve", faults);
  }
  if (measure.missing() == v1::MISSING_POLICY_UNSPECIFIED || !v1::MissingPolicy_IsValid(measure.missing())) {
    faults.Add(at + ".missing", "must say what the measure does while its fact is missing");
  }
  if (!(measure.max_age_days() >= 0)) faults.Add(at + ".max_age_days", "must not be negative");
  CheckCarry(measure, at, faults);
}

void CheckGroupsAndMeasures(const v1::Scorecard& card, const std::string& at, BadRequest& faults) {
  if (card.groups().empty()) faults.Add(at + ".groups", "must have at least one group");
  if (card.measures().empty()) faults.Add(at + ".measures", "must have at least one measure");
  if (card.measures_size() > kMostMeasures)
    faults.Add(at + ".measures", absl::StrCat("must be at most ", kMostMeasures));
  absl::flat_hash_set<std::string> groups;
  absl::flat_hash_set<std::string> used;
  IdCheck group_ids;
  for (int i = 0; i < card.groups_size(); ++i) {
    const std::string group = At(at + ".groups", i);
    group_ids.Add(card.groups(i).id(), group + ".id", faults);
    CheckWeight(card.groups(i).weight(), group + ".weight", faults);
    groups.insert(card.groups(i).id());
  }
  IdCheck measure_ids;
  for (int i = 0; i < card.measures_size(); ++i) {
    const v1::Measure& measure = card.measures(i);
    const std::string where = At(at + ".measures", i);
    measure_ids.Add(measure.id(), where + ".id", faults);
    if (!groups.contains(measure.group())) {
      faults.Add(where + ".group", absl::StrCat("'", measure.group(), "' is not a group of this scorecard"));
    }
    used.insert(measure.group());
    CheckMeasure(measure, where, faults);
  }
  for (int i = 0; i < card.groups_size(); ++i) {
    if (!used.contains(card.groups(i).id())) faults.Add(At(at + ".groups", i), "has no measure");
  }
}

// Exceptions with the same filter always meet each other, so that they must agree.
class Contradictions {
 public:
  void Add(const v1::ScoreException& exception, const std::string& field, BadRequest& faults) {
    Range& range = ranges_[exception.filter()];
    if (exception.effect_case() == v1::ScoreException::kFloor) range.floor = std::max(range.floor, exception.floor());
    if (exception.effect_case() == v1::ScoreException::kCap) range.cap = std::min(range.cap, exception.cap());
    if (exception.effect_case() == v1::ScoreException::kSet) {
      range.floor = std::max(range.floor, exception.set());
      range.cap = std::min(range.cap, exception.set());
    }
    if (range.floor > range.cap) {
      faults.Add(field, "contradicts an earlier exception with the same filter");
      range = Range();
    }
  }

 private:
  struct Range {
    double floor = 0;
    double cap = 100;
  };
  absl::flat_hash_map<std::string, Range> ranges_;
};

void CheckExceptions(const v1::Scorecard& card, const std::string& at, BadRequest& faults) {
  IdCheck ids;
  Contradictions contradictions;
  for (int i = 0; i < card.exceptions_size(); ++i) {
    const v1::ScoreException& exception = card.exceptions(i);
    const std::string where = At(at + ".exceptions", i);
    ids.Add(exception.id(), where + ".id", faults);
    CheckFilter(exception.filter(), true, where + ".filter", faults);
    double value = 0;
    switch (exception.effect_case()) {
      case v1::ScoreException::kFloor: value = exception.floor(); break;
      case v1::ScoreException::kCap: value = exception.cap(); break;
      case v1::ScoreException::kSet: value = exception.set(); break;
      case v1::ScoreException::EFFECT_NOT_SET: faults.Add(where, "must be one of floor, cap and set"); continue;
    }
    if (!(value >= 0 && value <= 100)) {
      faults.Add(where, "must be between 0 and 100");
    } else {
      contradictions.Add(exception, where, faults);
    }
  }
}

void CheckBands(const v1::Scorecard& card, const std::string& at, BadRequest& faults) {
  if (card.bands().empty()) return faults.Add(at + ".bands", "must have at least one band");
  IdCheck ids;
  for (int i = 0; i < card.bands_size(); ++i) {
    const v1::Band& band = card.bands(i);
    const std::string where = At(at + ".bands", i);
    ids.Add(band.id(), where + ".id", faults);
    if (i == 0 && band.lower_bound() != 0) faults.Add(where + ".lower_bound", "must be 0 for the lowest band");
    if (!(band.lower_bound() >= 0 && band.lower_bound() <= 100)) {
      faults.Add(where + ".lower_bound", "must lie between 0 and 100");
    } else if (i > 0 && band.lower_bound() <= card.bands(i - 1).lower_bound()) {
      faults.Add(where + ".lower_bound", "must be greater than the one before");
    }
  }
}

void CheckMeasuresFact(const v1::Measure& measure, const facts::FactCatalogue& catalogue, const std::string& at,
                       BadRequest& faults) {
  const auto fact = catalogue.Find(measure.fact());
  if (!fact.has_value()) {
    if (measure.fact().empty() || MayCome(measure.fact())) return;
    std::vector<absl::string_view> names;
    for (facts::FactId id = 0; id < catalogue.size(); ++id) names.push_back(catalogue.Get(id).name);
    const std::string nearest = NearestName(measure.fact(), names);
    return faults.Add(at + ".fact",
                      absl::StrCat("'", measure.fact().substr(0, 128), "' is not a fact",
                                   nearest.empty() ? "" : absl::StrCat("; did you mean '", nearest, "'?")));
  }
  const facts::FactDefinition& definition = catalogue.Get(*fact);
  const auto check_curve = [&](const v1::Curve& curve, const std::string& field) {
    BadRequest bad;
    const Curve compiled = Curve::Compile(curve, field, bad);
    if (bad.empty() && !compiled.Reads(definition.type)) {
      faults.Add(field, absl::StrCat("does not read a ", std::string(facts::NameOf(definition.type)), ", which ",
                                     measure.fact(), " is"));
    }
  };
  if (absl::StartsWith(measure.fact(), "health.") || absl::StartsWith(measure.fact(), "flags.") ||
      absl::StartsWith(measure.fact(), "value.")) {
    faults.Add(at + ".fact", "must not be one that depends on the score");
  }
  check_curve(measure.curve(), at + ".curve");
  for (int i = 0; i < measure.variants_size(); ++i) {
    check_curve(measure.variants(i).curve(), At(at + ".variants", i) + ".curve");
  }
  if (measure.max_age_days() > 0 && definition.age_fact.empty()) {
    faults.Add(at + ".max_age_days", absl::StrCat("must be 0: ", measure.fact(), " has no known age"));
  }
}

void CheckNamesOf(const std::string& filter, const facts::FactCatalogue& catalogue, const std::string& field,
                  BadRequest& faults) {
  if (!LiveFilter::CheckText(filter, {}).ok()) return;  // said already
  faults.AddIfError(field, filter::Filter::Compile(filter, catalogue).status());
}

}  // namespace

bool IsScorecardId(absl::string_view id) { return IsId(id); }

void CheckScorecard(const v1::Scorecard& card, const std::string& at, BadRequest& faults) {
  CheckFilter(card.applies_to(), false, at + ".applies_to", faults);
  CheckGroupsAndMeasures(card, at, faults);
  CheckExceptions(card, at, faults);
  CheckBands(card, at, faults);
}

void CheckFactsOf(const v1::Scorecard& card, const facts::FactCatalogue& catalogue, const std::string& at,
                  BadRequest& faults) {
  CheckNamesOf(card.applies_to(), catalogue, at + ".applies_to", faults);
  for (int i = 0; i < card.measures_size(); ++i) {
    const std::string measure = At(at + ".measures", i);
    CheckMeasuresFact(card.measures(i), catalogue, measure, faults);
    for (int v = 0; v < card.measures(i).variants_size(); ++v) {
      CheckNamesOf(card.measures(i).variants(v).filter(), catalogue, At(measure + ".variants", v) + ".filter", faults);
    }
  }
  for (int i = 0; i < card.exceptions_size(); ++i) {
    CheckNamesOf(card.exceptions(i).filter(), catalogue, At(at + ".exceptions", i) + ".filter", faults);
  }
}

const v1::Scorecard* LastWithFilter(const v1::ScorecardSet& set) {
  const v1::Scorecard* last = nullptr;
  for (const v1::Scorecard& card : set.scorecards()) {
    if (last == nullptr || std::pair(last->priority(), last->id()) < std::pair(card.priority(), card.id()))
      last = &card;
  }
  return last == nullptr || last->applies_to().empty() ? nullptr : last;
}

absl::Status CheckScorecards(const v1::ScorecardSet& set) {
  BadRequest faults;
  if (set.scorecards().empty()) faults.Add("scorecards", "must have at least one scorecard");
  if (set.scorecards_size() > kMostScorecards)
    faults.Add("scorecards", absl::StrCat("must be at most ", kMostScorecards));
  IdCheck ids;
  for (int i = 0; i < set.scorecards_size(); ++i) {
    const v1::Scorecard& card = set.scorecards(i);
    const std::string at = At("scorecards", i);
    ids.Add(card.id(), at + ".id", faults);
    if (card.revision() < 1) faults.Add(at + ".revision", "must be at least 1");
    CheckScorecard(card, at, faults);
  }
  if (const v1::Scorecard* last = LastWithFilter(set)) {
    faults.Add("scorecards", absl::StrCat("must end with one for all accounts, but '", last->id(),
                                          "', the last in order of priority, has applies_to"));
  }
  return faults.ToStatus();
}

}  // namespace perennial::health
