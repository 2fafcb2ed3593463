#include "health-svc/past_scores.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "health-svc/assessment.h"
#include "health-svc/request_names.h"

namespace perennial::health {
namespace {

namespace accounts_v1 = perennial::accounts::v1;

// Facts that no scorecard can name, because this process has never heard of them, are left out.
facts::FactRow ToRow(const accounts_v1::GetFactsResponse& response, const facts::FactCatalogue& catalogue) {
  facts::FactRow row;
  for (const accounts_v1::Fact& fact : response.facts()) {
    const auto id = catalogue.Find(fact.name());
    if (!id.has_value()) continue;
    switch (fact.value_case()) {
      case accounts_v1::Fact::kNumber: row.SetNumber(*id, fact.number()); break;
      case accounts_v1::Fact::kText: row.SetText(*id, fact.text()); break;
      case accounts_v1::Fact::kFlag: row.SetNumber(*id, fact.flag() ? 1 : 0); break;
      case accounts_v1::Fact::kTime:
        row.SetNumber(*id, absl::ToDoubleSeconds(ToTime(fact.time()) - absl::UnixEpoch()));
        break;
      case accounts_v1::Fact::kSet: row.SetSet(*id, {fact.set().values().begin(), fact.set().values().end()}); break;
      case accounts_v1::Fact::VALUE_NOT_SET: break;
    }
  }
  return row;
}

}  // namespace

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
  out.evaluation = out.scorecard->Evaluate(out.facts, {.now = out.facts_time});
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
