#include "health-svc/score_answers.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "health-svc/request_names.h"
#include "health-svc/rules/change_explanation.h"

namespace perennial::health {
namespace {

void CheckPast(const google::protobuf::Timestamp& time, absl::Time now, absl::string_view field, BadRequest& bad) {
  if (!IsValidTimestamp(time)) {
    bad.Add(field, "must be a time of the years 1 to 9999");
  } else if (ToTime(time) > now) {
    bad.Add(field, "must not be in the future");
  }
}

std::optional<double> ShownOf(const v1::HealthScore& score) {
  return score.has_score() ? std::optional<double>(score.score()) : std::nullopt;
}

std::string SummaryOf(const v1::HealthScoreChangeExplanation& explanation) {
  if (!explanation.has_difference()) {
    return explanation.start().has_score() ? "The score became unknown."
           : explanation.end().has_score() ? "The score became known."
                                           : "The score is unknown at both times.";
  }
  if (explanation.parts().empty()) return "Nothing changed.";
  return absl::StrFormat("From %.1f to %.1f. Most by: %s.", explanation.start().score(), explanation.end().score(),
                         explanation.parts(0).reason());
}

}  // namespace

absl::StatusOr<v1::GetHealthScoreResponse> ScoreAnswers::Get(const v1::GetHealthScoreRequest& request,
                                                             Deadline deadline) const {
  const auto account = AccountOfScoreName(request.name());
  ScorecardChoice choice{.revision = request.scorecard_revision()};
  BadRequest bad;
  bad.AddIfError("name", account.status());
  bad.AddIfError("min_facts_revision", CheckFactsRevision(request.min_facts_revision()));
  if (request.has_as_of()) CheckPast(request.as_of(), clock_.Now(), "as_of", bad);
  if (!request.scorecard().empty()) {
    const auto id = ScorecardOfName(request.scorecard());
    bad.AddIfError("scorecard", id.status());
    if (id.ok()) choice.id = *id;
  }
  if (request.scorecard_revision() < 0) bad.Add("scorecard_revision", "must not be negative");
  if (request.scorecard_revision() > 0 && request.scorecard().empty())
    bad.Add("scorecard", "is required with a revision");
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  const std::optional<absl::Time> as_of =
      request.has_as_of() ? std::optional<absl::Time>(ToTime(request.as_of())) : std::nullopt;
  PERENNIAL_ASSIGN_OR_RETURN(const PastScore score, scores_.Compute(std::string(*account), as_of, choice, deadline));
  v1::GetHealthScoreResponse response;
  *response.mutable_health_score() = PastScores::ToAnswer(std::string(*account), score);
  return response;
}

absl::StatusOr<ScoreAnswers::Moment> ScoreAnswers::At(const std::string& account, absl::Time time,
                                                      Deadline deadline) const {
  PERENNIAL_ASSIGN_OR_RETURN(
      const std::vector<v1::HealthScoreChange> held,
      store_.ListHistory({.account_id = account, .end = time + absl::Microseconds(1), .limit = 1}));
  ScorecardChoice choice;
  if (!held.empty() && configs_.Get(kScorecardKind, held[0].scorecard(), held[0].scorecard_revision()).ok()) {
    choice = {.id = held[0].scorecard(), .revision = held[0].scorecard_revision()};
  }
  Moment out;
  PERENNIAL_ASSIGN_OR_RETURN(out.computed, scores_.Compute(account, time, choice, deadline));
  out.shown = PastScores::ToAnswer(account, out.computed);
  if (!held.empty() && held[0].overridden()) {
    if (out.shown.has_score()) out.shown.set_computed_score(out.shown.score());
    out.shown.set_score(held[0].score());
    out.shown.set_band(held[0].band());
    out.shown.mutable_override()->set_score(held[0].score());
  }
  return out;
}

absl::StatusOr<v1::ExplainHealthScoreChangeResponse> ScoreAnswers::ExplainChange(
    const v1::ExplainHealthScoreChangeRequest& request, Deadline deadline) const {
  const absl::Time now = clock_.Now();
  const auto name = AccountOfScoreName(request.name());
  BadRequest bad;
  bad.AddIfError("name", name.status());
  if (!request.has_start_time()) {
    bad.Add("start_time", "is required");
  } else {
    CheckPast(request.start_time(), now, "start_time", bad);
  }
  if (request.has_end_time()) CheckPast(request.end_time(), now, "end_time", bad);
  const absl::Time start = ToTime(request.start_time());
  const absl::Time end = request.has_end_time() ? ToTime(request.end_time()) : now;
  if (bad.empty() && end <= start) bad.Add("end_time", "must be later than start_time");
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  const std::string account(*name);
  PERENNIAL_ASSIGN_OR_RETURN(Moment before, At(account, start, deadline));
  PERENNIAL_ASSIGN_OR_RETURN(Moment after, At(account, end, deadline));
  v1::ExplainHealthScoreChangeResponse response;
  v1::HealthScoreChangeExplanation& out = *response.mutable_explanation();
  PERENNIAL_ASSIGN_OR_RETURN(const CarriedFacts carried,
                             scores_.Carried(account, *after.computed.scorecard, before.computed.facts,
                                             before.computed.facts_time, deadline));
  const Evaluation middle =
      after.computed.scorecard->Evaluate(before.computed.facts, {.now = before.computed.facts_time}, &carried);
  {
    const ReadLock read(portfolio_.lock());
    for (v1::ScoreChangePart& part : health::ExplainChange(
             {before.computed.evaluation, before.computed.facts, ShownOf(before.shown)},
             {after.computed.evaluation, after.computed.facts, ShownOf(after.shown)}, middle, portfolio_.catalogue())) {
      *out.add_parts() = std::move(part);
    }
  }
  if (before.shown.has_score() && after.shown.has_score())
    out.set_difference(after.shown.score() - before.shown.score());
  *out.mutable_start() = std::move(before.shown);
  *out.mutable_end() = std::move(after.shown);
  out.set_summary(SummaryOf(out));
  return response;
}

}  // namespace perennial::health
