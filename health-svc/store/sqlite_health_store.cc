#include "health-svc/store/sqlite_health_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/audit/kept_changes.h"
#include "common/base/random_id.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::health {
namespace {

constexpr std::int32_t kApplicationId = 0x50484c54;  // "PHLT"
constexpr std::size_t kReaders = 8;

constexpr const char* kSchema = R"sql(
CREATE TABLE progress (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  generation TEXT NOT NULL,
  revision INTEGER NOT NULL,
  facts_revision INTEGER NOT NULL
) STRICT;

-- body: a perennial.health.v1.HealthScore, as it is served.
CREATE TABLE scores (
  account_id TEXT PRIMARY KEY,
  revision INTEGER NOT NULL UNIQUE,
  deleted INTEGER NOT NULL,
  body BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Times in microseconds since 1970.
CREATE TABLE score_history (
  account_id TEXT NOT NULL,
  start_time INTEGER NOT NULL,
  score REAL,
  band TEXT NOT NULL,
  coverage REAL NOT NULL,
  scorecard TEXT NOT NULL,
  scorecard_revision INTEGER NOT NULL,
  facts_revision INTEGER NOT NULL,
  frozen INTEGER NOT NULL,
  PRIMARY KEY (account_id, start_time)
) STRICT, WITHOUT ROWID;

-- causes: a perennial.health.v1.Flag with nothing but its causes.
CREATE TABLE flags (
  account_id TEXT NOT NULL,
  rule TEXT NOT NULL,
  open INTEGER NOT NULL,
  raised INTEGER,
  cleared INTEGER,
  pending_since INTEGER,
  causes BLOB NOT NULL,
  PRIMARY KEY (account_id, rule)
) STRICT, WITHOUT ROWID;
)sql";

// cause: a perennial.health.v1.HealthScoreCause. state of a flag: a perennial.health.v1.Flag with nothing but its
// causes, transitions, snooze_until and state; it takes the place of causes. removed: a flag that went with its account
// or rule.
constexpr const char* kSchema2 = R"sql(
CREATE TABLE config_revisions (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  revision INTEGER NOT NULL,
  time INTEGER NOT NULL,
  author TEXT NOT NULL,
  note TEXT NOT NULL,
  shipped INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (kind, id, revision)
) STRICT, WITHOUT ROWID;
ALTER TABLE score_history ADD COLUMN cause INTEGER NOT NULL DEFAULT 1;
ALTER TABLE score_history ADD COLUMN overridden INTEGER NOT NULL DEFAULT 0;
ALTER TABLE score_history ADD COLUMN computed REAL;
ALTER TABLE progress ADD COLUMN flag_revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE flags ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE flags ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
)sql";

// The last known values of facts that measures carry: number or text is set. day: since 1970.
constexpr const char* kSchema3 = R"sql(
CREATE TABLE carried (
  account_id TEXT NOT NULL,
  fact TEXT NOT NULL,
  max_age REAL NOT NULL,
  number REAL,
  text TEXT,
  day INTEGER NOT NULL,
  PRIMARY KEY (account_id, fact, max_age)
) STRICT, WITHOUT ROWID;
)sql";

// Purges that were carried out, by the revision of the facts feed that told of them.
constexpr const char* kSchema4 = R"sql(
CREATE TABLE purges (account_id TEXT PRIMARY KEY, facts_revision INTEGER NOT NULL) STRICT, WITHOUT ROWID;
)sql";

// config_log: the order in which revisions of the configuration were stored. config_source: how far this database has followed the
// configuration of another replica.
constexpr const char* kSchema5 = R"sql(
CREATE TABLE config_log (
  sequence INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  revision INTEGER NOT NULL
) STRICT;
INSERT INTO config_log (kind, id, revision)
  SELECT kind, id, revision FROM config_revisions ORDER BY time, kind, id, revision;
