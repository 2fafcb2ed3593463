#include "segment-svc/account_columns.h"

#include <algorithm>
#include <limits>

namespace perennial::segments {

facts::Bitmap LiveRows(const AccountFacts& facts, const Roaring& members) {
  facts::Bitmap rows(facts.table().row_count());
  for (const std::uint32_t row : members) {
    if (facts.table().live(row)) rows.Set(row);
  }
  return rows;
}

std::vector<facts::RowId> HighestMrr(const AccountFacts& facts, const facts::Bitmap& rows, std::size_t count) {
  const NumberFact mrr(facts, "mrr");
  std::vector<facts::RowId> highest;
  rows.ForEach([&](facts::RowId row) { highest.push_back(row); });
  const auto before = [&](facts::RowId a, facts::RowId b) {
    // Unknown after everything that is known.
    const double mrr_a = mrr.Or(a, -std::numeric_limits<double>::infinity());
    const double mrr_b = mrr.Or(b, -std::numeric_limits<double>::infinity());
    if (mrr_a != mrr_b) return mrr_a > mrr_b;
    return facts.table().account_id(a) < facts.table().account_id(b);
  };
  count = std::min(count, highest.size());
  std::partial_sort(highest.begin(), highest.begin() + static_cast<std::ptrdiff_t>(count), highest.end(), before);
  highest.resize(count);
  return highest;
}

}  // namespace perennial::segments
