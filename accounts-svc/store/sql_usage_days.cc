// One metric of an account, day by day.
#include "accounts-svc/store/sql_transaction.h"
#include "common/base/status_macros.h"

namespace perennial::accounts {

absl::StatusOr<std::vector<DayOfUse>> SqlTransaction::ListDaysOfUse(AccountNo no, std::int64_t metric,
                                                                    std::int64_t after, std::int64_t end, int limit) {
  PERENNIAL_RETURN_IF_ERROR(FlushUsage());
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("SELECT day, total FROM usage_days WHERE account_no = ? AND metric_no = ? AND day > ? AND day "
                          "< ? ORDER BY day LIMIT ?"));
  statement.Bind(1, no).Bind(2, metric).Bind(3, after).Bind(4, end).Bind(5, limit);
  std::vector<DayOfUse> days;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return days;
    days.push_back({.day = statement.Int64(0), .total = statement.Double(1)});
  }
}

absl::StatusOr<std::optional<double>> SqlTransaction::SumUse(AccountNo no, std::int64_t metric, absl::Time begin,
                                                             absl::Time end) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("SELECT value FROM usage_events WHERE account_no = ? AND event_time >= ? AND event_time < ? "
                          "AND metric_no = ? ORDER BY event_time, record_id"));
  statement.Bind(1, no).Bind(2, ToDb(begin)).Bind(3, ToDb(end)).Bind(4, metric);
  std::optional<double> total;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return total;
    total = total.value_or(0) + statement.Double(0);
  }
}

}  // namespace perennial::accounts
