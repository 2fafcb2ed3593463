#pragma once

#include <optional>

#include "absl/time/time.h"
#include "health-svc/rules/maybe_time.h"

namespace perennial::health {

// Where a rule stands with one account.
struct FlagStanding {
  bool open = false;
  // When it was last raised and cleared; nothing if it never was.
  MaybeTime raised = {};
  MaybeTime cleared = {};
  // Since when the rule has said the opposite of `open`, waiting for its hold time to pass.
  MaybeTime pending_since = {};

  bool operator==(const FlagStanding&) const = default;
};

// How the standing is once the rule's filter `holds` (or not) at `now`: raised after it held for `raise_after` without
// a break, cleared after it did not for `clear_after`.
FlagStanding Advance(FlagStanding standing, bool holds, absl::Time now, absl::Duration raise_after,
                     absl::Duration clear_after);

// When a standing changes by itself if nothing else happens; nothing while it waits for nothing.
std::optional<absl::Time> DueTime(const FlagStanding& standing, absl::Duration raise_after, absl::Duration clear_after);

}  // namespace perennial::health
