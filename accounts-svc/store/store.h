#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "accounts-svc/model.h"
#include "accounts-svc/store/stored.h"
#include "common/facts/fact_catalogue.h"

namespace perennial::accounts {

// What a reader sees: one state of the store for the life of the transaction. Errors other than the ones named are
// those of storage: UNAVAILABLE (try again), RESOURCE_EXHAUSTED (disk full), DATA_LOSS, INTERNAL.
class ReadTransaction {
 public:
  virtual ~ReadTransaction() = default;

  // Deleted accounts are found too.
  virtual absl::StatusOr<std::optional<AccountRecord>> FindAccount(absl::string_view id) = 0;
  virtual absl::StatusOr<std::optional<AccountRecord>> FindAccountByNo(AccountNo no) = 0;
  // Number of an account that is not deleted, without a look at the rest of it.
  virtual absl::StatusOr<std::optional<AccountNo>> FindLiveNo(absl::string_view id) = 0;
  virtual absl::StatusOr<std::vector<AccountRecord>> ListAccounts(const AccountQuery& query) = 0;
  // Numbers of live accounts after `after`, ascending.
  virtual absl::StatusOr<std::vector<AccountNo>> ListAccountNos(AccountNo after, int limit) = 0;
  // Live accounts with an id after `after`, by id.
  virtual absl::StatusOr<std::vector<LiveAccountId>> ListAccountIds(absl::string_view after, int limit) = 0;
  // Live accounts.
  virtual absl::StatusOr<std::int64_t> CountAccounts() = 0;
  // State of an account as of a moment; nothing when it did not exist then.
  virtual absl::StatusOr<std::optional<AccountState>> FindAccountState(AccountNo no, absl::Time as_of) = 0;
  // Versions of an account by effective time.
  virtual absl::StatusOr<std::vector<AccountVersion>> ListAccountVersions(AccountNo no) = 0;
  // Everything that facts as of then may depend on. NOT_FOUND when the account did not exist then.
  virtual absl::StatusOr<AccountHistory> LoadHistory(const AccountRecord& account, absl::Time as_of) = 0;

  virtual absl::StatusOr<std::optional<SubscriptionRecord>> FindSubscription(AccountNo no, absl::string_view id) = 0;
  virtual absl::StatusOr<std::vector<SubscriptionRecord>> ListSubscriptions(AccountNo no, absl::string_view after,
                                                                            int limit) = 0;
  // Versions of a subscription by effective time, as they were put.
  virtual absl::StatusOr<std::vector<SubscriptionVersion>> ListSubscriptionVersions(AccountNo no,
                                                                                    absl::string_view id) = 0;
  // State of a subscription as of a moment, by its versions; nothing before the first.
  virtual absl::StatusOr<std::optional<SubscriptionState>> FindSubscriptionState(AccountNo no, absl::string_view id,
                                                                                 absl::Time as_of) = 0;

  virtual absl::StatusOr<std::vector<PhaseChange>> ListPhaseChanges(AccountNo no) = 0;
  // Without an account: those of live ones.
  virtual absl::StatusOr<std::vector<AccountMovement>> ListMovements(const MovementQuery& query) = 0;
  // Ledgers with a greater revision, in order of revision.
  virtual absl::StatusOr<std::vector<LedgerRow>> ListLedgerFeed(std::int64_t after_revision, int limit) = 0;
  // The greatest revision of a ledger ever given out.
  virtual absl::StatusOr<std::int64_t> LastLedgerRevision() = 0;

  // The newest state of a record, or that it was deleted. All other lists and histories leave deleted ones out.
  virtual absl::StatusOr<std::optional<StoredRecord>> FindRecord(AccountNo no, RecordKind kind,
                                                                 absl::string_view record_id) = 0;
  virtual absl::StatusOr<std::optional<UsageEvent>> FindUsage(AccountNo no, absl::string_view record_id) = 0;
  // Metrics in order of number. One whose every event was deleted begins at the end of time.
  virtual absl::StatusOr<std::vector<Metric>> ListMetrics() = 0;

  // Days of an account on which a metric had events, from the day after `after` until before `end`, by day.
  virtual absl::StatusOr<std::vector<DayOfUse>> ListDaysOfUse(AccountNo no, std::int64_t metric, std::int64_t after,
                                                              std::int64_t end, int limit) = 0;
  // Sum of the events of a metric from `begin` until before `end`, from the events; nothing when there are none.
  virtual absl::StatusOr<std::optional<double>> SumUse(AccountNo no, std::int64_t metric, absl::Time begin,
                                                       absl::Time end) = 0;

