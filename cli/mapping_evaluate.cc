#include "cli/mapping_evaluate.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/hash.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::cli {
namespace {

using OptionalText = std::optional<std::string>;

// A text cut so that a message stays readable.
std::string Quoted(absl::string_view text) {
  constexpr std::size_t kMost = 60;
  if (text.size() <= kMost) return absl::StrCat("'", text, "'");
  std::size_t cut = kMost;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return absl::StrCat("'", text.substr(0, cut), "...'");
}

template <class T>
bool InOrder(const T& left, Condition::Order order, const T& right) {
  switch (order) {
    case Condition::Order::kLess: return left < right;
    case Condition::Order::kLessOrEqual: return left <= right;
    case Condition::Order::kEqual: return left == right;
    case Condition::Order::kNotEqual: return left != right;
    case Condition::Order::kGreaterOrEqual: return left >= right;
    case Condition::Order::kGreater: return left > right;
  }
  return false;
}

// The value of a result that is neither an error nor absent.
template <class T>
std::optional<T> Known(absl::StatusOr<std::optional<T>> result) {
  if (!result.ok()) return std::nullopt;
  return *std::move(result);
}

// True or false wins over unknown: `decisive` is what ends the search.
template <class Test>
std::optional<bool> Combine(const std::vector<Condition>& parts, bool decisive, Test test) {
  bool unknown = false;
  for (const Condition& part : parts) {
    const std::optional<bool> holds = test(part);
    if (!holds) {
      unknown = true;
    } else if (*holds == decisive) {
      return decisive;
    }
  }
  if (unknown) return std::nullopt;
  return !decisive;
}

bool InRange(absl::Time time) {
  return time >= absl::FromUnixSeconds(-62135596800) && time <= absl::FromUnixSeconds(253402300799);
}

// Digits of `text` as a number, or -1.
int Digits(absl::string_view text) {
  int number = 0;
  for (const char c : text) {
    if (!absl::ascii_isdigit(c)) return -1;
    number = number * 10 + (c - '0');
  }
  return number;
}

// "YYYY-MM-DD" with or without "Thh:mm:ssZ" or " hh:mm:ss": what nearly every row has, read without absl::ParseTime's
// cost.
std::optional<absl::Time> ParseUsualTime(absl::string_view text) {
  const bool day = text.size() == 10;
  const bool instant = text.size() == 20 && text[10] == 'T' && text[19] == 'Z';
  const bool local = text.size() == 19 && text[10] == ' ';
  if ((!day && !instant && !local) || text[4] != '-' || text[7] != '-') return std::nullopt;
  const int year = Digits(text.substr(0, 4));
  const int month = Digits(text.substr(5, 2));
  const int day_of_month = Digits(text.substr(8, 2));
  if (year < 1 || month < 0 || day_of_month < 0) return std::nullopt;
  int clock[3] = {0, 0, 0};
  if (!day) {
    if (text[13] != ':' || text[16] != ':') return std::nullopt;
    for (int i = 0; i < 3; ++i) clock[i] = Digits(text.substr(11 + 3 * i, 2));
    if (clock[0] < 0 || clock[0] > 23 || clock[1] < 0 || clock[1] > 59 || clock[2] < 0 || clock[2] > 59)
      return std::nullopt;
  }
  const absl::CivilDay civil(year, month, day_of_month);
  if (civil.month() != month || civil.day() != day_of_month) return std::nullopt;
  return absl::FromCivil(absl::CivilSecond(year, month, day_of_month, clock[0], clock[1], clock[2]),
                         absl::UTCTimeZone());
}

}  // namespace

std::string RowHashes::IdOf(const std::vector<absl::string_view>& texts) {
  std::uint64_t hash = Fnv1a64("");
  for (const absl::string_view text : texts) {
    hash = Fnv1a64(text, hash);
    // Keeps "ab","c" and "a","bc" apart.
    hash = Fnv1a64(absl::string_view("\x1f", 1), hash);
  }
  return absl::StrFormat("%016x-%d", hash, ++seen_[hash]);
}

absl::Time AddMonths(absl::Time time, std::int64_t months) {
  const absl::CivilSecond civil = absl::ToCivilSecond(time, absl::UTCTimeZone());
  const absl::CivilMonth month = absl::CivilMonth(civil) + months;
  const int last_day = absl::CivilDay(absl::CivilDay(month + 1) - 1).day();
  return absl::FromCivil(absl::CivilSecond(month.year(), month.month(), std::min(civil.day(), last_day), civil.hour(),
                                           civil.minute(), civil.second()),
                         absl::UTCTimeZone());
}

