#include "segment-svc/sqlite_segment_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/audit/kept_changes.h"
#include "common/base/status_macros.h"
#include "segment-svc/segment_schema.h"

namespace perennial::segments {
namespace {

constexpr std::int32_t kApplicationId = 0x50535347;  // "PSSG"
constexpr std::size_t kMostReaders = 16;

// The greatest revision ever given to an event: a purge may have erased the last one.
constexpr absl::string_view kEventRevision =
    "SELECT max(event_revision, (SELECT coalesce(max(revision), 0) FROM membership_events)) FROM progress";

absl::StatusOr<std::vector<std::string>> Texts(sqlite::Connection& db, absl::string_view sql) {
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement rows, db.Prepare(sql));
  std::vector<std::string> texts;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return texts;
    texts.push_back(rows.Text(0));
  }
}

absl::StatusOr<std::int64_t> Number(sqlite::Connection& db, absl::string_view sql) {
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement rows, db.Prepare(sql));
  PERENNIAL_RETURN_IF_ERROR(rows.Step().status());
  return rows.Int64(0);
}

SegmentRecord SegmentOf(const sqlite::Statement& row) {
  return {.uid = row.Int64(0),
          .id = row.Text(1),
          .display_name = row.Text(2),
          .description = row.Text(3),
          .filter = row.Text(4),
          .canonical_filter = row.Text(5),
          .references = absl::StrSplit(row.Text(6), ' ', absl::SkipEmpty()),
          .definition_revision = row.Int64(7),
          .revision = row.Int64(8),
          .create_time = absl::FromUnixMicros(row.Int64(9)),
          .update_time = absl::FromUnixMicros(row.Int64(10)),
          .is_static = row.Int64(11) != 0,
          .author = row.Text(12)};
}

absl::Status Insert(sqlite::Connection& db, absl::string_view sql, const std::vector<std::string>& texts) {
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement insert, db.Prepare(sql));
  for (const std::string& text : texts) PERENNIAL_RETURN_IF_ERROR(insert.Bind(1, text).Run());
  return absl::OkStatus();
}

}  // namespace

SqliteSegmentStore::SqliteSegmentStore(std::unique_ptr<sqlite::Connection> writer, const std::string& path)
    : writer_(std::move(writer)), readers_(path, kMostReaders) {}

SqliteSegmentStore::~SqliteSegmentStore() { writer_->Checkpoint(); }

absl::StatusOr<std::unique_ptr<SqliteSegmentStore>> SqliteSegmentStore::Open(const std::string& path) {
  // Watchers resume from revisions they were sent, so that an event may not be lost in a power cut and its revision
  // given out again.
  PERENNIAL_ASSIGN_OR_RETURN(auto writer, sqlite::Connection::Open(path, sqlite::Durability::kFull));
  PERENNIAL_RETURN_IF_ERROR(sqlite::Migrate(*writer, kApplicationId, SegmentMigrations()));
  PERENNIAL_RETURN_IF_ERROR(SendKeptChanges(*writer));
  return std::unique_ptr<SqliteSegmentStore>(new SqliteSegmentStore(std::move(writer), path));
}

absl::StatusOr<StoredState> SqliteSegmentStore::Load() {
  StoredState state;
  const absl::Status status = readers_.Read([&](sqlite::Connection& db) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(
        sqlite::Statement rows,
        db.Prepare("SELECT s.uid, s.id, s.display_name, s.description, s.filter, s.canonical_filter, "
                   "s.segment_references, s.definition_revision, s.revision, s.create_time, s.update_time, "
                   "s.is_static, d.author FROM segments s JOIN segment_definitions d "
                   "ON d.segment_uid = s.uid AND d.definition_revision = s.definition_revision "
                   "WHERE s.deleted = 0 ORDER BY s.id"));
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) break;
      state.segments.push_back(SegmentOf(rows));
    }
    PERENNIAL_ASSIGN_OR_RETURN(state.shipped, Texts(db, "SELECT id FROM shipped_segments ORDER BY id"));
    PERENNIAL_ASSIGN_OR_RETURN(state.health_facts, Texts(db, "SELECT name FROM health_facts ORDER BY name"));
    PERENNIAL_ASSIGN_OR_RETURN(state.greatest_uid, Number(db, "SELECT coalesce(max(uid), 0) FROM segments"));
    PERENNIAL_ASSIGN_OR_RETURN(state.event_revision, Number(db, kEventRevision));
    PERENNIAL_ASSIGN_OR_RETURN(state.progress.facts_revision, Number(db, "SELECT facts_revision FROM progress"));
    PERENNIAL_ASSIGN_OR_RETURN(state.progress.scored_facts_revision,
                               Number(db, "SELECT scored_facts_revision FROM progress"));
    PERENNIAL_ASSIGN_OR_RETURN(state.progress.valued_facts_revision,
                               Number(db, "SELECT valued_facts_revision FROM progress"));
    return absl::OkStatus();
  });
  PERENNIAL_RETURN_IF_ERROR(status);
  return state;
}

