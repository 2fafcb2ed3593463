#include "health-svc/score_listing.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"
#include "health-svc/request_names.h"

namespace perennial::health {
namespace {

struct Key {
  bool unknown = false;
  double value = 0;
  absl::string_view name;
  facts::RowId row = 0;
};

// Whether one key comes before another.
class Before {
 public:
  explicit Before(const ScoreOrder& order) : order_(order) {}
  bool operator()(const Key& a, const Key& b) const {
    if (a.unknown != b.unknown) return b.unknown;
    if (a.value != b.value) return order_.descending ? a.value > b.value : a.value < b.value;
    return order_.field == ScoreOrder::Field::kName && order_.descending ? a.name > b.name : a.name < b.name;
  }

 private:
  const ScoreOrder order_;
};

Key KeyOf(const Portfolio& portfolio, const ScoreOrder& order, facts::RowId row) {
  Key key{.name = portfolio.table().account_id(row), .row = row};
  if (order.field == ScoreOrder::Field::kName) return key;
  const HealthFacts& ours = portfolio.health_facts();
  const auto value =
      portfolio.table().Number(row, order.field == ScoreOrder::Field::kScore ? ours.score() : ours.coverage());
  key.unknown = !value.has_value();
  key.value = value.value_or(0);
  return key;
}

std::string ToCursor(const Key& key) {
  return absl::StrCat(key.unknown ? "1" : "0", absl::Hex(std::bit_cast<std::uint64_t>(key.value), absl::kZeroPad16),
                      key.name);
}

// `name` views into the cursor.
absl::StatusOr<Key> FromCursor(absl::string_view cursor) {
  std::uint64_t bits = 0;
  if (cursor.size() < 18 || !absl::SimpleHexAtoi(cursor.substr(1, 16), &bits)) {
    return absl::InvalidArgumentError("is not a token of this request");
  }
  return Key{.unknown = cursor[0] == '1', .value = std::bit_cast<double>(bits), .name = cursor.substr(17)};
}

// `name` views into the score.
Key KeyOf(const v1::HealthScore& score, const ScoreOrder& order) {
  Key key{.name = *AccountOfScoreName(score.name())};
  if (order.field == ScoreOrder::Field::kScore) {
    key.unknown = !score.has_score();
    key.value = score.score();
  } else if (order.field == ScoreOrder::Field::kCoverage) {
    key.value = score.coverage();
  }
  return key;
}

}  // namespace

std::string CursorAfter(const v1::HealthScore& score, const ScoreOrder& order) { return ToCursor(KeyOf(score, order)); }

bool ComesBefore(const v1::HealthScore& a, const v1::HealthScore& b, const ScoreOrder& order) {
  return Before(order)(KeyOf(a, order), KeyOf(b, order));
}

absl::StatusOr<ScoreOrder> ParseScoreOrder(absl::string_view order_by) {
  const std::vector<absl::string_view> words = absl::StrSplit(order_by, ' ', absl::SkipWhitespace());
  ScoreOrder order;
  if (words.empty()) return order;
  bool good = words.size() == 1 || (words.size() == 2 && words[1] == "desc");
  if (words[0] == "score") {
    order.field = ScoreOrder::Field::kScore;
  } else if (words[0] == "coverage") {
    order.field = ScoreOrder::Field::kCoverage;
  } else {
    good = good && words[0] == "name";
  }
  if (!good) return absl::InvalidArgumentError("must be name, score or coverage, optionally followed by desc");
  order.descending = words.size() == 2;
  return order;
}

absl::StatusOr<ScorePage> PickPage(const Portfolio& portfolio, const facts::Bitmap& rows, const ScoreOrder& order,
                                   std::size_t page_size, const std::string& cursor) {
  Key start;
  if (!cursor.empty()) {
    PERENNIAL_ASSIGN_OR_RETURN(start, FromCursor(cursor));
  }
  const Before before(order);
  ScorePage page;
  std::vector<Key> first;  // a heap of the first page_size + 1, the last of them on top
  rows.ForEach([&](facts::RowId row) {
    if (portfolio.entry(row).revision == 0) return;
    ++page.total;
    const Key key = KeyOf(portfolio, order, row);
    if (!cursor.empty() && !before(start, key)) return;
    if (first.size() > page_size) {
      if (!before(key, first.front())) return;
      std::pop_heap(first.begin(), first.end(), before);
      first.pop_back();
    }
    first.push_back(key);
    std::push_heap(first.begin(), first.end(), before);
  });
  std::sort_heap(first.begin(), first.end(), before);
  const bool more = first.size() > page_size;
  if (more) first.pop_back();
  for (const Key& key : first) page.rows.push_back(key.row);
  if (more) page.next_cursor = ToCursor(first.back());
  return page;
}

}  // namespace perennial::health
