#include "health-svc/health_process.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/server/process_flags.h"
#include "health-svc/store/sqlite_health_store.h"

namespace perennial::health {
namespace {

using perennial::accounts::v1::WatchFactsRequest;
using perennial::accounts::v1::WatchFactsResponse;

// An error of a part of the configuration, saying which.
absl::Status In(absl::string_view part, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(part, ": ", status.message()));
}

// What is shipped must do by itself, before anything of it is stored.
absl::Status CheckShipped(const HealthProcessOptions& options) {
  const auto scorecards = Scorecards::Compile(options.scorecards);
  if (!scorecards.ok()) return In("scorecards", scorecards.status());
  const auto rules = FlagRules::Compile(options.flag_rules);
  if (!rules.ok()) return In("flag rules", rules.status());
  return HealthFacts::Check(*scorecards, *rules);
}

// What is in force: what is shipped, together with what people have made of it.
absl::StatusOr<std::unique_ptr<Portfolio>> MakePortfolio(Configurator& configurator) {
  auto scorecards = configurator.CompileScorecards();
  if (!scorecards.ok()) return In("stored scorecards", scorecards.status());
  auto rules = configurator.CompileRules();
  if (!rules.ok()) return In("stored flag rules", rules.status());
  return Portfolio::Create(*std::move(scorecards), *std::move(rules));
}

}  // namespace

HealthProcess::HealthProcess(sqlite::FileLock data_lock, std::unique_ptr<HealthStore> store,
                             std::unique_ptr<ConfigStore> config_store, std::unique_ptr<Configurator> configurator,
                             std::unique_ptr<Portfolio> portfolio)
    : data_lock_(std::move(data_lock)),
      store_(std::move(store)),
      config_store_(std::move(config_store)),
      configurator_(std::move(configurator)),
      portfolio_(std::move(portfolio)) {}

HealthProcess::~HealthProcess() { Stop(); }

absl::StatusOr<std::unique_ptr<HealthProcess>> HealthProcess::Start(HealthProcessOptions options, const Clock& clock) {
  PERENNIAL_RETURN_IF_ERROR(CheckShipped(options));
  std::error_code error;
  std::filesystem::create_directories(options.data, error);
  const std::string path = absl::StrCat(options.data, "/health.db");
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::FileLock lock, sqlite::FileLock::Take(path));
  PERENNIAL_ASSIGN_OR_RETURN(std::unique_ptr<HealthStore> store, SqliteHealthStore::Open(path));
  PERENNIAL_ASSIGN_OR_RETURN(std::unique_ptr<ConfigStore> config_store, ConfigStore::Open(path));
  PERENNIAL_ASSIGN_OR_RETURN(std::unique_ptr<Configurator> configurator,
                             Configurator::Open(*config_store, options.scorecards, options.flag_rules, clock,
                                                options.shard.index == Shards::kKeeper
                                                    ? Configurator::Role::kKeeps
                                                    : Configurator::Role::kFollows));
  PERENNIAL_ASSIGN_OR_RETURN(std::unique_ptr<Portfolio> portfolio, MakePortfolio(*configurator));
  std::unique_ptr<HealthProcess> process(new HealthProcess(std::move(lock), std::move(store), std::move(config_store),
                                                           std::move(configurator), std::move(portfolio)));
  process->assessor_ = std::make_unique<Assessor>(*process->portfolio_, *process->store_, clock,
                                                  [raw = process.get()] { raw->Published(); });
  PERENNIAL_RETURN_IF_ERROR(process->assessor_->Load());
  PERENNIAL_ASSIGN_OR_RETURN(const HealthProgress progress, process->store_->Progress());
  process->portfolio_->SetFeedId(progress.generation);
  PERENNIAL_RETURN_IF_ERROR(process->LoadRetired());
  PERENNIAL_RETURN_IF_ERROR(process->OpenCache(options));
  PERENNIAL_RETURN_IF_ERROR(process->OpenShards(options));
  options.server.metrics = &process->metrics_;
  PERENNIAL_RETURN_IF_ERROR(process->Serve(options, clock));
  process->freshness_ = std::make_unique<Freshness>(
      process->metrics_, "perennial_health_freshness_seconds",
      "From the commit of an account's facts, and so of the records they come from, to its score being published.", clock);
  process->Measure();
  if (options.metrics_port >= 0) {
    PERENNIAL_RETURN_IF_ERROR(
        ServeMetrics(process->metrics_, options.server.host, options.metrics_port, options.server.tls));
  }
  process->Follow(options.accounts, options.tick);
  return process;
}

