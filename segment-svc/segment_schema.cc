#include "segment-svc/segment_schema.h"

#include "common/audit/kept_changes.h"

namespace perennial::segments {

const std::vector<std::string>& SegmentMigrations() {
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
  )sql", R"sql(
    ALTER TABLE segments ADD COLUMN is_static INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE segment_definitions ADD COLUMN author TEXT NOT NULL DEFAULT '';

    CREATE TABLE member_decisions (
      segment_uid INTEGER NOT NULL,
      account_id TEXT NOT NULL,
      included INTEGER NOT NULL,
      author TEXT NOT NULL,
      decide_time INTEGER NOT NULL,
      PRIMARY KEY (segment_uid, account_id)
    ) STRICT, WITHOUT ROWID;
  )sql", R"sql(
    ALTER TABLE progress ADD COLUMN event_revision INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE purges (account_id TEXT PRIMARY KEY, facts_revision INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX membership_events_by_account ON membership_events (account_id);
  )sql", R"sql(
    ALTER TABLE progress ADD COLUMN feed_id TEXT NOT NULL DEFAULT '';
    UPDATE progress SET feed_id = lower(hex(randomblob(8)));
  )sql", R"sql(
    ALTER TABLE progress ADD COLUMN valued_facts_revision INTEGER NOT NULL DEFAULT 0;
  )sql", R"sql(
    -- With the column that it is partial by: else SQLite looks each row up in the table, which takes most of a start.
    DROP INDEX open_memberships;
    CREATE INDEX open_memberships ON memberships (segment_uid, account_id, leave_revision) WHERE leave_revision IS NULL;
  )sql", kKeptChangesSchema};
  return migrations;
}

}  // namespace perennial::segments
