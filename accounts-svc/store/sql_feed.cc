// The feed, the catalogue and the process's settings.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "accounts-svc/store/sql_transaction.h"
#include "common/base/status_macros.h"
#include "common/facts/packed_facts.h"

namespace perennial::accounts {
namespace {

constexpr absl::string_view kFeedColumns = "SELECT account_id, revision, deleted, as_of, payload FROM facts ";
// Accounts that are asked for at once.
constexpr std::size_t kAskedAtOnce = 64;

FeedRow ReadFeedRow(const sql::Statement& row) {
  return {.account_id = row.Text(0),
          .revision = row.Int64(1),
          .deleted = row.Int64(2) != 0,
          .as_of = FromDb(row.Int64(3)),
          .payload = row.Text(4)};
}

}  // namespace

absl::StatusOr<std::optional<FeedRow>> SqlTransaction::FindFacts(AccountNo no) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement,
                             connection_.Prepare("SELECT account_id, revision, deleted, as_of, payload, use_state FROM "
                                                 "facts WHERE account_no = ?"));
  PERENNIAL_ASSIGN_OR_RETURN(const bool found, statement.Bind(1, no).Step());
  if (!found) return std::nullopt;
  FeedRow row = ReadFeedRow(statement);
  row.use_state = statement.Text(5);
  return row;
}

absl::StatusOr<std::vector<KeptFacts>> SqlTransaction::ListKeptFacts(const std::vector<AccountNo>& accounts) {
  static const auto& sql = *new std::string(
      absl::StrCat("SELECT account_no, account_id, payload, use_state FROM facts WHERE account_no IN (",
                   absl::StrJoin(std::vector<absl::string_view>(kAskedAtOnce, "?"), ", "),
                   ") AND deleted = 0 AND use_state IS NOT NULL ORDER BY account_no"));
  std::vector<KeptFacts> kept;
  for (std::size_t begin = 0; begin < accounts.size(); begin += kAskedAtOnce) {
    PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement, connection_.Prepare(sql));
    for (std::size_t i = 0; i < kAskedAtOnce; ++i) {  // the last ones fill up the list
      statement.Bind(static_cast<int>(i) + 1, accounts[std::min(begin + i, accounts.size() - 1)]);
    }
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
      if (!row) break;
      kept.push_back({.no = statement.Int64(0),
                      .account_id = statement.Text(1),
                      .payload = statement.Text(2),
                      .use_state = statement.Text(3)});
    }
  }
  return kept;
}

absl::StatusOr<AccountNo> SqlTransaction::GreatestNo() {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement, connection_.Prepare("SELECT max(account_no) FROM facts"));
  PERENNIAL_RETURN_IF_ERROR(statement.Step().status());
  return statement.Int64(0);
}

absl::Status SqlTransaction::PutUseState(AccountNo no, absl::string_view state) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement,
                             connection_.Prepare("UPDATE facts SET use_state = ? WHERE account_no = ?"));
  if (state.empty()) {
    statement.BindNull(1);
  } else {
    statement.BindBlob(1, state);
  }
  return statement.Bind(2, no).Run();
}

absl::StatusOr<std::vector<FeedRow>> SqlTransaction::ListFeed(std::int64_t after_revision, int limit) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(absl::StrCat(kFeedColumns, "WHERE revision > ? ORDER BY revision LIMIT ?")));
  statement.Bind(1, after_revision).Bind(2, limit);
  std::vector<FeedRow> rows;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return rows;
    rows.push_back(ReadFeedRow(statement));
  }
}

absl::StatusOr<std::vector<AccountNo>> SqlTransaction::ListDue(absl::Time now, int limit) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement,
                             connection_.Prepare("SELECT account_no FROM due WHERE due_time <= ? ORDER BY due_time, "
                                                 "account_no LIMIT ?"));
  statement.Bind(1, ToDb(now)).Bind(2, limit);
  std::vector<AccountNo> numbers;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return numbers;
    numbers.push_back(statement.Int64(0));
  }
}

