#include "common/base/money.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace perennial {

absl::StatusOr<Micros> ParseAmount(absl::string_view text) {
  const auto bad = [] {
    return absl::InvalidArgumentError(
        "must be a decimal amount with at most 12 digits before and 6 after the point, for example 2786 or 19.95");
  };
  absl::string_view rest = text;
  const bool negative = absl::ConsumePrefix(&rest, "-");
  Micros whole = 0;
  std::size_t digits = 0;
  while (!rest.empty() && absl::ascii_isdigit(rest.front())) {
    if (++digits > 12) return bad();
    whole = whole * 10 + (rest.front() - '0');
    rest.remove_prefix(1);
  }
  if (digits == 0) return bad();
  Micros fraction = 0;
  if (absl::ConsumePrefix(&rest, ".")) {
    if (rest.empty() || rest.size() > 6) return bad();
    Micros unit = kMicrosPerUnit;
    for (const char c : rest) {
      if (!absl::ascii_isdigit(c)) return bad();
      unit /= 10;
      fraction += (c - '0') * unit;
    }
    rest = "";
  }
  if (!rest.empty()) return bad();
  const Micros micros = whole * kMicrosPerUnit + fraction;
  return negative ? -micros : micros;
}

std::string FormatAmount(Micros micros) {
  const std::uint64_t size = micros < 0 ? -static_cast<std::uint64_t>(micros) : static_cast<std::uint64_t>(micros);
  std::string text = absl::StrCat(micros < 0 ? "-" : "", size / kMicrosPerUnit);
  std::uint64_t fraction = size % kMicrosPerUnit;
  if (fraction == 0) return text;
  std::string digits = absl::StrCat(fraction + kMicrosPerUnit).substr(1);
  while (digits.back() == '0') digits.pop_back();
  return absl::StrCat(text, ".", digits);
}

Micros MicrosOfNumber(double units) { return std::llround(units * kMicrosPerUnit); }

bool IsCurrencyCode(absl::string_view code) {
  return code.size() == 3 && absl::ascii_isupper(code[0]) && absl::ascii_isupper(code[1]) && absl::ascii_isupper(code[2]);
}

}  // namespace perennial
