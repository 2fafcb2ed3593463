#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "accounts-svc/store/store.h"
#include "common/storage/sql.h"

namespace perennial::accounts {

// Reads and writes of one connection. Whoever owns the connection begins and ends the transactions; a reader's
// connection refuses writes by itself.
class SqlTransaction final : public WriteTransaction {
 public:
  // `connection` must outlive this, and `hook`, if there is one.
  explicit SqlTransaction(sql::Connection& connection, CommitHook* hook = nullptr)
      : connection_(connection), hook_(hook) {}

  // Completes what a write has begun; within its savepoint, if it has one.
  absl::Status EndWrite() { return FlushUsage(); }
  // After that: whether what the write did stays.
  void SettleWrite(bool stays);

  absl::StatusOr<std::optional<AccountRecord>> FindAccount(absl::string_view id) override;
  absl::StatusOr<std::optional<AccountRecord>> FindAccountByNo(AccountNo no) override;
  absl::StatusOr<std::optional<AccountNo>> FindLiveNo(absl::string_view id) override;
  absl::StatusOr<std::vector<AccountRecord>> ListAccounts(const AccountQuery& query) override;
  absl::StatusOr<std::vector<AccountNo>> ListAccountNos(AccountNo after, int limit) override;
  absl::StatusOr<std::vector<LiveAccountId>> ListAccountIds(absl::string_view after, int limit) override;
  absl::StatusOr<std::int64_t> CountAccounts() override;
  absl::StatusOr<std::optional<AccountState>> FindAccountState(AccountNo no, absl::Time as_of) override;
  absl::StatusOr<std::vector<AccountVersion>> ListAccountVersions(AccountNo no) override;
  absl::StatusOr<AccountHistory> LoadHistory(const AccountRecord& account, absl::Time as_of) override;
  absl::StatusOr<std::optional<SubscriptionRecord>> FindSubscription(AccountNo no, absl::string_view id) override;
  absl::StatusOr<std::vector<SubscriptionRecord>> ListSubscriptions(AccountNo no, absl::string_view after,
                                                                    int limit) override;
  absl::StatusOr<std::vector<SubscriptionVersion>> ListSubscriptionVersions(AccountNo no,
                                                                            absl::string_view id) override;
  absl::StatusOr<std::optional<SubscriptionState>> FindSubscriptionState(AccountNo no, absl::string_view id,
                                                                         absl::Time as_of) override;
  absl::StatusOr<std::vector<PhaseChange>> ListPhaseChanges(AccountNo no) override;
  absl::StatusOr<std::vector<AccountMovement>> ListMovements(const MovementQuery& query) override;
  absl::StatusOr<std::vector<LedgerRow>> ListLedgerFeed(std::int64_t after_revision, int limit) override;
  absl::StatusOr<std::int64_t> LastLedgerRevision() override;
  absl::StatusOr<std::optional<StoredRecord>> FindRecord(AccountNo no, RecordKind kind,
                                                         absl::string_view record_id) override;
  absl::StatusOr<std::optional<UsageEvent>> FindUsage(AccountNo no, absl::string_view record_id) override;
  absl::StatusOr<std::vector<Metric>> ListMetrics() override;
  absl::StatusOr<std::vector<DayOfUse>> ListDaysOfUse(AccountNo no, std::int64_t metric, std::int64_t after,
                                                      std::int64_t end, int limit) override;
  absl::StatusOr<std::optional<double>> SumUse(AccountNo no, std::int64_t metric, absl::Time begin,
                                               absl::Time end) override;
  absl::StatusOr<std::vector<StoredRecord>> ListRecordStates(AccountNo no, RecordKind kind,
                                                             absl::string_view record_id) override;
  absl::StatusOr<std::vector<StoredRecord>> ListRecords(AccountNo no, const StoredRecord& after, int limit) override;
  absl::StatusOr<std::vector<UsageEvent>> ListUsage(AccountNo no, absl::string_view after, int limit) override;
  absl::StatusOr<bool> IsFormerRecord(AccountNo no, int kind, absl::string_view record_id,
                                      absl::string_view payload) override;
  absl::StatusOr<std::vector<RecordChange>> ListRecordChanges(AccountNo no, std::int64_t before, int limit) override;
  absl::StatusOr<std::optional<RecordChange>> FindRecordChange(AccountNo no, int kind,
                                                               absl::string_view record_id) override;
  absl::StatusOr<std::optional<FeedRow>> FindFacts(AccountNo no) override;
  absl::StatusOr<std::vector<KeptFacts>> ListKeptFacts(const std::vector<AccountNo>& accounts) override;
  absl::StatusOr<AccountNo> GreatestNo() override;
  absl::StatusOr<std::vector<FeedRow>> ListFeed(std::int64_t after_revision, int limit) override;
  absl::StatusOr<std::vector<AccountNo>> ListDue(absl::Time now, int limit) override;
  absl::StatusOr<std::int64_t> LastRevision() override;
  absl::StatusOr<std::vector<facts::FactDefinition>> ListFactDefinitions(facts::FactId first) override;
  absl::StatusOr<std::string> GetSetting(absl::string_view key) override;