CREATE TABLE config_source (id INTEGER PRIMARY KEY CHECK (id = 1), position TEXT NOT NULL) STRICT;
)sql";

// What is erased of a purged account: all tables with an account_id but `purges` itself and `scores`, where a row without
// content tells followers that the score is gone.
constexpr const char* kAccountTables[] = {"score_history", "flags", "carried"};

std::optional<std::int64_t> Micros(const std::optional<absl::Time>& time) {
  return time.has_value() ? std::optional<std::int64_t>(absl::ToUnixMicros(*time)) : std::nullopt;
}

std::optional<absl::Time> FromMicros(const std::optional<std::int64_t>& micros) {
  return micros.has_value() ? std::optional<absl::Time>(absl::FromUnixMicros(*micros)) : std::nullopt;
}

absl::StatusOr<StoredScore> ReadScore(const sqlite::Statement& row) {
  StoredScore out{.account_id = row.Text(0), .revision = row.Int64(1), .deleted = row.Int64(2) != 0};
  const absl::string_view body = row.View(3);
  if (!out.score.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return absl::DataLossError("a stored score is damaged; restore the database or remove it to score anew");
  }
  return out;
}

absl::StatusOr<StoredFlag> ReadFlag(const sqlite::Statement& row) {
  StoredFlag out{.account_id = row.Text(0), .rule = row.Text(1)};
  out.standing = {.open = row.Int64(2) != 0,
                  .raised = FromMicros(row.MaybeInt64(3)),
                  .cleared = FromMicros(row.MaybeInt64(4)),
                  .pending_since = FromMicros(row.MaybeInt64(5))};
  v1::Flag causes;
  const absl::string_view bytes = row.View(6);
  if (!causes.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError("a stored flag is damaged; restore the database or remove it to score anew");
  }
  out.causes.assign(causes.causes().begin(), causes.causes().end());
  out.transitions.assign(causes.transitions().begin(), causes.transitions().end());
  out.handled = causes.state();
  if (causes.has_snooze_until()) out.snooze_until = ToTime(causes.snooze_until());
  out.revision = row.Int64(7);
  out.removed = row.Int64(8) != 0;
  return out;
}

v1::HealthScoreChange ReadChange(const sqlite::Statement& row) {
  v1::HealthScoreChange out;
  SetTimestamp(absl::FromUnixMicros(row.Int64(0)), out.mutable_start_time());
  if (const auto score = row.MaybeDouble(1)) out.set_score(*score);
  out.set_band(row.Text(2));
  out.set_coverage(row.Double(3));
  out.set_scorecard(row.Text(4));
  out.set_scorecard_revision(row.Int64(5));
  out.set_facts_revision(row.Int64(6));
  out.set_frozen(row.Int64(7) != 0);
  out.set_cause(static_cast<v1::HealthScoreCause>(row.Int64(8)));
  out.set_overridden(row.Int64(9) != 0);
  if (const auto computed = row.MaybeDouble(10)) out.set_computed_score(*computed);
  return out;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteHealthStore>> SqliteHealthStore::Open(const std::string& path) {
  // Full: revisions are given out and history is kept, and neither can be computed anew after a power cut.
  PERENNIAL_ASSIGN_OR_RETURN(auto writer, sqlite::Connection::Open(path, sqlite::Durability::kFull));
  PERENNIAL_RETURN_IF_ERROR(sqlite::Migrate(*writer, kApplicationId, {kSchema, kSchema2, kSchema3, kSchema4, kSchema5, kKeptChangesSchema}));
  PERENNIAL_RETURN_IF_ERROR(SendKeptChanges(*writer));
  {
    const std::string generation = RandomFeedId();
    PERENNIAL_ASSIGN_OR_RETURN(
        sqlite::Statement insert,
        writer->Prepare("INSERT INTO progress VALUES (1, ?, 0, 0, 0) ON CONFLICT (id) DO NOTHING"));
    PERENNIAL_RETURN_IF_ERROR(insert.Bind(1, generation).Run());
  }
  return std::unique_ptr<SqliteHealthStore>(new SqliteHealthStore(path, std::move(writer)));
}

SqliteHealthStore::SqliteHealthStore(const std::string& path, std::unique_ptr<sqlite::Connection> writer)
    : writer_(std::move(writer)), readers_(path, kReaders) {}

SqliteHealthStore::~SqliteHealthStore() {
  MutexLock lock(mu_);
  writer_->Checkpoint();
}

absl::Status SqliteHealthStore::Commit(const HealthBatch& batch) {
  MutexLock lock(mu_);
  return InAuditedTransaction(*writer_, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS -> absl::Status {
    PERENNIAL_RETURN_IF_ERROR(WriteScores(batch));
    PERENNIAL_RETURN_IF_ERROR(WriteChanges(batch));
    PERENNIAL_RETURN_IF_ERROR(WriteFlags(batch));
    PERENNIAL_RETURN_IF_ERROR(WriteCarried(batch));
    std::int64_t newest = 0;
    for (const StoredScore& score : batch.scores) newest = std::max(newest, score.revision);
    std::int64_t newest_flag = 0;
    for (const StoredFlag& flag : batch.flags) newest_flag = std::max(newest_flag, flag.revision);
    PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement progress,
                               writer_->Prepare("UPDATE progress SET revision = MAX(revision, ?), "
                                                "facts_revision = MAX(facts_revision, ?), "
                                                "flag_revision = MAX(flag_revision, ?)"));
    return progress.Bind(1, newest).Bind(2, batch.facts_revision).Bind(3, newest_flag).Run();
  });
}

