#include "tests/common/filter_random.h"

#include <algorithm>
#include <cctype>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace perennial::testing {
namespace {

using Kind = RandomFilter::Kind;

constexpr const char* kNumbers[] = {"mrr", "nps.latest", "tenure_days", "usage.logins.sum_7d"};
constexpr const char* kTexts[] = {"name", "owner", "phase", "attributes.industry"};
constexpr const char* kBools[] = {"silent", "auto_renew"};
constexpr const char* kSets[] = {"tags", "attributes.regions"};
constexpr const char* kSegments[] = {"one", "two"};
constexpr const char* kPieces[] = {"a", "b", "A", "*", "\"", "\\", "é", " ", "'"};
constexpr const char* kComparators[] = {"=", "!=", "<", "<=", ">", ">="};

Truth Known(bool value) { return value ? Truth::kTrue : Truth::kFalse; }

template <class T>
bool Holds(int comparator, const T& a, const T& b) {
  switch (comparator) {
    case 0: return a == b;
    case 1: return !(a == b);
    case 2: return a < b;
    case 3: return a < b || a == b;
    case 4: return b < a;
    default: return b < a || a == b;
  }
}

// Whether `text` is `middle` with anything before and after it, where allowed: tries every place.
bool Glob(const std::string& text, const std::string& middle, bool before, bool after) {
  for (std::size_t start = 0; start + middle.size() <= text.size(); ++start) {
    const std::size_t rest = text.size() - start - middle.size();
    if ((start == 0 || before) && (rest == 0 || after) && text.compare(start, middle.size(), middle) == 0) return true;
  }
  return false;
}

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return text;
}

std::string Quote(const std::string& text, char quote) {
  std::string quoted(1, quote);
  for (const char c : text) {
    if (c == '\\' || c == '*' || c == quote) quoted += '\\';
    quoted += c;
  }
  return quoted + quote;
}

const RandomValue* Find(const RandomAccount& account, const std::string& fact) {
  const auto found = account.facts.find(fact);
  return found == account.facts.end() ? nullptr : &found->second;
}

template <class T, class Test>
std::function<Truth(const RandomAccount&)> Of(const std::string& fact, Test test) {
  return [fact, test](const RandomAccount& account) {
    const RandomValue* value = Find(account, fact);
    return value == nullptr ? Truth::kUnknown : Known(test(std::get<T>(*value)));
  };
}

}  // namespace

std::string RandomFilters::Text() {
  std::string text;
  for (int i = Dice(4); i > 0; --i) text += kPieces[Dice(std::size(kPieces))];
  return text;
}

RandomAccount RandomFilters::Account() {
  RandomAccount account;
  const auto known = [&] { return Dice(4) != 0; };
  for (const char* fact : kNumbers) {
    if (known()) account.facts[fact] = static_cast<double>(Dice(7) - 3) / 2;
  }
  for (const char* fact : kTexts) {
    if (known()) account.facts[fact] = Text();
  }
  for (const char* fact : kBools) {
    if (known()) account.facts[fact] = static_cast<double>(Dice(2));
  }
  if (known()) account.facts["create_time"] = now_ - 86400.0 * Dice(5);
  for (const char* fact : kSets) {
    if (!known()) continue;
    std::set<std::string> set;
    for (int i = Dice(4); i > 0; --i) set.insert(Text());
    account.facts[fact] = set;
  }
  for (const char* segment : kSegments) {
    if (Dice(2) == 0) account.segments.insert(segment);
  }
  return account;
}

RandomFilter RandomFilters::Filter(int depth) {
  if (depth == 0 || Dice(4) == 0) return Leaf();
  RandomFilter filter;
  const int kind = Dice(3);
  filter.kind = kind == 0 ? Kind::kAnd : kind == 1 ? Kind::kOr : Kind::kNot;
  const int children = filter.kind == Kind::kNot ? 1 : 2 + Dice(2);
  for (int i = 0; i < children; ++i) filter.children.push_back(Filter(depth - 1));
  return filter;
}

RandomFilter RandomFilters::Leaf() {
  switch (Dice(segments_ ? 9 : 8)) {
    case 0:
    case 1: return NumberLeaf();
    case 2: return TextLeaf();
    case 3: return BoolLeaf();
    case 4: return TimeLeaf();
    case 5: return SetLeaf();
    case 6: return PresenceLeaf();
    case 7: return SearchLeaf();
    default: return SegmentLeaf();
  }
}

RandomFilter RandomFilters::NumberLeaf() {
  const std::string fact = kNumbers[Dice(std::size(kNumbers))];
  const int comparator = Dice(6);
  const int halves = Dice(7) - 3;
  const double number = halves / 2.0;
  // tenure_days counts days and takes durations too.
  const std::string written =
      fact == "tenure_days" && Dice(2) == 0 ? absl::StrCat(halves * 12, "h") : absl::StrCat(number);
  return {.text = absl::StrCat(fact, Dice(2) ? " " : "", kComparators[comparator], Dice(2) ? " " : "", written),
          .meaning = Of<double>(fact, [=](double value) { return Holds(comparator, value, number); })};
}

RandomFilter RandomFilters::TextLeaf() {
  const std::string fact = kTexts[Dice(std::size(kTexts))];
  const std::string text = Text();
  const int comparator = Dice(6);
  const bool before = comparator < 2 && Dice(3) == 0;
  const bool after = comparator < 2 && Dice(3) == 0;
  std::string quoted = Quote(text, Dice(2) ? '"' : '\'');
  if (before) quoted.insert(1, 1, '*');
  if (after) quoted.insert(quoted.size() - 1, 1, '*');
  return {.text = absl::StrCat(fact, " ", kComparators[comparator], " ", quoted),
          .meaning = Of<std::string>(fact, [=](const std::string& value) {
            if (comparator > 1) return Holds(comparator, value, text);
            return Glob(value, text, before, after) == (comparator == 0);
          })};
}

