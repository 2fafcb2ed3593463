#include "cli/moment.h"

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"

namespace perennial::cli {

absl::Time ParseMoment(const std::string& option, const std::string& text) {
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &error)) return time;
  if (absl::ParseTime("%Y-%m-%d", text, &time, &error)) return time + absl::Hours(24) - absl::Seconds(1);
  throw CLI::ValidationError(option,
                             absl::StrCat("\"", text, "\" is no time, for example 2024-12-31T23:59:59Z or 2024-12-31"));
}

absl::Time ParseStart(const std::string& option, const std::string& text) {
  absl::Time time;
  std::string error;
  return absl::ParseTime("%Y-%m-%d", text, &time, &error) ? time : ParseMoment(option, text);
}

}  // namespace perennial::cli