  // Records one by one.

  // All states of a record, by update time; those of a ticket may be several.
  virtual absl::StatusOr<std::vector<StoredRecord>> ListRecordStates(AccountNo no, RecordKind kind,
                                                                     absl::string_view record_id) = 0;
  // All states of all records by kind, id and update time, from the place after `after` on (only these three count).
  virtual absl::StatusOr<std::vector<StoredRecord>> ListRecords(AccountNo no, const StoredRecord& after, int limit) = 0;
  // Usage events with an id after `after`, by id.
  virtual absl::StatusOr<std::vector<UsageEvent>> ListUsage(AccountNo no, absl::string_view after, int limit) = 0;
  // Whether a record that was corrected once said this. `kind` is perennial.accounts.v1.RecordKind.
  virtual absl::StatusOr<bool> IsFormerRecord(AccountNo no, int kind, absl::string_view record_id,
                                              absl::string_view payload) = 0;
  // Changes with a number below `before`, newest first.
  virtual absl::StatusOr<std::vector<RecordChange>> ListRecordChanges(AccountNo no, std::int64_t before, int limit) = 0;
  // The newest change of a record.
  virtual absl::StatusOr<std::optional<RecordChange>> FindRecordChange(AccountNo no, int kind,
                                                                       absl::string_view record_id) = 0;

  virtual absl::StatusOr<std::optional<FeedRow>> FindFacts(AccountNo no) = 0;
  // Those of them whose row has a state of use, with it, by number.
  virtual absl::StatusOr<std::vector<KeptFacts>> ListKeptFacts(const std::vector<AccountNo>& accounts) = 0;
  // The greatest number that an account with facts has or had; 0 when there is none. Never falls.
  virtual absl::StatusOr<AccountNo> GreatestNo() = 0;
  // Rows with a greater revision, in order of revision.
  virtual absl::StatusOr<std::vector<FeedRow>> ListFeed(std::int64_t after_revision, int limit) = 0;
  // Accounts whose facts were due to change by `now` (see SetDue), earliest first.
  virtual absl::StatusOr<std::vector<AccountNo>> ListDue(absl::Time now, int limit) = 0;
  // The greatest revision ever given out.
  virtual absl::StatusOr<std::int64_t> LastRevision() = 0;
  // Definitions from id `first` on, in order of id.
  virtual absl::StatusOr<std::vector<facts::FactDefinition>> ListFactDefinitions(facts::FactId first) = 0;
  // A value that the process keeps, or an empty string.
  virtual absl::StatusOr<std::string> GetSetting(absl::string_view key) = 0;

  // Contacts, goals, tasks and the timeline.

  // As it stands; a deleted one too.
  virtual absl::StatusOr<std::optional<CareRecord>> FindCare(AccountNo no, CareKind kind, absl::string_view id) = 0;
  // The version that held at a moment; nothing before the first. The update_time is its own.
  virtual absl::StatusOr<std::optional<CareRecord>> FindCareAsOf(AccountNo no, CareKind kind, absl::string_view id,
                                                                 absl::Time as_of) = 0;
  // Those with an id after `after`, by id.
  virtual absl::StatusOr<std::vector<CareRecord>> ListCare(AccountNo no, CareKind kind, absl::string_view after,
                                                           bool show_deleted, int limit) = 0;
  virtual absl::StatusOr<std::optional<TaskRecord>> FindTask(AccountNo no, absl::string_view id) = 0;
  virtual absl::StatusOr<std::vector<TaskRecord>> ListTasks(const TaskQuery& query) = 0;
  // Tasks with a greater revision, those of deleted accounts too, in order of revision.
  virtual absl::StatusOr<std::vector<TaskRecord>> ListTaskFeed(std::int64_t after_revision, int limit) = 0;
  // The greatest revision of a task ever given out.
  virtual absl::StatusOr<std::int64_t> LastTaskRevision() = 0;
  virtual absl::StatusOr<std::optional<CarriedOut>> FindRequest(absl::string_view request_id,
                                                                absl::string_view method) = 0;
  // Records of an account, usage included, each once.
  virtual absl::StatusOr<std::int64_t> CountRecords(AccountNo no) = 0;
  // The tombstone of the last account of that id that was purged.
  virtual absl::StatusOr<std::optional<PurgedAccount>> FindTombstone(absl::string_view account_id) = 0;
  // Some of the accounts whose purge is under way.
  virtual absl::StatusOr<std::vector<AccountNo>> ListPurges() = 0;
  // At least one request was carried out by `until`.
  virtual absl::StatusOr<bool> HasRequests(absl::Time until) = 0;
  // Newest states of records, by time, kind and id, all descending.
  virtual absl::StatusOr<std::vector<StoredRecord>> ListTimelineRecords(const TimelineQuery& query) = 0;
  // By entry time and id, both descending.
  virtual absl::StatusOr<std::vector<TaskRecord>> ListTimelineTasks(const TimelineQuery& query) = 0;

