// What a process does for accounts of the replicas that it shares them with.
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/server/grpc_status.h"
#include "health-svc/health_process.h"
#include "health-svc/request_names.h"

namespace perennial::health {
namespace {

// A replica that is away is told by a refused connection; this is for one that hangs.
constexpr std::chrono::milliseconds kOwnerDeadline{500};
constexpr std::chrono::seconds kFactsDeadline{5};

// Whether the caller is better served by somebody else.
bool IsAway(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ||
         status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
}

}  // namespace

absl::Status HealthProcess::OpenShards(const HealthProcessOptions& options) {
  if (options.shard.count == 1) return absl::OkStatus();
  if (options.shard.replicas.size() != static_cast<std::size_t>(options.shard.count)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--replicas must name ", options.shard.count, " addresses, one for each shard"));
  }
  shards_ = std::make_unique<Shards>(options.shard);
  if (!options.redis.empty()) {
    PERENNIAL_ASSIGN_OR_RETURN(auto client, RedisClient::Create({.address = options.redis}));
    // Each replica's scores are of its own store.
    others_cache_reader_ = std::make_unique<ScoreCacheReader>(std::move(client), /*generation=*/"");
  }
  others_lookup_ = std::make_unique<ScoreLookup>(
      others_cache_reader_.get(), past_pool_,
      [this](const std::string& account, std::int64_t revision) { return FromOwner(account, revision); });
  return absl::OkStatus();
}

absl::StatusOr<StoredScore> HealthProcess::FromOwner(const std::string& account,
                                                     std::int64_t min_facts_revision) const {
  StoredScore out{.account_id = account};
  const Shards::Replica& owner = shards_->replica(shards_->ShardOf(account));
  if (!owner.Hangs()) {
    v1::GetHealthScoreRequest request;
    request.set_name(absl::StrCat("accounts/", account, "/healthScore"));
    request.set_min_facts_revision(min_facts_revision);
    v1::GetHealthScoreResponse response;
    const auto context = Shards::MakeContext(nullptr, kOwnerDeadline);
    const grpc::Status asked = owner.scores->GetHealthScore(context.get(), request, &response);
    if (asked.ok()) {
      out.revision = response.health_score().revision();
      out.score = std::move(*response.mutable_health_score());
      return out;
    }
    if (!IsAway(asked)) return FromGrpcStatus(asked);
    if (asked.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) owner.NoteThatItHangs();
  }
  // Its overrides and flags are with the owner: they are missing here, the rest is what the owner would say.
  PERENNIAL_ASSIGN_OR_RETURN(
      const PastScore computed,
      past_scores_->Compute(account, std::nullopt, {}, std::chrono::system_clock::now() + kFactsDeadline));
  if (computed.facts_revision < min_facts_revision) return NotCaughtUp();
  out.score = PastScores::ToAnswer(account, computed);
  return out;
}

std::vector<grpc::Service*> HealthProcess::ServeShards() {
  replica_service_ = std::make_unique<ReplicaService>(ReplicaService::Parts{.shards = *shards_,
                                                                            .store = *config_store_,
                                                                            .portfolio = *portfolio_,
                                                                            .pool = pool_,
                                                                            .waiters = waiters_,
                                                                            .hub = hub_});
  sharded_scores_ = std::make_unique<ShardedScores>(*shards_, ShardedScores::Parts{.own = *score_service_,
                                                                                   .lookup = *others_lookup_,
                                                                                   .portfolio = *portfolio_,
                                                                                   .blocking_pool = past_pool_,
                                                                                   .watch_pool = pool_,
                                                                                   .hub = hub_});
  sharded_flags_ = std::make_unique<ShardedFlags>(*shards_, *flag_service_, hub_, pool_);
  sharded_scorecards_ = std::make_unique<ShardedScorecards>(*shards_, *scorecard_service_);
  sharded_values_ = std::make_unique<ShardedValues>(*shards_, values_->service(), hub_, pool_);
  return {replica_service_.get(), sharded_scores_.get(), sharded_flags_.get(), sharded_scorecards_.get(),
          sharded_values_.get()};
}

}  // namespace perennial::health