absl::StatusOr<absl::Time> ParseTimeText(absl::string_view text, const std::vector<std::string>& formats) {
  absl::Time time;
  std::string error;
  if (formats.empty()) {
    if (const std::optional<absl::Time> usual = ParseUsualTime(text)) return *usual;
    for (const char* format : {"%Y-%m-%d%ET%H:%M:%E*S%Ez", "%Y-%m-%d %H:%M:%E*S", "%Y-%m-%d"}) {
      if (absl::ParseTime(format, text, &time, &error) && InRange(time)) return time;
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "must be a time like 2024-12-31, 2024-12-31 23:59:59 or 2024-12-31T23:59:59Z, not ", Quoted(text)));
  }
  for (const std::string& format : formats) {
    if (absl::ParseTime(format, text, &time, &error) && InRange(time)) return time;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("must be a time written as ", absl::StrJoin(formats, " or "), ", not ", Quoted(text)));
}

std::optional<absl::string_view> RowEvaluator::Column(int column) const {
  if (column < 0) return std::nullopt;
  const auto at = static_cast<std::size_t>(column);
  const bool exact = file_.quotes_keep_blanks && at < quoted_.size() && quoted_[at];
  const absl::string_view text = exact ? fields_[at] : absl::StripAsciiWhitespace(fields_[at]);
  if (text.empty()) return std::nullopt;
  for (const std::string& empty : file_.empty_texts) {
    if (text == empty) return std::nullopt;
  }
  return text;
}

OptionalText RowEvaluator::ColumnText(int column) const {
  const std::optional<absl::string_view> text = Column(column);
  if (!text) return std::nullopt;
  return std::string(*text);
}

std::string RowEvaluator::HashOfRow() const {
  std::vector<absl::string_view> texts = {hash_salt_, file_.file};
  for (const std::string& field : fields_) texts.emplace_back(field);
  return hashes_->IdOf(texts);
}

std::string RowEvaluator::Hash(const Expression& expression) const {
  std::vector<absl::string_view> texts = {hash_salt_};
  for (const Expression::TemplatePart& part : expression.parts) texts.push_back(Column(part.column).value_or(""));
  return hashes_->IdOf(texts);
}

absl::StatusOr<OptionalText> RowEvaluator::LookUp(const Expression& expression) const {
  const Lookup& lookup = *expression.lookup;
  PERENNIAL_ASSIGN_OR_RETURN(const OptionalText key, Text(*lookup.key));
  if (!key) return std::nullopt;
  const auto found = lookup.table->entries.find(*key);
  if (found == lookup.table->entries.end()) {
    if (expression.optional) return std::nullopt;
    return absl::NotFoundError(
        absl::StrCat("comes from ", lookup.file, ", which has no row with ", lookup.match, " = ", Quoted(*key)));
  }
  if (found->second.ambiguous) {
    return absl::FailedPreconditionError(absl::StrCat("comes from ", lookup.file, ", where ", lookup.match, " = ",
                                                      Quoted(*key), " has several values of ", lookup.column));
  }
  if (found->second.value.empty()) return std::nullopt;
  return found->second.value;
}

absl::StatusOr<OptionalText> RowEvaluator::Source(const Expression& expression) const {
  switch (expression.source) {
    case Expression::Source::kColumn: return ColumnText(expression.column);
    case Expression::Source::kConstant: return expression.text;
    case Expression::Source::kLookup: return LookUp(expression);
    case Expression::Source::kHash: return Hash(expression);
    case Expression::Source::kTemplate: {
      std::string text;
      for (const Expression::TemplatePart& part : expression.parts) {
        const std::optional<absl::string_view> piece =
            part.is_column ? Column(part.column) : absl::string_view(part.text);
        if (!piece) return std::nullopt;
        absl::StrAppend(&text, *piece);
      }
      return text;
    }
    case Expression::Source::kFirst:
      for (const Expression& option : expression.options) {
        PERENNIAL_ASSIGN_OR_RETURN(OptionalText text, Text(option));
        if (text) return text;
      }
      return std::nullopt;
  }
  return std::nullopt;
}

absl::StatusOr<OptionalText> RowEvaluator::Mapped(const Expression& expression) const {
  PERENNIAL_ASSIGN_OR_RETURN(OptionalText text, Source(expression));
  if (!text || !expression.map) return text;
  const auto found = expression.map->values.find(*text);
  if (found == expression.map->values.end()) {
    if (!expression.map->otherwise) {
      const std::string known = absl::StrJoin(
          expression.map->values, ", ", [](std::string* out, const auto& entry) { absl::StrAppend(out, entry.first); });
      return absl::InvalidArgumentError(
          absl::StrCat("has a value that the mapping does not know: ", Quoted(*text), " is none of ", known));
    }
    text = *expression.map->otherwise;
  } else {
    text = found->second;
  }
  if (text->empty()) return std::nullopt;
  return text;
}

absl::StatusOr<OptionalText> RowEvaluator::Text(const Expression& expression) const {
  if (!expression.shifts.empty()) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::optional<absl::Time> time, Time(expression));
    if (!time) return std::nullopt;
    return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", *time, absl::UTCTimeZone());
  }
  if (expression.when && Holds(*expression.when) != true) return std::nullopt;
  return Mapped(expression);
}

