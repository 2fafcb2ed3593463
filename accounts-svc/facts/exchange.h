#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "accounts-svc/model.h"

namespace perennial::accounts {

// Reads a rate: a decimal of at most 9 digits after the point, greater than 0 and at most 1,000,000,000, in billionths.
// INVALID_ARGUMENT with a sentence that completes "<field> ...".
absl::StatusOr<std::int64_t> ParseRate(absl::string_view text);

// The shortest decimal text that means exactly `billionths`.
std::string FormatRate(std::int64_t billionths);

// What an amount that is not negative is worth at a rate in billionths, rounded half to even to millionths. No more
// than a quintillion millionths: nobody earns so much, and the bound keeps nonsense defined.
Micros Convert(Micros amount, std::int64_t billionths);

// The moment whose rate a state of a subscription counts at, by itself: when it took effect, not before the
// subscription began. `first`: no state of the subscription is earlier, so that it holds since the beginning.
absl::Time RateTime(absl::Time effective, absl::Time start, bool first);

// Turns the prices of all states into the reporting currency. Each state has the rate of its own moment; one that
// leaves the price as it was (amount, currency, trial or not) goes on at the rate of the state before it, so that no
// other change of a subscription, and no rate, ever moves revenue. `versions` by subscription, then time.
void CountInReportingCurrency(std::vector<SubscriptionVersion>& versions);

}  // namespace perennial::accounts