absl::Status SqliteHealthStore::WriteScores(const HealthBatch& batch) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sqlite::Statement put,
      writer_->Prepare("INSERT INTO scores VALUES (?, ?, ?, ?) ON CONFLICT (account_id) DO UPDATE SET "
                       "revision = excluded.revision, deleted = excluded.deleted, body = excluded.body"));
  for (const StoredScore& score : batch.scores) {
    const std::string body = score.score.SerializeAsString();
    put.Bind(1, score.account_id).Bind(2, score.revision).Bind(3, score.deleted).BindBlob(4, body);
    PERENNIAL_RETURN_IF_ERROR(put.Run());
  }
  return absl::OkStatus();
}

absl::Status SqliteHealthStore::WriteChanges(const HealthBatch& batch) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sqlite::Statement put,
      writer_->Prepare(
          "INSERT INTO score_history VALUES (?1, MAX(?2, COALESCE((SELECT MAX(start_time) FROM score_history "
          "WHERE account_id = ?1), ?2)), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) "
          "ON CONFLICT (account_id, start_time) DO UPDATE SET score = excluded.score, band = excluded.band, "
          "coverage = excluded.coverage, scorecard = excluded.scorecard, "
          "scorecard_revision = excluded.scorecard_revision, facts_revision = excluded.facts_revision, "
          "frozen = excluded.frozen, cause = excluded.cause, overridden = excluded.overridden, "
          "computed = excluded.computed"));
  for (const StoredChange& entry : batch.changes) {
    const v1::HealthScoreChange& change = entry.change;
    put.Bind(1, entry.account_id).Bind(2, absl::ToUnixMicros(ToTime(change.start_time())));
    put.Bind(3, change.has_score() ? std::optional<double>(change.score()) : std::nullopt).Bind(4, change.band());
    put.Bind(5, change.coverage()).Bind(6, change.scorecard()).Bind(7, change.scorecard_revision());
    put.Bind(8, change.facts_revision()).Bind(9, change.frozen()).Bind(10, static_cast<int>(change.cause()));
    put.Bind(11, change.overridden());
    put.Bind(12, change.has_computed_score() ? std::optional<double>(change.computed_score()) : std::nullopt);
    PERENNIAL_RETURN_IF_ERROR(put.Run());
  }
  return absl::OkStatus();
}

