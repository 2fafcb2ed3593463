#include "segment-svc/sqlite_segment_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"

namespace perennial::segments {
namespace {

constexpr std::int32_t kApplicationId = 0x50535347;  // "PSSG"
constexpr std::size_t kMostReaders = 16;

const std::vector<std::string>& Migrations() {
  static const auto& migrations = *new std::vector<std::string>{R"sql(
    CREATE TABLE segments (
      uid INTEGER PRIMARY KEY,
      id TEXT NOT NULL,
      display_name TEXT NOT NULL,
      description TEXT NOT NULL,
      filter TEXT NOT NULL,
      canonical_filter TEXT NOT NULL,
      segment_references TEXT NOT NULL,
      definition_revision INTEGER NOT NULL,
      revision INTEGER NOT NULL,
      create_time INTEGER NOT NULL,
      update_time INTEGER NOT NULL,
      deleted INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX segments_by_id ON segments (id) WHERE deleted = 0;

    CREATE TABLE segment_definitions (
      segment_uid INTEGER NOT NULL,
      definition_revision INTEGER NOT NULL,
      filter TEXT NOT NULL,
      create_time INTEGER NOT NULL,
      PRIMARY KEY (segment_uid, definition_revision)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE memberships (
      account_id TEXT NOT NULL,
      segment_uid INTEGER NOT NULL,
      enter_revision INTEGER NOT NULL,
      enter_time INTEGER NOT NULL,
      enter_cause INTEGER NOT NULL,
      leave_revision INTEGER,
      leave_time INTEGER,
      leave_cause INTEGER,
      PRIMARY KEY (account_id, segment_uid, enter_revision)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX open_memberships ON memberships (segment_uid, account_id) WHERE leave_revision IS NULL;

    CREATE TABLE membership_events (
      revision INTEGER PRIMARY KEY,
      segment_uid INTEGER NOT NULL,
      account_id TEXT NOT NULL,
      entered INTEGER NOT NULL,
      event_time INTEGER NOT NULL,
      cause INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE shipped_segments (id TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
    CREATE TABLE health_facts (name TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
    CREATE TABLE progress (
      facts_revision INTEGER NOT NULL,
      scored_facts_revision INTEGER NOT NULL
    ) STRICT;
    INSERT INTO progress VALUES (0, 0);
  )sql"};
  return migrations;
}

Cause CauseOf(std::int64_t number) { return static_cast<Cause>(number); }

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
          .update_time = absl::FromUnixMicros(row.Int64(10))};
}

constexpr absl::string_view kStayColumns =
    "s.id, m.account_id, m.enter_revision, m.enter_time, m.enter_cause, m.leave_revision, m.leave_time, m.leave_cause";

StayRecord StayOf(const sqlite::Statement& row) {
  StayRecord stay{.segment_id = row.Text(0),
                  .account_id = row.Text(1),
                  .enter_revision = row.Int64(2),
                  .enter_time = absl::FromUnixMicros(row.Int64(3)),
                  .enter_cause = CauseOf(row.Int64(4)),
                  .left = !row.IsNull(5),
                  .leave_time = absl::UnixEpoch(),
                  .leave_cause = Cause::kData};
  if (stay.left) {
    stay.leave_time = absl::FromUnixMicros(row.Int64(6));
    stay.leave_cause = CauseOf(row.Int64(7));
  }
  return stay;
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
  PERENNIAL_RETURN_IF_ERROR(sqlite::Migrate(*writer, kApplicationId, Migrations()));
  return std::unique_ptr<SqliteSegmentStore>(new SqliteSegmentStore(std::move(writer), path));
}

absl::StatusOr<StoredState> SqliteSegmentStore::Load() {
  StoredState state;
  const absl::Status status = readers_.Read([&](sqlite::Connection& db) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(
        sqlite::Statement rows,
        db.Prepare("SELECT uid, id, display_name, description, filter, canonical_filter, segment_references, "
                   "definition_revision, revision, create_time, update_time FROM segments "
                   "WHERE deleted = 0 ORDER BY id"));
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) break;
      state.segments.push_back(SegmentOf(rows));
    }
    PERENNIAL_ASSIGN_OR_RETURN(state.shipped, Texts(db, "SELECT id FROM shipped_segments ORDER BY id"));
    PERENNIAL_ASSIGN_OR_RETURN(state.health_facts, Texts(db, "SELECT name FROM health_facts ORDER BY name"));
    PERENNIAL_ASSIGN_OR_RETURN(state.greatest_uid, Number(db, "SELECT coalesce(max(uid), 0) FROM segments"));
    PERENNIAL_ASSIGN_OR_RETURN(state.event_revision,
                               Number(db, "SELECT coalesce(max(revision), 0) FROM membership_events"));
    PERENNIAL_ASSIGN_OR_RETURN(state.progress.facts_revision, Number(db, "SELECT facts_revision FROM progress"));
    PERENNIAL_ASSIGN_OR_RETURN(state.progress.scored_facts_revision,
                               Number(db, "SELECT scored_facts_revision FROM progress"));
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
  const absl::Status status = writer_->InTransaction([&]() -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(revision, Number(*writer_, "SELECT coalesce(max(revision), 0) FROM membership_events"));
    PERENNIAL_RETURN_IF_ERROR(WriteSegments(write));
    PERENNIAL_RETURN_IF_ERROR(
        Insert(*writer_, "INSERT INTO shipped_segments (id) VALUES (?1) ON CONFLICT DO NOTHING", write.shipped));
    PERENNIAL_RETURN_IF_ERROR(
        Insert(*writer_, "INSERT INTO health_facts (name) VALUES (?1) ON CONFLICT DO NOTHING", write.health_facts));
    PERENNIAL_RETURN_IF_ERROR(WriteChanges(write.changes, revision));
    if (!write.progress.has_value()) return absl::OkStatus();
    PERENNIAL_ASSIGN_OR_RETURN(
        sqlite::Statement progress,
        writer_->Prepare("UPDATE progress SET facts_revision = ?1, scored_facts_revision = ?2"));
    return progress.Bind(1, write.progress->facts_revision).Bind(2, write.progress->scored_facts_revision).Run();
  });
  PERENNIAL_RETURN_IF_ERROR(status);
  return revision;
}

absl::Status SqliteSegmentStore::WriteSegments(const StoreWrite& write) {
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement remove,
                             writer_->Prepare("UPDATE segments SET deleted = 1 WHERE uid = ?1 AND deleted = 0"));
  for (const std::int64_t uid : write.deleted) {
    PERENNIAL_RETURN_IF_ERROR(remove.Bind(1, uid).Run());
    if (writer_->changes() != 1) return absl::InternalError("deleted segment is not stored");
  }
  PERENNIAL_ASSIGN_OR_RETURN(
      sqlite::Statement insert,
      writer_->Prepare("INSERT INTO segments (uid, id, display_name, description, filter, canonical_filter, "
                       "segment_references, definition_revision, revision, create_time, update_time, deleted) "
                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0)"));
  PERENNIAL_ASSIGN_OR_RETURN(
      sqlite::Statement update,
      writer_->Prepare("UPDATE segments SET id = ?2, display_name = ?3, description = ?4, filter = ?5, "
                       "canonical_filter = ?6, segment_references = ?7, definition_revision = ?8, revision = ?9, "
                       "create_time = ?10, "
                       "update_time = ?11 WHERE uid = ?1 AND deleted = 0"));
  const auto run = [](sqlite::Statement& statement, const SegmentRecord& segment) {
    const std::string references = absl::StrJoin(segment.references, " ");
    statement.Bind(1, segment.uid).Bind(2, segment.id).Bind(3, segment.display_name).Bind(4, segment.description);
    statement.Bind(5, segment.filter).Bind(6, segment.canonical_filter).Bind(7, references);
    statement.Bind(8, segment.definition_revision).Bind(9, segment.revision);
    return statement.Bind(10, absl::ToUnixMicros(segment.create_time))
        .Bind(11, absl::ToUnixMicros(segment.update_time))
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
      writer_->Prepare("INSERT INTO segment_definitions (segment_uid, definition_revision, filter, create_time) "
                       "VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING"));
  return insert.Bind(1, segment.uid)
      .Bind(2, segment.definition_revision)
      .Bind(3, segment.filter)
      .Bind(4, absl::ToUnixMicros(time))
      .Run();
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
                       "VALUES (?1, ?2, ?3, ?4, ?5)"));
  insert.Bind(1, change.account_id).Bind(2, change.segment_uid).Bind(3, revision);
  const absl::Status status =
      insert.Bind(4, absl::ToUnixMicros(change.time)).Bind(5, static_cast<int>(change.cause)).Run();
  return absl::IsAlreadyExists(status) ? absl::InternalError("an account enters a segment that it is in") : status;
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

absl::StatusOr<std::vector<EventRecord>> SqliteSegmentStore::Events(std::int64_t after, std::int64_t up_to,
                                                                    absl::string_view segment_id) {
  std::vector<EventRecord> events;
  const absl::Status status = readers_.Read([&](sqlite::Connection& db) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(
        sqlite::Statement rows,
        db.Prepare("SELECT e.revision, s.id, e.account_id, e.entered, e.event_time, e.cause FROM membership_events e "
                   "JOIN segments s ON s.uid = e.segment_uid WHERE e.revision > ?1 AND e.revision <= ?2 "
                   "AND (?3 = '' OR s.id = ?3) ORDER BY e.revision"));
    rows.Bind(1, after).Bind(2, up_to).Bind(3, segment_id);
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) return absl::OkStatus();
      events.push_back({.revision = rows.Int64(0),
                        .segment_id = rows.Text(1),
                        .account_id = rows.Text(2),
                        .entered = rows.Int64(3) != 0,
                        .time = absl::FromUnixMicros(rows.Int64(4)),
                        .cause = CauseOf(rows.Int64(5))});
    }
  });
  PERENNIAL_RETURN_IF_ERROR(status);
  return events;
}

