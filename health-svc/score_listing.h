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

namespace perennial::health {

// Fields that scores are sorted by.
enum ScoreField : std::size_t { kScoreName, kScoreValue, kScoreCoverage };
using ScoreOrder = ListOrder;

// Reads order_by; empty means by name. INVALID_ARGUMENT with a sentence that completes "order_by ...".
absl::StatusOr<ScoreOrder> ParseScoreOrder(absl::string_view order_by);

// Where the page after a score begins.
std::string CursorAfter(const v1::HealthScore& score, const ScoreOrder& order);
// Whether a score comes before another.
bool ComesBefore(const v1::HealthScore& a, const v1::HealthScore& b, const ScoreOrder& order);

// One page of the rows in a bitmap.
struct ScorePage {
  std::vector<facts::RowId> rows;
  // Where the next page starts; empty on the last one.
  std::string next_cursor;
  std::int64_t total = 0;
};

// Picks the page after `cursor` (empty for the first) without sorting all rows. Under a ReadLock. INVALID_ARGUMENT for
// a cursor that this did not make.
absl::StatusOr<ScorePage> PickPage(const Portfolio& portfolio, const facts::Bitmap& rows, const ScoreOrder& order,
                                   std::size_t page_size, const std::string& cursor);

}  // namespace perennial::health