absl::Status SqliteHealthStore::WriteFlags(const HealthBatch& batch) {
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement forget, writer_->Prepare("DELETE FROM flags WHERE account_id = ?"));
  for (const std::string& account : batch.unflagged) PERENNIAL_RETURN_IF_ERROR(forget.Bind(1, account).Run());
  PERENNIAL_ASSIGN_OR_RETURN(
      sqlite::Statement put,
      writer_->Prepare(
          "INSERT INTO flags VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account_id, rule) DO UPDATE SET "
          "open = excluded.open, raised = excluded.raised, cleared = excluded.cleared, "
          "pending_since = excluded.pending_since, causes = excluded.causes, "
          "revision = excluded.revision, removed = excluded.removed"));
  for (const StoredFlag& flag : batch.flags) {
    v1::Flag causes;
    causes.mutable_causes()->Assign(flag.causes.begin(), flag.causes.end());
    causes.mutable_transitions()->Assign(flag.transitions.begin(), flag.transitions.end());
    causes.set_state(flag.handled);
    if (flag.snooze_until.has_value()) SetTimestamp(*flag.snooze_until, causes.mutable_snooze_until());
    const std::string bytes = causes.SerializeAsString();
    put.Bind(1, flag.account_id).Bind(2, flag.rule).Bind(3, flag.standing.open).Bind(4, Micros(flag.standing.raised));
    put.Bind(5, Micros(flag.standing.cleared)).Bind(6, Micros(flag.standing.pending_since)).BindBlob(7, bytes);
    put.Bind(8, flag.revision).Bind(9, flag.removed);
    PERENNIAL_RETURN_IF_ERROR(put.Run());
  }
  return absl::OkStatus();
}

absl::Status SqliteHealthStore::Purge(const std::vector<PurgedAccount>& accounts) {
  MutexLock lock(mu_);
  bool erased = false;
  PERENNIAL_RETURN_IF_ERROR(writer_->InTransaction([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(
        sqlite::Statement note,
        writer_->Prepare("INSERT INTO purges VALUES (?, ?) ON CONFLICT (account_id) DO UPDATE SET facts_revision = "
                         "excluded.facts_revision WHERE facts_revision <> excluded.facts_revision"));
    for (const PurgedAccount& account : accounts) {
      PERENNIAL_RETURN_IF_ERROR(note.Bind(1, account.account_id).Bind(2, account.facts_revision).Run());
      if (writer_->changes() == 0) continue;
      erased = true;
      PERENNIAL_RETURN_IF_ERROR(ForgetKeptChanges(*writer_, account.account_id));
      for (const char* table : kAccountTables) {
        PERENNIAL_ASSIGN_OR_RETURN(
            sqlite::Statement erase,
            writer_->Prepare(absl::StrCat("DELETE FROM ", table, " WHERE account_id = ?")));
        PERENNIAL_RETURN_IF_ERROR(erase.Bind(1, account.account_id).Run());
      }
    }
    return absl::OkStatus();
  }));
  // Out of the log as well.
  if (erased) writer_->Checkpoint();
  return absl::OkStatus();
}

absl::StatusOr<HealthProgress> SqliteHealthStore::Progress() {
  HealthProgress out;
  PERENNIAL_RETURN_IF_ERROR(readers_.Read([&](sqlite::Connection& reader) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(
        sqlite::Statement row,
        reader.Prepare("SELECT generation, revision, facts_revision, flag_revision FROM progress"));
    PERENNIAL_ASSIGN_OR_RETURN(const bool found, row.Step());
    if (!found) return absl::DataLossError("the progress row is missing; restore the database");
    out = {.generation = row.Text(0),
           .revision = row.Int64(1),
           .facts_revision = row.Int64(2),
           .flag_revision = row.Int64(3)};
    return absl::OkStatus();
  }));
  return out;
}