absl::Status SqliteSegmentStore::LoadMembers(const std::function<void(std::int64_t, absl::string_view)>& visit) {
  return readers_.Read([&](sqlite::Connection& db) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement rows,
                               db.Prepare("SELECT segment_uid, account_id FROM memberships "
                                          "WHERE leave_revision IS NULL ORDER BY segment_uid, account_id"));
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) return absl::OkStatus();
      visit(rows.Int64(0), rows.View(1));
    }
  });
}

absl::StatusOr<std::int64_t> SqliteSegmentStore::Write(const StoreWrite& write) {
  std::int64_t revision = 0;
  const absl::Status status = InAuditedTransaction(*writer_, [&]() -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(revision, Number(*writer_, kEventRevision));
    PERENNIAL_RETURN_IF_ERROR(WriteSegments(write));
    PERENNIAL_RETURN_IF_ERROR(
        Insert(*writer_, "INSERT INTO shipped_segments (id) VALUES (?1) ON CONFLICT DO NOTHING", write.shipped));
    PERENNIAL_RETURN_IF_ERROR(
        Insert(*writer_, "INSERT INTO health_facts (name) VALUES (?1) ON CONFLICT DO NOTHING", write.health_facts));
    PERENNIAL_RETURN_IF_ERROR(WriteDecisions(write.decisions));
    PERENNIAL_RETURN_IF_ERROR(WriteChanges(write.changes, revision));
    if (!write.progress.has_value()) return absl::OkStatus();
    PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement progress,
                               writer_->Prepare("UPDATE progress SET facts_revision = ?1, scored_facts_revision = ?2, "
                                                "valued_facts_revision = ?3"));
    return progress.Bind(1, write.progress->facts_revision)
        .Bind(2, write.progress->scored_facts_revision)
        .Bind(3, write.progress->valued_facts_revision)
        .Run();
  });
  PERENNIAL_RETURN_IF_ERROR(status);
  return revision;
}

absl::StatusOr<bool> SqliteSegmentStore::IsPurged(absl::string_view account_id, std::int64_t facts_revision) {
  bool found = false;
  PERENNIAL_RETURN_IF_ERROR(readers_.Read([&](sqlite::Connection& db) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement row,
                               db.Prepare("SELECT 1 FROM purges WHERE account_id = ?1 AND facts_revision = ?2"));
    PERENNIAL_ASSIGN_OR_RETURN(found, row.Bind(1, account_id).Bind(2, facts_revision).Step());
    return absl::OkStatus();
  }));
  return found;
}

