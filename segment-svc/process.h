#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/server/backup_service.h"
#include "common/feed/freshness.h"
#include "common/server/metrics_scope.h"
#include "common/server/server.h"
#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "common/storage/sqlite.h"
#include "perennial/segments/v1/backup_service.grpc.pb.h"
#include "segment-svc/engagement_book.h"
#include "segment-svc/engagement_service.h"
#include "segment-svc/engagement_store.h"
#include "segment-svc/feeds.h"
#include "segment-svc/freshness_gate.h"
#include "segment-svc/ledger/ledger_feed.h"
#include "segment-svc/ledger/live_ledger.h"
#include "segment-svc/member_decisions.h"
#include "segment-svc/memberships.h"
#include "segment-svc/portfolio.h"
#include "segment-svc/portfolio_service.h"
#include "segment-svc/preview.h"
#include "segment-svc/segment_engine.h"
#include "segment-svc/segment_service.h"
#include "segment-svc/segment_store.h"
#include "segment-svc/segments.h"
#include "segment-svc/snapshot_store.h"
#include "segment-svc/snapshots.h"
#include "segment-svc/sweeper.h"

namespace perennial::segments {

// The whole of segment-svc, wired: what main() runs, and what tests run in their own process.
class Process {
 public:
  struct Options {
    // Folder of the database; created when it is not there.
    std::string data;
    // Segments to begin with, see SegmentEngine::Open().
    std::vector<SegmentRecord> shipped;
    // Engagement models to begin with, see EngagementBook::Open().
    std::vector<v1::EngagementModel> shipped_models = {};
    // Currency of the facts' money.
    std::string currency = "USD";
    ServerOptions server;
    std::shared_ptr<grpc::Channel> accounts;
    // health-svc, or each of the shards that it runs in.
    std::vector<std::shared_ptr<grpc::Channel>> health;
  };
  // Opens the store and starts to serve and to follow. FAILED_PRECONDITION or UNAVAILABLE with a sentence for people.
  // `clock` must outlive the process.
  static absl::StatusOr<std::unique_ptr<Process>> Start(Options options, const Clock& clock);
  ~Process();

  [[nodiscard]] Server& server() { return *server_; }
  [[nodiscard]] SegmentEngine& engine() { return *engine_; }
  [[nodiscard]] FreshnessGate& gate() { return gate_; }
  [[nodiscard]] FreshnessGate& ledger_gate() { return ledger_gate_; }
  [[nodiscard]] const LiveLedger& ledger() const { return *ledger_; }

  // Ends streams and waits for calls, as Server::Stop(). Safe to call twice.
  void Stop();

 private:
  // The databases, opened.
  struct Stores {
    std::unique_ptr<SegmentStore> segments;
    std::unique_ptr<EngagementStore> engagement;
    std::unique_ptr<SnapshotStore> snapshots;
  };
  Process(sqlite::FileLock lock, Stores stores) : lock_(std::move(lock)), stores_(std::move(stores)) {}
  absl::Status Wire(Options options, const Clock& clock);
  void OnPublished();
  void Measure(Metrics& metrics);

  const sqlite::FileLock lock_;
  const Stores stores_;
  WatchHub hub_;
  FreshnessGate gate_;
  FreshnessGate ledger_gate_{"movements of the revenue ledger"};
  Mutex ready_mu_;
  bool serving_ ABSL_GUARDED_BY(ready_mu_) = false;
  bool told_ready_ ABSL_GUARDED_BY(ready_mu_) = false;
  std::unique_ptr<SegmentEngine> engine_;
  std::unique_ptr<EngagementBook> book_;
  std::unique_ptr<EngagementModels> models_;
  std::unique_ptr<EngagementManagers> managers_;
  std::unique_ptr<Engagements> engagements_;
  std::unique_ptr<Segments> segments_;
  std::unique_ptr<Memberships> memberships_;
  std::unique_ptr<Preview> preview_;
  std::unique_ptr<SegmentMetricsReader> metrics_;
  std::unique_ptr<Snapshots> snapshots_;
  std::unique_ptr<MemberDecisions> decisions_;
  std::unique_ptr<LiveLedger> ledger_;
  std::unique_ptr<Portfolio> portfolio_;
  std::unique_ptr<RevenueRetention> retention_;
  std::unique_ptr<CustomerEquity> equity_;
  WorkerPool pool_{{.threads = 16, .max_queued = 1024}};
  // Apart, so that a thousand watchers that wake at once hold up no other call.
  WorkerPool watch_pool_{{.threads = 4, .max_queued = 2048}};
  // For what reads all accounts: few at a time, so that these leave the others their threads.
  WorkerPool portfolio_pool_{{.threads = 4, .max_queued = 256}};
  std::unique_ptr<SegmentService> segment_service_;
  std::unique_ptr<PortfolioService> portfolio_service_;
  std::unique_ptr<EngagementService> engagement_service_;
  std::unique_ptr<storage::BackupSource> backup_;
  std::unique_ptr<BackupServer<v1::BackupService, v1::CreateBackupRequest, v1::CreateBackupResponse>> backup_service_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Freshness> freshness_;
  std::unique_ptr<Feeds> feeds_;
  std::unique_ptr<LedgerFeed> ledger_feed_;
  std::unique_ptr<Sweeper> sweeper_;
  std::unique_ptr<MetricsScope> scope_;  // null without metrics
};

}  // namespace perennial::segments
