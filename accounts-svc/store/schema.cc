#include "accounts-svc/store/schema.h"

namespace perennial::accounts {

sql::Schema AccountsSchema() {
  return {.application_id = kAccountsApplicationId,
          .migrations = {R"sql(
CREATE TABLE accounts (
  account_no INTEGER PRIMARY KEY,
  account_id TEXT NOT NULL UNIQUE,
  display_name TEXT NOT NULL,
  state BLOB NOT NULL,              -- perennial.accounts.v1.Account, client fields
  customer_since INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  delete_time INTEGER,
  version INTEGER NOT NULL
) STRICT;
CREATE INDEX accounts_by_display_name ON accounts (display_name, account_id);
CREATE INDEX accounts_by_create_time ON accounts (create_time, account_id);

CREATE TABLE account_versions (
  account_no INTEGER NOT NULL,
  effective_time INTEGER NOT NULL,
  state BLOB NOT NULL,
  PRIMARY KEY (account_no, effective_time)
) STRICT, WITHOUT ROWID;

CREATE TABLE subscriptions (
  account_no INTEGER NOT NULL,
  subscription_id TEXT NOT NULL,
  start_time INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (account_no, subscription_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE subscription_versions (
  account_no INTEGER NOT NULL,
  subscription_id TEXT NOT NULL,
  effective_time INTEGER NOT NULL,
  plan TEXT NOT NULL,
  seats INTEGER NOT NULL,
  mrr INTEGER NOT NULL,
  trial INTEGER NOT NULL,
  trial_end_time INTEGER,
  end_time INTEGER,
  renewal_time INTEGER,
  auto_renew INTEGER NOT NULL,
  PRIMARY KEY (account_no, subscription_id, effective_time)
) STRICT, WITHOUT ROWID;

CREATE TABLE records (              -- everything that happened but usage
  account_no INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  record_id TEXT NOT NULL,
  event_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,     -- a ticket has a row a state
  payload BLOB NOT NULL,            -- perennial.accounts.v1.Record
  PRIMARY KEY (account_no, kind, record_id, update_time)
) STRICT, WITHOUT ROWID;

CREATE TABLE metrics (
  metric_no INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  first_time INTEGER NOT NULL
) STRICT;

CREATE TABLE usage_events (         -- kept whole: for as_of within a day, and so that an id counts once
  account_no INTEGER NOT NULL,
  record_id TEXT NOT NULL,
  metric_no INTEGER NOT NULL,
  event_time INTEGER NOT NULL,
  value REAL NOT NULL,
  "user" TEXT NOT NULL,
  PRIMARY KEY (account_no, record_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_events_by_time ON usage_events (account_no, event_time);

CREATE TABLE usage_days (           -- sums of usage_events by UTC day
  account_no INTEGER NOT NULL,
  day INTEGER NOT NULL,
  metric_no INTEGER NOT NULL,
  total REAL NOT NULL,
  PRIMARY KEY (account_no, day, metric_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_last (           -- last day on which each metric was used
  account_no INTEGER NOT NULL,
  metric_no INTEGER NOT NULL,
  last_day INTEGER NOT NULL,
  PRIMARY KEY (account_no, metric_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_users (          -- who used what on which day
  account_no INTEGER NOT NULL,
  day INTEGER NOT NULL,
  metric_no INTEGER NOT NULL,
  "user" TEXT NOT NULL,
  PRIMARY KEY (account_no, day, metric_no, "user")
) STRICT, WITHOUT ROWID;

CREATE TABLE phase_changes (
  account_no INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  phase INTEGER NOT NULL,
  enter_time INTEGER NOT NULL,
  cause TEXT NOT NULL,
  PRIMARY KEY (account_no, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE movements (
  effective_time INTEGER NOT NULL,
  account_id TEXT NOT NULL,
  account_no INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  amount INTEGER NOT NULL,
  mrr_after INTEGER NOT NULL,
  PRIMARY KEY (effective_time, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX movements_by_account ON movements (account_no, effective_time);

CREATE TABLE facts (                -- the newest facts of each account; by revision it is the feed
  account_no INTEGER PRIMARY KEY,
  account_id TEXT NOT NULL,
  revision INTEGER NOT NULL UNIQUE,
  deleted INTEGER NOT NULL,
  as_of INTEGER NOT NULL,
  payload BLOB NOT NULL             -- perennial.accounts.v1.PackedFacts
) STRICT;

CREATE TABLE due (                  -- accounts whose facts change before midnight without a write
  account_no INTEGER PRIMARY KEY,
  due_time INTEGER NOT NULL
) STRICT;
CREATE INDEX due_by_time ON due (due_time);

CREATE TABLE fact_definitions (
  fact_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  definition BLOB NOT NULL          -- perennial.accounts.v1.FactDefinition
) STRICT;

CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
)sql",
                         R"sql(
CREATE TABLE contacts (
  account_no INTEGER NOT NULL,
  contact_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  effective_time INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  delete_time INTEGER,
  payload BLOB NOT NULL,            -- perennial.accounts.v1.Contact
  PRIMARY KEY (account_no, contact_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE contact_versions (
  account_no INTEGER NOT NULL,
  contact_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  effective_time INTEGER NOT NULL,  -- never falls from one version to the next
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  delete_time INTEGER,
  payload BLOB NOT NULL,
  PRIMARY KEY (account_no, contact_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE goals (
  account_no INTEGER NOT NULL,
  goal_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  effective_time INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  delete_time INTEGER,
  payload BLOB NOT NULL,            -- perennial.accounts.v1.Goal
  PRIMARY KEY (account_no, goal_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE goal_versions (
  account_no INTEGER NOT NULL,
  goal_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  effective_time INTEGER NOT NULL,  -- never falls from one version to the next
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  delete_time INTEGER,
  payload BLOB NOT NULL,
  PRIMARY KEY (account_no, goal_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE tasks (                -- by revision it is the feed of tasks; rows are replaced, never removed
  account_no INTEGER NOT NULL,
  task_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  revision INTEGER NOT NULL UNIQUE,
  version INTEGER NOT NULL,
  state INTEGER NOT NULL,
  assignee TEXT NOT NULL,
  due_key INTEGER NOT NULL,         -- due time; the greatest number when there is none
  entry_time INTEGER NOT NULL,      -- place in the timeline
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  payload BLOB NOT NULL,            -- perennial.accounts.v1.Task
  PRIMARY KEY (account_no, task_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tasks_by_due ON tasks (due_key, account_id, task_id);
CREATE INDEX tasks_by_state ON tasks (state, due_key, account_id, task_id);
CREATE INDEX tasks_by_assignee ON tasks (assignee, due_key, account_id, task_id);
CREATE INDEX tasks_by_entry ON tasks (account_no, entry_time, task_id);

CREATE INDEX records_by_time ON records (account_no, event_time, kind, record_id);
)sql",
                         R"sql(
CREATE TABLE requests (             -- mutations that were carried out under a request_id, for 24 hours
  request_id TEXT NOT NULL,
  method TEXT NOT NULL,             -- full name of the request's message
  fingerprint BLOB NOT NULL,        -- SHA-256 of what it asked for
  create_time INTEGER NOT NULL,
  PRIMARY KEY (request_id, method)
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_by_time ON requests (create_time);
)sql",
                         R"sql(
CREATE TABLE record_changes (       -- corrections and deletions of records
  account_no INTEGER NOT NULL,
  change_no INTEGER NOT NULL,       -- counts the account's changes
  kind INTEGER NOT NULL,            -- perennial.accounts.v1.RecordKind
  record_id TEXT NOT NULL,
  change_time INTEGER NOT NULL,
  reason TEXT NOT NULL,
  author TEXT NOT NULL,
  content_before BLOB NOT NULL,     -- perennial.accounts.v1.Record
  content_after BLOB,               -- none: deleted
  PRIMARY KEY (account_no, change_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE former_records (       -- what corrected records said before: it counts as duplicate when it is sent again
  account_no INTEGER NOT NULL,
  kind INTEGER NOT NULL,            -- perennial.accounts.v1.RecordKind
  record_id TEXT NOT NULL,
  content_no INTEGER NOT NULL,
  payload BLOB NOT NULL,            -- perennial.accounts.v1.Record
  PRIMARY KEY (account_no, kind, record_id, content_no)
) STRICT, WITHOUT ROWID;
)sql",
                         R"sql(
ALTER TABLE subscription_versions ADD COLUMN currency TEXT NOT NULL DEFAULT '';  -- empty: the reporting currency
CREATE INDEX subscription_versions_by_currency ON subscription_versions (currency, account_no) WHERE currency <> '';

CREATE TABLE exchange_rates (
  currency TEXT NOT NULL,
  effective_time INTEGER NOT NULL,
  rate INTEGER NOT NULL,            -- billionths of the reporting currency for one unit
  PRIMARY KEY (currency, effective_time)
) STRICT, WITHOUT ROWID;

CREATE TABLE refreshes (            -- accounts to be computed anew in the background
  currency TEXT PRIMARY KEY,        -- whose rates changed; empty: of all accounts
  begin_time INTEGER NOT NULL,
  last_time INTEGER NOT NULL,
  after_no INTEGER NOT NULL,        -- done until this account
  generation INTEGER NOT NULL       -- grows when more is added
) STRICT, WITHOUT ROWID;

CREATE TABLE lifecycle_rules (      -- revisions are never changed
  revision INTEGER PRIMARY KEY,
  adoption_at_progress REAL,
  adoption_at_steps TEXT NOT NULL,  -- with commas between
  adoption_after_days INTEGER NOT NULL,
  success_after_days INTEGER NOT NULL,
  success_after_goals INTEGER NOT NULL,
  churn_grace_days INTEGER NOT NULL,
  author TEXT NOT NULL,
  note TEXT NOT NULL,
  revision_time INTEGER
) STRICT;
INSERT INTO lifecycle_rules VALUES (1, 1.0, 'first_value', 90, 180, 0, 0, 'perennial', 'comes with perennial', NULL);

CREATE TABLE phase_moves (          -- phases that people set
  account_no INTEGER NOT NULL,
  effective_time INTEGER NOT NULL,
  phase INTEGER NOT NULL,
  reason TEXT NOT NULL,
  author TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  PRIMARY KEY (account_no, effective_time)
) STRICT, WITHOUT ROWID;
ALTER TABLE phase_changes ADD COLUMN author TEXT NOT NULL DEFAULT '';

CREATE TABLE account_parents (      -- every parent that an account has had in any version
  parent TEXT NOT NULL,
  account_no INTEGER NOT NULL,
  PRIMARY KEY (parent, account_no)
) STRICT, WITHOUT ROWID;
)sql",
                         R"sql(
CREATE TABLE purges (               -- accounts that were purged and of which something is still to be erased
  account_no INTEGER PRIMARY KEY
) STRICT;
CREATE TABLE purged_tasks (         -- tells followers of tasks that all of the account's are gone
  account_id TEXT PRIMARY KEY,
  revision INTEGER NOT NULL UNIQUE,
  purge_time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstones ON facts (account_id) WHERE deleted <> 0;
CREATE INDEX account_parents_by_account ON account_parents (account_no);
)sql",
                         R"sql(
CREATE TABLE ledgers (              -- by revision it is the feed of ledgers; rows are replaced, never removed
  account_id TEXT PRIMARY KEY,
  account_no INTEGER NOT NULL,      -- of the account that has the id, or had it last
  revision INTEGER NOT NULL UNIQUE,
  deleted INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO ledgers (account_id, account_no, revision, deleted)
SELECT a.account_id, a.account_no, row_number() OVER (ORDER BY a.account_no),
       CASE WHEN a.delete_time IS NULL THEN 0 ELSE 1 END
FROM accounts a WHERE EXISTS (SELECT 1 FROM movements m WHERE m.account_no = a.account_no);
)sql",
                         R"sql(
CREATE TABLE audit_entries (        -- who changed what, of all services; never changed, but that purges take contents
  id TEXT PRIMARY KEY,
  event_time INTEGER NOT NULL,
  caller TEXT NOT NULL,
  method TEXT NOT NULL,
  resource TEXT NOT NULL,
  old_value TEXT NOT NULL,          -- JSON
  new_value TEXT NOT NULL,
  trace_id TEXT NOT NULL
) STRICT;
CREATE INDEX audit_entries_by_time ON audit_entries (event_time, id);
CREATE INDEX audit_entries_by_resource ON audit_entries (resource, event_time, id);
)sql",
                         R"sql(
CREATE TABLE moves_by_hand (        -- phases that people set; never removed, but by purges
  account_no INTEGER NOT NULL,
  move_no INTEGER NOT NULL,         -- counts the account's moves
  effective_time INTEGER NOT NULL,
  phase INTEGER NOT NULL,
  reason TEXT NOT NULL,
  author TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  undo_time INTEGER,                -- none: it stands
  undo_author TEXT NOT NULL,
  undo_reason TEXT NOT NULL,
  PRIMARY KEY (account_no, move_no)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX standing_moves ON moves_by_hand (account_no, effective_time) WHERE undo_time IS NULL;
INSERT INTO moves_by_hand (account_no, move_no, effective_time, phase, reason, author, create_time, undo_time, undo_author,
                           undo_reason)
SELECT m.account_no, row_number() OVER (PARTITION BY m.account_no ORDER BY m.create_time, m.effective_time),
       m.effective_time, m.phase, m.reason, m.author, m.create_time, NULL, '', ''
FROM phase_moves m;
DROP TABLE phase_moves;
)sql",
                         R"sql(
ALTER TABLE facts ADD COLUMN use_state BLOB;  -- what more use can be added to; see use_state_codec.h
)sql"}};
}

}  // namespace perennial::accounts