RandomFilter RandomFilters::BoolLeaf() {
  const std::string fact = kBools[Dice(std::size(kBools))];
  const int form = Dice(4);
  const char* forms[] = {"", " = true", " != false", " = false"};
  return {.text = absl::StrCat(fact, forms[form]),
          .meaning = Of<double>(fact, [=](double value) { return (value != 0) == (form != 3); })};
}

RandomFilter RandomFilters::TimeLeaf() {
  const int comparator = Dice(6);
  const int days = Dice(5);
  const double moment = now_ - 86400.0 * days;
  const std::string written = Dice(2) ? absl::StrCat("days_ago(", days, ")")
                                      : absl::FormatTime(absl::RFC3339_full, absl::UnixEpoch() + absl::Seconds(moment),
                                                         absl::FixedTimeZone(3600 * (Dice(5) - 2)));
  return {.text = absl::StrCat("create_time", kComparators[comparator], written),
          .meaning = Of<double>("create_time", [=](double value) { return Holds(comparator, value, moment); })};
}

RandomFilter RandomFilters::SetLeaf() {
  using Set = std::set<std::string>;
  const std::string fact = kSets[Dice(std::size(kSets))];
  if (Dice(4) == 0)
    return {.text = absl::StrCat(fact, ":*"), .meaning = Of<Set>(fact, [](const Set& set) { return !set.empty(); })};
  const std::string text = Text();
  // A bare star asks for any element, which is what it means as a wildcard as well.
  const bool after = Dice(3) == 0;
  std::string quoted = Quote(text, '"');
  if (after) quoted.insert(quoted.size() - 1, 1, '*');
  return {.text = absl::StrCat(fact, ":", quoted),
          .meaning = Of<Set>(fact, [=](const Set& set) {
            return std::any_of(set.begin(), set.end(),
                               [&](const std::string& e) { return Glob(e, text, false, after); });
          })};
}

RandomFilter RandomFilters::PresenceLeaf() {
  const std::string fact = Dice(2)   ? kNumbers[Dice(std::size(kNumbers))]
                           : Dice(2) ? kTexts[Dice(std::size(kTexts))]
                                     : kBools[Dice(std::size(kBools))];
  return {.text = absl::StrCat(fact, ":*"),
          .meaning = [=](const RandomAccount& account) { return Known(Find(account, fact) != nullptr); }};
}

RandomFilter RandomFilters::SearchLeaf() {
  const std::string text = absl::StrCat("a", Text());
  return {.text = Quote(text, '"'), .meaning = [=](const RandomAccount& account) {
            for (const char* fact : {"name", "owner"}) {
              const RandomValue* value = Find(account, fact);
              if (value != nullptr && Glob(Lower(std::get<std::string>(*value)), Lower(text), true, true))
                return Truth::kTrue;
            }
            const RandomValue* tags = Find(account, "tags");
            return Known(tags != nullptr && std::get<std::set<std::string>>(*tags).count(text) > 0);
          }};
}

RandomFilter RandomFilters::SegmentLeaf() {
  const std::string segment = kSegments[Dice(std::size(kSegments))];
  return {.text = absl::StrCat("segment(\"", segment, "\")"),
          .meaning = [=](const RandomAccount& account) { return Known(account.segments.count(segment) > 0); }};
}

std::string RandomFilters::Write(const RandomFilter& filter) {
  if (filter.kind == Kind::kLeaf) return Dice(6) == 0 ? absl::StrCat("(", filter.text, ")") : filter.text;
  std::string out;
  for (const RandomFilter& child : filter.children) {
    const bool needed = filter.kind == Kind::kNot ? child.kind == Kind::kAnd || child.kind == Kind::kOr
                                                  : filter.kind == Kind::kOr && child.kind == Kind::kAnd;
    const std::string written = needed || Dice(4) == 0 ? absl::StrCat("(", Write(child), ")") : Write(child);
    if (filter.kind == Kind::kNot) return absl::StrCat(Dice(2) ? "-" : "NOT ", written);
    const std::string joint = filter.kind == Kind::kOr ? absl::StrCat(Space(), "OR", Space())
                              : Dice(2)                ? absl::StrCat(Space(), "AND", Space())
                                                       : std::string(Space());
    absl::StrAppend(&out, out.empty() ? "" : joint, written);
  }
  return out;
}

Truth Reference(const RandomFilter& filter, const RandomAccount& account) {
  if (filter.kind == Kind::kLeaf) return filter.meaning(account);
  int yes = 0;
  int no = 0;
  for (const RandomFilter& child : filter.children) {
    const Truth value = Reference(child, account);
    yes += value == Truth::kTrue ? 1 : 0;
    no += value == Truth::kFalse ? 1 : 0;
  }
  const int count = static_cast<int>(filter.children.size());
  switch (filter.kind) {
    case Kind::kAnd: return no > 0 ? Truth::kFalse : yes == count ? Truth::kTrue : Truth::kUnknown;
    case Kind::kOr: return yes > 0 ? Truth::kTrue : no == count ? Truth::kFalse : Truth::kUnknown;
    default: return yes > 0 ? Truth::kFalse : no > 0 ? Truth::kTrue : Truth::kUnknown;
  }
}

}  // namespace perennial::testing