absl::Status HealthProcess::LoadRetired() {
  for (const auto& [id, revision] : portfolio_->UnknownScorecards()) {
    const auto stored = config_store_->Get(kScorecardKind, id, revision);
    if (absl::IsNotFound(stored.status())) continue;  // of a time before scorecards were stored
    PERENNIAL_RETURN_IF_ERROR(stored.status());
    PERENNIAL_ASSIGN_OR_RETURN(const v1::Scorecard definition, ScorecardConfiguration::Parse(*stored));
    const WriteLock write(portfolio_->lock());
    portfolio_->KeepRetired(std::make_unique<CompiledScorecard>(ToAnswer(*stored, definition)));
  }
  return absl::OkStatus();
}

absl::Status HealthProcess::OpenCache(const HealthProcessOptions& options) {
  if (options.redis.empty()) return absl::OkStatus();
  PERENNIAL_ASSIGN_OR_RETURN(const HealthProgress progress, store_->Progress());
  auto reader = RedisClient::Create({.address = options.redis});
  if (!reader.ok()) return In("redis", reader.status());
  auto writer = RedisClient::Create({.address = options.redis});
  if (!writer.ok()) return In("redis", writer.status());
  cache_reader_ = std::make_unique<ScoreCacheReader>(*std::move(reader), progress.generation);
  // Accounts that another replica has taken over are its to write, whatever lies here of them.
  cache_writer_ = std::make_unique<ScoreCacheWriter>(
      *std::move(writer), *portfolio_, progress.generation,
      [index = options.shard.index, count = options.shard.count](absl::string_view account) {
        return ShardOf(account, count) == index;
      });
  return absl::OkStatus();
}

absl::Status HealthProcess::Serve(const HealthProcessOptions& options, const Clock& clock) {
  scores_ = std::make_unique<HealthScores>(*portfolio_, *store_, *assessor_, clock);
  lookup_ = std::make_unique<ScoreLookup>(
      cache_reader_.get(), pool_,
      [this](const std::string& account, std::int64_t) { return scores_->GetStored(account); });
  flags_ = std::make_unique<Flags>(*portfolio_, *assessor_, clock);
  scorecard_library_ = std::make_unique<ScorecardLibrary>(*configurator_, *portfolio_);
  simulation_ = std::make_unique<Simulation>(*configurator_, *scorecard_library_, *portfolio_);
  rule_library_ = std::make_unique<FlagRuleLibrary>(*configurator_, *portfolio_);
  past_facts_ = std::make_unique<PastFacts>(options.accounts);
  past_scores_ = std::make_unique<PastScores>(*past_facts_, *portfolio_, *scorecard_library_, clock);
  score_answers_ = std::make_unique<ScoreAnswers>(*past_scores_, *store_, *config_store_, *portfolio_, clock);
  score_service_ = std::make_unique<HealthScoreService>(HealthScoreService::Parts{.scores = *scores_,
                                                                                  .answers = *score_answers_,
                                                                                  .lookup = *lookup_,
                                                                                  .portfolio = *portfolio_,
                                                                                  .pool = pool_,
                                                                                  .past_pool = past_pool_,
                                                                                  .waiters = waiters_,
                                                                                  .hub = hub_});
  backtest_ = std::make_unique<Backtest>(*past_facts_, *scorecard_library_, *portfolio_, clock);
  calibration_ = std::make_unique<Calibration>(*past_facts_, *scorecard_library_, *portfolio_, clock);
  scorecard_service_ = std::make_unique<ScorecardService>(ScorecardService::Parts{.library = *scorecard_library_,
                                                                                  .simulation = *simulation_,
                                                                                  .backtest = *backtest_,
                                                                                  .calibration = *calibration_,
                                                                                  .pool = pool_,
                                                                                  .heavy_pool = heavy_pool_,
                                                                                  .long_pool = long_pool_});
  flag_service_ = std::make_unique<FlagService>(FlagService::Parts{.flags = *flags_,
                                                                   .rules = *rule_library_,
                                                                   .portfolio = *portfolio_,
                                                                   .clock = clock,
                                                                   .pool = pool_,
                                                                   .waiters = waiters_,
                                                                   .hub = hub_});
  configurator_->Follow(*assessor_, [this] {
    if (Ticker* ticker = started_ticker_) ticker->Wake();
  });
  PERENNIAL_ASSIGN_OR_RETURN(values_, ValuePart::Open({.portfolio = *portfolio_,
                                                       .store = *config_store_,
                                                       .clock = clock,
                                                       .accounts = options.accounts,
                                                       .pool = pool_,
                                                       .waiters = waiters_,
                                                       .hub = hub_,
                                                       .tick = options.tick,
                                                       .redis = options.redis}));
  std::vector<grpc::Service*> services = {score_service_.get(), flag_service_.get(), scorecard_service_.get(),
                                          &values_->service()};
  if (shards_ != nullptr) services = ServeShards();
  backup_ = std::make_unique<storage::BackupSource>(
      absl::StrCat(options.data, "/.backup"),
      std::vector<storage::CopySource>{storage::SqliteSource(absl::StrCat(options.data, "/health.db"))});
  backup_service_ = std::make_unique<decltype(backup_service_)::element_type>(*backup_, hub_);
  services.push_back(backup_service_.get());
  PERENNIAL_ASSIGN_OR_RETURN(
      server_, Server::Start(options.server, services,
                             {v1::HealthScoreService::service_full_name(), v1::FlagService::service_full_name(),
                              v1::ScorecardService::service_full_name(), v1::ValueService::service_full_name(),
                              v1::BackupService::service_full_name()}));
  return absl::OkStatus();
}

