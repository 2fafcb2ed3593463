#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/filter/filter.h"
#include "common/filter/program_builder.h"
#include "common/filter/syntax_tree.h"

namespace perennial::filter {

// Adds a restriction whose left side is a call: segment("id").
absl::Status AddCall(const Expression& restriction, const CompileOptions& options, ProgramBuilder& builder);

// How many days before now the moment lies that a call right of a comparator stands for: days_ago(n), now().
absl::StatusOr<double> DaysBeforeNow(const Value& call, const ProgramBuilder& builder);

}  // namespace perennial::filter