  // Exchange rates, the lifecycle and the hierarchy.

  // The rate of a currency that is in force at a moment; nothing before the first.
  virtual absl::StatusOr<std::optional<ExchangeRate>> FindExchangeRate(absl::string_view currency, absl::Time at) = 0;
  virtual absl::StatusOr<std::vector<ExchangeRate>> ListExchangeRates(const ExchangeRateQuery& query) = 0;
  // Whether a state of a subscription in a currency takes effect from `begin` until before `end`, so that it is counted
  // at a rate of that time. Cost: the states in that currency.
  virtual absl::StatusOr<bool> AnyCountedAt(absl::string_view currency, absl::Time begin, absl::Time end) = 0;
  // How many accounts have such a state, deleted ones too.
  virtual absl::StatusOr<std::int64_t> CountAccountsCountedAt(absl::string_view currency, absl::Time begin,
                                                              absl::Time end) = 0;
  // Their numbers after `after`, ascending.
  virtual absl::StatusOr<std::vector<AccountNo>> ListAccountsCountedAt(absl::string_view currency, absl::Time begin,
                                                                       absl::Time end, AccountNo after, int limit) = 0;
  // One refresh that is under way, if there is any.
  virtual absl::StatusOr<std::optional<Refresh>> FindRefresh() = 0;
  // A revision of the rules of the lifecycle; 0: the newest, which there always is.
  virtual absl::StatusOr<std::optional<LifecycleRevision>> FindLifecycleRules(std::int64_t revision) = 0;
  // Revisions less than `before`, newest first.
  virtual absl::StatusOr<std::vector<LifecycleRevision>> ListLifecycleRules(std::int64_t before, int limit) = 0;
  // Moves by hand that stand, until a moment, by time.
  virtual absl::StatusOr<std::vector<PhaseMove>> ListPhaseMoves(AccountNo no, absl::Time until) = 0;
  // Moves with a number less than `before`, the one made last first; with `undone` also those that do not stand any more.
  virtual absl::StatusOr<std::vector<TracedMove>> ListTracedMoves(AccountNo no, std::int64_t before, bool undone,
                                                                  int limit) = 0;
  // Live accounts whose parent was `parent` at a moment, by id; the first `limit` of them.
  virtual absl::StatusOr<std::vector<ChildAccount>> ListChildren(absl::string_view parent, absl::Time as_of,
                                                                 int limit) = 0;
  // MRR of an account at a moment, by the ledger.
  virtual absl::StatusOr<Micros> FindMrr(AccountNo no, absl::Time as_of) = 0;

  // By time and id, both descending.
  virtual absl::StatusOr<std::vector<AuditedChange>> ListAuditEntries(const AuditQuery& query) = 0;
};

// What a writer sees and changes; all or nothing.
class WriteTransaction : public ReadTransaction {
 public:
  // Notes that facts of the account must be computed anew before the commit.
  virtual void Touch(AccountNo no) = 0;
  // Use that was added to accounts (InsertUsage), in order, without that of writes that failed. An account to which nothing
  // else happened is not touched.
  [[nodiscard]] virtual const std::map<AccountNo, std::vector<UsageEvent>>& new_usage() const = 0;
  // Whether anything was changed that facts of any account may follow from: rules, exchange rates, known metrics.
  [[nodiscard]] virtual bool rules_changed() const = 0;

  // Sets `account.no`. ALREADY_EXISTS when the id is taken.
  virtual absl::Status InsertAccount(AccountRecord& account) = 0;
  // Stores everything but the state.
  virtual absl::Status UpdateAccount(const AccountRecord& account) = 0;
  // Stores a version; the account's present state becomes that of its latest version.
  virtual absl::Status PutAccountVersion(AccountNo no, absl::Time effective, const AccountState& state) = 0;

