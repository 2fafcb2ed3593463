#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/clock.h"
#include "health-svc/assessor.h"
#include "health-svc/portfolio.h"
#include "perennial/health/v1/flag_service.pb.h"

namespace perennial::health {

// A flag as it is answered. Under a ReadLock.
v1::Flag ToFlag(const Portfolio& portfolio, facts::RowId row, std::size_t rule, const FlagState& state, absl::Time now);

// What makes two requests pages of one list.
std::string ListKey(const v1::ListFlagsRequest& request);
// Where the page after a flag begins.
std::string CursorAfter(const v1::Flag& flag);
// Whether a flag comes before another in a list.
bool ComesBefore(const v1::Flag& a, const v1::Flag& b);

// Answers what FlagService says of flags. No gRPC here; safe for many threads. None waits for min_facts_revision: who
// calls has waited.
class Flags {
 public:
  // All must outlive this.
  Flags(const Portfolio& portfolio, Assessor& assessor, const Clock& clock)
      : portfolio_(portfolio), assessor_(assessor), clock_(clock) {}

  // OK when nothing in the request is wrong.
  [[nodiscard]] absl::Status Check(const v1::ListFlagsRequest& request) const;
  absl::StatusOr<v1::ListFlagsResponse> List(const v1::ListFlagsRequest& request) const;
  // These block on the store.
  absl::StatusOr<v1::AcknowledgeFlagResponse> Acknowledge(const v1::AcknowledgeFlagRequest& request);
  absl::StatusOr<v1::SnoozeFlagResponse> Snooze(const v1::SnoozeFlagRequest& request);
  absl::StatusOr<v1::ResolveFlagResponse> Resolve(const v1::ResolveFlagRequest& request);

 private:
  struct Handling {
    const std::string& name;
    FlagStep step;
    const google::protobuf::Timestamp* until = nullptr;
  };
  // A flag as it is now; nothing when it was never raised, or is gone.
  [[nodiscard]] std::optional<v1::Flag> Present(absl::string_view account, absl::string_view rule_id) const;
  absl::StatusOr<v1::Flag> Handle(const Handling& handling);

  const Portfolio& portfolio_;
  Assessor& assessor_;
  const Clock& clock_;
};

}  // namespace perennial::health
