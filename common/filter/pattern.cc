#include "common/filter/pattern.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace perennial::filter {

bool Pattern::Matches(absl::string_view candidate) const {
  if (any_before && any_after) return absl::StrContains(candidate, text);
  if (any_before) return absl::EndsWith(candidate, text);
  if (any_after) return absl::StartsWith(candidate, text);
  return candidate == text;
}

bool ContainsIgnoringCase(absl::string_view haystack, absl::string_view needle) {
  const auto same = [](char a, char b) { return absl::ascii_tolower(static_cast<unsigned char>(a)) == b; };
  return std::search(haystack.begin(), haystack.end(), needle.begin(), needle.end(), same) != haystack.end() ||
         needle.empty();
}

}  // namespace perennial::filter