void HealthProcess::Follow(const std::shared_ptr<grpc::Channel>& accounts, std::chrono::milliseconds tick) {
  facts_ = perennial::accounts::v1::FactService::NewStub(accounts);
  if (shards_ == nullptr || shards_->KeepsConfiguration() || !configurator_->followed_position().empty()) FollowFacts();
  ticker_ = std::make_unique<Ticker>(tick, [this] { return assessor_->Tick(); });
  started_ticker_ = ticker_.get();
  backfill_ = std::make_unique<ChurnBackfill>(*assessor_, *past_scores_);
  backfill_ticker_ = std::make_unique<Ticker>(tick, [this] { return backfill_->Run(); });
  carry_lookup_ = std::make_unique<CarryLookup>(*assessor_, *past_scores_, *portfolio_);
  carry_ticker_ = std::make_unique<Ticker>(tick, [this] { return carry_lookup_->Run(); });
  values_->Start();
  if (shards_ == nullptr || shards_->KeepsConfiguration()) return;
  // Without a configuration that it has followed once it scores nothing: what it ships with may not be what is in force.
  configuration_follower_ =
      std::make_unique<ConfigurationFollower>(*shards_, *configurator_, configuration_connected_, [this] {
        if (follower_ == nullptr) FollowFacts();
      });
}

void HealthProcess::FollowFacts() {
  follower_ = std::make_unique<StreamFollower<WatchFactsResponse>>(
      "facts",
      [this](grpc::ClientContext* context) {
        WatchFactsRequest request;
        request.set_start_revision(assessor_->feed_revision());
        request.set_feed_id(assessor_->feed_id());
        if (shards_ != nullptr) {
          request.set_shard_index(shards_->index());
          request.set_shard_count(shards_->count());
        }
        freshness_->Opened(request.start_revision());
        return facts_->WatchFacts(context, request);
      },
      [this](const WatchFactsResponse& message) {
        const absl::Status applied = assessor_->Apply(message);
        if (applied.ok()) freshness_->Applied(message);
        return applied;
      },
      [this](const absl::Status& ended) {
        if (absl::IsOutOfRange(ended)) assessor_->StartOver();
      });
  MeasureFollowing();
}

void HealthProcess::Published() {
  std::int64_t facts_revision = 0;
  bool caught_up = false;
  {
    const ReadLock read(portfolio_->lock());
    facts_revision = portfolio_->facts_revision();
    caught_up = portfolio_->caught_up();
  }
  values_->Follow();
  waiters_.Advance(facts_revision);
  hub_.WakeAll();
  if (cache_writer_ != nullptr) cache_writer_->Wake();
  if (caught_up && !ready_) {
    ready_ = true;
    server_->SetReady(true);
  }
}

void HealthProcess::Stop() {
  if (server_ != nullptr) {
    server_->Stop([this] {
      hub_.Drain();
      waiters_.Drain();
    });
  }
  configuration_follower_.reset();
  feed_metrics_.Close();
  started_ticker_ = nullptr;
  assessor_->Stop();
  if (backfill_ != nullptr) backfill_->Stop();
  if (carry_lookup_ != nullptr) carry_lookup_->Stop();
  if (values_ != nullptr) values_->Stop();
  carry_ticker_.reset();
  backfill_ticker_.reset();
  ticker_.reset();
  follower_.reset();
}

}  // namespace perennial::health
