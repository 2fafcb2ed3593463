#include "common/storage/postgres_status.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"

namespace perennial::postgres {
namespace {

absl::Status Busy(absl::Status status) { return WithRetryAfter(WithReason(std::move(status), "STORAGE_BUSY"), 100); }

}  // namespace

bool IsConflict(absl::string_view sqlstate) { return sqlstate == "40001" || sqlstate == "40P01"; }

bool IsLoss(absl::string_view sqlstate) {
  return absl::StartsWith(sqlstate, "08") || absl::StartsWith(sqlstate, "57P") || sqlstate == "25P03" ||
         sqlstate == "25006";
}

absl::Status Unreachable() {
  return WithRetryAfter(WithReason(absl::UnavailableError("database cannot be reached; retry"), "STORAGE_UNREACHABLE"),
                        500);
}

absl::Status StatusOf(absl::string_view sqlstate, absl::string_view message) {
  if (sqlstate == "23505") return absl::AlreadyExistsError("row exists");
  if (IsConflict(sqlstate)) {
    return WithRetryAfter(WithReason(absl::AbortedError("other writes were in the way; retry"), "STORAGE_CONFLICT"),
                          100);
  }
  if (sqlstate == "25006") {
    return WithReason(absl::FailedPreconditionError("database is read-only; connect to the primary server"),
                      "STORAGE_READ_ONLY");
  }
  if (IsLoss(sqlstate)) return Unreachable();
  if (sqlstate == "55P03" || sqlstate == "57014") return Busy(absl::UnavailableError("database is busy; retry"));
  if (sqlstate == "53100") {
    return WithReason(absl::ResourceExhaustedError("disk is full; free space and retry"), "STORAGE_FULL");
  }
  if (absl::StartsWith(sqlstate, "53")) return Busy(absl::ResourceExhaustedError("database is overloaded; retry"));
  if (sqlstate == "22021" || sqlstate == "22P05") {
    return absl::InvalidArgumentError("a text holds a character that cannot be stored");
  }
  if (absl::StartsWith(sqlstate, "XX00") && sqlstate != "XX000") {
    return WithReason(absl::DataLossError("database is damaged; restore it from a backup"), "STORAGE_DAMAGED");
  }
  if (absl::StartsWith(sqlstate, "28") || sqlstate == "3D000" || sqlstate == "42501") {
    return absl::FailedPreconditionError("database refuses access; check the connection string and the role's rights");
  }
  return absl::InternalError(absl::StrCat("postgresql ", sqlstate, ": ", message));
}

}  // namespace perennial::postgres
