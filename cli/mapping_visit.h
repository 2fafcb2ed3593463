#pragma once

#include <functional>

#include "cli/mapping.h"

namespace perennial::cli {

// Calls `visit` for `root` and every expression under it that is about the same row: options, keys of lookups, amounts
// of shifts, conditions; but not for the `where` of a lookup, which is about rows of another file.
void VisitExpressions(Expression* root, const std::function<void(Expression*)>& visit);
// The same for a condition. `visit_lookup` sees the lookups of exists_in; those of expressions are in the expressions.
void VisitExpressions(Condition* root, const std::function<void(Expression*)>& visit,
                      const std::function<void(Lookup*)>& visit_lookup = nullptr);

// Calls `visit` for every expression of a file's mapping and `visit_lookup` for every lookup.
void VisitFile(FileMapping* file, const std::function<void(Expression*)>& visit,
               const std::function<void(Lookup*)>& visit_lookup);

}  // namespace perennial::cli
