#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/facts/fact_catalogue.h"
#include "common/filter/pattern.h"
#include "common/filter/token.h"

namespace perennial::filter {

enum class NodeKind : std::uint8_t {
  kEverything,  // true
  kAnd,
  kOr,
  kNot,
  kNumber,   // number, bool (0 or 1) or time (seconds since 1970) `comparator` `number`
  kChanged,  // the fact `operand` has had its value for less than `number` days, as `fact` tells: days, or since when
  kClock,    // time `comparator` (now - `number` days)
  kText,     // string `comparator` patterns[operand]; only = and != look at its wildcards
  kElement,  // set has an element that patterns[operand] matches
  kAny,      // set has an element
  kKnown,    // the fact is known; never unknown itself
  kSearch,   // name or owner contains, or tags has, searches[operand]; never unknown itself
  kSegment,  // the account is a member of segments[operand]
};

// A node of a checked filter. The children of kAnd, kOr and kNot follow it, each with all of its own below it.
struct Node {
  NodeKind kind = NodeKind::kEverything;
  Comparator comparator = Comparator::kEqual;
  facts::FactType type = facts::FactType::kNumber;
  facts::FactId fact = 0;
  // Index after its last descendant.
  std::uint32_t end = 0;
  std::uint32_t operand = 0;
  double number = 0;
};

struct Search {
  std::string text;
  std::string lower;  // `text` with ASCII letters in lower case
};

// Where kSearch looks; absent facts are not in the catalogue.
struct SearchedFacts {
  std::optional<facts::FactId> name;
  std::optional<facts::FactId> owner;
  std::optional<facts::FactId> tags;
};

// A checked filter in the form that runs: a tree laid out flat in preorder, the root at 0.
struct Program {
  std::vector<Node> nodes;
  std::vector<Pattern> patterns;
  std::vector<Search> searches;
  std::vector<std::string> segments;  // sorted
  SearchedFacts searched;
  std::vector<facts::FactId> facts;     // ascending
  std::vector<std::string> fact_names;  // sorted
  std::vector<std::string> warnings;
  bool reads_clock = false;
};

// Calls `use` with the function object that `comparator`, which is not kHas, stands for.
template <class Use>
auto WithComparator(Comparator comparator, Use use) {
  switch (comparator) {
    case Comparator::kNotEqual: return use([](const auto& a, const auto& b) { return a != b; });
    case Comparator::kLess: return use([](const auto& a, const auto& b) { return a < b; });
    case Comparator::kLessEqual: return use([](const auto& a, const auto& b) { return a <= b; });
    case Comparator::kGreater: return use([](const auto& a, const auto& b) { return a > b; });
    case Comparator::kGreaterEqual: return use([](const auto& a, const auto& b) { return a >= b; });
    default: return use([](const auto& a, const auto& b) { return a == b; });
  }
}

// Whether a known text stands to `pattern` as `comparator` says.
inline bool MatchesText(absl::string_view text, Comparator comparator, const Pattern& pattern) {
  if (comparator == Comparator::kEqual) return pattern.Matches(text);
  if (comparator == Comparator::kNotEqual) return !pattern.Matches(text);
  return WithComparator(comparator, [&](auto compare) { return compare(text, absl::string_view(pattern.text)); });
}

}  // namespace perennial::filter