absl::Status SqliteSegmentStore::Purge(absl::string_view account_id, std::int64_t facts_revision) {
  const auto run = [&](absl::string_view sql) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement erase, writer_->Prepare(sql));
    return erase.Bind(1, account_id).Run();
  };
  PERENNIAL_RETURN_IF_ERROR(writer_->InTransaction([&]() -> absl::Status {
    PERENNIAL_RETURN_IF_ERROR(writer_->Execute("UPDATE progress SET event_revision = max(event_revision, (SELECT "
                                               "coalesce(max(revision), 0) FROM membership_events))"));
    PERENNIAL_RETURN_IF_ERROR(
        run("DELETE FROM membership_events WHERE account_id = ?1 AND revision NOT IN (SELECT m.enter_revision FROM "
            "memberships m WHERE m.account_id = ?1 AND m.leave_revision IS NULL)"));
    PERENNIAL_RETURN_IF_ERROR(run("DELETE FROM memberships WHERE account_id = ?1 AND leave_revision IS NOT NULL"));
    PERENNIAL_RETURN_IF_ERROR(run("DELETE FROM member_decisions WHERE account_id = ?1"));
    PERENNIAL_RETURN_IF_ERROR(ForgetKeptChanges(*writer_, account_id));
    PERENNIAL_ASSIGN_OR_RETURN(
        sqlite::Statement note,
        writer_->Prepare("INSERT INTO purges VALUES (?1, ?2) ON CONFLICT (account_id) DO UPDATE SET facts_revision = ?2"));
    return note.Bind(1, account_id).Bind(2, facts_revision).Run();
  }));
  writer_->Checkpoint();  // out of the log as well
  return absl::OkStatus();
}

absl::Status SqliteSegmentStore::WriteSegments(const StoreWrite& write) {
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement remove,
                             writer_->Prepare("UPDATE segments SET deleted = 1 WHERE uid = ?1 AND deleted = 0"));
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement forget,
                             writer_->Prepare("DELETE FROM member_decisions WHERE segment_uid = ?1"));
  for (const std::int64_t uid : write.deleted) {
    PERENNIAL_RETURN_IF_ERROR(remove.Bind(1, uid).Run());
    if (writer_->changes() != 1) return absl::InternalError("deleted segment is not stored");
    PERENNIAL_RETURN_IF_ERROR(forget.Bind(1, uid).Run());
  }
  PERENNIAL_ASSIGN_OR_RETURN(
      sqlite::Statement insert,
      writer_->Prepare("INSERT INTO segments (uid, id, display_name, description, filter, canonical_filter, "
                       "segment_references, definition_revision, revision, create_time, update_time, is_static, "
                       "deleted) "
                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0)"));
  PERENNIAL_ASSIGN_OR_RETURN(
      sqlite::Statement update,
      writer_->Prepare("UPDATE segments SET id = ?2, display_name = ?3, description = ?4, filter = ?5, "
                       "canonical_filter = ?6, segment_references = ?7, definition_revision = ?8, revision = ?9, "
                       "create_time = ?10, update_time = ?11, is_static = ?12 WHERE uid = ?1 AND deleted = 0"));
  const auto run = [](sqlite::Statement& statement, const SegmentRecord& segment) {
    const std::string references = absl::StrJoin(segment.references, " ");
    statement.Bind(1, segment.uid).Bind(2, segment.id).Bind(3, segment.display_name).Bind(4, segment.description);
    statement.Bind(5, segment.filter).Bind(6, segment.canonical_filter).Bind(7, references);
    statement.Bind(8, segment.definition_revision).Bind(9, segment.revision);
    return statement.Bind(10, absl::ToUnixMicros(segment.create_time))
        .Bind(11, absl::ToUnixMicros(segment.update_time))
        .Bind(12, segment.is_static)
        .Run();
  };
  for (const SegmentRecord& segment : write.created) {
    PERENNIAL_RETURN_IF_ERROR(run(insert, segment));
    PERENNIAL_RETURN_IF_ERROR(InsertDefinition(segment, segment.create_time));
  }
  for (const SegmentRecord& segment : write.updated) {
    PERENNIAL_RETURN_IF_ERROR(run(update, segment));
    if (writer_->changes() != 1) return absl::InternalError("updated segment is not stored");
    PERENNIAL_RETURN_IF_ERROR(InsertDefinition(segment, segment.update_time));
  }
  return absl::OkStatus();
}

absl::Status SqliteSegmentStore::InsertDefinition(const SegmentRecord& segment, absl::Time time) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sqlite::Statement insert,
      writer_->Prepare("INSERT INTO segment_definitions (segment_uid, definition_revision, filter, create_time, "
                       "author) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING"));
  return insert.Bind(1, segment.uid)
      .Bind(2, segment.definition_revision)
      .Bind(3, segment.filter)
      .Bind(4, absl::ToUnixMicros(time))
      .Bind(5, segment.author)
      .Run();
}

