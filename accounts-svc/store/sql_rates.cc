// Exchange rates, who is counted at them, and accounts that are to be computed anew in the background.
#include "absl/strings/str_cat.h"
#include "accounts-svc/store/sql_transaction.h"
#include "common/base/status_macros.h"

namespace perennial::accounts {
namespace {

// States of subscriptions in a currency whose rate is that of a moment from ?2 until before ?3: see RateTime. A state
// that no earlier one precedes holds since its subscription began.
constexpr absl::string_view kStatesAtRates =
    "FROM subscription_versions v JOIN subscriptions s ON s.account_no = v.account_no AND s.subscription_id = "
    "v.subscription_id WHERE v.currency = ?1 AND v.currency <> '' AND (CASE WHEN v.effective_time > s.start_time AND "
    "EXISTS (SELECT 1 FROM subscription_versions w WHERE w.account_no = v.account_no AND w.subscription_id = "
    "v.subscription_id AND w.effective_time < v.effective_time) THEN v.effective_time ELSE s.start_time END) "
    "BETWEEN ?2 AND ?3 ";

// Bounds in the database; `end` is exclusive.
std::int64_t FirstMoment(absl::Time begin) { return begin == absl::InfinitePast() ? INT64_MIN : ToDb(begin); }
std::int64_t LastMoment(absl::Time end) { return end == absl::InfiniteFuture() ? INT64_MAX : ToDb(end) - 1; }

}  // namespace

absl::StatusOr<std::optional<ExchangeRate>> SqlTransaction::FindExchangeRate(absl::string_view currency,
                                                                             absl::Time at) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("SELECT effective_time, rate FROM exchange_rates WHERE currency = ? AND "
                          "effective_time <= ? ORDER BY effective_time DESC LIMIT 1"));
  PERENNIAL_ASSIGN_OR_RETURN(const bool found, statement.Bind(1, currency).Bind(2, ToDb(at)).Step());
  if (!found) return std::nullopt;
  return ExchangeRate{std::string(currency), FromDb(statement.Int64(0)), statement.Int64(1)};
}

absl::StatusOr<std::vector<ExchangeRate>> SqlTransaction::ListExchangeRates(const ExchangeRateQuery& query) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(absl::StrCat("SELECT currency, effective_time, rate FROM exchange_rates WHERE (currency, "
                                       "effective_time) > (?1, ?2) ",
                                       query.currency.empty() ? "" : "AND currency = ?4 ",
                                       "ORDER BY currency, effective_time LIMIT ?3")));
  statement.Bind(1, query.after_currency).Bind(2, FirstMoment(query.after_time)).Bind(3, query.limit);
  if (!query.currency.empty()) statement.Bind(4, query.currency);
  std::vector<ExchangeRate> rates;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return rates;
    rates.push_back({statement.Text(0), FromDb(statement.Int64(1)), statement.Int64(2)});
  }
}

absl::StatusOr<bool> SqlTransaction::AnyCountedAt(absl::string_view currency, absl::Time begin, absl::Time end) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement,
                             connection_.Prepare(absl::StrCat("SELECT 1 ", kStatesAtRates, "LIMIT 1")));
  return statement.Bind(1, currency).Bind(2, FirstMoment(begin)).Bind(3, LastMoment(end)).Step();
}

absl::StatusOr<std::int64_t> SqlTransaction::CountAccountsCountedAt(absl::string_view currency, absl::Time begin,
                                                                    absl::Time end) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(absl::StrCat("SELECT count(*) FROM (SELECT DISTINCT v.account_no ", kStatesAtRates, ") n")));
  PERENNIAL_RETURN_IF_ERROR(
      statement.Bind(1, currency).Bind(2, FirstMoment(begin)).Bind(3, LastMoment(end)).Step().status());
  return statement.Int64(0);
}

absl::StatusOr<std::vector<AccountNo>> SqlTransaction::ListAccountsCountedAt(absl::string_view currency,
                                                                             absl::Time begin, absl::Time end,
                                                                             AccountNo after, int limit) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement,
                             connection_.Prepare(absl::StrCat("SELECT DISTINCT v.account_no ", kStatesAtRates,
                                                              "AND v.account_no > ?4 ORDER BY v.account_no LIMIT ?5")));
  statement.Bind(1, currency).Bind(2, FirstMoment(begin)).Bind(3, LastMoment(end)).Bind(4, after).Bind(5, limit);
  std::vector<AccountNo> numbers;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return numbers;
    numbers.push_back(statement.Int64(0));
  }
}

absl::Status SqlTransaction::PutExchangeRate(const ExchangeRate& rate) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement,
                             connection_.Prepare("INSERT INTO exchange_rates VALUES (?, ?, ?) ON CONFLICT (currency, "
                                                 "effective_time) DO UPDATE SET rate = excluded.rate"));
  return statement.Bind(1, rate.currency).Bind(2, ToDb(rate.effective)).Bind(3, rate.billionths).Run();
}

absl::Status SqlTransaction::DeleteExchangeRate(absl::string_view currency, absl::Time effective) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("DELETE FROM exchange_rates WHERE currency = ? AND effective_time = ?"));
  return statement.Bind(1, currency).Bind(2, ToDb(effective)).Run();
}

absl::StatusOr<std::optional<Refresh>> SqlTransaction::FindRefresh() {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement,
                             connection_.Prepare("SELECT currency, begin_time, last_time, after_no, generation FROM "
                                                 "refreshes ORDER BY currency LIMIT 1"));
  PERENNIAL_ASSIGN_OR_RETURN(const bool found, statement.Step());
  if (!found) return std::nullopt;
  Refresh refresh{.currency = statement.Text(0), .after = statement.Int64(3), .generation = statement.Int64(4)};
  if (statement.Int64(1) != INT64_MIN) refresh.begin = FromDb(statement.Int64(1));
  if (statement.Int64(2) != INT64_MAX) refresh.end = FromDb(statement.Int64(2) + 1);
  return refresh;
}

absl::Status SqlTransaction::AddRefresh(absl::string_view currency, absl::Time begin, absl::Time end) {
  rules_changed_ = true;
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(
          "INSERT INTO refreshes VALUES (?, ?, ?, 0, 1) ON CONFLICT (currency) DO UPDATE SET begin_time = CASE WHEN "
          "excluded.begin_time < refreshes.begin_time THEN excluded.begin_time ELSE refreshes.begin_time END, "
          "last_time "
          "= CASE WHEN excluded.last_time > refreshes.last_time THEN excluded.last_time ELSE refreshes.last_time END, "
          "after_no = 0, generation = refreshes.generation + 1"));
  return statement.Bind(1, currency).Bind(2, FirstMoment(begin)).Bind(3, LastMoment(end)).Run();
}

absl::Status SqlTransaction::AdvanceRefresh(const Refresh& refresh, std::optional<AccountNo> until) {
  constexpr absl::string_view kAsRead = " WHERE currency = ?1 AND generation = ?2 AND after_no = ?3";
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(
          absl::StrCat(until.has_value() ? "UPDATE refreshes SET after_no = ?4" : "DELETE FROM refreshes", kAsRead)));
  statement.Bind(1, refresh.currency).Bind(2, refresh.generation).Bind(3, refresh.after);
  if (until.has_value()) statement.Bind(4, *until);
  return statement.Run();
}

}  // namespace perennial::accounts
