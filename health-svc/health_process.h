#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/feed/freshness.h"
#include "common/feed/stream_follower.h"
#include "common/server/metrics.h"
#include "common/server/backup_service.h"
#include "common/server/metrics_scope.h"
#include "common/server/server.h"
#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "common/storage/sqlite.h"
#include "health-svc/assessor.h"
#include "health-svc/carry_lookup.h"
#include "health-svc/churn_backfill.h"
#include "health-svc/configurator.h"
#include "health-svc/flag_service.h"
#include "health-svc/health_score_service.h"
#include "health-svc/score_answers.h"
#include "health-svc/score_cache.h"
#include "health-svc/score_lookup.h"
#include "health-svc/scorecard_service.h"
#include "health-svc/shard/configuration_follower.h"
#include "health-svc/shard/replica_service.h"
#include "health-svc/shard/sharded_flags.h"
#include "health-svc/shard/sharded_scorecards.h"
#include "health-svc/shard/sharded_scores.h"
#include "health-svc/shard/sharded_values.h"
#include "health-svc/shard/shards.h"
#include "health-svc/ticker.h"
#include "health-svc/value_part.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"
#include "perennial/health/v1/backup_service.grpc.pb.h"

namespace perennial::health {

struct HealthProcessOptions {
  // Folder of the database; made when absent.
  std::string data;
  // Where facts come from.
  std::shared_ptr<grpc::Channel> accounts;
  // "host:port"; empty for none.
  std::string redis = {};
  v1::ScorecardSet scorecards;
  v1::FlagRuleSet flag_rules;
  ServerOptions server = {};
  std::chrono::milliseconds tick{1000};
  // Which of the replicas that share the accounts this is.
  ShardOptions shard = {};
  // Where /metrics is served, beside the server's host; 0 takes a free port, negative serves none.
  int metrics_port = -1;
};

// All of health-svc, wired up: store, portfolio, follower, services, server.
class HealthProcess {
 public:
  // `clock` must outlive it. INVALID_ARGUMENT and FAILED_PRECONDITION with a sentence for people.
  static absl::StatusOr<std::unique_ptr<HealthProcess>> Start(HealthProcessOptions options, const Clock& clock);
  ~HealthProcess();

  [[nodiscard]] Server& server() { return *server_; }
  // What has been written to Redis; nothing without one.
  [[nodiscard]] ScoreCacheWriter* cache_writer() { return cache_writer_.get(); }
  // Numbers for operators.
  [[nodiscard]] Metrics& metrics() { return metrics_; }
  // Stops serving, then following. Safe to call twice.
  void Stop();

 private:
  HealthProcess(sqlite::FileLock data_lock, std::unique_ptr<HealthStore> store,
                std::unique_ptr<ConfigStore> config_store, std::unique_ptr<Configurator> configurator,
                std::unique_ptr<Portfolio> portfolio);
  // Finds the scorecards of scores that an earlier configuration made.
  absl::Status LoadRetired();
  absl::Status Serve(const HealthProcessOptions& options, const Clock& clock);
  absl::Status OpenCache(const HealthProcessOptions& options);
  // Prepares to answer for accounts of other replicas.
  absl::Status OpenShards(const HealthProcessOptions& options);
  // The present score of another replica's account that Redis does not have: its owner says it, else the facts.
  absl::StatusOr<StoredScore> FromOwner(const std::string& account, std::int64_t min_facts_revision) const;
  void Measure();
  void MeasureFollowing();
  void Follow(const std::shared_ptr<grpc::Channel>& accounts, std::chrono::milliseconds tick);
  // Services that answer for the accounts of all replicas.
  std::vector<grpc::Service*> ServeShards();
  void FollowFacts();
  // Tells everyone who waits that there is something new.
  void Published();

  const sqlite::FileLock data_lock_;
  const std::unique_ptr<HealthStore> store_;
  const std::unique_ptr<ConfigStore> config_store_;
  const std::unique_ptr<Configurator> configurator_;
  const std::unique_ptr<Portfolio> portfolio_;
  WatchHub hub_;
  std::unique_ptr<ScoreCacheReader> cache_reader_;
  std::unique_ptr<ScoreCacheWriter> cache_writer_;
  std::unique_ptr<Assessor> assessor_;
  std::unique_ptr<HealthScores> scores_;
  std::unique_ptr<Flags> flags_;
  std::unique_ptr<ScorecardLibrary> scorecard_library_;
  std::unique_ptr<PastFacts> past_facts_;
  std::unique_ptr<PastScores> past_scores_;
  std::unique_ptr<ScoreAnswers> score_answers_;
  std::unique_ptr<ChurnBackfill> backfill_;
  std::unique_ptr<CarryLookup> carry_lookup_;
  std::unique_ptr<FlagRuleLibrary> rule_library_;
  std::unique_ptr<Simulation> simulation_;
  std::unique_ptr<Backtest> backtest_;
  std::unique_ptr<Calibration> calibration_;
  WorkerPool pool_{{.threads = 8, .max_queued = 1024}};
  WorkerPool past_pool_{{.threads = 4, .max_queued = 64}};  // for what asks accounts-svc
  WorkerPool heavy_pool_{{.threads = 1, .max_queued = 8}};  // for what looks at the whole portfolio
  WorkerPool long_pool_{{.threads = 1, .max_queued = 4}};   // for what takes minutes
  std::unique_ptr<Shards> shards_;                         // null without --shard
  std::unique_ptr<ScoreCacheReader> others_cache_reader_;  // of scores of other replicas
  std::unique_ptr<ScoreLookup> lookup_;
  std::unique_ptr<ScoreLookup> others_lookup_;
  RevisionWaiters waiters_;
  std::unique_ptr<ReplicaService> replica_service_;
  std::unique_ptr<ShardedScores> sharded_scores_;
  std::unique_ptr<ShardedFlags> sharded_flags_;
  std::unique_ptr<ShardedScorecards> sharded_scorecards_;
  std::unique_ptr<ShardedValues> sharded_values_;
  std::unique_ptr<HealthScoreService> score_service_;
  std::unique_ptr<FlagService> flag_service_;
  std::unique_ptr<ScorecardService> scorecard_service_;
  std::unique_ptr<ValuePart> values_;
  std::unique_ptr<storage::BackupSource> backup_;
  std::unique_ptr<BackupServer<v1::BackupService, v1::CreateBackupRequest, v1::CreateBackupResponse>> backup_service_;
  std::unique_ptr<Server> server_;
  bool ready_ = false;  // of the assessor's calls, one at a time
  std::unique_ptr<perennial::accounts::v1::FactService::Stub> facts_;
  std::unique_ptr<StreamFollower<perennial::accounts::v1::WatchFactsResponse>> follower_;
  std::atomic<bool> configuration_connected_ = false;
  std::unique_ptr<ConfigurationFollower> configuration_follower_;
  std::unique_ptr<Ticker> ticker_;
  std::unique_ptr<Ticker> backfill_ticker_;
  std::unique_ptr<Ticker> carry_ticker_;
  std::atomic<Ticker*> started_ticker_ = nullptr;  // for calls, which may come before it
  std::unique_ptr<Freshness> freshness_;
  Metrics metrics_;                                // after all others: it reads them
  MetricsScope feed_metrics_{metrics_};            // of what Stop() ends
};

}  // namespace perennial::health
