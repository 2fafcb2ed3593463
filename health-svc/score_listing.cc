#include "health-svc/score_listing.h"

#include "common/base/status_macros.h"
#include "health-svc/request_names.h"

namespace perennial::health {
namespace {

OrderKey KeyOf(const Portfolio& portfolio, const ScoreOrder& order, facts::RowId row) {
  OrderKey key{.name = portfolio.table().account_id(row), .row = row};
  if (order.field == kScoreName) return key;
  const HealthFacts& ours = portfolio.health_facts();
  const auto value =
      portfolio.table().Number(row, order.field == kScoreValue ? ours.score() : ours.coverage());
  key.unknown = !value.has_value();
  key.value = value.value_or(0);
  return key;
}

// `name` views into the score.
OrderKey KeyOf(const v1::HealthScore& score, const ScoreOrder& order) {
  OrderKey key{.name = *AccountOfScoreName(score.name())};
  if (order.field == kScoreValue) {
    key.unknown = !score.has_score();
    key.value = score.score();
  } else if (order.field == kScoreCoverage) {
    key.value = score.coverage();
  }
  return key;
}

}  // namespace

std::string CursorAfter(const v1::HealthScore& score, const ScoreOrder& order) { return ToCursor(KeyOf(score, order)); }

bool ComesBefore(const v1::HealthScore& a, const v1::HealthScore& b, const ScoreOrder& order) {
  return OrderBefore(order)(KeyOf(a, order), KeyOf(b, order));
}

absl::StatusOr<ScoreOrder> ParseScoreOrder(absl::string_view order_by) {
  return ParseListOrder(order_by, {"name", "score", "coverage"});
}

absl::StatusOr<ScorePage> PickPage(const Portfolio& portfolio, const facts::Bitmap& rows, const ScoreOrder& order,
                                   std::size_t page_size, const std::string& cursor) {
  PERENNIAL_ASSIGN_OR_RETURN(PagePicker picker, PagePicker::Create(order, page_size, cursor));
  ScorePage page;
  rows.ForEach([&](facts::RowId row) {
    if (portfolio.entry(row).revision == 0) return;
    ++page.total;
    picker.Offer(KeyOf(portfolio, order, row));
  });
  page.rows = picker.Take(&page.next_cursor);
  return page;
}

}  // namespace perennial::health
