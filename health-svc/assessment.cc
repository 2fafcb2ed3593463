#include "health-svc/assessment.h"

#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/base/time_util.h"
#include "health-svc/flag_transitions.h"
#include "health-svc/rules/score_difference.h"

namespace perennial::health {
namespace {

constexpr absl::string_view kChurned = "CHURNED";

}  // namespace

bool HasChurned(const facts::FactCatalogue& catalogue, const facts::RowReader& facts) {
  const auto phase = catalogue.Find("phase");
  return phase.has_value() && facts.Text(*phase) == std::optional<absl::string_view>(kChurned);
}

void SetFromFacts(const Evaluation& evaluation, v1::HealthScore& out) {
  const v1::Scorecard& card = evaluation.scorecard->config();
  if (evaluation.score.has_value()) {
    out.set_score(*evaluation.score);
    out.set_band(evaluation.scorecard->BandOf(*evaluation.score));
  }
  out.set_coverage(evaluation.coverage);
  out.set_scorecard(card.id());
  out.set_scorecard_revision(card.revision());
  for (int i = 0; i < card.measures_size(); ++i) {
    const MeasureOutcome& outcome = evaluation.outcomes[static_cast<std::size_t>(i)];
    if (!outcome.points.has_value()) continue;
    v1::MeasureScore* measure = out.add_measures();
    measure->set_measure(card.measures(i).id());
    measure->set_score(*outcome.points);
  }
}

namespace {

// What an account had when it churned stays; one that was never scored before is unknown at first: facts of today say
// nothing of the customer it was. Assessor::SetKept tells later what it had.
void SetKept(const v1::HealthScore* present, const Evaluation& evaluation, v1::HealthScore& out) {
  if (present != nullptr) {
    if (present->has_score()) out.set_score(present->score());
    out.set_band(present->band());
    out.set_coverage(present->coverage());
    out.set_scorecard(present->scorecard());
    out.set_scorecard_revision(present->scorecard_revision());
    *out.mutable_measures() = present->measures();
    if (present->has_override()) *out.mutable_override() = present->override();
    if (present->has_computed_score()) out.set_computed_score(present->computed_score());
  } else {
    out.set_scorecard(evaluation.scorecard->config().id());
    out.set_scorecard_revision(evaluation.scorecard->config().revision());
  }
  out.set_frozen(true);
}

void Override(const v1::HealthScoreOverride& by, const CompiledScorecard& scorecard, v1::HealthScore& out) {
  if (out.has_score()) out.set_computed_score(out.score());
  out.set_score(by.score());
  out.set_band(scorecard.BandOf(by.score()));
  *out.mutable_override() = by;
}

v1::HealthScoreCause CauseOf(const Portfolio& portfolio, const v1::HealthScore& present, const v1::HealthScore& next) {
  const bool overridden = present.has_override() || next.has_override();
  if (overridden && present.override().SerializeAsString() != next.override().SerializeAsString()) {
    return v1::HEALTH_SCORE_CAUSE_OVERRIDE;
  }
  // What made the present score is not in force any more.
  if (portfolio.scorecards().Find(present.scorecard(), present.scorecard_revision()) == nullptr) {
    return v1::HEALTH_SCORE_CAUSE_CONFIGURATION;
  }
  return v1::HEALTH_SCORE_CAUSE_DATA;
}

// The time that the account has been in the band of `out`.
void SetBandTime(const v1::HealthScore& present, const AssessmentInput& input, v1::HealthScore& out) {
  if (out.band().empty()) return;
  if (present.band() != out.band()) {
    SetTimestamp(input.now, out.mutable_band_time());
  } else if (present.has_band_time()) {
    *out.mutable_band_time() = present.band_time();
  }
}

// How a flag is after its rule was evaluated.
FlagState NextFlag(const FlagState& present, const CompiledFlagRule& rule, const facts::RowReader& reader,
                   const Portfolio& portfolio, const AssessmentInput& input) {
  const filter::EvaluationContext context{.now = input.as_of};
  FlagState next = present;
  next.standing = Advance(present.standing, Holds(rule, present.standing.open, reader, context), input.now,
                          rule.raise_after, rule.clear_after);
  const bool raised = next.standing.open && !present.standing.open;
  const bool cleared = !next.standing.open && present.standing.open;
  const bool woke =
      next.standing.open && !raised && present.handled == v1::FLAG_STATE_SNOOZED && !present.IsAsleep(input.now);
  if (!raised && !cleared && !woke) return next;
  next.handled = v1::FLAG_STATE_UNSPECIFIED;
  next.snooze_until.reset();
  const std::vector<v1::FlagCause> causes = CausesOf(rule, reader, portfolio.catalogue());
  AddTransition({.state = cleared ? v1::FLAG_STATE_CLEARED : v1::FLAG_STATE_OPEN,
                 .time = input.now,
                 .note = woke ? "the time it was put off until has come" : "",
                 .causes = causes},
                raised ? causes : present.story.Causes(), next);
  return next;
}

void AssessFlags(const Portfolio& portfolio, std::optional<facts::RowId> row, const facts::RowReader& reader,
                 const AssessmentInput& input, Assessment& out) {
  static const FlagState kNever;
  for (std::size_t i = 0; i < portfolio.rules().all().size(); ++i) {
    const CompiledFlagRule& rule = portfolio.rules().all()[i];
    const FlagState* present = &kNever;
    if (row.has_value()) {
      const auto found = portfolio.flags(i).find(*row);
      if (found != portfolio.flags(i).end()) present = &found->second;
    }
    FlagState next = NextFlag(*present, rule, reader, portfolio, input);
    if (next.IsRaised(input.now)) out.score.add_open_flags(rule.config.id());
    if (next.standing == present->standing && next.handled == present->handled) continue;
    out.flags.emplace_back(i, std::move(next));
  }
}

}  // namespace

Assessment Assess(const Portfolio& portfolio, const AssessmentInput& input) {
  Assessment out{.account_id = input.account_id};
  const auto row = portfolio.Find(input.account_id);
  v1::HealthScore present;
  if (row.has_value()) portfolio.GetScore(*row, &present);

  const Evaluation evaluation = portfolio.scorecards().Evaluate(input.facts, {.now = input.as_of}, input.carried);
  if (HasChurned(portfolio.catalogue(), input.facts)) {
    SetKept(row.has_value() ? &present : nullptr, evaluation, out.score);
  } else {
    SetFromFacts(evaluation, out.score);
    if (input.override_score != nullptr) Override(*input.override_score, *evaluation.scorecard, out.score);
  }
  out.score.set_name(absl::StrCat("accounts/", input.account_id, "/healthScore"));
  *out.score.mutable_as_of() = ToTimestamp(input.as_of);
  out.score.set_facts_revision(input.facts_revision);
  if (row.has_value() && out.score.has_score() && !std::isnan(portfolio.entry(*row).baseline)) {
    out.score.set_change_30d(out.score.score() - portfolio.entry(*row).baseline);
  }
  SetBandTime(present, input, out.score);
  // Rules read the new score, but no flags: those of this moment are only now being decided.
  const facts::FactRow ours = portfolio.health_facts().ToFacts(out.score);
  AssessFlags(portfolio, row, PendingRow(input.facts, ours, portfolio.health_facts()), input, out);

  out.changed = !row.has_value() || portfolio.entry(*row).outdated || !SameScore(present, out.score);
  out.begins_entry = !row.has_value() || BeginsEntry(present, out.score);
  if (row.has_value()) out.cause = CauseOf(portfolio, present, out.score);
  return out;
}

}  // namespace perennial::health