absl::Status SqlTransaction::SetDue(AccountNo no, std::optional<absl::Time> time) {
  if (!time.has_value()) {
    PERENNIAL_ASSIGN_OR_RETURN(sql::Statement clear, connection_.Prepare("DELETE FROM due WHERE account_no = ?"));
    return clear.Bind(1, no).Run();
  }
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement put,
      connection_.Prepare("INSERT INTO due VALUES (?, ?) ON CONFLICT (account_no) DO UPDATE SET due_time = "
                          "excluded.due_time"));
  return put.Bind(1, no).Bind(2, ToDb(*time)).Run();
}

// The newest row always has the greatest revision: rows are replaced, and removed only when a newer one takes their place.
absl::StatusOr<std::int64_t> SqlTransaction::LastRevision() {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement, connection_.Prepare("SELECT max(revision) FROM facts"));
  PERENNIAL_RETURN_IF_ERROR(statement.Step().status());
  return statement.Int64(0);
}

absl::StatusOr<std::int64_t> SqlTransaction::PutFacts(AccountNo no, const FeedRow& row) {
  if (!last_revision_.has_value()) {
    PERENNIAL_ASSIGN_OR_RETURN(last_revision_, LastRevision());
  }
  const std::int64_t revision = *last_revision_ + 1;
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(
          "INSERT INTO facts (account_no, account_id, revision, deleted, as_of, payload, use_state) VALUES (?, ?, ?, ?, ?, "
          "?, ?) ON CONFLICT (account_no) DO UPDATE SET revision = excluded.revision, deleted = excluded.deleted, as_of = "
          "excluded.as_of, payload = excluded.payload, use_state = excluded.use_state"));
  statement.Bind(1, no).Bind(2, row.account_id).Bind(3, revision).Bind(4, row.deleted).Bind(5, ToDb(row.as_of));
  if (row.use_state.empty()) {
    statement.BindNull(7);
  } else {
    statement.BindBlob(7, row.use_state);
  }
  PERENNIAL_RETURN_IF_ERROR(statement.BindBlob(6, row.payload).Run());
  last_revision_ = revision;
  return revision;
}

absl::StatusOr<std::vector<facts::FactDefinition>> SqlTransaction::ListFactDefinitions(facts::FactId first) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement,
                             connection_.Prepare("SELECT definition FROM fact_definitions WHERE fact_id >= ? ORDER BY "
                                                 "fact_id"));
  statement.Bind(1, static_cast<std::int64_t>(first));
  std::vector<facts::FactDefinition> definitions;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return definitions;
    const absl::string_view bytes = statement.View(0);
    perennial::accounts::v1::FactDefinition message;
    if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
        message.id() != first + definitions.size()) {
      return absl::DataLossError("the stored catalogue of facts has a hole or cannot be read");
    }
    PERENNIAL_ASSIGN_OR_RETURN(facts::FactDefinition definition, facts::FromProto(message));
    definitions.push_back(std::move(definition));
  }
}

absl::Status SqlTransaction::PutFactDefinition(facts::FactId id, const facts::FactDefinition& definition) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement,
                             connection_.Prepare("INSERT INTO fact_definitions VALUES (?, ?, ?)"));
  const std::string bytes = facts::ToProto(id, definition).SerializeAsString();
  return statement.Bind(1, static_cast<std::int64_t>(id)).Bind(2, definition.name).BindBlob(3, bytes).Run();
}

absl::StatusOr<std::string> SqlTransaction::GetSetting(absl::string_view key) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement, connection_.Prepare("SELECT value FROM settings WHERE key = ?"));
  PERENNIAL_ASSIGN_OR_RETURN(const bool found, statement.Bind(1, key).Step());
  return found ? statement.Text(0) : std::string();
}

absl::Status SqlTransaction::PutSetting(absl::string_view key, absl::string_view value) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("INSERT INTO settings VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = "
                          "excluded.value"));
  return statement.Bind(1, key).Bind(2, value).Run();
}

}  // namespace perennial::accounts
