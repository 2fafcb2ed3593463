#include "health-svc/rules/explanation.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "common/base/time_util.h"

namespace perennial::health {
namespace {

std::string Short(double number) {
  if (std::abs(number) >= 100 || number == std::floor(number)) return absl::StrFormat("%.0f", number);
  return absl::StrFormat("%.1f", number);
}

}  // namespace

std::optional<facts::FactValue> ValueOf(const facts::RowReader& row, facts::FactId fact, facts::FactType type) {
  if (type == facts::FactType::kString) {
    const auto text = row.Text(fact);
    return text.has_value() ? std::optional<facts::FactValue>(std::string(*text)) : std::nullopt;
  }
  if (type == facts::FactType::kStringSet) {
    return row.HasSet(fact) ? std::optional<facts::FactValue>(row.Set(fact)) : std::nullopt;
  }
  const auto number = row.Number(fact);
  return number.has_value() ? std::optional<facts::FactValue>(*number) : std::nullopt;
}

namespace {

std::string NameOfMeasure(const v1::Measure& measure) {
  return measure.display_name().empty() ? measure.id() : measure.display_name();
}

std::string KnownReason(const v1::Measure& measure, const std::string& value, double points, double contribution) {
  const std::string text =
      measure.reason().empty()
          ? absl::StrCat(NameOfMeasure(measure), " of ", value, " gives ", Short(points), " points")
          : absl::StrReplaceAll(measure.reason(), {{"{value}", value}, {"{score}", Short(points)}});
  return absl::StrFormat("%s, %.1f of the score", text, contribution);
}

std::string CarriedReason(const v1::Measure& measure, const MeasureOutcome& outcome, double contribution) {
  return absl::StrFormat("%s is carried from %s and gives %s points, %.1f of the score", NameOfMeasure(measure),
                         DayInWords(outcome.carried_day), Short(*outcome.points), contribution);
}

std::string MissingReason(const v1::Measure& measure, v1::MeasureState state) {
  const std::string what = state == v1::MEASURE_STATE_STALE ? absl::StrCat(NameOfMeasure(measure), " is older than ",
                                                                           Short(measure.max_age_days()), " days")
                                                            : absl::StrCat(NameOfMeasure(measure), " is unknown");
  switch (measure.missing()) {
    case v1::MISSING_POLICY_NEUTRAL: return what + " and counts 50";
    case v1::MISSING_POLICY_ZERO: return what + " and counts 0";
    default: return what + "; its weight goes to the other measures";
  }
}

v1::MeasureExplanation ExplainMeasure(const Evaluation& evaluation, int index, const std::string& fact_value,
                                      const std::string& value_in_words) {
  const v1::Measure& measure = evaluation.scorecard->config().measures(index);
  const auto i = static_cast<std::size_t>(index);
  v1::MeasureExplanation out;
  out.set_measure(measure.id());
  out.set_display_name(NameOfMeasure(measure));
  out.set_group(measure.group());
  out.set_fact(measure.fact());
  out.set_fact_value(fact_value);
  out.set_state(evaluation.outcomes[i].state);
  if (evaluation.points[i].has_value()) {
    out.set_score(*evaluation.points[i]);
    out.set_effective_weight(evaluation.weights[i]);
    out.set_contribution(evaluation.weights[i] * *evaluation.points[i]);
  }
  const MeasureOutcome& outcome = evaluation.outcomes[i];
  switch (outcome.state) {
    case v1::MEASURE_STATE_KNOWN:
      out.set_reason(KnownReason(measure, value_in_words, out.score(), out.contribution()));
      break;
    case v1::MEASURE_STATE_CARRIED: out.set_reason(CarriedReason(measure, outcome, out.contribution())); break;
    default: out.set_reason(MissingReason(measure, outcome.state));
  }
  return out;
}

// What the measure takes away from a full score.
double Loss(const v1::MeasureExplanation& measure) {
  return measure.has_score() ? measure.effective_weight() * (100 - measure.score()) : 0;
}

void SortByLoss(v1::HealthScoreExplanation& out) {
  std::stable_sort(out.mutable_measures()->begin(), out.mutable_measures()->end(),
                   [](const auto& a, const auto& b) { return Loss(a) > Loss(b); });
}

std::string EffectReason(const v1::ScoreException& exception) {
  std::string verb;
  double bound = 0;
  if (exception.has_floor()) {
    verb = "raised to ";
    bound = exception.floor();
  } else if (exception.has_cap()) {
    verb = "capped at ";
    bound = exception.cap();
  } else {
    verb = "set to ";
    bound = exception.set();
  }
  return absl::StrCat(verb, Short(bound), ": ", exception.reason().empty() ? exception.id() : exception.reason());
}

std::string GroupName(const v1::Scorecard& card, const std::string& id) {
  for (const v1::MeasureGroup& group : card.groups()) {
    if (group.id() == id && !group.display_name().empty()) return group.display_name();
  }
  return id;
}

// Names the measure that takes most away, and the last exception.
std::string Summary(const v1::HealthScoreExplanation& explanation, const v1::Scorecard& card) {
  if (!explanation.has_computed_score()) {
    return absl::StrCat("Unknown: nothing that the scorecard ",
                        card.display_name().empty() ? card.id() : card.display_name(), " measures is known and fresh.");
  }
  std::string out;
  if (explanation.measures_size() == 0 || Loss(explanation.measures(0)) < 0.05) {
    out = "Nothing takes points away";
  } else {
    const v1::MeasureExplanation& most = explanation.measures(0);
    out = absl::StrCat(GroupName(card, most.group()), " weighs most: ", most.reason());
  }
  if (!explanation.exceptions().empty()) {
    absl::StrAppend(&out, "; ", explanation.exceptions(explanation.exceptions_size() - 1).reason());
  }
  return out + ".";
}

}  // namespace

std::string DayInWords(std::int64_t day) {
  return absl::FormatTime("%Y-%m-%d", StartOfDay(day), absl::UTCTimeZone());
}

std::string ValueInWords(const facts::FactValue& value, const facts::FactDefinition& definition) {
  const auto* number = std::get_if<double>(&value);
  if (number == nullptr || definition.type != facts::FactType::kNumber) return facts::ToText(value, definition.type);
  if (absl::StartsWith(definition.unit, "share")) return absl::StrFormat("%.0f %%", *number * 100);
  return Short(*number);
}

v1::HealthScoreExplanation Explain(const Evaluation& evaluation, const facts::RowReader& row,
                                   const facts::FactCatalogue& catalogue) {
  v1::HealthScoreExplanation out;
  const v1::Scorecard& card = evaluation.scorecard->config();
  if (evaluation.computed.has_value()) out.set_computed_score(*evaluation.computed);
  for (int i = 0; i < card.measures_size(); ++i) {
    std::string text;
    std::string words;
    if (const auto fact = evaluation.scorecard->FactOf(static_cast<std::size_t>(i))) {
      const facts::FactDefinition& definition = catalogue.Get(*fact);
      if (const auto value = ValueOf(row, *fact, definition.type)) {
        text = facts::ToText(*value, definition.type);
        words = ValueInWords(*value, definition);
      }
    }
    *out.add_measures() = ExplainMeasure(evaluation, i, text, words);
  }
  SortByLoss(out);
  for (const Evaluation::Effect& effect : evaluation.effects) {
    v1::ExceptionEffect* added = out.add_exceptions();
    added->set_exception(card.exceptions(effect.exception).id());
    added->set_score_before(effect.before);
    added->set_score_after(effect.after);
    added->set_reason(EffectReason(card.exceptions(effect.exception)));
  }
  out.set_summary(Summary(out, card));
  return out;
}

v1::HealthScoreExplanation ExplainKept(const v1::HealthScore& kept, const CompiledScorecard& scorecard) {
  const v1::Scorecard& card = scorecard.config();
  std::vector<MeasureOutcome> outcomes(static_cast<std::size_t>(card.measures_size()));
  for (int i = 0; i < card.measures_size(); ++i) {
    for (const v1::MeasureScore& measure : kept.measures()) {
      if (measure.measure() != card.measures(i).id()) continue;
      outcomes[static_cast<std::size_t>(i)] = {.state = v1::MEASURE_STATE_KNOWN, .points = measure.score()};
    }
  }
  const Evaluation evaluation = scorecard.Combine(std::move(outcomes));
  v1::HealthScoreExplanation out;
  if (kept.has_score() && evaluation.computed.has_value()) out.set_computed_score(*evaluation.computed);
  for (int i = 0; i < card.measures_size(); ++i) {
    *out.add_measures() = ExplainMeasure(evaluation, i, "", "what it was then");
  }
  SortByLoss(out);
  if (out.has_computed_score() && out.computed_score() != kept.score()) {
    v1::ExceptionEffect* added = out.add_exceptions();
    added->set_exception("kept");
    added->set_score_before(out.computed_score());
    added->set_score_after(kept.score());
    added->set_reason("kept with the exceptions that applied before the account churned");
  }
  out.set_summary(kept.has_score()
                      ? absl::StrCat("Kept from before the account churned. ", Summary(out, card))
                      : "Unknown: nothing that its scorecard measures was known before the account churned.");
  return out;
}

}  // namespace perennial::health
