#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/facts/bitmap.h"
#include "health-svc/list_order.h"
#include "health-svc/portfolio.h"
#include "health-svc/value_book.h"
#include "perennial/health/v1/value_service.pb.h"

namespace perennial::health {

// Fields that values are sorted by.
enum ValueField : std::size_t { kValueName, kValueClv, kValueChurn };
using ValueOrder = ListOrder;

// Reads order_by; empty means by name. INVALID_ARGUMENT with a sentence that completes "order_by ...".
absl::StatusOr<ValueOrder> ParseValueOrder(absl::string_view order_by);

// Where the page after a value begins, and whether a value comes before another: to put lists of replicas together.
std::string CursorAfter(const v1::CustomerValue& value, const ValueOrder& order);
bool ComesBefore(const v1::CustomerValue& a, const v1::CustomerValue& b, const ValueOrder& order);

// One page of the rows in a bitmap, and what all of them are worth.
struct ValuePage {
  std::vector<facts::RowId> rows;
  std::string next_cursor;  // empty on the last page
  std::int64_t total = 0;
  std::int64_t known = 0;
  double total_clv = 0;
};

// Picks the page after `cursor` (empty for the first) without sorting all rows. Under a ReadLock. INVALID_ARGUMENT for
// a cursor that this did not make.
absl::StatusOr<ValuePage> PickPage(const Portfolio& portfolio, const ValueBook& book, const facts::Bitmap& rows,
                                   const ValueOrder& order, std::size_t page_size, const std::string& cursor);

}  // namespace perennial::health
