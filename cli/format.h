#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "cli/text.h"
#include "perennial/accounts/v1/account.pb.h"
#include "perennial/accounts/v1/fact.pb.h"
#include "perennial/type/v1/money.pb.h"

namespace perennial::cli {

// How values are written for people. What is unknown is kUnknown, never a number.
constexpr absl::string_view kUnknown = "–";

// "10159608" as "10,159,608"; "-19.5" as "-19.50". Any fraction keeps all its digits, at least two. Text that is no
// decimal amount is returned as it is.
std::string GroupAmount(absl::string_view amount);

// "USD 10,159,608"; kUnknown when there is no amount.
std::string FormatMoney(const perennial::type::v1::Money& money);

// The same without the currency, for columns that name it once.
std::string FormatBareMoney(const perennial::type::v1::Money& money);

// A mean or another derived amount, rounded to cents: "USD 20,319.22".
std::string FormatRoundedMoney(const perennial::type::v1::Money& money);

// The amount as a number of units, for bars; 0 when there is none.
double UnitsOf(const perennial::type::v1::Money& money);

// "34,112".
std::string FormatCount(std::int64_t count);
// "1 account", "34,112 accounts".
std::string CountOf(std::int64_t count, absl::string_view noun);

// 0.614 as "61.4%".
std::string FormatPercent(std::optional<double> share);

// A score with one decimal, "61.4".
std::string FormatScore(std::optional<double> score);

// The shortest text with at most `decimals` decimals and thousands separators: "1,234.5", "0.33".
std::string FormatNumber(double value, int decimals = 2);

// Days until something: "today", "in 1 day", "in 12 days", "3 days ago".
std::string FormatDaysUntil(std::optional<double> days);
// How long: "3 days", "14 months", "3.2 years".
std::string FormatDays(double days);

// "2024-12-31", UTC; kUnknown for a time that is not set (zero).
std::string FormatDate(const google::protobuf::Timestamp& time);
// "2024-12-31 23:59:59 UTC".
std::string FormatTime(const google::protobuf::Timestamp& time);

// The value of a fact.
std::string FormatFact(const perennial::accounts::v1::Fact& fact);
// "Onboarding"; kUnknown for an unspecified phase. The second takes the bare name, as the portfolio report has it.
std::string FormatPhase(perennial::accounts::v1::LifecyclePhase phase);
std::string FormatPhase(absl::string_view phase);

// Colour of a band by its usual names; plain for others, dim for unknown (empty).
Style StyleOfBand(absl::string_view band);
// The band, or "unknown", in its colour.
Text BandText(absl::string_view band);

// The id in a resource name: what follows the last "/".
absl::string_view LastPart(absl::string_view name);

}  // namespace perennial::cli