absl::StatusOr<std::optional<absl::Time>> RowEvaluator::Time(const Expression& expression) const {
  if (expression.when && Holds(*expression.when) != true) return std::nullopt;
  if (expression.source == Expression::Source::kFirst) {
    for (const Expression& option : expression.options) {
      PERENNIAL_ASSIGN_OR_RETURN(const std::optional<absl::Time> time, Time(option));
      if (time) return Shifted(expression, *time);
    }
    return std::nullopt;
  }
  PERENNIAL_ASSIGN_OR_RETURN(const OptionalText text, Mapped(expression));
  if (!text) return std::nullopt;
  // A constant stands in the mapping and is written as mappings write times, whatever the file does.
  static const auto* usual = new std::vector<std::string>();
  const bool constant = expression.source == Expression::Source::kConstant;
  const std::vector<std::string>& formats = !expression.formats.empty() ? expression.formats
                                            : constant                  ? *usual
                                                                        : file_.time_formats;
  PERENNIAL_ASSIGN_OR_RETURN(const absl::Time time, ParseTimeText(absl::StripAsciiWhitespace(*text), formats));
  return Shifted(expression, time);
}

absl::StatusOr<std::optional<absl::Time>> RowEvaluator::Shifted(const Expression& expression, absl::Time time) const {
  for (const TimeShift& shift : expression.shifts) {
    PERENNIAL_ASSIGN_OR_RETURN(const OptionalText text, Text(*shift.amount));
    if (!text) return std::nullopt;
    const absl::StatusOr<double> number = ParseNumber(*text);
    if (!number.ok())
      return absl::InvalidArgumentError(absl::StrCat("is moved by ", Quoted(*text), ", which is no number"));
    const double amount = shift.back ? -*number : *number;
    switch (shift.unit) {
      case TimeUnit::kSeconds: time += absl::Seconds(amount); break;
      case TimeUnit::kMinutes: time += absl::Minutes(amount); break;
      case TimeUnit::kHours: time += absl::Hours(amount); break;
      case TimeUnit::kDays: time += absl::Hours(24) * amount; break;
      case TimeUnit::kMonths:
        if (amount != std::floor(amount) || std::abs(amount) > 120000) {
          return absl::InvalidArgumentError(
              absl::StrCat("is moved by ", Quoted(*text), " months; only whole months can be"));
        }
        time = AddMonths(time, static_cast<std::int64_t>(amount));
        break;
    }
    if (!InRange(time)) return absl::InvalidArgumentError("is outside the years 1 to 9999");
  }
  return time;
}

std::optional<bool> RowEvaluator::Compare(const Condition& condition) const {
  if (condition.type == Condition::Type::kTime) {
    const std::optional<absl::Time> left = Known(Time(*condition.left));
    const std::optional<absl::Time> right = Known(Time(*condition.right));
    if (!left || !right) return std::nullopt;
    return InOrder(*left, condition.order, *right);
  }
  const OptionalText left = Known(Text(*condition.left));
  const OptionalText right = Known(Text(*condition.right));
  if (!left || !right) return std::nullopt;
  if (condition.type == Condition::Type::kText) return InOrder(*left, condition.order, *right);
  const absl::StatusOr<double> left_number = ParseNumber(*left);
  const absl::StatusOr<double> right_number = ParseNumber(*right);
  if (!left_number.ok() || !right_number.ok()) return std::nullopt;
  return InOrder(*left_number, condition.order, *right_number);
}

std::optional<bool> RowEvaluator::Exists(const Lookup& lookup) const {
  const OptionalText key = Known(Text(*lookup.key));
  if (!key) return std::nullopt;
  return lookup.table->entries.contains(*key);
}

std::optional<bool> RowEvaluator::Holds(const Condition& condition) const {
  const auto test = [this](const Condition& part) { return Holds(part); };
  switch (condition.kind) {
    case Condition::Kind::kAll: return Combine(condition.parts, false, test);
    case Condition::Kind::kAny: return Combine(condition.parts, true, test);
    case Condition::Kind::kNot: {
      const std::optional<bool> holds = Holds(condition.parts.front());
      if (!holds) return std::nullopt;
      return !*holds;
    }
    case Condition::Kind::kEmpty: {
      const absl::StatusOr<OptionalText> text = Text(*condition.left);
      if (!text.ok()) return std::nullopt;
      return text->has_value() != condition.expected;
    }
    case Condition::Kind::kIn: {
      const OptionalText text = Known(Text(*condition.left));
      if (!text) return std::nullopt;
      return std::find(condition.values.begin(), condition.values.end(), *text) != condition.values.end();
    }
    case Condition::Kind::kCompare: return Compare(condition);
    case Condition::Kind::kExists: return Exists(*condition.lookup);
  }
  return std::nullopt;
}

}  // namespace perennial::cli
