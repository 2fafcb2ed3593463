#pragma once

#include <cstdint>
#include <optional>

#include "common/facts/bitmap.h"
#include "segment-svc/account_facts.h"
#include "segment-svc/money_total.h"

namespace perennial::segments {

// Revenue of a set of accounts over a window, by docs/metrics.md. The cohort is what paid at the window's start.
struct RevenueTotals {
  MoneyTotal start;
  MoneyTotal won;  // from accounts that had never paid, cohort or not
  MoneyTotal expansion;
  MoneyTotal contraction;
  MoneyTotal churned;
  MoneyTotal reactivated;
  // Sum over the cohort of what is left of each account's start, never more than that and never less than nothing.
  MoneyTotal retained;
  std::int64_t start_accounts = 0;
  // Of these, those that pay no more.
  std::int64_t lost_accounts = 0;

  // Nothing when nothing paid at the start.
  [[nodiscard]] std::optional<double> NetRetention() const;
  [[nodiscard]] std::optional<double> GrossRetention() const;
  [[nodiscard]] std::optional<double> LogoChurn() const;
  [[nodiscard]] std::optional<double> ExpansionRate() const;
};

// Over the last `days` (30, 90 or 365), of `rows`.
RevenueTotals RevenueOver(const AccountFacts& facts, const facts::Bitmap& rows, int days);

}  // namespace perennial::segments
