// Records, usage, and the history that facts are computed from.
#include <algorithm>
#include <map>
#include <set>

#include "accounts-svc/facts/usage_state.h"
#include "accounts-svc/facts/exchange.h"
#include "accounts-svc/store/sql_transaction.h"
#include "accounts-svc/store/state_codec.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::accounts {

absl::StatusOr<std::optional<StoredRecord>> SqlTransaction::FindRecord(AccountNo no, RecordKind kind,
                                                                       absl::string_view record_id) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("SELECT event_time, update_time, payload FROM records WHERE account_no = ? "
                          "AND kind = ? AND record_id = ? ORDER BY update_time DESC LIMIT 1"));
  PERENNIAL_ASSIGN_OR_RETURN(const bool found,
                             statement.Bind(1, no).Bind(2, static_cast<int>(kind)).Bind(3, record_id).Step());
  if (!found) return std::nullopt;
  return StoredRecord{.kind = kind,
                      .record_id = std::string(record_id),
                      .time = FromDb(statement.Int64(0)),
                      .update_time = FromDb(statement.Int64(1)),
                      .payload = statement.Text(2),
                      .deleted = statement.Int64(0) == kDeletedRecordTime};
}

absl::Status SqlTransaction::PutRecord(AccountNo no, const StoredRecord& record) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account_no, kind, record_id, "
                          "update_time) DO UPDATE SET event_time = excluded.event_time, payload = "
                          "excluded.payload"));
  statement.Bind(1, no).Bind(2, static_cast<int>(record.kind)).Bind(3, record.record_id).Bind(4, ToDb(record.time));
  return statement.Bind(5, ToDb(record.update_time)).BindBlob(6, record.payload).Run();
}

absl::StatusOr<std::optional<UsageEvent>> SqlTransaction::FindUsage(AccountNo no, absl::string_view record_id) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("SELECT metric_no, event_time, value, \"user\" FROM usage_events WHERE "
                          "account_no = ? AND record_id = ?"));
  PERENNIAL_ASSIGN_OR_RETURN(const bool found, statement.Bind(1, no).Bind(2, record_id).Step());
  if (!found) return std::nullopt;
  return UsageEvent{.record_id = std::string(record_id),
                    .metric = statement.Int64(0),
                    .time = FromDb(statement.Int64(1)),
                    .value = statement.Double(2),
                    .user = statement.Text(3),
                    .deleted = statement.Int64(1) == kDeletedRecordTime};
}

absl::StatusOr<std::int64_t> SqlTransaction::MetricNo(absl::string_view name, absl::Time time) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement find,
                             connection_.Prepare("SELECT metric_no, first_time FROM metrics WHERE name = ?"));
  PERENNIAL_ASSIGN_OR_RETURN(const bool found, find.Bind(1, name).Step());
  if (found && find.Int64(1) <= ToDb(time)) return find.Int64(0);
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement put,
      connection_.Prepare("INSERT INTO metrics (metric_no, name, first_time) VALUES ((SELECT "
                          "coalesce(max(metric_no), 0) + 1 FROM metrics), ?, ?) ON CONFLICT (name) DO "
                          "UPDATE SET first_time = excluded.first_time RETURNING metric_no"));
  PERENNIAL_RETURN_IF_ERROR(put.Bind(1, name).Bind(2, ToDb(time)).Step().status());
  const std::int64_t no = put.Int64(0);
  PERENNIAL_RETURN_IF_ERROR(put.Step().status());
  return no;
}

absl::StatusOr<std::vector<Metric>> SqlTransaction::ListMetrics() {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement,
                             connection_.Prepare("SELECT metric_no, name, first_time FROM metrics ORDER BY metric_no"));
  std::vector<Metric> metrics;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return metrics;
    metrics.push_back({statement.Int64(0), statement.Text(1), FromDb(statement.Int64(2))});
  }
}

