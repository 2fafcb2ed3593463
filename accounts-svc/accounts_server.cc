#include "accounts-svc/accounts_server.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "accounts-svc/account_service.h"
#include "accounts-svc/accounts_metrics.h"
#include "accounts-svc/audit.h"
#include "accounts-svc/audit_service.h"
#include "accounts-svc/audited_store.h"
#include "accounts-svc/exchange_rate_service.h"
#include "accounts-svc/fact_service.h"
#include "accounts-svc/facts/fact_definitions.h"
#include "accounts-svc/facts_writer.h"
#include "accounts-svc/feed_poller.h"
#include "accounts-svc/goal_service.h"
#include "accounts-svc/ingest_service.h"
#include "accounts-svc/lifecycle_service.h"
#include "accounts-svc/record_service.h"
#include "accounts-svc/store/schema.h"
#include "accounts-svc/store/sql_store.h"
#include "accounts-svc/subscription_service.h"
#include "accounts-svc/sweeper.h"
#include "accounts-svc/task_service.h"
#include "accounts-svc/timeline_service.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/server/backup_service.h"
#include "common/storage/backup_reader.h"
#include "common/storage/copy_tables.h"
#include "perennial/accounts/v1/backup_service.grpc.pb.h"
#include "common/storage/storage_failure.h"

namespace perennial::accounts {
namespace {

std::string DatabasePath(const AccountsServerOptions& options) { return options.data + "/accounts.db"; }

storage::CopySource CopySourceOf(const AccountsServerOptions& options) {
  if (options.database.empty()) return storage::SqliteSource(DatabasePath(options));
  return storage::PostgresSource("accounts.db", {.connection = options.database}, AccountsSchema());
}

// Everything in order of construction; destroyed in reverse, so that nothing outlives what it uses.
class WiredServer final : public AccountsServer {
 public:
  WiredServer(std::unique_ptr<Store> store, const AccountsServerOptions& options, const Clock& clock)
      : hub_(WatchHub::kMostStreams, options.longest_watch_stall),
        store_(std::move(store)),
        audited_(*store_, clock, options.currency),
        facts_writer_(numbering_, clock, [this] { hub_.WakeAll(); }, {.bytes = kWarmBytes, .shared = store_->shared()}),
        accounts_(audited_, numbering_, clock),
        contacts_(audited_, clock),
        subscriptions_(audited_, clock, options.currency),
        rates_(audited_, clock, options.currency),
        lifecycle_(audited_, clock),
        hierarchy_(*store_, clock, options.currency),
        ingest_(*store_, numbering_, clock, options.currency),
        records_(audited_, numbering_, clock, options.currency),
        facts_(*store_, numbering_, clock),
        goals_(audited_, numbering_, clock),
        tasks_(audited_, clock),
        audit_(*store_),
        timeline_(*store_, clock, options.currency),
        backup_(absl::StrCat(options.data, "/.backup"), {CopySourceOf(options)}),
        account_service_(accounts_, contacts_, hierarchy_, pool_),
        subscription_service_(subscriptions_, pool_, watch_pool_, hub_),
        rate_service_(rates_, pool_),
        lifecycle_service_(lifecycle_, pool_),
        ingest_service_(ingest_, pool_, hub_),
        record_service_(records_, pool_, export_pool_, hub_, options.export_limits),
        fact_service_(facts_, pool_, watch_pool_, hub_),
        goal_service_(goals_, pool_),
        task_service_(tasks_, pool_, watch_pool_, hub_),
        timeline_service_(timeline_, pool_),
        audit_service_(audit_, pool_),
        backup_service_(backup_, hub_) {}

  ~WiredServer() override {
    Stop();
    store_->SetFailureHook(nullptr);
  }

