#include "health-svc/health_process.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "health-svc/store/sqlite_health_store.h"

namespace perennial::health {
namespace {

using perennial::accounts::v1::WatchFactsRequest;
using perennial::accounts::v1::WatchFactsResponse;

// An error of a part of the configuration, saying which.
absl::Status In(absl::string_view part, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(part, ": ", status.message()));
}

absl::StatusOr<std::unique_ptr<Portfolio>> MakePortfolio(const HealthProcessOptions& options) {
  auto scorecards = Scorecards::Compile(options.scorecards);
  if (!scorecards.ok()) return In("scorecards", scorecards.status());
  auto rules = FlagRules::Compile(options.flag_rules);
  if (!rules.ok()) return In("flag rules", rules.status());
  return Portfolio::Create(*std::move(scorecards), *std::move(rules));
}

}  // namespace

HealthProcess::HealthProcess(sqlite::FileLock data_lock, std::unique_ptr<HealthStore> store,
                             std::unique_ptr<Portfolio> portfolio)
    : data_lock_(std::move(data_lock)), store_(std::move(store)), portfolio_(std::move(portfolio)) {}

HealthProcess::~HealthProcess() { Stop(); }

absl::StatusOr<std::unique_ptr<HealthProcess>> HealthProcess::Start(HealthProcessOptions options, const Clock& clock) {
  PERENNIAL_ASSIGN_OR_RETURN(std::unique_ptr<Portfolio> portfolio, MakePortfolio(options));
  std::error_code error;
  std::filesystem::create_directories(options.data, error);
  const std::string path = absl::StrCat(options.data, "/health.db");
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::FileLock lock, sqlite::FileLock::Take(path));
  PERENNIAL_ASSIGN_OR_RETURN(std::unique_ptr<HealthStore> store, SqliteHealthStore::Open(path));
  std::unique_ptr<HealthProcess> process(new HealthProcess(std::move(lock), std::move(store), std::move(portfolio)));
  process->assessor_ = std::make_unique<Assessor>(*process->portfolio_, *process->store_, clock,
                                                  [raw = process.get()] { raw->Published(); });
  PERENNIAL_RETURN_IF_ERROR(process->assessor_->Load());
  PERENNIAL_RETURN_IF_ERROR(process->OpenCache(options.redis));
  PERENNIAL_RETURN_IF_ERROR(process->Serve(options, clock));
  process->Follow(options.accounts, options.tick);
  return process;
}

absl::Status HealthProcess::OpenCache(const std::string& redis) {
  if (redis.empty()) return absl::OkStatus();
  PERENNIAL_ASSIGN_OR_RETURN(const HealthProgress progress, store_->Progress());
  auto reader = RedisClient::Create({.address = redis});
  if (!reader.ok()) return In("redis", reader.status());
  auto writer = RedisClient::Create({.address = redis});
  if (!writer.ok()) return In("redis", writer.status());
  cache_reader_ = std::make_unique<ScoreCacheReader>(*std::move(reader), progress.generation);
  cache_writer_ = std::make_unique<ScoreCacheWriter>(*std::move(writer), *portfolio_, progress.generation);
  return absl::OkStatus();
}

absl::Status HealthProcess::Serve(const HealthProcessOptions& options, const Clock& clock) {
  scores_ = std::make_unique<HealthScores>(*portfolio_, *store_, cache_reader_.get(), clock);
  flags_ = std::make_unique<Flags>(*portfolio_, clock);
  score_service_ = std::make_unique<HealthScoreService>(*scores_, *portfolio_, pool_, waiters_, hub_);
  flag_service_ = std::make_unique<FlagService>(*flags_, pool_, waiters_);
  PERENNIAL_ASSIGN_OR_RETURN(
      server_, Server::Start(options.server, {score_service_.get(), flag_service_.get()},
                             {v1::HealthScoreService::service_full_name(), v1::FlagService::service_full_name()}));
  return absl::OkStatus();
}

void HealthProcess::Follow(const std::shared_ptr<grpc::Channel>& accounts, std::chrono::milliseconds tick) {
  facts_ = perennial::accounts::v1::FactService::NewStub(accounts);
  follower_ = std::make_unique<StreamFollower<WatchFactsResponse>>(
      "facts",
      [this](grpc::ClientContext* context) {
        WatchFactsRequest request;
        request.set_start_revision(assessor_->feed_revision());
        return facts_->WatchFacts(context, request);
      },
      [this](const WatchFactsResponse& message) { return assessor_->Apply(message); },
      [this](const absl::Status& ended) {
        if (absl::IsOutOfRange(ended)) assessor_->StartOver();
      });
  ticker_ = std::make_unique<Ticker>(tick, [this] { return assessor_->Tick(); });
}

void HealthProcess::Published() {
  std::int64_t facts_revision = 0;
  bool caught_up = false;
  {
    const ReadLock read(portfolio_->lock());
    facts_revision = portfolio_->facts_revision();
    caught_up = portfolio_->caught_up();
  }
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
  ticker_.reset();
  follower_.reset();
}

}  // namespace perennial::health