absl::StatusOr<AccountHistory> SqlTransaction::LoadHistory(const AccountRecord& account, absl::Time as_of) {
  PERENNIAL_RETURN_IF_ERROR(FlushUsage());
  PERENNIAL_ASSIGN_OR_RETURN(std::optional<AccountState> state, FindAccountState(account.no, as_of));
  if (!state.has_value()) return absl::NotFoundError("the account did not exist then");
  AccountHistory history{.id = account.id, .state = *std::move(state), .customer_since = account.customer_since};
  PERENNIAL_RETURN_IF_ERROR(LoadSubscriptions(account.no, as_of, history));
  PERENNIAL_RETURN_IF_ERROR(LoadRecords(account.no, as_of, history));
  PERENNIAL_RETURN_IF_ERROR(LoadUsageDays(account.no, as_of, history));
  PERENNIAL_RETURN_IF_ERROR(LoadUsageOfLastDay(account.no, as_of, history));
  PERENNIAL_RETURN_IF_ERROR(LoadLastUse(account.no, as_of, history));
  PERENNIAL_RETURN_IF_ERROR(LoadReported(account.no, as_of, history));
  PERENNIAL_RETURN_IF_ERROR(LoadNextChange(account.no, as_of, history));
  PERENNIAL_RETURN_IF_ERROR(LoadGoals(account.no, as_of, history));
  PERENNIAL_RETURN_IF_ERROR(LoadLifecycle(account.no, as_of, history));
  return history;
}

absl::Status SqlTransaction::LoadSubscriptions(AccountNo no, absl::Time as_of, AccountHistory& history) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("SELECT v.subscription_id, s.start_time, v.effective_time, plan, seats, mrr, trial, "
                          "trial_end_time, end_time, "
                          "renewal_time, auto_renew, currency FROM subscription_versions v JOIN subscriptions s ON s.account_no "
                          "= v.account_no AND "
                          "s.subscription_id = v.subscription_id WHERE v.account_no = ? AND s.start_time <= ? "
                          "ORDER BY v.subscription_id, v.effective_time"));
  statement.Bind(1, no).Bind(2, ToDb(as_of));
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) break;
    SubscriptionVersion version{.id = statement.Text(0),
                                .start = FromDb(statement.Int64(1)),
                                .effective = FromDb(statement.Int64(2)),
                                .state = {.plan = statement.Text(3),
                                          .seats = statement.Int64(4),
                                          .mrr = statement.Int64(5),
                                          .currency = statement.Text(11),
                                          .trial = statement.Int64(6) != 0,
                                          .trial_end = FromDb(statement.MaybeInt64(7)),
                                          .end = FromDb(statement.MaybeInt64(8)),
                                          .renewal = FromDb(statement.MaybeInt64(9)),
                                          .auto_renew = statement.Int64(10) != 0}};
    const bool first = history.subscriptions.empty() || history.subscriptions.back().id != version.id;
    // Whatever order states came in, the first one known holds since the subscription began.
    if (first) version.effective = std::min(version.effective, version.start);
    if (version.effective > as_of) continue;
    if (version.state.end.has_value() && *version.state.end > as_of) {
      history.next_change = std::min(history.next_change, *version.state.end);
    }
    if (!version.state.currency.empty()) {
      PERENNIAL_ASSIGN_OR_RETURN(const std::optional<ExchangeRate> rate,
                                 FindExchangeRate(version.state.currency, std::max(version.effective, version.start)));
      if (!rate.has_value()) return absl::DataLossError("a subscription's currency has no exchange rate");
      version.rate = rate->billionths;
    }
    history.subscriptions.push_back(std::move(version));
  }
  CountInReportingCurrency(history.subscriptions);
  return absl::OkStatus();
}

