#include "segment-svc/engagement_store.h"

#include <algorithm>
#include <tuple>

#include "common/audit/kept_changes.h"
#include "common/base/status_macros.h"

namespace perennial::segments {
namespace {

constexpr std::int32_t kApplicationId = 0x50454e47;  // "PENG"
constexpr absl::string_view kPutModel =
    "INSERT INTO engagement_models (id, body) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET body = ?2";
constexpr absl::string_view kPutManager =
    "INSERT INTO managers (id, body) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET body = ?2";

const std::vector<std::string>& Migrations() {
  static const auto& migrations = *new std::vector<std::string>{R"sql(
    CREATE TABLE engagement_models (id TEXT NOT NULL PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE managers (id TEXT NOT NULL PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE shipped_models (id TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
    CREATE TABLE assignments (
      account_id TEXT NOT NULL PRIMARY KEY,
      manager_id TEXT NOT NULL,
      assign_time INTEGER NOT NULL,
      author TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX assignments_by_manager ON assignments (manager_id);
  )sql", kKeptChangesSchema};
  return migrations;
}

// Calls `visit(statement)` for each row.
template <class Visit>
absl::Status ForEachRow(sqlite::Connection& db, absl::string_view sql, Visit visit) {
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement rows, db.Prepare(sql));
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return absl::OkStatus();
    PERENNIAL_RETURN_IF_ERROR(visit(rows));
  }
}

template <class Message>
absl::StatusOr<Message> Parse(absl::string_view body) {
  Message message;
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return absl::DataLossError("engagement.db has an entry that cannot be read");
  }
  return message;
}

}  // namespace

absl::StatusOr<std::unique_ptr<EngagementStore>> EngagementStore::Open(const std::string& path) {
  PERENNIAL_ASSIGN_OR_RETURN(auto db, sqlite::Connection::Open(path, sqlite::Durability::kFull));
  PERENNIAL_RETURN_IF_ERROR(sqlite::Migrate(*db, kApplicationId, Migrations()));
  PERENNIAL_RETURN_IF_ERROR(SendKeptChanges(*db));
  return std::unique_ptr<EngagementStore>(new EngagementStore(std::move(db)));
}

absl::StatusOr<EngagementState> EngagementStore::Load() {
  EngagementState state;
  PERENNIAL_RETURN_IF_ERROR(
      ForEachRow(*db_, "SELECT body FROM engagement_models", [&](const sqlite::Statement& row) -> absl::Status {
        PERENNIAL_ASSIGN_OR_RETURN(state.models.emplace_back(), Parse<v1::EngagementModel>(row.View(0)));
        return absl::OkStatus();
      }));
  std::sort(state.models.begin(), state.models.end(), [](const auto& a, const auto& b) {
    return std::forward_as_tuple(a.priority(), a.name()) < std::forward_as_tuple(b.priority(), b.name());
  });
  PERENNIAL_RETURN_IF_ERROR(
      ForEachRow(*db_, "SELECT id, body FROM managers", [&](const sqlite::Statement& row) -> absl::Status {
        PERENNIAL_ASSIGN_OR_RETURN(state.managers[row.Text(0)], Parse<v1::Manager>(row.View(1)));
        return absl::OkStatus();
      }));
  PERENNIAL_RETURN_IF_ERROR(
      ForEachRow(*db_, "SELECT account_id, manager_id FROM assignments", [&](const sqlite::Statement& row) {
        state.assignments[row.Text(0)] = row.Text(1);
        return absl::OkStatus();
      }));
  return state;
}

absl::StatusOr<std::vector<std::string>> EngagementStore::Shipped() {
  std::vector<std::string> ids;
  PERENNIAL_RETURN_IF_ERROR(
      ForEachRow(*db_, "SELECT id FROM shipped_models ORDER BY id", [&](const sqlite::Statement& row) {
        ids.push_back(row.Text(0));
        return absl::OkStatus();
      }));
  return ids;
}

absl::Status EngagementStore::PutBody(absl::string_view sql, const std::string& id, const std::string& body) {
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement put, db_->Prepare(sql));
  return put.Bind(1, id).BindBlob(2, body).Run();
}

absl::Status EngagementStore::RunWithId(absl::string_view sql, const std::string& id) {
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement remove, db_->Prepare(sql));
  return remove.Bind(1, id).Run();
}

absl::Status EngagementStore::Put(const v1::EngagementModel& model) {
  return InAuditedTransaction(
      *db_, [&] { return PutBody(kPutModel, IdIn(model.name()), model.SerializeAsString()); });
}

absl::Status EngagementStore::Put(const v1::Manager& manager) {
  return InAuditedTransaction(
      *db_, [&] { return PutBody(kPutManager, IdIn(manager.name()), manager.SerializeAsString()); });
}

absl::Status EngagementStore::DeleteModel(const std::string& id) {
  return InAuditedTransaction(
      *db_, [&] { return RunWithId("DELETE FROM engagement_models WHERE id = ?1", id); });
}

absl::Status EngagementStore::DeleteManager(const std::string& id) {
  return InAuditedTransaction(*db_, [&]() -> absl::Status {
    PERENNIAL_RETURN_IF_ERROR(RunWithId("DELETE FROM assignments WHERE manager_id = ?1", id));
    return RunWithId("DELETE FROM managers WHERE id = ?1", id);
  });
}

absl::Status EngagementStore::PutShipped(const std::vector<v1::EngagementModel>& models,
                                         const std::vector<std::string>& ids) {
  return db_->InTransaction([&]() -> absl::Status {
    for (const v1::EngagementModel& model : models) {
      PERENNIAL_RETURN_IF_ERROR(PutBody(kPutModel, IdIn(model.name()), model.SerializeAsString()));
    }
    for (const std::string& id : ids) {
      PERENNIAL_RETURN_IF_ERROR(
          RunWithId("INSERT INTO shipped_models (id) VALUES (?1) ON CONFLICT DO NOTHING", id));
    }
    return absl::OkStatus();
  });
}

absl::Status EngagementStore::Assign(const std::vector<AssignmentRecord>& assignments, absl::Time time,
                                     const std::string& author) {
  return InAuditedTransaction(*db_, [&]() -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(
        sqlite::Statement put,
        db_->Prepare("INSERT INTO assignments (account_id, manager_id, assign_time, author) VALUES (?1, ?2, ?3, ?4) "
                     "ON CONFLICT (account_id) DO UPDATE SET manager_id = ?2, assign_time = ?3, author = ?4"));
    for (const AssignmentRecord& assignment : assignments) {
      put.Bind(1, assignment.account_id).Bind(2, assignment.manager_id);
      PERENNIAL_RETURN_IF_ERROR(put.Bind(3, absl::ToUnixMicros(time)).Bind(4, author).Run());
    }
    return absl::OkStatus();
  });
}

absl::Status EngagementStore::Forget(const std::string& account_id) {
  PERENNIAL_RETURN_IF_ERROR(db_->InTransaction([&]() -> absl::Status {
    PERENNIAL_RETURN_IF_ERROR(ForgetKeptChanges(*db_, account_id));
    return RunWithId("DELETE FROM assignments WHERE account_id = ?1", account_id);
  }));
  db_->Checkpoint();
  return absl::OkStatus();
}

}  // namespace perennial::segments
