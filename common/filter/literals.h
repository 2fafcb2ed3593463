#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace perennial::filter {

// A decimal number with optional sign, fraction and exponent, as AIP-160 writes them. Nothing for other text and for
// what is too large for a double. -0 is 0.
std::optional<double> ParseNumber(absl::string_view text);

// A length of time in days: a number and one of s, m, h, d.
std::optional<double> ParseDurationDays(absl::string_view text);

// An RFC 3339 timestamp with its offset, or a date (which means the start of that day in UTC), of the years 1 to 9999;
// in seconds since 1970, cut to microseconds.
std::optional<double> ParseTimeSeconds(absl::string_view text);

// The shortest text that ParseNumber reads as exactly `number`.
std::string FormatNumber(double number);

// The timestamp in UTC that ParseTimeSeconds reads as exactly `seconds`, for a number that came from there.
std::string FormatTimeSeconds(double seconds);

}  // namespace perennial::filter