// Of each record the state that was current then: the newest by update_time, or the first one while none was. A first
// state that came late tells of its past by the times in it.
absl::Status SqlTransaction::LoadRecords(AccountNo no, absl::Time as_of, AccountHistory& history) {
  struct {
    std::int64_t kind = 0;
    std::string id;
    absl::Time time;
    std::string payload;
  } present;
  const auto add = [&]() -> absl::Status {
    if (present.kind == 0) return absl::OkStatus();
    if (present.time <= as_of) return AddToHistory(present.payload, as_of, history);
    history.next_change = std::min(history.next_change, present.time);
    return absl::OkStatus();
  };
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("SELECT kind, record_id, event_time, update_time, payload FROM records WHERE "
                          "account_no = ? AND event_time > ? ORDER BY kind, record_id, update_time"));
  statement.Bind(1, no).Bind(2, kDeletedRecordTime);
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) break;
    const bool same = statement.Int64(0) == present.kind && statement.View(1) == present.id;
    const absl::Time updated = FromDb(statement.Int64(3));
    if (updated > as_of) history.next_change = std::min(history.next_change, updated);
    if (same && updated > as_of) continue;
    if (!same) PERENNIAL_RETURN_IF_ERROR(add());
    present = {statement.Int64(0), statement.Text(1), FromDb(statement.Int64(2)), statement.Text(4)};
  }
  PERENNIAL_RETURN_IF_ERROR(add());
  const auto by_time = [](const auto& a, const auto& b) { return a.time < b.time; };
  std::stable_sort(history.touchpoints.begin(), history.touchpoints.end(), by_time);
  std::stable_sort(history.surveys.begin(), history.surveys.end(), by_time);
  std::stable_sort(history.milestones.begin(), history.milestones.end(), by_time);
  std::stable_sort(history.churn_reports.begin(), history.churn_reports.end(), by_time);
  return absl::OkStatus();
}

// What is stored and takes effect later. Records and ends are looked at where they are read.
absl::Status SqlTransaction::LoadNextChange(AccountNo no, absl::Time as_of, AccountHistory& history) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(
          "SELECT min(change) FROM (SELECT min(effective_time) AS change FROM account_versions WHERE account_no = ?1 "
          "AND "
          "effective_time > ?2 UNION ALL SELECT min(effective_time) FROM subscription_versions WHERE account_no = ?1 "
          "AND "
          "effective_time > ?2 UNION ALL SELECT min(start_time) FROM subscriptions WHERE account_no = ?1 AND "
          "start_time > ?2 "
          "UNION ALL SELECT min(event_time) FROM usage_events WHERE account_no = ?1 AND event_time > ?2) changes"));
  PERENNIAL_RETURN_IF_ERROR(statement.Bind(1, no).Bind(2, ToDb(as_of)).Step().status());
  if (const auto time = FromDb(statement.MaybeInt64(0)); time.has_value()) {
    history.next_change = std::min(history.next_change, *time);
  }
  return absl::OkStatus();
}

// Whole days before that of as_of come from the daily sums.
absl::Status SqlTransaction::LoadUsageDays(AccountNo no, absl::Time as_of, AccountHistory& history) {
  const std::int64_t today = DayOf(as_of);
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement days,
      connection_.Prepare("SELECT metric_no, day, total FROM usage_days WHERE account_no = ? AND day > "
                          "? AND day < ? ORDER BY day, metric_no"));
  days.Bind(1, no).Bind(2, today - 90).Bind(3, today);
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, days.Step());
    if (!row) break;
    history.usage.push_back({days.Int64(0), days.Int64(1), days.Double(2)});
  }
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement users,
      connection_.Prepare("SELECT metric_no, day, \"user\" FROM usage_users WHERE account_no = ? AND day > "
                          "? AND day < ?"));
  users.Bind(1, no).Bind(2, today - 30).Bind(3, today);
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, users.Step());
    if (!row) break;
    history.users.push_back({users.Int64(0), users.Int64(1), users.Text(2)});
  }
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement any,
      connection_.Prepare("SELECT EXISTS (SELECT 1 FROM usage_users WHERE account_no = ? AND day < ?)"));
  PERENNIAL_RETURN_IF_ERROR(any.Bind(1, no).Bind(2, today).Step().status());
  history.users_seen = any.Int64(0) != 0;
  return absl::OkStatus();
}

