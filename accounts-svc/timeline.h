#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "accounts-svc/store/store.h"
#include "common/base/clock.h"
#include "perennial/accounts/v1/timeline_service.pb.h"

namespace perennial::accounts {

// An entry in one line, for people: "Call, inbound: asked for a discount".
std::string SummaryOf(const v1::TimelineEntry& entry);

// The rules of TimelineService. Thread-safe.
class Timeline {
 public:
  // All must outlive this. `currency` is the reporting currency.
  Timeline(Store& store, const Clock& clock, absl::string_view currency)
      : store_(store), clock_(clock), currency_(currency) {}

  absl::StatusOr<v1::ListTimelineResponse> List(const v1::ListTimelineRequest& request);

 private:
  Store& store_;
  const Clock& clock_;
  const std::string currency_;
};

}  // namespace perennial::accounts
