#include "common/filter/literals.h"

#include <charconv>
#include <cmath>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace perennial::filter {
namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;

bool TakeDigits(absl::string_view& text) {
  const std::size_t before = text.size();
  while (!text.empty() && absl::ascii_isdigit(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  return text.size() < before;
}

bool IsDecimal(absl::string_view text) {
  absl::ConsumePrefix(&text, "-");
  if (!TakeDigits(text)) return false;
  if (absl::ConsumePrefix(&text, ".") && !TakeDigits(text)) return false;
  if (absl::ConsumePrefix(&text, "e") || absl::ConsumePrefix(&text, "E")) {
    if (!absl::ConsumePrefix(&text, "-")) absl::ConsumePrefix(&text, "+");
    if (!TakeDigits(text)) return false;
  }
  return text.empty();
}

// Whether `text` is like `shape`, where d stands for a digit.
bool HasShape(absl::string_view text, absl::string_view shape) {
  if (text.size() != shape.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 'd' ? !absl::ascii_isdigit(static_cast<unsigned char>(text[i])) : text[i] != shape[i]) return false;
  }
  return true;
}

bool IsTimestamp(absl::string_view text) {
  constexpr absl::string_view kMoment = "dddd-dd-ddTdd:dd:dd";
  if (!HasShape(text.substr(0, kMoment.size()), kMoment)) return false;
  text.remove_prefix(kMoment.size());
  if (absl::ConsumePrefix(&text, ".") && !TakeDigits(text)) return false;
  return text == "Z" || HasShape(text, "+dd:dd") || HasShape(text, "-dd:dd");
}

}  // namespace

std::optional<double> ParseNumber(absl::string_view text) {
  double number = 0;
  if (!IsDecimal(text) || !absl::SimpleAtod(text, &number) || !std::isfinite(number)) return std::nullopt;
  return number == 0 ? 0.0 : number;
}

std::optional<double> ParseDurationDays(absl::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto count = ParseNumber(text.substr(0, text.size() - 1));
  if (!count.has_value()) return std::nullopt;
  switch (text.back()) {
    case 's': return *count / 86400;
    case 'm': return *count / 1440;
    case 'h': return *count / 24;
    case 'd': return *count;
    default: return std::nullopt;
  }
}

std::optional<double> ParseTimeSeconds(absl::string_view text) {
  const std::string upper = absl::AsciiStrToUpper(text);
  const bool date = HasShape(upper, "dddd-dd-dd");
  if (!date && !IsTimestamp(upper)) return std::nullopt;
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, date ? absl::StrCat(upper, "T00:00:00Z") : upper, &time, &error)) {
    return std::nullopt;
  }
  const auto year = absl::ToCivilYear(time, absl::UTCTimeZone()).year();
  if (year < 1 || year > 9999) return std::nullopt;
  // Whole seconds apart: all microseconds of a far year are too many for a double.
  const std::int64_t whole = absl::ToUnixSeconds(time);
  const std::int64_t micros = absl::ToInt64Microseconds(time - absl::FromUnixSeconds(whole));
  return static_cast<double>(whole) + static_cast<double>(micros) / kMicrosPerSecond;
}

std::string FormatNumber(double number) {
  const double size = std::abs(number);
  const bool plain = size == 0 || (size >= 1e-5 && size < 1e15);
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), number,
                                 plain ? std::chars_format::fixed : std::chars_format::scientific)
                       .ptr;
  return std::string(buffer, end);
}

std::string FormatTimeSeconds(double seconds) {
  const double whole = std::floor(seconds);
  const std::int64_t micros = std::llround((seconds - whole) * kMicrosPerSecond);
  const absl::Time time = absl::FromUnixSeconds(static_cast<std::int64_t>(whole)) + absl::Microseconds(micros);
  return absl::FormatTime("%E4Y-%m-%dT%H:%M:%E*SZ", time, absl::UTCTimeZone());
}

}  // namespace perennial::filter
