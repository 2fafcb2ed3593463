#include "segment-svc/revenue_window.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "segment-svc/account_columns.h"

namespace perennial::segments {

std::optional<double> RevenueTotals::NetRetention() const {
  if (start_accounts == 0) return std::nullopt;
  return (start + expansion - contraction - churned + reactivated).Over(start);
}

std::optional<double> RevenueTotals::GrossRetention() const {
  if (start_accounts == 0) return std::nullopt;
  return retained.Over(start);
}

std::optional<double> RevenueTotals::LogoChurn() const {
  if (start_accounts == 0) return std::nullopt;
  return static_cast<double>(lost_accounts) / static_cast<double>(start_accounts);
}

std::optional<double> RevenueTotals::ExpansionRate() const {
  if (start_accounts == 0) return std::nullopt;
  return expansion.Over(start);
}

RevenueTotals RevenueOver(const AccountFacts& facts, const facts::Bitmap& rows, int days) {
  const auto movement = [&](absl::string_view kind) {
    return NumberFact(facts, absl::StrCat("revenue.", std::string(kind), "_", days, "d"));
  };
  const NumberFact start = movement("start");
  const NumberFact won = movement("new");
  const NumberFact expansion = movement("expansion");
  const NumberFact contraction = movement("contraction");
  const NumberFact churned = movement("churned");
  const NumberFact reactivated = movement("reactivated");
  const NumberFact mrr(facts, "mrr");
  RevenueTotals totals;
  rows.ForEach([&](facts::RowId row) {
    totals.won.Add(won[row]);
    const double paid = start.Or(row, 0);
    // What is less than a millionth is nothing in the sums, too.
    if (MicrosOfNumber(std::clamp(paid, 0.0, 1.0)) == 0) return;
    ++totals.start_accounts;
    if (mrr.Or(row, 0) <= 0) ++totals.lost_accounts;
    totals.start.Add(paid);
    totals.expansion.Add(expansion[row]);
    totals.contraction.Add(contraction[row]);
    totals.churned.Add(churned[row]);
    totals.reactivated.Add(reactivated[row]);
    totals.retained.Add(std::clamp(paid - contraction.Or(row, 0) - churned.Or(row, 0), 0.0, paid));
  });
  return totals;
}

}  // namespace perennial::segments
