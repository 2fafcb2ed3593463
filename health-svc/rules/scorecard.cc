#include "health-svc/rules/scorecard.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
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

}  // namespace

std::optional<double> PointsWhileMissing(v1::MissingPolicy missing) {
  switch (missing) {
    case v1::MISSING_POLICY_NEUTRAL: return kNeutral;
    case v1::MISSING_POLICY_ZERO: return 0.0;
    default: return std::nullopt;
  }
}

CompiledScorecard::CompiledScorecard(v1::Scorecard config)
    : config_(std::move(config)), applies_to_(config_.applies_to(), absl::StrCat("scorecard ", config_.id())) {
  std::vector<double> group_weights;
  for (const v1::MeasureGroup& group : config_.groups()) group_weights.push_back(group.weight());
  std::vector<ScoreMean::Member> members;
  BadRequest none;
  for (const v1::Measure& measure : config_.measures()) {
    const std::string owner = absl::StrCat("measure ", measure.id(), " of scorecard ", config_.id());
    members.push_back({.group = GroupOf(config_, measure.group()), .weight = measure.weight()});
    CompiledMeasure compiled{.curve = Curve::Compile(measure.curve(), owner, none),
                             .variants = {},
                             .max_age_days = measure.max_age_days(),
                             .missing = measure.missing(),
                             .carry_days = CarryDays(measure.carry_days())};
    for (const v1::CurveVariant& variant : measure.variants()) {
      compiled.variants.push_back({LiveFilter(variant.filter(), owner), Curve::Compile(variant.curve(), owner, none)});
    }
    measures_.push_back(std::move(compiled));
  }
  mean_ = ScoreMean(std::move(group_weights), std::move(members));
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

MeasureOutcome CompiledScorecard::Look(std::size_t index, const facts::RowReader& row,
                                       const filter::EvaluationContext& context, const CarriedFacts* carried) const {
  const CompiledMeasure& measure = measures_[index];
  if (!measure.usable) return {};
  const Curve* curve = &measure.curve;
  for (const CompiledVariant& variant : measure.variants) {
    if (!variant.filter.Selects(row, context)) continue;
    curve = &variant.curve;
    break;
  }
  const std::optional<double> points = curve->Points(row, *measure.fact, measure.type);
  if (!points.has_value()) {
    // A known value outside the curve says something: an earlier one does not stand in for it.
    const bool known = measure.type == facts::FactType::kString ? row.Text(*measure.fact).has_value()
                                                                : row.Number(*measure.fact).has_value();
    return known ? MeasureOutcome{} : LookBack(index, *curve, v1::MEASURE_STATE_UNKNOWN, context.now, carried);
  }
  if (measure.max_age_days > 0) {
    const std::optional<double> age = row.Number(*measure.age);
    // A value of unknown age is not known to be fresh.
    if (!age.has_value() || *age > measure.max_age_days) {
      return LookBack(index, *curve, v1::MEASURE_STATE_STALE, context.now, carried);
    }
  }
  return {.state = v1::MEASURE_STATE_KNOWN, .points = points};
}

MeasureOutcome CompiledScorecard::LookBack(std::size_t index, const Curve& curve, v1::MeasureState missing,
                                           absl::Time now, const CarriedFacts* carried) const {
  const CompiledMeasure& measure = measures_[index];
  if (measure.missing != v1::MISSING_POLICY_CARRY) return {.state = missing};
  const CarriedFact* last =
      FindCarried(carried, config_.measures(static_cast<int>(index)).fact(), measure.max_age_days);
  if (last == nullptr || !last->value.has_value()) return {.state = missing};
  const std::int64_t days = DayOf(now) - last->day;
  if (days < 1 || days > measure.carry_days) return {.state = missing};
  const std::optional<double> points = curve.OfValue(*last->value, measure.type);
  if (!points.has_value()) return {.state = missing};
  return {.state = v1::MEASURE_STATE_CARRIED, .points = points, .carried_day = last->day};
}

void CompiledScorecard::AddCarrySpecs(std::vector<CarrySpec>& specs) const {
  for (int i = 0; i < config_.measures_size(); ++i) {
    const CompiledMeasure& measure = measures_[static_cast<std::size_t>(i)];
    if (!measure.usable || measure.missing != v1::MISSING_POLICY_CARRY) continue;
    const auto found = std::find_if(specs.begin(), specs.end(), [&](const CarrySpec& spec) {
      return spec.fact == *measure.fact && spec.max_age_days == measure.max_age_days;
    });
    if (found != specs.end()) {
      found->days = std::max(found->days, measure.carry_days);
      continue;
    }
    specs.push_back({.name = config_.measures(i).fact(),
                     .fact = *measure.fact,
                     .type = measure.type,
                     .max_age_days = measure.max_age_days,
                     .age = measure.age,
                     .days = measure.carry_days});
  }
}

Evaluation CompiledScorecard::Combine(std::vector<MeasureOutcome> outcomes) const {
  Evaluation out{.scorecard = this, .outcomes = std::move(outcomes)};
  const std::size_t measures = measures_.size();
  out.points.resize(measures);
  out.weights.resize(measures);
  std::vector<double> numbers(3 * measures);
  std::vector<ScoreMean::Column> columns(measures);
  for (std::size_t i = 0; i < measures; ++i) {
    out.points[i] = out.outcomes[i].points;
    if (!out.points[i].has_value()) out.points[i] = PointsWhileMissing(measures_[i].missing);
    double* const column = numbers.data() + 3 * i;
    column[0] = out.points[i].value_or(0);
    column[1] = out.points[i].has_value() ? 1 : 0;
    column[2] = out.outcomes[i].state == v1::MEASURE_STATE_KNOWN ? 1 : 0;
    columns[i] = {.points = column, .counts = column + 1, .known = column + 2};
  }
  double score = 0;
  std::vector<double> work;
  mean_.Run(1, columns, {.score = &score, .coverage = &out.coverage, .weights = out.weights.data()}, work);
  if (std::isnan(score)) return out;
  out.computed = score;
  out.score = out.computed;
  return out;
}

double CompiledScorecard::After(const v1::ScoreException& exception, double score) {
  switch (exception.effect_case()) {
    case v1::ScoreException::kFloor: return std::max(score, exception.floor());
    case v1::ScoreException::kCap: return std::min(score, exception.cap());
    case v1::ScoreException::kSet: return exception.set();
    case v1::ScoreException::EFFECT_NOT_SET: break;
  }
  return score;
}

void CompiledScorecard::ApplyExceptions(const facts::RowReader& row, const filter::EvaluationContext& context,
                                        Evaluation& evaluation) const {
  if (!evaluation.score.has_value()) return;
  for (int i = 0; i < config_.exceptions_size(); ++i) {
    if (!exceptions_[static_cast<std::size_t>(i)].Selects(row, context)) continue;
    const v1::ScoreException& exception = config_.exceptions(i);
    const double before = *evaluation.score;
    const double after = After(exception, before);
    if (after == before) continue;
    evaluation.score = after;
    evaluation.effects.push_back({.exception = i, .before = before, .after = after});
  }
}

Evaluation CompiledScorecard::Evaluate(const facts::RowReader& row, const filter::EvaluationContext& context,
                                       const CarriedFacts* carried) const {
  std::vector<MeasureOutcome> outcomes;
  outcomes.reserve(measures_.size());
  for (std::size_t i = 0; i < measures_.size(); ++i) outcomes.push_back(Look(i, row, context, carried));
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

Evaluation Scorecards::Evaluate(const facts::RowReader& row, const filter::EvaluationContext& context,
                                const CarriedFacts* carried) const {
  for (const auto& card : scorecards_) {
    if (card->AppliesTo(row, context)) return card->Evaluate(row, context, carried);
  }
  return scorecards_.back()->Evaluate(row, context, carried);  // the last one applies to all
}

std::vector<CarrySpec> Scorecards::CarrySpecs() const {
  std::vector<CarrySpec> specs;
  for (const auto& card : scorecards_) card->AddCarrySpecs(specs);
  return specs;
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
