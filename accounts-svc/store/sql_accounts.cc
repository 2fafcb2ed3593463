// Accounts, subscriptions and what is derived from them.
#include "absl/strings/str_cat.h"
#include "accounts-svc/store/sql_transaction.h"
#include "accounts-svc/store/state_codec.h"
#include "common/base/status_macros.h"

namespace perennial::accounts {
namespace {

constexpr absl::string_view kAccountColumns =
    "SELECT account_no, account_id, state, customer_since, create_time, update_time, delete_time, version FROM "
    "accounts ";
constexpr absl::string_view kSubscriptionColumns =
    "SELECT s.subscription_id, s.start_time, s.create_time, s.update_time, s.version, v.plan, v.seats, v.mrr, v.trial, "
    "v.trial_end_time, v.end_time, v.renewal_time, v.auto_renew, v.currency FROM subscriptions s JOIN subscription_versions v ON "
    "v.account_no = s.account_no AND v.subscription_id = s.subscription_id AND v.effective_time = (SELECT "
    "max(effective_time) "
    "FROM subscription_versions w WHERE w.account_no = s.account_no AND w.subscription_id = s.subscription_id) ";

absl::StatusOr<AccountRecord> ReadAccount(const sql::Statement& row) {
  AccountRecord account{.no = row.Int64(0),
                        .id = row.Text(1),
                        .customer_since = FromDb(row.Int64(3)),
                        .create_time = FromDb(row.Int64(4)),
                        .update_time = FromDb(row.Int64(5)),
                        .delete_time = FromDb(row.MaybeInt64(6)),
                        .version = row.Int64(7)};
  PERENNIAL_ASSIGN_OR_RETURN(account.state, DecodeState(row.View(2)));
  return account;
}

// Columns of a subscription's state from `first` on.
SubscriptionState ReadState(const sql::Statement& row, int first) {
  return {.plan = row.Text(first),
          .seats = row.Int64(first + 1),
          .mrr = row.Int64(first + 2),
          .currency = row.Text(first + 8),
          .trial = row.Int64(first + 3) != 0,
          .trial_end = FromDb(row.MaybeInt64(first + 4)),
          .end = FromDb(row.MaybeInt64(first + 5)),
          .renewal = FromDb(row.MaybeInt64(first + 6)),
          .auto_renew = row.Int64(first + 7) != 0};
}

SubscriptionRecord ReadSubscription(const sql::Statement& row) {
  return {.id = row.Text(0),
          .state = ReadState(row, 5),
          .start = FromDb(row.Int64(1)),
          .create_time = FromDb(row.Int64(2)),
          .update_time = FromDb(row.Int64(3)),
          .version = row.Int64(4)};
}

absl::StatusOr<std::optional<AccountRecord>> OneAccount(sql::Statement& statement) {
  PERENNIAL_ASSIGN_OR_RETURN(const bool found, statement.Step());
  if (!found) return std::nullopt;
  PERENNIAL_ASSIGN_OR_RETURN(AccountRecord account, ReadAccount(statement));
  return account;
}

// The part of an account query that depends on its order. The keyset comparison uses the row's id to break ties.
std::string ListSql(const AccountQuery& query) {
  const char* column = query.order == AccountOrder::kDisplayName  ? "display_name"
                       : query.order == AccountOrder::kCreateTime ? "create_time"
                                                                  : "account_id";
  const char* direction = query.descending ? "DESC" : "ASC";
  std::string sql(kAccountColumns);
  absl::StrAppend(&sql, "WHERE (?1 <> 0 OR delete_time IS NULL) ");
  if (!query.after_id.empty()) {
    absl::StrAppend(&sql, "AND (", column, ", account_id) ", query.descending ? "<" : ">", " (?3, ?4) ");
  }
  absl::StrAppend(&sql, "ORDER BY ", column, " ", direction, ", account_id ", direction, " LIMIT ?2");
  return sql;
}

}  // namespace

absl::StatusOr<std::optional<AccountRecord>> SqlTransaction::FindAccount(absl::string_view id) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement,
                             connection_.Prepare(absl::StrCat(kAccountColumns, "WHERE account_id = ?")));
  return OneAccount(statement.Bind(1, id));
}