  absl::StatusOr<std::optional<CareRecord>> FindCare(AccountNo no, CareKind kind, absl::string_view id) override;
  absl::StatusOr<std::optional<CareRecord>> FindCareAsOf(AccountNo no, CareKind kind, absl::string_view id,
                                                         absl::Time as_of) override;
  absl::StatusOr<std::vector<CareRecord>> ListCare(AccountNo no, CareKind kind, absl::string_view after,
                                                   bool show_deleted, int limit) override;
  absl::StatusOr<std::optional<TaskRecord>> FindTask(AccountNo no, absl::string_view id) override;
  absl::StatusOr<std::vector<TaskRecord>> ListTasks(const TaskQuery& query) override;
  absl::StatusOr<std::vector<TaskRecord>> ListTaskFeed(std::int64_t after_revision, int limit) override;
  absl::StatusOr<std::int64_t> LastTaskRevision() override;
  absl::StatusOr<std::optional<CarriedOut>> FindRequest(absl::string_view request_id,
                                                        absl::string_view method) override;
  absl::StatusOr<bool> HasRequests(absl::Time until) override;
  absl::StatusOr<std::int64_t> CountRecords(AccountNo no) override;
  absl::StatusOr<std::optional<PurgedAccount>> FindTombstone(absl::string_view account_id) override;
  absl::StatusOr<std::vector<AccountNo>> ListPurges() override;
  absl::StatusOr<std::vector<StoredRecord>> ListTimelineRecords(const TimelineQuery& query) override;
  absl::StatusOr<std::vector<TaskRecord>> ListTimelineTasks(const TimelineQuery& query) override;
  absl::StatusOr<std::optional<ExchangeRate>> FindExchangeRate(absl::string_view currency, absl::Time at) override;
  absl::StatusOr<std::vector<ExchangeRate>> ListExchangeRates(const ExchangeRateQuery& query) override;
  absl::StatusOr<bool> AnyCountedAt(absl::string_view currency, absl::Time begin, absl::Time end) override;
  absl::StatusOr<std::int64_t> CountAccountsCountedAt(absl::string_view currency, absl::Time begin,
                                                      absl::Time end) override;
  absl::StatusOr<std::vector<AccountNo>> ListAccountsCountedAt(absl::string_view currency, absl::Time begin,
                                                               absl::Time end, AccountNo after, int limit) override;
  absl::StatusOr<std::optional<Refresh>> FindRefresh() override;
  absl::StatusOr<std::optional<LifecycleRevision>> FindLifecycleRules(std::int64_t revision) override;
  absl::StatusOr<std::vector<LifecycleRevision>> ListLifecycleRules(std::int64_t before, int limit) override;
  absl::StatusOr<std::vector<PhaseMove>> ListPhaseMoves(AccountNo no, absl::Time until) override;
  absl::StatusOr<std::vector<TracedMove>> ListTracedMoves(AccountNo no, std::int64_t before, bool undone,
                                                          int limit) override;
  absl::StatusOr<std::vector<ChildAccount>> ListChildren(absl::string_view parent, absl::Time as_of,
                                                         int limit) override;
  absl::StatusOr<Micros> FindMrr(AccountNo no, absl::Time as_of) override;

