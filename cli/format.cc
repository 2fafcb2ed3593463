#include "cli/format.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/base/money.h"
#include "common/base/time_util.h"

namespace perennial::cli {
namespace {

bool AllDigits(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); });
}

// Separators between groups of three digits.
std::string GroupDigits(absl::string_view digits) {
  std::string grouped;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) grouped += ',';
    grouped += digits[i];
  }
  return grouped;
}

// Separators for a number with decimals as printf writes it; no "-0".
std::string GroupNumber(std::string text) {
  if (text.find_first_of("123456789") == std::string::npos && text.front() == '-') text.erase(0, 1);
  const std::size_t point = text.find('.');
  const std::size_t sign = text.front() == '-' ? 1 : 0;
  const std::string whole = GroupDigits(absl::string_view(text).substr(sign, point - sign));
  return absl::StrCat(text.substr(0, sign), whole, point == std::string::npos ? "" : text.substr(point));
}

bool IsSet(const google::protobuf::Timestamp& time) { return time.seconds() != 0 || time.nanos() != 0; }

}  // namespace

std::string GroupAmount(absl::string_view amount) {
  absl::string_view rest = amount;
  const bool negative = absl::ConsumePrefix(&rest, "-");
  const std::size_t point = rest.find('.');
  const absl::string_view whole = rest.substr(0, point);
  std::string fraction(point == absl::string_view::npos ? "" : rest.substr(point + 1));
  if (whole.empty() || !AllDigits(whole) || !AllDigits(fraction)) return std::string(amount);
  if (fraction.size() == 1) fraction += '0';
  return absl::StrCat(negative ? "-" : "", GroupDigits(whole), fraction.empty() ? "" : ".", fraction);
}

std::string FormatMoney(const perennial::type::v1::Money& money) {
  if (money.amount().empty()) return std::string(kUnknown);
  const std::string amount = GroupAmount(money.amount());
  return money.currency_code().empty() ? amount : absl::StrCat(money.currency_code(), " ", amount);
}

std::string FormatBareMoney(const perennial::type::v1::Money& money) {
  return money.amount().empty() ? std::string(kUnknown) : GroupAmount(money.amount());
}

std::string FormatRoundedMoney(const perennial::type::v1::Money& money) {
  const absl::StatusOr<Micros> micros = ParseAmount(money.amount());
  if (!micros.ok()) return FormatMoney(money);
  constexpr Micros kMicrosPerCent = kMicrosPerUnit / 100;
  const Micros half = *micros < 0 ? -kMicrosPerCent / 2 : kMicrosPerCent / 2;
  perennial::type::v1::Money rounded = money;
  rounded.set_amount(FormatAmount((*micros + half) / kMicrosPerCent * kMicrosPerCent));
  return FormatMoney(rounded);
}

double UnitsOf(const perennial::type::v1::Money& money) {
  double units = 0;
  return absl::SimpleAtod(money.amount(), &units) && std::isfinite(units) ? units : 0;
}

std::string FormatCount(std::int64_t count) { return GroupAmount(absl::StrCat(count)); }

std::string CountOf(std::int64_t count, absl::string_view noun) {
  return absl::StrCat(FormatCount(count), " ", noun, count == 1 ? "" : "s");
}

std::string FormatPercent(std::optional<double> share) {
  return share.has_value() ? absl::StrCat(GroupNumber(absl::StrFormat("%.1f", *share * 100)), "%")
                           : std::string(kUnknown);
}

std::string FormatScore(std::optional<double> score) {
  return score.has_value() ? absl::StrFormat("%.1f", *score) : std::string(kUnknown);
}

std::string FormatNumber(double value, int decimals) {
  if (!std::isfinite(value)) return std::string(kUnknown);
  std::string text = absl::StrFormat("%.*f", decimals, value);
  if (absl::StrContains(text, '.')) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return GroupNumber(text);
}

std::string FormatDaysUntil(std::optional<double> days) {
  if (!days.has_value()) return std::string(kUnknown);
  const auto whole = static_cast<std::int64_t>(std::floor(*days));
  if (whole == 0) return "today";
  return whole > 0 ? absl::StrCat("in ", CountOf(whole, "day")) : absl::StrCat(CountOf(-whole, "day"), " ago");
}

std::string FormatDays(double days) {
  constexpr double kDaysPerYear = 365.25;
  if (days < 90) return CountOf(static_cast<std::int64_t>(std::floor(days)), "day");
  if (days < 2 * kDaysPerYear) return CountOf(static_cast<std::int64_t>(days / kDaysPerYear * 12), "month");
  return absl::StrCat(FormatNumber(days / kDaysPerYear, 1), " years");
}

std::string FormatDate(const google::protobuf::Timestamp& time) {
  return IsSet(time) ? absl::FormatTime("%Y-%m-%d", ToTime(time), absl::UTCTimeZone()) : std::string(kUnknown);
}

std::string FormatTime(const google::protobuf::Timestamp& time) {
  return IsSet(time) ? absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", ToTime(time), absl::UTCTimeZone())
                     : std::string(kUnknown);
}

std::string FormatFact(const perennial::accounts::v1::Fact& fact) {
  using perennial::accounts::v1::Fact;
  switch (fact.value_case()) {
    case Fact::kNumber: return FormatNumber(fact.number(), 4);
    case Fact::kText: return fact.text();
    case Fact::kFlag: return fact.flag() ? "yes" : "no";
    case Fact::kTime: return FormatTime(fact.time());
    case Fact::kSet: return fact.set().values().empty() ? "none" : absl::StrJoin(fact.set().values(), ", ");
    case Fact::VALUE_NOT_SET: return std::string(kUnknown);
  }
  return std::string(kUnknown);
}

std::string FormatPhase(perennial::accounts::v1::LifecyclePhase phase) {
  if (phase == perennial::accounts::v1::LIFECYCLE_PHASE_UNSPECIFIED) return std::string(kUnknown);
  absl::string_view name = perennial::accounts::v1::LifecyclePhase_Name(phase);
  absl::ConsumePrefix(&name, "LIFECYCLE_PHASE_");
  return FormatPhase(name);
}

std::string FormatPhase(absl::string_view phase) {
  if (phase.empty()) return std::string(kUnknown);
  std::string text = absl::AsciiStrToLower(phase);
  text[0] = absl::ascii_toupper(static_cast<unsigned char>(text[0]));
  return text;
}

Style StyleOfBand(absl::string_view band) {
  if (band.empty()) return Style::kDim;
  if (band == "red") return Style::kRed;
  if (band == "yellow" || band == "amber" || band == "orange") return Style::kYellow;
  if (band == "green") return Style::kGreen;
  return Style::kPlain;
}

Text BandText(absl::string_view band) { return {band.empty() ? "unknown" : band, StyleOfBand(band)}; }

absl::string_view LastPart(absl::string_view name) { return name.substr(name.find_last_of('/') + 1); }

}  // namespace perennial::cli
