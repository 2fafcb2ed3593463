#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/error_details.h"
#include "common/base/money.h"
#include "common/base/time_util.h"
#include "perennial/segments/v1/portfolio_service.pb.h"
#include "perennial/type/v1/money.pb.h"
#include "segment-svc/segment_checks.h"
#include "segment-svc/selected_rows.h"

namespace perennial::segments {

// The checks that requests about reports, retention and equity share. Each adds what is wrong to `bad`.

// A filter that may be empty.
inline void CheckOptionalFilter(const std::string& filter, BadRequest& bad) {
  if (!filter.empty()) CheckFilterText(filter, "filter", bad);
}

// Fields `filter` and `segment`, both of which may be empty.
template <class Request>
Selection CheckSelection(const Request& request, BadRequest& bad) {
  Selection selection{.filter = request.filter(), .segment = {}};
  CheckOptionalFilter(request.filter(), bad);
  if (!request.segment().empty()) {
    auto id = CheckSegmentName(request.segment());
    bad.AddIfError("segment", id.status());
    if (id.ok()) selection.segment = *std::move(id);
  }
  return selection;
}

inline void CheckPeriodLength(v1::RetentionPeriod length, BadRequest& bad) {
  if (!v1::RetentionPeriod_IsValid(length)) bad.Add("period", "is no length of a period");
}

// Field `start_time`: required, and not after `now`. Nothing useful when that is added to `bad`.
template <class Request>
absl::Time CheckStart(const Request& request, absl::Time now, BadRequest& bad) {
  if (!request.has_start_time()) {
    bad.Add("start_time", "is required");
  } else if (!IsValidTimestamp(request.start_time())) {
    bad.Add("start_time", "must be a time of the years 1 to 9999");
  } else if (ToTime(request.start_time()) > now) {
    bad.Add("start_time", "must not be in the future");
  } else {
    return ToTime(request.start_time());
  }
  return now;
}

// Fields `min_facts_revision` and `min_ledger_revision`.
template <class Request>
void CheckAwaited(const Request& request, BadRequest& bad) {
  if (request.min_facts_revision() < 0) bad.Add("min_facts_revision", "must not be negative");
  if (request.min_ledger_revision() < 0) bad.Add("min_ledger_revision", "must not be negative");
}

// An amount in `currency`, not negative. Nothing useful when something is added to `bad`.
inline std::optional<Micros> CheckAmount(const perennial::type::v1::Money& money, const std::string& currency,
                                  absl::string_view field, BadRequest& bad) {
  if (money.currency_code() != currency) {
    bad.Add(absl::StrCat(field, ".currency_code"), absl::StrCat("must be ", currency, ", the reporting currency"));
  }
  const auto micros = ParseAmount(money.amount());
  bad.AddIfError(absl::StrCat(field, ".amount"), micros.status());
  if (!micros.ok()) return std::nullopt;
  if (*micros < 0) bad.Add(absl::StrCat(field, ".amount"), "must not be negative");
  return *micros;
}

}  // namespace perennial::segments
