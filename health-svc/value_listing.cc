#include "health-svc/value_listing.h"

#include "absl/strings/strip.h"
#include "common/base/money.h"
#include "common/base/status_macros.h"

namespace perennial::health {
namespace {

// Amounts are compared as they are told, so that lists of replicas go together.
double Rounded(double amount) { return NumberOfMicros(MicrosOfNumber(amount)); }

OrderKey KeyOf(const Portfolio& portfolio, const ValueBook& book, const ValueOrder& order, facts::RowId row) {
  OrderKey key{.name = portfolio.table().account_id(row), .row = row};
  if (order.field == kValueName) return key;
  const bool clv = order.field == kValueClv;
  const auto value = portfolio.table().Number(row, clv ? book.clv_fact() : book.churn_fact());
  key.unknown = !value.has_value();
  if (value.has_value()) key.value = clv ? Rounded(*value) : *value;
  return key;
}

// `name` views into the value.
OrderKey KeyOf(const v1::CustomerValue& value, const ValueOrder& order) {
  absl::string_view name = value.name();
  (void)absl::ConsumePrefix(&name, "accounts/");
  (void)absl::ConsumeSuffix(&name, "/value");
  OrderKey key{.name = name};
  if (order.field == kValueClv) {
    const auto amount = ParseAmount(value.clv().amount());
    key.unknown = !value.has_clv() || !amount.ok();
    if (!key.unknown) key.value = NumberOfMicros(*amount);
  } else if (order.field == kValueChurn) {
    key.unknown = !value.has_churn_probability_12m();
    key.value = value.churn_probability_12m();
  }
  return key;
}

}  // namespace

std::string CursorAfter(const v1::CustomerValue& value, const ValueOrder& order) {
  return ToCursor(KeyOf(value, order));
}

bool ComesBefore(const v1::CustomerValue& a, const v1::CustomerValue& b, const ValueOrder& order) {
  return OrderBefore(order)(KeyOf(a, order), KeyOf(b, order));
}

absl::StatusOr<ValueOrder> ParseValueOrder(absl::string_view order_by) {
  return ParseListOrder(order_by, {"name", "clv", "churn_probability_12m"});
}

absl::StatusOr<ValuePage> PickPage(const Portfolio& portfolio, const ValueBook& book, const facts::Bitmap& rows,
                                   const ValueOrder& order, std::size_t page_size, const std::string& cursor) {
  PERENNIAL_ASSIGN_OR_RETURN(PagePicker picker, PagePicker::Create(order, page_size, cursor));
  ValuePage page;
  rows.ForEach([&](facts::RowId row) {
    if (!book.Has(row)) return;
    ++page.total;
    if (const auto clv = portfolio.table().Number(row, book.clv_fact())) {
      ++page.known;
      page.total_clv += *clv;
    }
    picker.Offer(KeyOf(portfolio, book, order, row));
  });
  page.rows = picker.Take(&page.next_cursor);
  return page;
}

}  // namespace perennial::health
