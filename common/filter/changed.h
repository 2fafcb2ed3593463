#pragma once

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/filter/program_builder.h"
#include "common/filter/syntax_tree.h"

namespace perennial::filter {

// Adds changed(fact, "30d"): whether the fact has had its present value for less than so many whole UTC days, the day
// of now being the first. Only of facts whose definition names one that tells since when; unknown when that is unknown.
absl::Status AddChanged(const Value& call, ProgramBuilder& builder);

// Where the window of so many whole UTC days ending with that of `now` begins, in seconds since 1970: what a fact that
// tells the time of the change is compared with.
double ChangeThreshold(absl::Time now, double days);

}  // namespace perennial::filter