absl::StatusOr<std::vector<StayRecord>> SqliteSegmentStore::Members(std::int64_t segment_uid,
                                                                    absl::string_view after_account, int limit) {
  std::vector<StayRecord> stays;
  const absl::Status status = readers_.Read([&](sqlite::Connection& db) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(
        sqlite::Statement rows,
        db.Prepare(absl::StrCat("SELECT ", std::string(kStayColumns),
                                " FROM memberships m JOIN segments s ON s.uid = m.segment_uid "
                                "WHERE m.segment_uid = ?1 AND m.account_id > ?2 AND m.leave_revision IS NULL "
                                "ORDER BY m.account_id LIMIT ?3")));
    rows.Bind(1, segment_uid).Bind(2, after_account).Bind(3, limit);
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) return absl::OkStatus();
      stays.push_back(StayOf(rows));
    }
  });
  PERENNIAL_RETURN_IF_ERROR(status);
  return stays;
}

absl::StatusOr<std::vector<StayRecord>> SqliteSegmentStore::Stays(absl::string_view account_id, bool show_left,
                                                                  absl::string_view after_segment,
                                                                  std::int64_t after_enter_revision, int limit) {
  std::vector<StayRecord> stays;
  const absl::Status status = readers_.Read([&](sqlite::Connection& db) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(
        sqlite::Statement rows,
        db.Prepare(absl::StrCat("SELECT ", std::string(kStayColumns),
                                " FROM memberships m JOIN segments s ON s.uid = m.segment_uid WHERE m.account_id = ?1 "
                                "AND (?2 OR m.leave_revision IS NULL) AND (s.id, m.enter_revision) > (?3, ?4) "
                                "ORDER BY s.id, m.enter_revision LIMIT ?5")));
    rows.Bind(1, account_id).Bind(2, show_left).Bind(3, after_segment).Bind(4, after_enter_revision).Bind(5, limit);
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) return absl::OkStatus();
      stays.push_back(StayOf(rows));
    }
  });
  PERENNIAL_RETURN_IF_ERROR(status);
  return stays;
}

absl::StatusOr<std::vector<DefinitionRecord>> SqliteSegmentStore::Definitions(std::int64_t segment_uid) {
  std::vector<DefinitionRecord> definitions;
  const absl::Status status = readers_.Read([&](sqlite::Connection& db) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement rows,
                               db.Prepare("SELECT definition_revision, filter, create_time FROM segment_definitions "
                                          "WHERE segment_uid = ?1 ORDER BY definition_revision"));
    rows.Bind(1, segment_uid);
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) return absl::OkStatus();
      definitions.push_back({.definition_revision = rows.Int64(0),
                             .filter = rows.Text(1),
                             .create_time = absl::FromUnixMicros(rows.Int64(2))});
    }
  });
  PERENNIAL_RETURN_IF_ERROR(status);
  return definitions;
}

}  // namespace perennial::segments
