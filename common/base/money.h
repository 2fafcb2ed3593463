#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace perennial {

// An exact amount of money in millionths of the currency's unit.
using Micros = std::int64_t;
constexpr Micros kMicrosPerUnit = 1'000'000;

// Reads a decimal amount: optional "-", at most 12 digits, at most 6 after a point. INVALID_ARGUMENT with a sentence that
// completes "<field> ...".
absl::StatusOr<Micros> ParseAmount(absl::string_view text);

// The shortest decimal text that means exactly `micros`.
std::string FormatAmount(Micros micros);

// Nearest amount to a number of units, as facts carry money.
Micros MicrosOfNumber(double units);
inline double NumberOfMicros(Micros micros) { return static_cast<double>(micros) / kMicrosPerUnit; }

// Whether `code` looks like ISO 4217: three upper-case letters.
bool IsCurrencyCode(absl::string_view code);

}  // namespace perennial
