#include "health-svc/rules/scorecard.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "health-svc/rules/scorecard_check.h"
#include "health-svc/rules/text_config.h"

namespace perennial::health {
namespace {

constexpr double kNeutral = 50;

std::size_t GroupOf(const v1::Scorecard& card, const std::string& id) {
  for (int i = 0; i < card.groups_size(); ++i) {
    if (card.groups(i).id() == id) return static_cast<std::size_t>(i);
  }
  return 0;  // CheckScorecards has refused it
}

std::optional<double> CountingPoints(const MeasureOutcome& outcome, v1::MissingPolicy missing) {
  if (outcome.state == v1::MEASURE_STATE_KNOWN) return outcome.points;
  switch (missing) {
    case v1::MISSING_POLICY_NEUTRAL: return kNeutral;
    case v1::MISSING_POLICY_ZERO: return 0.0;
    default: return std::nullopt;
  }
}

}  // namespace

CompiledScorecard::CompiledScorecard(v1::Scorecard config)
    : config_(std::move(config)), applies_to_(config_.applies_to(), absl::StrCat("scorecard ", config_.id())) {
  for (const v1::MeasureGroup& group : config_.groups()) {
    group_weights_.push_back(group.weight());
    all_group_weights_ += group.weight();
  }
  group_measure_weights_.resize(group_weights_.size());
  BadRequest none;
  for (const v1::Measure& measure : config_.measures()) {
    const std::string owner = absl::StrCat("measure ", measure.id(), " of scorecard ", config_.id());
    CompiledMeasure compiled{.group = GroupOf(config_, measure.group()),
                             .weight = measure.weight(),
                             .curve = Curve::Compile(measure.curve(), owner, none),
                             .variants = {},
                             .max_age_days = measure.max_age_days(),
                             .missing = measure.missing()};
    for (const v1::CurveVariant& variant : measure.variants()) {
      compiled.variants.push_back({LiveFilter(variant.filter(), owner), Curve::Compile(variant.curve(), owner, none)});
    }
    group_measure_weights_[compiled.group] += compiled.weight;
    measures_.push_back(std::move(compiled));
  }
  for (const v1::ScoreException& exception : config_.exceptions()) {
    exceptions_.emplace_back(exception.filter(),
                             absl::StrCat("exception ", exception.id(), " of scorecard ", config_.id()));
  }
}

bool CompiledScorecard::Resolve(const facts::FactCatalogue& catalogue) {
  bool resolved = applies_to_.Resolve(catalogue);
  for (int i = 0; i < config_.measures_size(); ++i) {
    resolved = ResolveMeasure(i, catalogue) || resolved;
    for (CompiledVariant& variant : measures_[static_cast<std::size_t>(i)].variants) {
      resolved = variant.filter.Resolve(catalogue) || resolved;
    }
  }
  for (LiveFilter& exception : exceptions_) resolved = exception.Resolve(catalogue) || resolved;
  return resolved;
}

bool CompiledScorecard::ResolveMeasure(int index, const facts::FactCatalogue& catalogue) {
  CompiledMeasure& measure = measures_[static_cast<std::size_t>(index)];
  if (measure.usable) return false;
  const v1::Measure& config = config_.measures(index);
  measure.fact = catalogue.Find(config.fact());
  if (!measure.fact.has_value()) return false;
  const facts::FactDefinition& definition = catalogue.Get(*measure.fact);
  measure.type = definition.type;
  std::string problem;
  const auto reads = [&](const Curve& curve) { return curve.Reads(definition.type); };
  if (!reads(measure.curve) || !std::all_of(measure.variants.begin(), measure.variants.end(),
                                            [&](const CompiledVariant& variant) { return reads(variant.curve); })) {
    problem = absl::StrCat("its curve does not read a ", std::string(facts::NameOf(definition.type)));
  } else if (measure.max_age_days > 0) {
    measure.age = catalogue.Find(definition.age_fact);
    if (!measure.age.has_value()) problem = "it has a maximum age, but its fact has no known age";
  }
  measure.usable = problem.empty();
  if (!measure.usable && !measure.complained) {
    measure.complained = true;
    Log(LogLevel::kWarning, "measure stays unknown",
        {{"scorecard", config_.id()}, {"measure", config.id()}, {"fact", config.fact()}, {"problem", problem}});
  }
  return measure.usable;
}

MeasureOutcome CompiledScorecard::Look(const CompiledMeasure& measure, const facts::RowReader& row,
                                       const filter::EvaluationContext& context) const {
  if (!measure.usable) return {};
  const Curve* curve = &measure.curve;
  for (const CompiledVariant& variant : measure.variants) {
    if (!variant.filter.Selects(row, context)) continue;
    curve = &variant.curve;
    break;
  }
  const std::optional<double> points = curve->Points(row, *measure.fact, measure.type);
  if (!points.has_value()) return {};
  if (measure.max_age_days > 0) {
    const std::optional<double> age = row.Number(*measure.age);
    // A value of unknown age is not known to be fresh.
    if (!age.has_value() || *age > measure.max_age_days) return {.state = v1::MEASURE_STATE_STALE};
  }
  return {.state = v1::MEASURE_STATE_KNOWN, .points = points};
}

Evaluation CompiledScorecard::Combine(std::vector<MeasureOutcome> outcomes) const {
  Evaluation out{.scorecard = this, .outcomes = std::move(outcomes)};
  out.points.resize(measures_.size());
  out.weights.resize(measures_.size());
  std::vector<double> counting(group_weights_.size());  // weight of the group's measures that have points
  bool any_known = false;
  for (std::size_t i = 0; i < measures_.size(); ++i) {
    const CompiledMeasure& measure = measures_[i];
    out.points[i] = CountingPoints(out.outcomes[i], measure.missing);
    if (out.points[i].has_value()) counting[measure.group] += measure.weight;
    if (out.outcomes[i].state != v1::MEASURE_STATE_KNOWN) continue;
    any_known = true;
    out.coverage +=
        group_weights_[measure.group] / all_group_weights_ * (measure.weight / group_measure_weights_[measure.group]);
  }
  out.coverage = std::min(out.coverage, 1.0);
  if (!any_known) return out;
  double counting_groups = 0;
  for (std::size_t g = 0; g < counting.size(); ++g) {
    if (counting[g] > 0) counting_groups += group_weights_[g];
  }
  double sum = 0;
  for (std::size_t i = 0; i < measures_.size(); ++i) {
    if (!out.points[i].has_value()) continue;
    const CompiledMeasure& measure = measures_[i];
    out.weights[i] = group_weights_[measure.group] / counting_groups * (measure.weight / counting[measure.group]);
    sum += out.weights[i] * *out.points[i];
  }
  out.computed = std::clamp(sum, 0.0, 100.0);
  out.score = out.computed;
  return out;
}

void CompiledScorecard::ApplyExceptions(const facts::RowReader& row, const filter::EvaluationContext& context,
                                        Evaluation& evaluation) const {
  if (!evaluation.score.has_value()) return;
  for (int i = 0; i < config_.exceptions_size(); ++i) {
    if (!exceptions_[static_cast<std::size_t>(i)].Selects(row, context)) continue;
    const v1::ScoreException& exception = config_.exceptions(i);
    const double before = *evaluation.score;
    double after = before;
    if (exception.has_floor()) after = std::max(before, exception.floor());
    if (exception.has_cap()) after = std::min(before, exception.cap());
    if (exception.has_set()) after = exception.set();
    if (after == before) continue;
    evaluation.score = after;
    evaluation.effects.push_back({.exception = i, .before = before, .after = after});
  }
}

Evaluation CompiledScorecard::Evaluate(const facts::RowReader& row, const filter::EvaluationContext& context) const {
  std::vector<MeasureOutcome> outcomes;
  outcomes.reserve(measures_.size());
  for (const CompiledMeasure& measure : measures_) outcomes.push_back(Look(measure, row, context));
  Evaluation evaluation = Combine(std::move(outcomes));
  ApplyExceptions(row, context, evaluation);
  return evaluation;
}

const std::string& CompiledScorecard::BandOf(double score) const {
  int band = 0;
  while (band + 1 < config_.bands_size() && config_.bands(band + 1).lower_bound() <= score) ++band;
  return config_.bands(band).id();
}

absl::StatusOr<Scorecards> Scorecards::Compile(const v1::ScorecardSet& set) {
  PERENNIAL_RETURN_IF_ERROR(CheckScorecards(set));
  Scorecards out;
  for (const v1::Scorecard& card : set.scorecards())
    out.scorecards_.push_back(std::make_unique<CompiledScorecard>(card));
  std::sort(out.scorecards_.begin(), out.scorecards_.end(), [](const auto& a, const auto& b) {
    return std::pair(a->config().priority(), a->config().id()) < std::pair(b->config().priority(), b->config().id());
  });
  return out;
}

bool Scorecards::Resolve(const facts::FactCatalogue& catalogue) {
  bool resolved = false;
  for (const auto& card : scorecards_) resolved = card->Resolve(catalogue) || resolved;
  return resolved;
}

Evaluation Scorecards::Evaluate(const facts::RowReader& row, const filter::EvaluationContext& context) const {
  for (const auto& card : scorecards_) {
    if (card->AppliesTo(row, context)) return card->Evaluate(row, context);
  }
  return scorecards_.back()->Evaluate(row, context);  // the last one applies to all
}

const CompiledScorecard* Scorecards::Find(absl::string_view id, std::int64_t revision) const {
  for (const auto& card : scorecards_) {
    if (card->config().id() == id && card->config().revision() == revision) return card.get();
  }
  return nullptr;
}

absl::StatusOr<v1::ScorecardSet> ParseScorecards(const std::string& text) {
  return ParseTextConfig<v1::ScorecardSet>(text);
}

}  // namespace perennial::health