absl::StatusOr<std::optional<AccountRecord>> SqlTransaction::FindAccountByNo(AccountNo no) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement,
                             connection_.Prepare(absl::StrCat(kAccountColumns, "WHERE account_no = ?")));
  return OneAccount(statement.Bind(1, no));
}

absl::StatusOr<std::optional<AccountNo>> SqlTransaction::FindLiveNo(absl::string_view id) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("SELECT account_no FROM accounts WHERE account_id = ? AND delete_time IS NULL"));
  PERENNIAL_ASSIGN_OR_RETURN(const bool found, statement.Bind(1, id).Step());
  return found ? std::optional<AccountNo>(statement.Int64(0)) : std::nullopt;
}

absl::StatusOr<std::vector<AccountRecord>> SqlTransaction::ListAccounts(const AccountQuery& query) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement, connection_.Prepare(ListSql(query)));
  statement.Bind(1, query.show_deleted).Bind(2, query.limit);
  std::int64_t time = 0;
  if (!query.after_id.empty()) {
    if (query.order == AccountOrder::kCreateTime) {
      if (!absl::SimpleAtoi(query.after_key, &time)) return absl::InternalError("bad list key");
      statement.Bind(3, time);
    } else {
      statement.Bind(3, query.order == AccountOrder::kId ? query.after_id : query.after_key);
    }
    statement.Bind(4, query.after_id);
  }
  std::vector<AccountRecord> accounts;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return accounts;
    PERENNIAL_ASSIGN_OR_RETURN(AccountRecord account, ReadAccount(statement));
    accounts.push_back(std::move(account));
  }
}

absl::StatusOr<std::vector<AccountNo>> SqlTransaction::ListAccountNos(AccountNo after, int limit) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("SELECT account_no FROM accounts WHERE account_no > ? AND delete_time IS "
                          "NULL ORDER BY account_no LIMIT ?"));
  statement.Bind(1, after).Bind(2, limit);
  std::vector<AccountNo> numbers;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return numbers;
    numbers.push_back(statement.Int64(0));
  }
}

absl::StatusOr<std::vector<LiveAccountId>> SqlTransaction::ListAccountIds(absl::string_view after, int limit) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("SELECT account_no, account_id FROM accounts WHERE account_id > ? AND delete_time IS NULL "
                          "ORDER BY account_id LIMIT ?"));
  statement.Bind(1, after).Bind(2, limit);
  std::vector<LiveAccountId> accounts;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return accounts;
    accounts.push_back({.no = statement.Int64(0), .id = statement.Text(1)});
  }
}

absl::StatusOr<std::int64_t> SqlTransaction::CountAccounts() {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement,
                             connection_.Prepare("SELECT count(*) FROM accounts WHERE delete_time IS NULL"));
  PERENNIAL_RETURN_IF_ERROR(statement.Step().status());
  return statement.Int64(0);
}

absl::StatusOr<std::optional<AccountState>> SqlTransaction::FindAccountState(AccountNo no, absl::Time as_of) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("SELECT state FROM account_versions WHERE account_no = ? AND effective_time "
                          "<= ? ORDER BY effective_time DESC LIMIT 1"));
  PERENNIAL_ASSIGN_OR_RETURN(const bool found, statement.Bind(1, no).Bind(2, ToDb(as_of)).Step());
  if (!found) return std::nullopt;
  PERENNIAL_ASSIGN_OR_RETURN(AccountState state, DecodeState(statement.View(0)));
  return state;
}

absl::StatusOr<std::vector<AccountVersion>> SqlTransaction::ListAccountVersions(AccountNo no) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("SELECT effective_time, state FROM account_versions WHERE account_no = ? "
                          "ORDER BY effective_time"));
  statement.Bind(1, no);
  std::vector<AccountVersion> versions;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return versions;
    PERENNIAL_ASSIGN_OR_RETURN(AccountState state, DecodeState(statement.View(1)));
    versions.push_back({FromDb(statement.Int64(0)), std::move(state)});
  }
}

