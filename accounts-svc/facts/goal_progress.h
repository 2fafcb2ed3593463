#pragma once

#include <optional>

#include "absl/time/time.h"
#include "accounts-svc/model.h"

namespace perennial::accounts {

// Share of the way from start to target that `value` has come, 0 to 1; 1 for an achieved goal. Nothing while the value
// is unknown.
std::optional<double> ProgressOf(const Goal& goal, std::optional<double> value);

// Active, and its due time lies before `as_of`.
bool IsOverdue(const Goal& goal, absl::Time as_of);

}  // namespace perennial::accounts
