#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/accounts/model/plain_model.h"

// What checks have in common: answers as lines of text, and how they differ.
namespace perennial::accounts::testing {

using Lines = std::vector<std::string>;

inline void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
}

inline std::string Text(absl::Time time) { return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone()); }

// What differs between two lists of lines, whose order counts.
inline std::string Compare(const std::string& what, const Lines& expected, const Lines& actual) {
  if (expected == actual) return {};
  std::string text = absl::StrCat(" ", what, "\n");
  for (const std::string& line : expected) {
    if (std::count(actual.begin(), actual.end(), line) < std::count(expected.begin(), expected.end(), line)) {
      absl::StrAppend(&text, "  missing: ", line, "\n");
    }
  }
  for (const std::string& line : actual) {
    if (std::count(expected.begin(), expected.end(), line) < std::count(actual.begin(), actual.end(), line)) {
      absl::StrAppend(&text, "  too much: ", line, "\n");
    }
  }
  return absl::StrCat(text, "  in order: ", absl::StrJoin(actual, " | "), "\n  should be: ", absl::StrJoin(expected, " | "),
                      "\n");
}

inline std::string Line(const PlainPhase& phase) {
  return absl::StrCat(Text(phase.time), " ", v1::LifecyclePhase_Name(phase.phase), " ", phase.cause, " ", phase.author);
}

inline PlainPhase Plain(const v1::PhaseChange& change) {
  return {change.phase(), TimeOf(change.enter_time()), change.cause(), change.author()};
}

}  // namespace perennial::accounts::testing