  absl::Status Start(const AccountsServerOptions& options, const Clock& clock) {
    PERENNIAL_RETURN_IF_ERROR(store_->Read([&](ReadTransaction& transaction) -> absl::Status {
      PERENNIAL_ASSIGN_OR_RETURN(const auto saved, transaction.ListFactDefinitions(0));
      return numbering_.Load(saved);
    }));
    PERENNIAL_RETURN_IF_ERROR(numbering_.AddAll(FixedFactDefinitions(options.currency)));
    if (options.server.metrics != nullptr) {
      scope_ = std::make_unique<MetricsScope>(*options.server.metrics);
      MeasureAccounts({.store = *store_,
                       .facts_writer = facts_writer_,
                       .ingest = ingest_,
                       .hub = hub_,
                       .pool = pool_,
                       .watch_pool = watch_pool_,
                       .export_pool = export_pool_},
                      *scope_);
    }
    store_->SetCommitHook(facts_writer_);
    PERENNIAL_RETURN_IF_ERROR(CheckCurrency(options.currency));
    PERENNIAL_RETURN_IF_ERROR(EnsureFeedId(*store_));
    PERENNIAL_RETURN_IF_ERROR(ListFormerParents(*store_));
    PERENNIAL_ASSIGN_OR_RETURN(
        server_, Server::Start(options.server,
                               {&account_service_, &subscription_service_, &rate_service_, &lifecycle_service_,
                                &ingest_service_, &record_service_,
                                &fact_service_, &goal_service_, &task_service_, &timeline_service_, &backup_service_, &audit_service_},
                               {"perennial.accounts.v1.AccountService", "perennial.accounts.v1.SubscriptionService",
                                "perennial.accounts.v1.ExchangeRateService",
                                "perennial.accounts.v1.LifecycleService",
                                "perennial.accounts.v1.IngestService", "perennial.accounts.v1.RecordService",
                                "perennial.accounts.v1.FactService", "perennial.accounts.v1.GoalService",
                                "perennial.accounts.v1.TaskService", "perennial.accounts.v1.TimelineService",
                                v1::BackupService::service_full_name(), v1::AuditService::service_full_name()}));
    store_->SetFailureHook([this, on_disk_failure = options.on_disk_failure](const absl::Status& failure) {
      Log(LogLevel::kError, "storage failed; not serving any more", {{"status", failure.ToString()}});
      server_->SetReady(false);
      server_->health().SetServing("", false);
      if (FailureOf(failure) == StorageFailure::kDisk && on_disk_failure) on_disk_failure();
    });
    if (store_->shared()) poller_ = std::make_unique<FeedPoller>(*store_, [this] { hub_.WakeAll(); });
    sweeper_ = std::make_unique<Sweeper>(*store_, clock, options.sweep_interval);
    server_->SetReady(true);
    return absl::OkStatus();
  }

  [[nodiscard]] int port() const override { return server_->port(); }
  std::shared_ptr<grpc::Channel> InProcessChannel() override { return server_->InProcessChannel(); }
  void Stop() override {
    sweeper_.reset();
    poller_.reset();
    if (server_ != nullptr) server_->Stop([this] { hub_.Drain(); });
  }

 private:
  // Amounts are stored without their currency: another one would change the meaning of all of them.
  absl::Status CheckCurrency(const std::string& currency) {
    constexpr char kCurrency[] = "reporting_currency";
    return store_
        ->Write([&](WriteTransaction& transaction) -> absl::Status {
          PERENNIAL_ASSIGN_OR_RETURN(const std::string stored, transaction.GetSetting(kCurrency));
          if (stored.empty()) return transaction.PutSetting(kCurrency, currency);
          if (stored == currency) return absl::OkStatus();
          return absl::FailedPreconditionError(
              absl::StrCat("the data is in ", stored, "; start with --reporting_currency=", stored));
        })
        .status();
  }

  FactNumbering numbering_;
  WatchHub hub_;
  std::unique_ptr<Store> store_;
  AuditedStore audited_;
  FactsWriter facts_writer_;
  Accounts accounts_;
  Contacts contacts_;
  Subscriptions subscriptions_;
  ExchangeRates rates_;
  Lifecycle lifecycle_;
  Hierarchy hierarchy_;
  Ingest ingest_;
  Records records_;
  Facts facts_;
  Goals goals_;
  Tasks tasks_;
  Audit audit_;
  Timeline timeline_;
  storage::BackupSource backup_;
  WorkerPool pool_{{.threads = 16, .max_queued = 256}};
  WorkerPool watch_pool_{{.threads = 4, .max_queued = 4096}};
  // Each export holds a reader of the store, so there are few at once.
  WorkerPool export_pool_{{.threads = 2, .max_queued = 8}};
  AccountService account_service_;
  SubscriptionService subscription_service_;
  ExchangeRateService rate_service_;
  LifecycleService lifecycle_service_;
  IngestService ingest_service_;
  RecordService record_service_;
  FactService fact_service_;
  GoalService goal_service_;
  TaskService task_service_;
  TimelineService timeline_service_;
  AuditService audit_service_;
  BackupServer<v1::BackupService, v1::CreateBackupRequest, v1::CreateBackupResponse> backup_service_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Sweeper> sweeper_;
  std::unique_ptr<FeedPoller> poller_;
  std::unique_ptr<MetricsScope> scope_;  // null without metrics; before all others it goes
};

absl::StatusOr<std::unique_ptr<Store>> OpenStore(const AccountsServerOptions& options) {
  if (!options.database.empty()) return SqlStore::OpenPostgres({.connection = options.database});
  std::error_code error;
  std::filesystem::create_directories(options.data, error);
  if (error) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot create the folder ", options.data, ": ", error.message()));
  }
  return SqlStore::OpenSqlite(DatabasePath(options));
}

}  // namespace

absl::StatusOr<std::unique_ptr<AccountsServer>> AccountsServer::Start(const AccountsServerOptions& options,
                                                                      const Clock& clock) {
  PERENNIAL_ASSIGN_OR_RETURN(auto store, OpenStore(options));
  auto server = std::make_unique<WiredServer>(std::move(store), options, clock);
  PERENNIAL_RETURN_IF_ERROR(server->Start(options, clock));
  return server;
}

}  // namespace perennial::accounts