absl::Status SqliteHealthStore::VisitScores(const std::function<absl::Status(StoredScore)>& visit) {
  return readers_.Read([&](sqlite::Connection& reader) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement row,
                               reader.Prepare("SELECT account_id, revision, deleted, body FROM scores"));
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool more, row.Step());
      if (!more) return absl::OkStatus();
      PERENNIAL_ASSIGN_OR_RETURN(StoredScore score, ReadScore(row));
      PERENNIAL_RETURN_IF_ERROR(visit(std::move(score)));
    }
  });
}

absl::Status SqliteHealthStore::VisitFlags(const std::function<absl::Status(StoredFlag)>& visit) {
  return readers_.Read([&](sqlite::Connection& reader) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(
        sqlite::Statement row,
        reader.Prepare("SELECT account_id, rule, open, raised, cleared, pending_since, causes, revision, removed "
                       "FROM flags"));
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool more, row.Step());
      if (!more) return absl::OkStatus();
      PERENNIAL_ASSIGN_OR_RETURN(StoredFlag flag, ReadFlag(row));
      PERENNIAL_RETURN_IF_ERROR(visit(std::move(flag)));
    }
  });
}

absl::Status SqliteHealthStore::VisitScoresAt(absl::Time time,
                                              const std::function<void(absl::string_view, double)>& visit) {
  return readers_.Read([&](sqlite::Connection& reader) -> absl::Status {
    // SQLite takes the other columns from the row that holds the maximum.
    PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement row,
                               reader.Prepare("SELECT account_id, score, MAX(start_time) FROM score_history "
                                              "WHERE start_time <= ? GROUP BY account_id"));
    row.Bind(1, absl::ToUnixMicros(time));
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool more, row.Step());
      if (!more) return absl::OkStatus();
      if (!row.IsNull(1)) visit(row.View(0), row.Double(1));
    }
  });
}

absl::StatusOr<StoredScore> SqliteHealthStore::GetScore(absl::string_view account_id) {
  absl::StatusOr<StoredScore> out = absl::NotFoundError("account has no score");
  PERENNIAL_RETURN_IF_ERROR(readers_.Read([&](sqlite::Connection& reader) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(
        sqlite::Statement row,
        reader.Prepare("SELECT account_id, revision, deleted, body FROM scores WHERE account_id = ?"));
    PERENNIAL_ASSIGN_OR_RETURN(const bool found, row.Bind(1, account_id).Step());
    if (found) out = ReadScore(row);
    return absl::OkStatus();
  }));
  return out;
}

absl::StatusOr<std::vector<v1::HealthScoreChange>> SqliteHealthStore::ListHistory(const HistoryQuery& query) {
  std::vector<v1::HealthScoreChange> out;
  PERENNIAL_RETURN_IF_ERROR(readers_.Read([&](sqlite::Connection& reader) -> absl::Status {
    // What held at ?2 may have begun before it.
    PERENNIAL_ASSIGN_OR_RETURN(
        sqlite::Statement row,
        reader.Prepare(
            "SELECT start_time, score, band, coverage, scorecard, scorecard_revision, facts_revision, frozen, "
            "cause, overridden, computed FROM score_history WHERE account_id = ?1 AND (?2 IS NULL OR start_time >= "
            "COALESCE((SELECT "
            "MAX(start_time) FROM score_history WHERE account_id = ?1 AND start_time <= ?2), ?2)) "
            "AND (?3 IS NULL OR start_time < ?3) ORDER BY start_time DESC LIMIT ?4"));
    row.Bind(1, query.account_id).Bind(2, Micros(query.start)).Bind(3, Micros(query.end)).Bind(4, query.limit);
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool more, row.Step());
      if (!more) return absl::OkStatus();
      out.push_back(ReadChange(row));
    }
  }));
  return out;
}

}  // namespace perennial::health
