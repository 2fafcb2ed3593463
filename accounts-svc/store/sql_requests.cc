// Requests that were carried out.
#include "accounts-svc/store/sql_transaction.h"
#include "common/base/status_macros.h"

namespace perennial::accounts {

absl::StatusOr<std::optional<CarriedOut>> SqlTransaction::FindRequest(absl::string_view request_id,
                                                                      absl::string_view method) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("SELECT fingerprint, create_time FROM requests WHERE request_id = ? AND method = ?"));
  PERENNIAL_ASSIGN_OR_RETURN(const bool found, statement.Bind(1, request_id).Bind(2, method).Step());
  if (!found) return std::nullopt;
  return CarriedOut{.request_id = std::string(request_id),
                    .method = std::string(method),
                    .fingerprint = statement.Text(0),
                    .create_time = FromDb(statement.Int64(1))};
}

absl::StatusOr<bool> SqlTransaction::HasRequests(absl::Time until) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement,
                             connection_.Prepare("SELECT 1 FROM requests WHERE create_time <= ? LIMIT 1"));
  return statement.Bind(1, ToDb(until)).Step();
}

absl::Status SqlTransaction::PutRequest(const CarriedOut& request) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("INSERT INTO requests (request_id, method, fingerprint, create_time) VALUES (?, ?, ?, ?) ON "
                          "CONFLICT (request_id, method) DO UPDATE SET fingerprint = excluded.fingerprint, create_time "
                          "= excluded.create_time"));
  statement.Bind(1, request.request_id).Bind(2, request.method).BindBlob(3, request.fingerprint);
  return statement.Bind(4, ToDb(request.create_time)).Run();
}

absl::StatusOr<int> SqlTransaction::DeleteRequests(absl::Time until, int limit) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("DELETE FROM requests WHERE (request_id, method) IN (SELECT o.request_id, o.method FROM "
                          "requests o WHERE o.create_time <= ? ORDER BY o.create_time LIMIT ?)"));
  PERENNIAL_RETURN_IF_ERROR(statement.Bind(1, ToDb(until)).Bind(2, limit).Run());
  return static_cast<int>(connection_.changes());
}

}  // namespace perennial::accounts
