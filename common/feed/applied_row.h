#pragma once

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_row.h"
#include "common/facts/fact_table.h"

namespace perennial {

// What one row of a feed changed in a table.
struct AppliedRow {
  facts::RowId row = 0;
  std::int64_t revision = 0;
  bool deleted = false;
  // The account was not live before.
  bool appeared = false;
  absl::Time as_of;
  // Facts whose value changed, ascending (empty for a deleted account).
  std::vector<facts::FactId> changed;
  // Their numbers before, in the same order; not a number where it was unknown or the fact is no number.
  std::vector<double> before;
};

// Makes the facts of `change.row` in `table` that are in `owned` (ascending) equal `facts`, and notes what changed unless
// `track` is false.
void ReplaceFacts(facts::FactTable& table, const facts::FactRow& facts, const facts::FactCatalogue& catalogue,
                  const std::vector<facts::FactId>& owned, AppliedRow& change, bool track = true);

}  // namespace perennial
