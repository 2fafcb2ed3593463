#include "health-svc/rules/flag_timing.h"

namespace perennial::health {

FlagStanding Advance(FlagStanding standing, bool holds, absl::Time now, absl::Duration raise_after,
                     absl::Duration clear_after) {
  if (holds == standing.open) {
    standing.pending_since.reset();
    return standing;
  }
  if (!standing.pending_since.has_value()) standing.pending_since = now;
  if (now < *DueTime(standing, raise_after, clear_after)) return standing;
  standing.open = holds;
  standing.pending_since.reset();
  if (holds) {
    standing.raised = now;
    standing.cleared.reset();
  } else {
    standing.cleared = now;
  }
  return standing;
}

std::optional<absl::Time> DueTime(const FlagStanding& standing, absl::Duration raise_after,
                                  absl::Duration clear_after) {
  if (!standing.pending_since.has_value()) return std::nullopt;
  return *standing.pending_since + (standing.open ? clear_after : raise_after);
}

}  // namespace perennial::health
