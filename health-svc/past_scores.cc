#include "health-svc/past_scores.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "health-svc/assessment.h"
#include "health-svc/request_names.h"

namespace perennial::health {
absl::StatusOr<std::shared_ptr<const CompiledScorecard>> PastScores::Choose(const ScorecardChoice& choice,
                                                                            const facts::RowReader& row,
                                                                            absl::Time time) const {
  v1::Scorecard config;
  if (choice.id.empty()) {
    const ReadLock read(portfolio_.lock());
    config = portfolio_.scorecards().Evaluate(row, {.now = time}).scorecard->config();
  } else {
    PERENNIAL_ASSIGN_OR_RETURN(config, library_.Find(choice.id, choice.revision));
  }
  auto compiled = std::make_shared<CompiledScorecard>(std::move(config));
  const ReadLock read(portfolio_.lock());
  (void)compiled->Resolve(portfolio_.catalogue());
  return compiled;
}

absl::StatusOr<PastScore> PastScores::Compute(const std::string& account, std::optional<absl::Time> as_of,
                                              const ScorecardChoice& choice, PastFacts::Deadline deadline) const {
  const auto known = facts_.Get(account, as_of, deadline);
  if (absl::IsNotFound(known.status())) return NoSuchAccounts({account});
  PERENNIAL_RETURN_IF_ERROR(known.status());
  PastScore out{
      .as_of = ToTime(known->as_of()), .facts_time = ToTime(known->as_of()), .facts_revision = known->revision()};
  bool churned = false;
  {
    const ReadLock read(portfolio_.lock());
    out.facts = ToRow(*known, portfolio_.catalogue());
    churned = HasChurned(portfolio_.catalogue(), out.facts);
  }
  if (churned) {
    out.frozen = true;
    PERENNIAL_ASSIGN_OR_RETURN(const auto churn, facts_.ChurnedAt(account, out.as_of, deadline));
    out.facts = facts::FactRow();  // facts after the churn say nothing of the customer it was
    if (churn.has_value()) {
      const auto before = facts_.Get(account, *churn - absl::Microseconds(1), deadline);
      if (!before.ok() && !absl::IsNotFound(before.status())) return before.status();
      if (before.ok()) {
        const ReadLock read(portfolio_.lock());
        out.facts = ToRow(*before, portfolio_.catalogue());
        out.facts_time = ToTime(before->as_of());
      }
    }
  }
  PERENNIAL_ASSIGN_OR_RETURN(out.scorecard, Choose(choice, out.facts, out.facts_time));
  PERENNIAL_ASSIGN_OR_RETURN(out.carried, Carried(account, *out.scorecard, out.facts, out.facts_time, deadline));
  out.evaluation = out.scorecard->Evaluate(out.facts, {.now = out.facts_time}, &out.carried);
  return out;
}

absl::StatusOr<CarriedFacts> PastScores::Carried(const std::string& account, const CompiledScorecard& scorecard,
                                                 const facts::RowReader& row, absl::Time time,
                                                 PastFacts::Deadline deadline) const {
  std::vector<CarrySpec> missing;
  scorecard.AddCarrySpecs(missing);
  std::erase_if(missing, [&](const CarrySpec& spec) { return FreshValue(spec, row).has_value(); });
  if (missing.empty()) return CarriedFacts();
  return LookBack(account, time, missing, deadline);
}

absl::StatusOr<CarriedFacts> PastScores::LookBack(const std::string& account, absl::Time time,
                                                  std::vector<CarrySpec> missing,
                                                  PastFacts::Deadline deadline) const {
  CarriedFacts out;
  const std::int64_t today = DayOf(time);
  for (const CarrySpec& spec : missing) {
    out.push_back({.name = spec.name, .max_age_days = spec.max_age_days, .checked = today - 1});
  }
  for (std::int64_t day = today - 1; !missing.empty(); --day) {
    std::erase_if(missing, [&](const CarrySpec& spec) { return day < today - spec.days; });
    if (missing.empty()) break;
    const auto known = facts_.Get(account, StartOfDay(day + 1) - absl::Microseconds(1), deadline);
    if (absl::IsNotFound(known.status())) break;  // nor was it there before
    PERENNIAL_RETURN_IF_ERROR(known.status());
    facts::FactRow row;
    {
      const ReadLock read(portfolio_.lock());
      row = ToRow(*known, portfolio_.catalogue());
    }
    std::erase_if(missing, [&](const CarrySpec& spec) {
      std::optional<facts::FactValue> value = FreshValue(spec, row);
      if (!value.has_value()) return false;
      PutCarried({.name = spec.name,
                  .max_age_days = spec.max_age_days,
                  .value = std::move(value),
                  .day = day,
                  .checked = today - 1},
                 out);
      return true;
    });
  }
  return out;
}

v1::HealthScore PastScores::ToAnswer(const std::string& account, const PastScore& score) {
  v1::HealthScore out;
  SetFromFacts(score.evaluation, out);
  out.set_name(absl::StrCat("accounts/", account, "/healthScore"));
  SetTimestamp(score.as_of, out.mutable_as_of());
  out.set_facts_revision(score.facts_revision);
  out.set_frozen(score.frozen);
  return out;
}

}  // namespace perennial::health