  // Inserts or replaces everything but the state.
  virtual absl::Status PutSubscription(AccountNo no, const SubscriptionRecord& subscription) = 0;
  virtual absl::Status PutSubscriptionVersion(AccountNo no, absl::string_view id, absl::Time effective,
                                              const SubscriptionState& state) = 0;

  // Keeps states with another update_time, for the past. Replaces the one with the same.
  virtual absl::Status PutRecord(AccountNo no, const StoredRecord& record) = 0;
  // Adds the event and its share in the daily sums; a value of 0 is a report of no use. ALREADY_EXISTS when the id is
  // taken. The account's facts follow without Touch.
  virtual absl::Status InsertUsage(AccountNo no, const UsageEvent& event) = 0;
  // Puts the record in the place of all states of the one with its kind and id; nothing but its id stays when it is
  // `deleted`.
  virtual absl::Status ReplaceRecord(AccountNo no, const StoredRecord& record) = 0;
  // Puts the event in the place of the one with its id; nothing but its id stays when it is `deleted`. Sums, users, last
  // use and the metric's first time become as if it had always been so. NOT_FOUND when there is none.
  virtual absl::Status ReplaceUsage(AccountNo no, const UsageEvent& event) = 0;
  // Keeps what a record said, see IsFormerRecord.
  virtual absl::Status PutFormerRecord(AccountNo no, int kind, absl::string_view record_id,
                                       absl::string_view payload) = 0;
  // Stores the change under the account's next number, which it sets.
  virtual absl::Status PutRecordChange(AccountNo no, RecordChange& change) = 0;
  // Number of a metric, which is added when it is new; `time` lowers its first time.
  virtual absl::StatusOr<std::int64_t> MetricNo(absl::string_view name, absl::Time time) = 0;

  virtual absl::Status ReplacePhases(AccountNo no, const std::vector<PhaseChange>& phases) = 0;
  // Replaces the ledger of an account, under the next revision of ledgers.
  virtual absl::Status ReplaceMovements(AccountNo no, absl::string_view account_id,
                                        const std::vector<Movement>& movements) = 0;
  // Marks the ledger of an account that was deleted or undeleted, under the next revision; nothing when it has none, or is
  // marked so.
  virtual absl::Status MarkLedger(AccountNo no, bool deleted) = 0;
  // Stores the row under the next revision, which it returns.
  virtual absl::StatusOr<std::int64_t> PutFacts(AccountNo no, const FeedRow& row) = 0;
  // Stores only the state of use of the row that is there; empty takes it away. The feed does not tell.
  virtual absl::Status PutUseState(AccountNo no, absl::string_view state) = 0;
  // Notes when the account's facts change next without a write, or that they do not before the next midnight.
  virtual absl::Status SetDue(AccountNo no, std::optional<absl::Time> time) = 0;
  virtual absl::Status PutFactDefinition(facts::FactId id, const facts::FactDefinition& definition) = 0;
  virtual absl::Status PutSetting(absl::string_view key, absl::string_view value) = 0;

  // Contacts, goals and tasks.

  // Inserts it or replaces what stands, and keeps it as a version; its number must be new.
  virtual absl::Status PutCare(AccountNo no, CareKind kind, const CareRecord& record) = 0;
  // Inserts it or replaces what stands, under the next revision of tasks, which it sets.
  virtual absl::Status PutTask(TaskRecord& task) = 0;
  // Gives each task of the account the next revision, because the account was deleted or undeleted.
  virtual absl::Status RenumberTasks(AccountNo no) = 0;

  // Exchange rates and the lifecycle.

  // Inserts it or replaces the one of that currency and time.
  virtual absl::Status PutExchangeRate(const ExchangeRate& rate) = 0;
  virtual absl::Status DeleteExchangeRate(absl::string_view currency, absl::Time effective) = 0;
  // Notes a refresh; one of the same currency that is under way begins anew, and covers both.
  virtual absl::Status AddRefresh(absl::string_view currency, absl::Time begin, absl::Time end) = 0;
  // Notes that `refresh`, as it was read, was done until this account, or (absent) to the end. Changes nothing when more
  // was added meanwhile.
  virtual absl::Status AdvanceRefresh(const Refresh& refresh, std::optional<AccountNo> until) = 0;
  // Inserts it; its number must be new.
  virtual absl::Status PutLifecycleRules(const LifecycleRevision& revision) = 0;
  // Inserts it, undone if that is given. ALREADY_EXISTS when it is to stand and another one of its moment stands.
  virtual absl::Status PutPhaseMove(AccountNo no, const PhaseMove& move,
                                    const std::optional<UndoneMove>& undone = std::nullopt) = 0;
  // Undoes the move that stands at a moment. False when there was none.
  virtual absl::StatusOr<bool> UndoPhaseMove(AccountNo no, absl::Time time, const UndoneMove& undone) = 0;