absl::Status SqlTransaction::InsertAccount(AccountRecord& account) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(
          "INSERT INTO accounts (account_no, account_id, display_name, state, customer_since, create_time, "
          "update_time, delete_time, version) VALUES ((SELECT 1 + coalesce(max(n.no), 0) FROM (SELECT "
          "max(account_no) AS no FROM accounts UNION ALL SELECT max(account_no) AS no FROM facts) AS n), "
          "?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account_id) DO NOTHING RETURNING account_no"));
  const std::string state = EncodeState(account.state);
  statement.Bind(1, account.id).Bind(2, account.state.display_name).BindBlob(3, state);
  statement.Bind(4, ToDb(account.customer_since)).Bind(5, ToDb(account.create_time)).Bind(6, ToDb(account.update_time));
  statement.Bind(7, ToDb(account.delete_time)).Bind(8, account.version);
  PERENNIAL_ASSIGN_OR_RETURN(const bool inserted, statement.Step());
  if (!inserted) return absl::AlreadyExistsError("the account's id is taken");
  account.no = statement.Int64(0);
  return statement.Step().status();
}

absl::Status SqlTransaction::UpdateAccount(const AccountRecord& account) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("UPDATE accounts SET customer_since = ?, update_time = ?, delete_time = ?, "
                          "version = ? WHERE account_no = ?"));
  statement.Bind(1, ToDb(account.customer_since)).Bind(2, ToDb(account.update_time)).Bind(3, ToDb(account.delete_time));
  return statement.Bind(4, account.version).Bind(5, account.no).Run();
}

absl::Status SqlTransaction::PutAccountVersion(AccountNo no, absl::Time effective, const AccountState& state) {
  const std::string bytes = EncodeState(state);
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement insert,
      connection_.Prepare("INSERT INTO account_versions VALUES (?, ?, ?) ON CONFLICT (account_no, effective_time) DO "
                          "UPDATE SET state = excluded.state"));
  PERENNIAL_RETURN_IF_ERROR(insert.Bind(1, no).Bind(2, ToDb(effective)).BindBlob(3, bytes).Run());
  PERENNIAL_RETURN_IF_ERROR(PutParent(no, state.parent));
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<AccountState> latest,
                             FindAccountState(no, absl::FromUnixMicros(INT64_MAX)));
  const std::string latest_bytes = EncodeState(*latest);
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement update,
      connection_.Prepare("UPDATE accounts SET state = ?, display_name = ? WHERE account_no = ?"));
  return update.BindBlob(1, latest_bytes).Bind(2, latest->display_name).Bind(3, no).Run();
}

absl::StatusOr<std::optional<SubscriptionRecord>> SqlTransaction::FindSubscription(AccountNo no, absl::string_view id) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(absl::StrCat(kSubscriptionColumns, "WHERE s.account_no = ? AND s.subscription_id = ?")));
  PERENNIAL_ASSIGN_OR_RETURN(const bool found, statement.Bind(1, no).Bind(2, id).Step());
  if (!found) return std::nullopt;
  return ReadSubscription(statement);
}

absl::StatusOr<std::vector<SubscriptionRecord>> SqlTransaction::ListSubscriptions(AccountNo no, absl::string_view after,
                                                                                  int limit) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement,
                             connection_.Prepare(absl::StrCat(kSubscriptionColumns,
                                                              "WHERE s.account_no = ? AND s.subscription_id > ? "
                                                              "ORDER BY s.subscription_id LIMIT ?")));
  statement.Bind(1, no).Bind(2, after).Bind(3, limit);
  std::vector<SubscriptionRecord> subscriptions;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return subscriptions;
    subscriptions.push_back(ReadSubscription(statement));
  }
}

absl::StatusOr<std::optional<SubscriptionState>> SqlTransaction::FindSubscriptionState(AccountNo no,
                                                                                       absl::string_view id,
                                                                                       absl::Time as_of) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(
          "SELECT plan, seats, mrr, trial, trial_end_time, end_time, renewal_time, auto_renew, currency FROM "
          "subscription_versions WHERE account_no = ? AND subscription_id = ? AND effective_time <= ? ORDER "
          "BY effective_time DESC LIMIT 1"));
  PERENNIAL_ASSIGN_OR_RETURN(const bool found, statement.Bind(1, no).Bind(2, id).Bind(3, ToDb(as_of)).Step());
  if (!found) return std::nullopt;
  return ReadState(statement, 0);
}

