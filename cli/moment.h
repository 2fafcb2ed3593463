#pragma once

#include <string>

#include "absl/time/time.h"

namespace perennial::cli {

// A moment as people type it: RFC 3339, or a day, which means its end (UTC), as windows end with the day of as_of.
// Throws CLI::ValidationError, naming `option`, for anything else.
absl::Time ParseMoment(const std::string& option, const std::string& text);

// The same for a moment from which on something holds: a day means its beginning.
absl::Time ParseStart(const std::string& option, const std::string& text);

}  // namespace perennial::cli