  void Touch(AccountNo no) override { touched_.insert(no); }
  [[nodiscard]] const std::map<AccountNo, std::vector<UsageEvent>>& new_usage() const override { return new_usage_; }
  [[nodiscard]] bool rules_changed() const override { return rules_changed_; }
  absl::Status InsertAccount(AccountRecord& account) override;
  absl::Status UpdateAccount(const AccountRecord& account) override;
  absl::Status PutAccountVersion(AccountNo no, absl::Time effective, const AccountState& state) override;
  absl::Status PutSubscription(AccountNo no, const SubscriptionRecord& subscription) override;
  absl::Status PutSubscriptionVersion(AccountNo no, absl::string_view id, absl::Time effective,
                                      const SubscriptionState& state) override;
  absl::Status PutRecord(AccountNo no, const StoredRecord& record) override;
  absl::Status InsertUsage(AccountNo no, const UsageEvent& event) override;
  absl::Status ReplaceRecord(AccountNo no, const StoredRecord& record) override;
  absl::Status ReplaceUsage(AccountNo no, const UsageEvent& event) override;
  absl::Status PutFormerRecord(AccountNo no, int kind, absl::string_view record_id, absl::string_view payload) override;
  absl::Status PutRecordChange(AccountNo no, RecordChange& change) override;
  absl::StatusOr<std::int64_t> MetricNo(absl::string_view name, absl::Time time) override;
  absl::Status ReplacePhases(AccountNo no, const std::vector<PhaseChange>& phases) override;
  absl::Status ReplaceMovements(AccountNo no, absl::string_view account_id,
                                const std::vector<Movement>& movements) override;
  absl::Status MarkLedger(AccountNo no, bool deleted) override;
  absl::StatusOr<std::int64_t> PutFacts(AccountNo no, const FeedRow& row) override;
  absl::Status PutUseState(AccountNo no, absl::string_view state) override;
  absl::Status SetDue(AccountNo no, std::optional<absl::Time> time) override;
  absl::Status PutFactDefinition(facts::FactId id, const facts::FactDefinition& definition) override;
  absl::Status PutSetting(absl::string_view key, absl::string_view value) override;
  absl::Status PutCare(AccountNo no, CareKind kind, const CareRecord& record) override;
  absl::Status PutTask(TaskRecord& task) override;
  absl::Status RenumberTasks(AccountNo no) override;
  absl::Status PutExchangeRate(const ExchangeRate& rate) override;
  absl::Status DeleteExchangeRate(absl::string_view currency, absl::Time effective) override;
  absl::Status AddRefresh(absl::string_view currency, absl::Time begin, absl::Time end) override;
  absl::Status AdvanceRefresh(const Refresh& refresh, std::optional<AccountNo> until) override;
  absl::Status PutLifecycleRules(const LifecycleRevision& revision) override;
  absl::Status PutPhaseMove(AccountNo no, const PhaseMove& move, const std::optional<UndoneMove>& undone) override;
  absl::StatusOr<bool> UndoPhaseMove(AccountNo no, absl::Time time, const UndoneMove& undone) override;
  absl::StatusOr<std::int64_t> BeginPurge(const AccountRecord& account, absl::Time now) override;
  absl::StatusOr<bool> PurgeSome(AccountNo no, int limit) override;
  absl::Status PutRequest(const CarriedOut& request) override;
  absl::StatusOr<int> DeleteRequests(absl::Time until, int limit) override;
  absl::StatusOr<std::vector<AuditedChange>> ListAuditEntries(const AuditQuery& query) override;
  absl::Status PutAuditEntry(const AuditedChange& entry) override;
  absl::Status EraseAuditedContent(absl::string_view resource) override;