absl::Status SqliteSegmentStore::WriteDecisions(const std::vector<DecisionChange>& decisions) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sqlite::Statement put,
      writer_->Prepare("INSERT INTO member_decisions (segment_uid, account_id, included, author, decide_time) "
                       "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET included = ?3, author = ?4, "
                       "decide_time = ?5"));
  PERENNIAL_ASSIGN_OR_RETURN(
      sqlite::Statement forget,
      writer_->Prepare("DELETE FROM member_decisions WHERE segment_uid = ?1 AND account_id = ?2"));
  for (const DecisionChange& decision : decisions) {
    if (decision.included.has_value()) {
      put.Bind(1, decision.segment_uid).Bind(2, decision.account_id).Bind(3, *decision.included);
      put.Bind(4, decision.author).Bind(5, absl::ToUnixMicros(decision.time));
      PERENNIAL_RETURN_IF_ERROR(put.Run());
    } else {
      PERENNIAL_RETURN_IF_ERROR(forget.Bind(1, decision.segment_uid).Bind(2, decision.account_id).Run());
    }
  }
  return absl::OkStatus();
}

absl::Status SqliteSegmentStore::WriteChanges(const std::vector<MembershipChange>& changes, std::int64_t& revision) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sqlite::Statement event,
      writer_->Prepare("INSERT INTO membership_events (revision, segment_uid, account_id, entered, event_time, cause) "
                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6)"));
  for (const MembershipChange& change : changes) {
    ++revision;
    absl::Time time = change.time;
    if (change.entered) {
      PERENNIAL_RETURN_IF_ERROR(Enter(change, revision));
    } else {
      PERENNIAL_RETURN_IF_ERROR(Leave(change, revision, time));
    }
    event.Bind(1, revision).Bind(2, change.segment_uid).Bind(3, change.account_id).Bind(4, change.entered);
    event.Bind(5, absl::ToUnixMicros(time)).Bind(6, static_cast<int>(change.cause));
    PERENNIAL_RETURN_IF_ERROR(event.Run());
  }
  return absl::OkStatus();
}

absl::Status SqliteSegmentStore::Enter(const MembershipChange& change, std::int64_t revision) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sqlite::Statement insert,
      writer_->Prepare("INSERT INTO memberships (account_id, segment_uid, enter_revision, enter_time, enter_cause) "
                       "SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS (SELECT 1 FROM memberships "
                       "WHERE segment_uid = ?2 AND account_id = ?1 AND leave_revision IS NULL)"));
  insert.Bind(1, change.account_id).Bind(2, change.segment_uid).Bind(3, revision);
  PERENNIAL_RETURN_IF_ERROR(
      insert.Bind(4, absl::ToUnixMicros(change.time)).Bind(5, static_cast<int>(change.cause)).Run());
  return writer_->changes() == 0 ? absl::InternalError("an account enters a segment that it is in") : absl::OkStatus();
}

absl::Status SqliteSegmentStore::Leave(const MembershipChange& change, std::int64_t revision, absl::Time& time) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sqlite::Statement update,
      writer_->Prepare("UPDATE memberships SET leave_revision = ?3, leave_time = max(enter_time, ?4), leave_cause = ?5 "
                       "WHERE segment_uid = ?1 AND account_id = ?2 AND leave_revision IS NULL RETURNING leave_time"));
  update.Bind(1, change.segment_uid).Bind(2, change.account_id).Bind(3, revision);
  update.Bind(4, absl::ToUnixMicros(change.time)).Bind(5, static_cast<int>(change.cause));
  PERENNIAL_ASSIGN_OR_RETURN(const bool row, update.Step());
  if (!row) return absl::InternalError("an account leaves a segment that it is not in");
  time = absl::FromUnixMicros(update.Int64(0));
  return update.Step().status();
}

}  // namespace perennial::segments
