#include "accounts-svc/record_export.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "accounts-svc/account_messages.h"
#include "accounts-svc/exchange_rates.h"
#include "accounts-svc/lifecycle_rules.h"
#include "accounts-svc/record_content.h"
#include "accounts-svc/records.h"
#include "accounts-svc/store/state_codec.h"
#include "accounts-svc/tasks.h"
#include "common/base/error_details.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::accounts {
namespace {

// Rows that are read at once: what is in memory besides a message.
constexpr int kRows = 200;

// A contact or goal without what follows from it.
template <class Message>
absl::Status ReadCare(const CareRecord& record, const std::string& name, Message* out) {
  if (!out->ParseFromString(record.payload)) {
    return absl::DataLossError(absl::StrCat("stored ", name, " cannot be read"));
  }
  out->set_name(name);
  SetTimestamp(record.create_time, out->mutable_create_time());
  SetTimestamp(record.update_time, out->mutable_update_time());
  SetTimestamp(record.effective, out->mutable_effective_time());
  return absl::OkStatus();
}

// Sends accounts of one state of the store.
class Exporter {
 public:
  Exporter(ReadTransaction& transaction, const std::string& currency, const RecordExport::Send& send)
      : transaction_(transaction), currency_(currency), send_(send) {}

  absl::Status One(const std::string& id) {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction_, id));
    total_ = 1;
    PERENNIAL_RETURN_IF_ERROR(LoadMetrics());
    PERENNIAL_RETURN_IF_ERROR(AddAccount(account));
    return Flush();
  }

  absl::Status All() {
    PERENNIAL_ASSIGN_OR_RETURN(total_, transaction_.CountAccounts());
    PERENNIAL_RETURN_IF_ERROR(LoadMetrics());
    PERENNIAL_RETURN_IF_ERROR(AddRates());
    PERENNIAL_RETURN_IF_ERROR(AddRules());
    for (std::string after;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const std::vector<LiveAccountId> page, transaction_.ListAccountIds(after, kRows));
      if (page.empty()) return Flush();
      for (const LiveAccountId& live : page) {
        PERENNIAL_ASSIGN_OR_RETURN(const std::optional<AccountRecord> account, transaction_.FindAccountByNo(live.no));
        if (!account.has_value()) return absl::DataLossError("an account is listed and not there");
        PERENNIAL_RETURN_IF_ERROR(AddAccount(*account));
      }
      after = page.back().id;
    }
  }

 private:
  absl::Status LoadMetrics() {
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<Metric> metrics, transaction_.ListMetrics());
    for (const Metric& metric : metrics) metrics_[metric.no] = metric.name;
    return absl::OkStatus();
  }

  absl::Status AddRates() {
    ExchangeRateQuery query{.limit = kRows};
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const std::vector<ExchangeRate> page, transaction_.ListExchangeRates(query));
      if (page.empty()) return absl::OkStatus();
      for (const ExchangeRate& rate : page) {
        v1::ExchangeRate* out = message_.add_exchange_rates();
        *out = ToProto(rate);
        PERENNIAL_RETURN_IF_ERROR(Count(*out));
      }
      query.after_currency = page.back().currency;
      query.after_time = page.back().effective;
    }
  }

  absl::Status AddRules() {
    PERENNIAL_ASSIGN_OR_RETURN(const auto newest, transaction_.FindLifecycleRules(0));
    if (!newest.has_value()) return absl::DataLossError("the lifecycle has no rules");
    for (std::int64_t number = 1; number <= newest->rules.revision; ++number) {
      PERENNIAL_ASSIGN_OR_RETURN(const auto revision, transaction_.FindLifecycleRules(number));
      if (!revision.has_value()) return absl::DataLossError("a revision of the lifecycle's rules is not there");
      v1::LifecycleRules* out = message_.add_lifecycle_rules();
      *out = ToProto(*revision);
      PERENNIAL_RETURN_IF_ERROR(Count(*out));
    }
    return absl::OkStatus();
  }

  absl::Status AddAccount(const AccountRecord& account) {
    PERENNIAL_RETURN_IF_ERROR(AddAccountStates(account));
    PERENNIAL_RETURN_IF_ERROR(AddSubscriptions(account));
    PERENNIAL_RETURN_IF_ERROR(AddUsage(account));
    PERENNIAL_RETURN_IF_ERROR(AddRecords(account));
    PERENNIAL_RETURN_IF_ERROR(AddContacts(account));
    PERENNIAL_RETURN_IF_ERROR(AddGoals(account));
    PERENNIAL_RETURN_IF_ERROR(AddTasks(account));
    PERENNIAL_RETURN_IF_ERROR(AddPhaseMoves(account));
    ++done_;
    return absl::OkStatus();
  }

  absl::Status AddAccountStates(const AccountRecord& account) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<AccountVersion> versions,
                               transaction_.ListAccountVersions(account.no));
    for (const AccountVersion& version : versions) {
      v1::Record* record = NewRecord(account, version.effective);
      StateToProto(version.state, record->mutable_account_state());
      SetTimestamp(account.customer_since, record->mutable_account_state()->mutable_customer_since());
      PERENNIAL_RETURN_IF_ERROR(Count(*record));
    }
    return absl::OkStatus();
  }

  absl::Status AddSubscriptions(const AccountRecord& account) {
    for (std::string after;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const std::vector<SubscriptionRecord> page,
                                 transaction_.ListSubscriptions(account.no, after, kRows));
      if (page.empty()) return absl::OkStatus();
      for (const SubscriptionRecord& subscription : page) {
        PERENNIAL_RETURN_IF_ERROR(AddVersions(account, subscription));
      }
      after = page.back().id;
    }
  }

  absl::Status AddVersions(const AccountRecord& account, SubscriptionRecord subscription) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<SubscriptionVersion> versions,
                               transaction_.ListSubscriptionVersions(account.no, subscription.id));
    for (const SubscriptionVersion& version : versions) {
      // The first one holds since the subscription begins, whatever its time is. One that begins later than records may
      // lie ahead is told with the time at which it was stored.
      const bool first = &version == versions.data();
      v1::Record* record =
          NewRecord(account, first ? std::min(version.effective, subscription.create_time) : version.effective);
      subscription.state = version.state;
      v1::Subscription& state = *record->mutable_subscription_state();
      state = ToProto(account.id, subscription, currency_);
      state.clear_create_time();
      state.clear_update_time();
      state.clear_etag();
      PERENNIAL_RETURN_IF_ERROR(Count(*record));
    }
    return absl::OkStatus();
  }

  absl::Status AddUsage(const AccountRecord& account) {
    for (std::string after;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const std::vector<UsageEvent> page, transaction_.ListUsage(account.no, after, kRows));
      if (page.empty()) return absl::OkStatus();
      for (const UsageEvent& event : page) {
        const auto metric = metrics_.find(event.metric);
        if (metric == metrics_.end()) return absl::DataLossError("a stored event is of no known metric");
        v1::Record* record = message_.add_records();
        *record = UsageRecord(account.id, metric->second, event);
        PERENNIAL_RETURN_IF_ERROR(Count(*record));
      }
      after = page.back().record_id;
    }
  }

  absl::Status AddRecords(const AccountRecord& account) {
    for (StoredRecord after;;) {
      PERENNIAL_ASSIGN_OR_RETURN(std::vector<StoredRecord> page, transaction_.ListRecords(account.no, after, kRows));
      if (page.empty()) return absl::OkStatus();
      for (const StoredRecord& stored : page) {
        v1::Record* record = message_.add_records();
        PERENNIAL_ASSIGN_OR_RETURN(*record, ReadRecord(stored.payload));
        PERENNIAL_RETURN_IF_ERROR(Count(*record));
      }
      after = std::move(page.back());
    }
  }

  absl::Status AddContacts(const AccountRecord& account) {
    return ForEachCare(account, CareKind::kContact, [&](const CareRecord& record) -> absl::Status {
      v1::Contact* contact = message_.add_contacts();
      PERENNIAL_RETURN_IF_ERROR(
          ReadCare(record, absl::StrCat("accounts/", account.id, "/contacts/", record.id), contact));
      return Count(*contact);
    });
  }

  absl::Status AddGoals(const AccountRecord& account) {
    return ForEachCare(account, CareKind::kGoal, [&](const CareRecord& record) -> absl::Status {
      v1::Goal* goal = message_.add_goals();
      PERENNIAL_RETURN_IF_ERROR(ReadCare(record, absl::StrCat("accounts/", account.id, "/goals/", record.id), goal));
      return Count(*goal);
    });
  }

  template <class Add>
  absl::Status ForEachCare(const AccountRecord& account, CareKind kind, Add add) {
    for (std::string after;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const std::vector<CareRecord> page,
                                 transaction_.ListCare(account.no, kind, after, false, kRows));
      if (page.empty()) return absl::OkStatus();
      for (const CareRecord& record : page) PERENNIAL_RETURN_IF_ERROR(add(record));
      after = page.back().id;
    }
  }

  absl::Status AddTasks(const AccountRecord& account) {
    TaskQuery query{.account = account.no, .limit = kRows};
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const std::vector<TaskRecord> page, transaction_.ListTasks(query));
      if (page.empty()) return absl::OkStatus();
      for (const TaskRecord& stored : page) {
        v1::Task* task = message_.add_tasks();
        PERENNIAL_ASSIGN_OR_RETURN(*task, ToProto(stored));
        PERENNIAL_RETURN_IF_ERROR(Count(*task));
      }
      query.after_due = page.back().due;
      query.after_account = page.back().account_id;
      query.after_id = page.back().id;
    }
  }

  absl::Status AddPhaseMoves(const AccountRecord& account) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<PhaseMove> moves,
                               transaction_.ListPhaseMoves(account.no, absl::FromUnixMicros(INT64_MAX)));
    for (const PhaseMove& move : moves) PERENNIAL_RETURN_IF_ERROR(AddMove(account, {.move = move}));
    std::vector<TracedMove> undone;
    for (std::int64_t before = INT64_MAX;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const std::vector<TracedMove> page,
                                 transaction_.ListTracedMoves(account.no, before, true, kRows));
      if (page.empty()) break;
      for (const TracedMove& move : page) {
        if (move.undone.has_value()) undone.push_back(move);
      }
      before = page.back().no;
    }
    std::reverse(undone.begin(), undone.end());
    for (const TracedMove& move : undone) PERENNIAL_RETURN_IF_ERROR(AddMove(account, move));
    return absl::OkStatus();
  }

  absl::Status AddMove(const AccountRecord& account, const TracedMove& move) {
    v1::PhaseMove* out = message_.add_phase_moves();
    *out = ToProto(account.id, move);
    out->clear_create_time();
    return Count(*out);
  }

  v1::Record* NewRecord(const AccountRecord& account, absl::Time time) {
    v1::Record* record = message_.add_records();
    record->set_account(absl::StrCat("accounts/", account.id));
    SetTimestamp(time, record->mutable_event_time());
    return record;
  }

  // Sends the message once it is large enough.
  absl::Status Count(const google::protobuf::Message& added) {
    bytes_ += added.ByteSizeLong();
    return bytes_ < RecordExport::kMessageBytes ? absl::OkStatus() : Flush();
  }

  absl::Status Flush() {
    message_.set_accounts_done(done_);
    message_.set_accounts_total(total_);
    bytes_ = 0;
    return send_(std::exchange(message_, v1::ExportRecordsResponse()));
  }

  ReadTransaction& transaction_;
  const std::string& currency_;
  const RecordExport::Send& send_;
  absl::flat_hash_map<std::int64_t, std::string> metrics_;
  v1::ExportRecordsResponse message_;
  std::size_t bytes_ = 0;
  std::int64_t done_ = 0;
  std::int64_t total_ = 0;
};

}  // namespace

absl::Status RecordExport::Run(const Send& send) const {
  return store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    Exporter exporter(transaction, currency_, send);
    return account_id_.has_value() ? exporter.One(*account_id_) : exporter.All();
  });
}

absl::StatusOr<RecordExport> Records::Export(const v1::ExportRecordsRequest& request) {
  if (request.parent() == "accounts/-") return RecordExport(store_, currency_, std::nullopt);
  const auto id = IdOf(request.parent(), "accounts");
  if (!id.ok()) return BadField("parent", id.status().message());
  return RecordExport(store_, currency_, *id);
}

}  // namespace perennial::accounts