  [[nodiscard]] const std::set<AccountNo>& touched() const { return touched_; }

 private:
  absl::Status BuryTasks(const AccountRecord& account, absl::Time now);
  absl::Status LoadRecords(AccountNo no, absl::Time as_of, AccountHistory& history);
  absl::Status LoadSubscriptions(AccountNo no, absl::Time as_of, AccountHistory& history);
  absl::Status LoadUsageDays(AccountNo no, absl::Time as_of, AccountHistory& history);
  absl::Status LoadUsageOfLastDay(AccountNo no, absl::Time as_of, AccountHistory& history);
  absl::Status LoadLastUse(AccountNo no, absl::Time as_of, AccountHistory& history);
  absl::Status LoadReported(AccountNo no, absl::Time as_of, AccountHistory& history);
  absl::Status LoadNextChange(AccountNo no, absl::Time as_of, AccountHistory& history);
  // What ReplaceUsage keeps in step with the events.
  absl::Status SumUsageDayAnew(AccountNo no, std::int64_t metric, std::int64_t day);
  absl::Status FindLastUseAnew(AccountNo no, std::int64_t metric);
  absl::Status FindFirstTimeAnew(std::int64_t metric, absl::Time lost);
  absl::StatusOr<std::int64_t> LeastOfAllAccounts(absl::string_view sql, std::int64_t metric, std::int64_t begin,
                                                  std::int64_t end);
  absl::Status LoadGoals(AccountNo no, absl::Time as_of, AccountHistory& history);
  absl::Status LoadLifecycle(AccountNo no, absl::Time as_of, AccountHistory& history);
  absl::Status LoadAchievements(AccountNo no, absl::Time as_of, AccountHistory& history);
  absl::Status PutParent(AccountNo no, absl::string_view parent);

  struct AddedUse {
    AccountNo no = 0;
    std::int64_t day = 0;
    UsageEvent event;
  };
  // Brings the daily sums, last days and users up to date with the events that were added: all that read or change those
  // call it first.
  absl::Status FlushUsage();
  absl::Status TellHookOfUse(const std::vector<const AddedUse*>& uses);
  absl::Status FlushDay(const AddedUse* const* begin, const AddedUse* const* end);

  sql::Connection& connection_;
  CommitHook* const hook_;
  std::set<AccountNo> touched_;
  std::optional<LifecycleRules> rules_;  // the newest, once they were read
  bool rules_changed_ = false;
  std::map<AccountNo, std::vector<UsageEvent>> new_usage_;
  std::vector<AddedUse> added_;  // by the write that runs
  std::size_t flushed_ = 0;      // how many of those are in the sums
  std::optional<std::int64_t> last_revision_;  // of what has been put since the last write
};

// The event_time of records and usage that were deleted: before all times that a record can have, so that whoever looks
// for times does not find them.
inline constexpr std::int64_t kDeletedRecordTime = INT64_MIN;

// Times in the database.
inline std::int64_t ToDb(absl::Time time) { return absl::ToUnixMicros(time); }
inline absl::Time FromDb(std::int64_t micros) { return absl::FromUnixMicros(micros); }
inline std::optional<std::int64_t> ToDb(std::optional<absl::Time> time) {
  return time.has_value() ? std::optional<std::int64_t>(ToDb(*time)) : std::nullopt;
}
inline std::optional<absl::Time> FromDb(std::optional<std::int64_t> micros) {
  return micros.has_value() ? std::optional<absl::Time>(FromDb(*micros)) : std::nullopt;
}

}  // namespace perennial::accounts