// The day of as_of comes from the events themselves, so that nothing later than as_of counts.
absl::Status SqlTransaction::LoadUsageOfLastDay(AccountNo no, absl::Time as_of, AccountHistory& history) {
  const std::int64_t today = DayOf(as_of);
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(
          "SELECT metric_no, value, \"user\", event_time, record_id FROM usage_events WHERE account_no = ? AND "
          "event_time >= ? AND event_time <= ? ORDER BY event_time, record_id"));
  statement.Bind(1, no).Bind(2, ToDb(StartOfDay(today))).Bind(3, ToDb(as_of));
  std::map<std::int64_t, double> sums;
  std::set<std::int64_t> inexact;
  std::set<std::pair<std::int64_t, std::string>> users;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) break;
    sums[statement.Int64(0)] += statement.Double(1);
    if (!IsExactPart(statement.Double(1))) inexact.insert(statement.Int64(0));
    history.last_event_time = FromDb(statement.Int64(3));
    history.last_event_id = statement.Text(4);
    if (std::string user = statement.Text(2); !user.empty() && statement.Double(1) > 0)
      users.emplace(statement.Int64(0), std::move(user));
  }
  history.inexact_today.assign(inexact.begin(), inexact.end());
  for (const auto& [metric, sum] : sums) {
    history.usage.push_back({metric, today, sum});
    if (sum > 0) history.last_use.push_back({metric, today});
  }
  for (const auto& [metric, user] : users) history.users.push_back({metric, today, user});
  history.users_seen = history.users_seen || !users.empty();
  return absl::OkStatus();
}

// Last days before that of as_of, for metrics not used on it. The kept last day answers unless later use hides it,
// which only a look into the past meets.
absl::Status SqlTransaction::LoadLastUse(AccountNo no, absl::Time as_of, AccountHistory& history) {
  const std::int64_t today = DayOf(as_of);
  std::set<std::int64_t> used_today;
  for (const LastUse& last : history.last_use) used_today.insert(last.metric);
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement kept,
                             connection_.Prepare("SELECT metric_no, last_day FROM usage_last WHERE account_no = ?"));
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement search,
      connection_.Prepare("SELECT day FROM usage_days WHERE account_no = ? AND day < ? AND metric_no = "
                          "? AND total > 0 ORDER BY day DESC LIMIT 1"));
  kept.Bind(1, no);
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, kept.Step());
    if (!row) return absl::OkStatus();
    const std::int64_t metric = kept.Int64(0);
    if (used_today.contains(metric)) continue;
    if (kept.Int64(1) < today) {
      history.last_use.push_back({metric, kept.Int64(1)});
      continue;
    }
    PERENNIAL_ASSIGN_OR_RETURN(const bool found, search.Bind(1, no).Bind(2, today).Bind(3, metric).Step());
    if (found) history.last_use.push_back({metric, search.Int64(0)});
    search.Reset();
  }
}

// Reports of no use that are older than all windows leave nothing else behind.
absl::Status SqlTransaction::LoadReported(AccountNo no, absl::Time as_of, AccountHistory& history) {
  history.usage_reported = !history.usage.empty() || !history.last_use.empty();
  if (history.usage_reported) return absl::OkStatus();
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement any,
      connection_.Prepare("SELECT EXISTS (SELECT 1 FROM usage_days WHERE account_no = ? AND day < ?)"));
  PERENNIAL_RETURN_IF_ERROR(any.Bind(1, no).Bind(2, DayOf(as_of)).Step().status());
  history.usage_reported = any.Int64(0) != 0;
  return absl::OkStatus();
}

}  // namespace perennial::accounts
