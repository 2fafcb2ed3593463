#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace perennial::filter {

// A text to compare with, with a wildcard at none, one or both of its ends.
struct Pattern {
  std::string text;
  bool any_before = false;
  bool any_after = false;

  // Whether it stands for one text only.
  [[nodiscard]] bool exact() const { return !any_before && !any_after; }
  // Whether `candidate` is the text, ends with it, starts with it or has it inside.
  [[nodiscard]] bool Matches(absl::string_view candidate) const;
};

// Whether `haystack` has `needle` inside, where ASCII letters match in either case. `needle` must be in lower case.
bool ContainsIgnoringCase(absl::string_view haystack, absl::string_view needle);

}  // namespace perennial::filter