absl::StatusOr<std::vector<SubscriptionVersion>> SqlTransaction::ListSubscriptionVersions(AccountNo no,
                                                                                          absl::string_view id) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(
          "SELECT s.start_time, v.effective_time, plan, seats, mrr, trial, trial_end_time, end_time, "
          "renewal_time, auto_renew, currency FROM subscription_versions v JOIN subscriptions s ON s.account_no = "
          "v.account_no AND s.subscription_id = v.subscription_id WHERE v.account_no = ? AND "
          "v.subscription_id = ? ORDER BY v.effective_time"));
  statement.Bind(1, no).Bind(2, id);
  std::vector<SubscriptionVersion> versions;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return versions;
    versions.push_back(
        {std::string(id), FromDb(statement.Int64(0)), FromDb(statement.Int64(1)), ReadState(statement, 2)});
  }
}

absl::Status SqlTransaction::PutSubscription(AccountNo no, const SubscriptionRecord& subscription) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("INSERT INTO subscriptions VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account_no, "
                          "subscription_id) DO UPDATE SET start_time = excluded.start_time, create_time = "
                          "excluded.create_time, update_time = excluded.update_time, version = "
                          "excluded.version"));
  statement.Bind(1, no)
      .Bind(2, subscription.id)
      .Bind(3, ToDb(subscription.start))
      .Bind(4, ToDb(subscription.create_time));
  return statement.Bind(5, ToDb(subscription.update_time)).Bind(6, subscription.version).Run();
}

absl::Status SqlTransaction::PutSubscriptionVersion(AccountNo no, absl::string_view id, absl::Time effective,
                                                    const SubscriptionState& state) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(
          "INSERT INTO subscription_versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account_no, "
          "subscription_id, effective_time) DO UPDATE SET plan = excluded.plan, seats = excluded.seats, mrr = "
          "excluded.mrr, trial = excluded.trial, trial_end_time = excluded.trial_end_time, end_time = "
          "excluded.end_time, renewal_time = excluded.renewal_time, auto_renew = excluded.auto_renew, "
          "currency = excluded.currency"));
  statement.Bind(1, no)
      .Bind(2, id)
      .Bind(3, ToDb(effective))
      .Bind(4, state.plan)
      .Bind(5, state.seats)
      .Bind(6, state.mrr);
  statement.Bind(7, state.trial).Bind(8, ToDb(state.trial_end)).Bind(9, ToDb(state.end)).Bind(10, ToDb(state.renewal));
  return statement.Bind(11, state.auto_renew).Bind(12, state.currency).Run();
}

absl::StatusOr<std::vector<PhaseChange>> SqlTransaction::ListPhaseChanges(AccountNo no) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("SELECT phase, enter_time, cause, author FROM phase_changes WHERE account_no = ? ORDER BY seq"));
  statement.Bind(1, no);
  std::vector<PhaseChange> changes;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return changes;
    changes.push_back({static_cast<Phase>(statement.Int64(0)), FromDb(statement.Int64(1)), statement.Text(2),
                       statement.Text(3)});
  }
}

absl::Status SqlTransaction::ReplacePhases(AccountNo no, const std::vector<PhaseChange>& phases) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement clear,
                             connection_.Prepare("DELETE FROM phase_changes WHERE account_no = ?"));
  PERENNIAL_RETURN_IF_ERROR(clear.Bind(1, no).Run());
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement insert,
                             connection_.Prepare("INSERT INTO phase_changes VALUES (?, ?, ?, ?, ?, ?)"));
  std::int64_t seq = 0;
  for (const PhaseChange& change : phases) {
    insert.Bind(1, no).Bind(2, seq++).Bind(3, static_cast<int>(change.phase)).Bind(4, ToDb(change.time));
    PERENNIAL_RETURN_IF_ERROR(insert.Bind(5, change.cause).Bind(6, change.author).Run());
  }
  return absl::OkStatus();
}

}  // namespace perennial::accounts
