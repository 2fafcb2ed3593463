// Scores that people set over the computed ones.
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "health-svc/health_scores.h"
#include "health-svc/request_names.h"

namespace perennial::health {
namespace {

void CheckText(const std::string& text, std::size_t most, absl::string_view field, BadRequest& bad) {
  if (text.empty()) return bad.Add(field, "is required");
  if (text.size() > most) bad.Add(field, absl::StrCat("must be at most ", most, " bytes"));
}

void CheckOverride(const v1::HealthScoreOverride& by, absl::Time now, BadRequest& bad) {
  if (!(by.score() >= 0 && by.score() <= 100)) bad.Add("override.score", "must lie between 0 and 100");
  CheckText(by.author(), 128, "override.author", bad);
  CheckText(by.reason(), 1000, "override.reason", bad);
  CheckEnd(by.has_expire_time() ? &by.expire_time() : nullptr, now, "override.expire_time", bad);
}

// To the microsecond, as times are stored.
google::protobuf::Timestamp Micros(absl::Time time) {
  return ToTimestamp(absl::FromUnixMicros(absl::ToUnixMicros(time)));
}

}  // namespace

absl::StatusOr<v1::SetHealthScoreOverrideResponse> HealthScores::SetOverride(
    const v1::SetHealthScoreOverrideRequest& request) {
  const auto account = AccountOfScoreName(request.name());
  BadRequest bad;
  bad.AddIfError("name", account.status());
  if (!request.has_override()) {
    bad.Add("override", "is required");
  } else {
    CheckOverride(request.override(), clock_.Now(), bad);
  }
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  v1::HealthScoreOverride by = request.override();
  *by.mutable_set_time() = Micros(clock_.Now());
  *by.mutable_expire_time() = Micros(ToTime(by.expire_time()));
  v1::SetHealthScoreOverrideResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_health_score(), assessor_.SetOverride(*account, by));
  return response;
}

absl::StatusOr<v1::ClearHealthScoreOverrideResponse> HealthScores::ClearOverride(
    const v1::ClearHealthScoreOverrideRequest& request) {
  const auto account = AccountOfScoreName(request.name());
  BadRequest bad;
  bad.AddIfError("name", account.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  v1::ClearHealthScoreOverrideResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_health_score(), assessor_.SetOverride(*account, std::nullopt));
  return response;
}

}  // namespace perennial::health
