#include "common/feed/applied_row.h"

#include <limits>

namespace perennial {

void ReplaceFacts(facts::FactTable& table, const facts::FactRow& facts, const facts::FactCatalogue& catalogue,
                  const std::vector<facts::FactId>& owned, AppliedRow& change, bool track) {
  if (!track) return table.Overwrite(change.row, facts, catalogue, owned);
  std::vector<double> numbers;
  numbers.reserve(owned.size());
  for (const facts::FactId fact : owned) {
    numbers.push_back(table.Number(change.row, fact).value_or(std::numeric_limits<double>::quiet_NaN()));
  }
  change.changed = table.Replace(change.row, facts, catalogue, owned);
  change.before.reserve(change.changed.size());
  auto at = owned.begin();
  for (const facts::FactId fact : change.changed) {
    while (*at != fact) ++at;
    change.before.push_back(numbers[static_cast<std::size_t>(at - owned.begin())]);
  }
}

}  // namespace perennial
