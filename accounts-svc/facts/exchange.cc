#include "accounts-svc/facts/exchange.h"

#include <algorithm>

#include "absl/numeric/int128.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace perennial::accounts {
namespace {

constexpr std::int64_t kMostRate = 1'000'000'000;  // units
constexpr Micros kMostAmount = 1'000'000'000'000 * kMicrosPerUnit;

bool SamePrice(const SubscriptionState& a, const SubscriptionState& b) {
  return a.mrr == b.mrr && a.currency == b.currency && a.trial == b.trial;
}

}  // namespace

absl::StatusOr<std::int64_t> ParseRate(absl::string_view text) {
  const absl::Status bad = absl::InvalidArgumentError(
      "must be a decimal greater than 0 and at most 1,000,000,000 with at most 9 digits after the point, for example "
      "1.0842");
  std::int64_t billionths = 0;
  int whole = 0;
  int fraction = -1;  // digits after the point; none was seen yet
  for (const char c : text) {
    if (c == '.' && fraction < 0 && whole > 0) {
      fraction = 0;
      continue;
    }
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return bad;
    if (fraction < 0 ? ++whole > 10 : ++fraction > 9) return bad;
    // At most 10 and 9 digits: less than 10^19, and only a value beyond the bound could come near the end of the type.
    if (billionths > kMostRate * kRateOfOne / 10) return bad;
    billionths = billionths * 10 + (c - '0');
  }
  if (whole == 0 || fraction == 0) return bad;
  for (int digits = std::max(fraction, 0); digits < 9; ++digits) {
    if (billionths > kMostRate * kRateOfOne / 10) return bad;
    billionths *= 10;
  }
  if (billionths <= 0 || billionths > kMostRate * kRateOfOne) return bad;
  return billionths;
}

std::string FormatRate(std::int64_t billionths) {
  std::string text = absl::StrCat(billionths / kRateOfOne);
  if (billionths % kRateOfOne == 0) return text;
  std::string digits = absl::StrCat(billionths % kRateOfOne + kRateOfOne).substr(1);
  while (digits.back() == '0') digits.pop_back();
  return absl::StrCat(text, ".", digits);
}

Micros Convert(Micros amount, std::int64_t billionths) {
  const absl::int128 product = absl::int128(amount) * billionths;
  absl::int128 whole = product / kRateOfOne;
  const absl::int128 twice_rest = (product % kRateOfOne) * 2;
  if (twice_rest > kRateOfOne || (twice_rest == kRateOfOne && whole % 2 != 0)) ++whole;
  return static_cast<Micros>(std::min<absl::int128>(whole, kMostAmount));
}

absl::Time RateTime(absl::Time effective, absl::Time start, bool first) {
  return first ? start : std::max(effective, start);
}

void CountInReportingCurrency(std::vector<SubscriptionVersion>& versions) {
  // The price before it was turned, of the state before.
  SubscriptionState before;
  for (std::size_t i = 0; i < versions.size(); ++i) {
    SubscriptionVersion& version = versions[i];
    const bool goes_on = i > 0 && versions[i - 1].id == version.id && SamePrice(version.state, before);
    if (goes_on) version.rate = versions[i - 1].rate;
    before.mrr = version.state.mrr;
    before.currency = version.state.currency;
    before.trial = version.state.trial;
    if (version.state.currency.empty()) continue;
    version.state.mrr = Convert(version.state.mrr, version.rate);
    version.state.currency.clear();
  }
}

}  // namespace perennial::accounts
