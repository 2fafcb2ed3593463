// What SqliteSegmentStore answers while it is running.

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "segment-svc/sqlite_segment_store.h"

namespace perennial::segments {
namespace {

Cause CauseOf(std::int64_t number) { return static_cast<Cause>(number); }

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

DecisionRecord DecisionOf(const sqlite::Statement& row) {
  return {.account_id = row.Text(0),
          .included = row.Int64(1) != 0,
          .author = row.Text(2),
          .time = absl::FromUnixMicros(row.Int64(3))};
}

}  // namespace

absl::StatusOr<std::string> SqliteSegmentStore::FeedId() {
  std::string feed_id;
  PERENNIAL_RETURN_IF_ERROR(readers_.Read([&](sqlite::Connection& db) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement row, db.Prepare("SELECT feed_id FROM progress"));
    PERENNIAL_ASSIGN_OR_RETURN(const bool found, row.Step());
    if (!found) return absl::InternalError("the table progress is empty");
    feed_id = row.Text(0);
    return absl::OkStatus();
  }));
  return feed_id;
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

absl::Status SqliteSegmentStore::LoadDecisions(
    const std::function<void(std::int64_t, absl::string_view, bool)>& visit) {
  return readers_.Read([&](sqlite::Connection& db) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement rows,
                               db.Prepare("SELECT segment_uid, account_id, included FROM member_decisions "
                                          "ORDER BY segment_uid, account_id"));
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) return absl::OkStatus();
      visit(rows.Int64(0), rows.View(1), rows.Int64(2) != 0);
    }
  });
}

absl::StatusOr<std::vector<DecisionRecord>> SqliteSegmentStore::Decisions(std::int64_t segment_uid,
                                                                          absl::string_view after_account,
                                                                          int limit) {
  std::vector<DecisionRecord> decisions;
  const absl::Status status = readers_.Read([&](sqlite::Connection& db) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(
        sqlite::Statement rows,
        db.Prepare("SELECT account_id, included, author, decide_time FROM member_decisions "
                   "WHERE segment_uid = ?1 AND account_id > ?2 ORDER BY account_id LIMIT ?3"));
    rows.Bind(1, segment_uid).Bind(2, after_account).Bind(3, limit);
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) return absl::OkStatus();
      decisions.push_back(DecisionOf(rows));
    }
  });
  PERENNIAL_RETURN_IF_ERROR(status);
  return decisions;
}

absl::StatusOr<std::vector<DecisionRecord>> SqliteSegmentStore::DecisionsAbout(
    std::int64_t segment_uid, const std::vector<std::string>& account_ids) {
  std::vector<DecisionRecord> decisions;
  PERENNIAL_RETURN_IF_ERROR(readers_.Read([&](sqlite::Connection& db) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement rows,
                               db.Prepare("SELECT account_id, included, author, decide_time FROM member_decisions "
                                          "WHERE segment_uid = ?1 AND account_id = ?2"));
    for (const std::string& account : account_ids) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool found, rows.Bind(1, segment_uid).Bind(2, account).Step());
      if (found) decisions.push_back(DecisionOf(rows));
      rows.Reset();
    }
    return absl::OkStatus();
  }));
  return decisions;
}

absl::StatusOr<std::vector<DefinitionRecord>> SqliteSegmentStore::Definitions(std::int64_t segment_uid,
                                                                              std::int64_t before, int limit) {
  std::vector<DefinitionRecord> definitions;
  const absl::Status status = readers_.Read([&](sqlite::Connection& db) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(
        sqlite::Statement rows,
        db.Prepare("SELECT definition_revision, filter, create_time, author FROM segment_definitions "
                   "WHERE segment_uid = ?1 AND definition_revision < ?2 ORDER BY definition_revision DESC LIMIT ?3"));
    rows.Bind(1, segment_uid).Bind(2, before).Bind(3, limit);
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) return absl::OkStatus();
      definitions.push_back({.definition_revision = rows.Int64(0),
                             .filter = rows.Text(1),
                             .create_time = absl::FromUnixMicros(rows.Int64(2)),
                             .author = rows.Text(3)});
    }
  });
  PERENNIAL_RETURN_IF_ERROR(status);
  return definitions;
}

}  // namespace perennial::segments
