#pragma once

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/filter/filter.h"

// Random filters and accounts, and a plain evaluator of the former over the latter that shares nothing with the
// library: it interprets the tree that the generator made, not the text.
namespace perennial::testing {

using filter::Truth;

using RandomValue = std::variant<double, std::string, std::set<std::string>>;

// The known facts of an account, by name, and the segments that it is in.
struct RandomAccount {
  std::map<std::string, RandomValue> facts;
  std::set<std::string> segments;
};

struct RandomFilter {
  enum class Kind { kAnd, kOr, kNot, kLeaf };
  Kind kind = Kind::kLeaf;
  std::vector<RandomFilter> children = {};
  // Of a leaf: what it is written like, and what it means.
  std::string text = {};
  std::function<Truth(const RandomAccount&)> meaning = {};
};

class RandomFilters {
 public:
  // `now` is what days_ago() counts from, in seconds since 1970. `segments` says whether segment() may come up.
  RandomFilters(std::uint64_t seed, double now, bool segments) : random_(seed), now_(now), segments_(segments) {}

  RandomAccount Account();
  RandomFilter Filter(int depth);
  // The filter as text: with more or fewer parentheses, AND left out, minus for NOT and line breaks as the dice fall.
  std::string Write(const RandomFilter& filter);

 private:
  int Dice(int sides) { return static_cast<int>(random_() % static_cast<std::uint64_t>(sides)); }
  const char* Space() { return Dice(8) == 0 ? "\n\t" : " "; }
  std::string Text();
  RandomFilter Leaf();
  RandomFilter NumberLeaf();
  RandomFilter TextLeaf();
  RandomFilter BoolLeaf();
  RandomFilter TimeLeaf();
  RandomFilter SetLeaf();
  RandomFilter PresenceLeaf();
  RandomFilter SearchLeaf();
  RandomFilter SegmentLeaf();

  std::mt19937_64 random_;
  const double now_;
  const bool segments_;
};

// The value of `filter` for `account`.
Truth Reference(const RandomFilter& filter, const RandomAccount& account);

}  // namespace perennial::testing
