#pragma once

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/error_details.h"
#include "common/base/time_util.h"
#include "health-svc/configuration.h"
#include "health-svc/scorecard_library.h"
#include "perennial/health/v1/scorecard.pb.h"

namespace perennial::health {

// What requests have in common that look at accounts as of past dates and at who churned after them.

// Field `as_of`: 1 to 24 dates, ascending, each at least `horizon` before `now`. Adds what is wrong to `bad`.
template <class Request>
void CheckPastDates(const Request& request, absl::Duration horizon, absl::Time now, BadRequest& bad) {
  constexpr int kMostDates = 24;
  if (request.as_of().empty()) bad.Add("as_of", "is required");
  if (request.as_of_size() > kMostDates) {
    return bad.Add("as_of", absl::StrCat("must be at most ", kMostDates, " dates"));
  }
  for (int i = 0; i < request.as_of_size(); ++i) {
    const std::string field = absl::StrCat("as_of[", i, "]");
    if (!IsValidTimestamp(request.as_of(i))) {
      bad.Add(field, "must be a time of the years 1 to 9999");
    } else if (ToTime(request.as_of(i)) + horizon > now) {
      bad.Add(field, "must lie at least horizon_days in the past");
    } else if (i > 0 && ToTime(request.as_of(i)) <= ToTime(request.as_of(i - 1))) {
      bad.Add(field, "must be later than the one before");
    }
  }
}

// Days after each date of a request that looks at a scorecard.
template <class Request>
int ScoringHorizonOf(const Request& request) {
  constexpr int kUsualDays = 90;
  return request.horizon_days() == 0 ? kUsualDays : request.horizon_days();
}

// All of a request that looks at a scorecard, stored (`name`, `revision`) or a draft (`scorecard`). Adds what is wrong to
// `bad`; an error is one of the library.
template <class Request>
absl::Status CheckPastScoring(const Request& request, const ScorecardLibrary& library, absl::Time now,
                              BadRequest& bad) {
  constexpr int kLongestDays = 730;
  constexpr std::size_t kLongestFilter = 4096;
  if (request.name().empty() && !request.has_scorecard()) bad.Add("name", "is required without a scorecard");
  if (!request.name().empty() && request.has_scorecard()) bad.Add("scorecard", "must not be set beside a name");
  if (!request.name().empty()) bad.AddIfError("name", ScorecardOfName(request.name()).status());
  if (request.revision() < 0) bad.Add("revision", "must not be negative");
  if (request.revision() > 0 && request.has_scorecard()) bad.Add("revision", "must be 0 for a draft");
  const int days = ScoringHorizonOf(request);
  if (days < 1 || days > kLongestDays) bad.Add("horizon_days", absl::StrCat("must be 1 to ", kLongestDays));
  if (request.filter().size() > kLongestFilter) {
    bad.Add("filter", absl::StrCat("must be at most ", kLongestFilter, " bytes"));
  }
  CheckPastDates(request, absl::Hours(24) * std::clamp(days, 1, kLongestDays), now, bad);
  return request.has_scorecard() ? library.Check(request.scorecard(), bad) : absl::OkStatus();
}

// The scorecard of a request that has passed CheckPastScoring(). NOT_FOUND.
template <class Request>
absl::StatusOr<v1::Scorecard> FindScorecardOrDraft(const Request& request, ScorecardLibrary& library) {
  if (request.has_scorecard()) return DefinitionOf(request.scorecard());
  return library.Find(*ScorecardOfName(request.name()), request.revision());
}

}  // namespace perennial::health