  // Erases the account with everything that is found by its id, leaves a tombstone in the feeds of facts and of tasks, and
  // notes that PurgeSome() is to erase the rest; returns the revision of the tombstone among facts. The account's number is
  // never used again.
  virtual absl::StatusOr<std::int64_t> BeginPurge(const AccountRecord& account, absl::Time now) = 0;
  // Erases some of the rest, about `limit` rows. False when nothing was left.
  virtual absl::StatusOr<bool> PurgeSome(AccountNo no, int limit) = 0;

  // Inserts it or replaces the one of that id and method.
  virtual absl::Status PutRequest(const CarriedOut& request) = 0;
  // Forgets requests that were carried out by `until`, the oldest first, at most `limit`; returns how many.
  virtual absl::StatusOr<int> DeleteRequests(absl::Time until, int limit) = 0;

  // Leaves an entry with that id as it is.
  virtual absl::Status PutAuditEntry(const AuditedChange& entry) = 0;
  // Takes the contents of a resource, and of those beneath it, out of the audit trail; that they changed stays.
  virtual absl::Status EraseAuditedContent(absl::string_view resource) = 0;
};

// What happens around each commit. Called by the one writer.
class CommitHook {
 public:
  virtual ~CommitHook() = default;
  // A write adds use to these accounts, which the transaction has not touched otherwise; in order.
  virtual absl::Status BeforeUse(ReadTransaction&, const std::vector<AccountNo>&) { return absl::OkStatus(); }
  // What the hook knows for certain of use that is stored, for accounts that the transaction has not touched: that the
  // metric was used on that day or later, and that the user used it on that day. It need not be stored again.
  [[nodiscard]] virtual bool KnowsUse(AccountNo, std::int64_t /*metric*/, std::int64_t /*day*/) const { return false; }
  [[nodiscard]] virtual bool KnowsUser(AccountNo, std::int64_t /*metric*/, std::int64_t /*day*/,
                                       absl::string_view /*user*/) const {
    return false;
  }
  // The transaction has begun, and no other process writes until it ends: the time to learn what others have written.
  virtual absl::Status BeforeWrites(ReadTransaction&) { return absl::OkStatus(); }
  // Completes the transaction: the accounts that it touched.
  virtual absl::Status BeforeCommit(WriteTransaction& transaction, const std::set<AccountNo>& touched) = 0;
  // It is on disk; `revision` is the greatest now.
  virtual void AfterCommit(std::int64_t revision) = 0;
  // So many writes shared a commit that succeeded, which took that long.
  virtual void Committed(std::size_t /*writes*/, absl::Duration /*time*/) {}
};

// Keeps accounts and what happened to them. Thread-safe.
class Store {
 public:
  virtual ~Store() = default;
  // Called before the first write; must outlive the store.
  virtual void SetCommitHook(CommitHook& hook) = 0;
  // Runs `body` alone, between others' writes, and returns the greatest revision once its changes are on disk. When
  // `body` fails, nothing of it stays and its error is returned; other writes of the same commit are not affected.
  // `body` may be run again when the commit must be retried: it must not change anything but the transaction and its
  // own results. RESOURCE_EXHAUSTED when too many writes wait.
  virtual absl::StatusOr<std::int64_t> Write(const std::function<absl::Status(WriteTransaction&)>& body) = 0;
  // Runs `body` on one state of the store.
  virtual absl::Status Read(const std::function<absl::Status(ReadTransaction&)>& body) = 0;
  // Clears what was erased out of logs as well, as far as that is possible now. May take seconds.
  virtual void Scrub() {}
  // `hook` is called once, on any thread, when the storage has failed for good (FailureOf in storage_failure.h): the error.
  // It is told at once where that has happened already. Writes are refused with it from
  // then on. Must not call the store. Null: nobody is told any more, once this returns.
  virtual void SetFailureHook(std::function<void(const absl::Status&)> hook) = 0;
  // Whether other processes may write to it too. They are not seen by the commit hook.
  [[nodiscard]] virtual bool shared() const { return false; }
};

}  // namespace perennial::accounts
