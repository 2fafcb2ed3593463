#pragma once

#include "absl/status/status.h"
#include "common/filter/program_builder.h"
#include "common/filter/syntax_tree.h"

namespace perennial::filter {

// Adds a restriction that compares a fact with a value, when comparator and value fit the type of the fact.
absl::Status AddComparison(const Expression& restriction, facts::FactId fact, ProgramBuilder& builder);

// Whether a value is the `*` of a presence test (or `**`, a wildcard at both ends of nothing).
bool IsStar(const Value& value);

}  // namespace perennial::filter
