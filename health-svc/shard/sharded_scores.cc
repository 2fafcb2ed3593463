#include "health-svc/shard/sharded_scores.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/error_details.h"
#include "common/base/page_token.h"
#include "common/base/status_macros.h"
#include "health-svc/health_scores.h"
#include "health-svc/request_names.h"
#include "health-svc/score_answers.h"
#include "health-svc/score_listing.h"
#include "health-svc/shard/gather.h"
#include "health-svc/shard/merged_watch.h"
#include "health-svc/shard/sharded_roll_up.h"

namespace perennial::health {
namespace {

// The shard of another replica that answers for a name; nothing when this one does, or the name is none.
std::optional<int> OtherShard(const Shards& shards, const grpc::CallbackServerContext& context,
                              const absl::StatusOr<absl::string_view>& account) {
  if (!account.ok() || Shards::IsOfReplica(context) || shards.Owns(*account)) return std::nullopt;
  return shards.ShardOf(*account);
}

absl::Status MergeLists(const v1::ListHealthScoresRequest& request, std::vector<v1::ListHealthScoresResponse>& answers,
                        v1::ListHealthScoresResponse* out) {
  PERENNIAL_ASSIGN_OR_RETURN(const ScoreOrder order, ParseScoreOrder(request.order_by()));
  PERENNIAL_ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  MergePages(
      answers, page_size, [](auto& response) { return response.mutable_health_scores(); },
      [&](const auto& a, const auto& b) { return ComesBefore(a, b, order); },
      [&](const auto& last) { return MakePageToken(CursorAfter(last, order), ListKey(request)); }, out);
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* ShardedScores::GetHealthScore(grpc::CallbackServerContext* context,
                                                        const v1::GetHealthScoreRequest* request,
                                                        v1::GetHealthScoreResponse* response) {
  const auto account = AccountOfScoreName(request->name());
  const auto shard = OtherShard(shards_, *context, account);
  if (!shard.has_value() || !HealthScores::Check(*request).ok()) {
    return parts_.own.GetHealthScore(context, request, response);
  }
  if (ScoreAnswers::Asks(*request)) {
    return ForwardTo(shards_, *shard, context, [=](const auto& replica, auto* client, auto done) {
      replica.scores->async()->GetHealthScore(client, request, response, std::move(done));
    });
  }
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const CallInfo call = CallInfoOf(*context, "perennial.health.v1.HealthScoreService/GetHealthScore");
  const CallScope scope(call);
  parts_.lookup.Find(std::string(*account), request->min_facts_revision(),
                     [response, reactor](absl::StatusOr<StoredScore> found) {
                       auto answer = HealthScores::ToResponse(std::move(found));
                       if (answer.ok()) *response = *std::move(answer);
                       reactor->Finish(ToGrpcStatus(answer.status()));
                     });
  return reactor;
}

grpc::ServerUnaryReactor* ShardedScores::BatchGetHealthScores(grpc::CallbackServerContext* context,
                                                              const v1::BatchGetHealthScoresRequest* request,
                                                              v1::BatchGetHealthScoresResponse* response) {
  // Faults are told by one who sees all names.
  if (Shards::IsOfReplica(*context) || !HealthScores::Check(*request).ok()) {
    return parts_.own.BatchGetHealthScores(context, request, response);
  }
  return GatherByName(
      shards_, context, request, response,
      [this](const std::string& name) { return shards_.ShardOf(*AccountOfScoreName(name)); },
      [](const auto& replica, auto* client, const auto* part, auto* answer, auto done) {
        replica.scores->async()->BatchGetHealthScores(client, part, answer, std::move(done));
      },
      [](auto& answer) { return answer.mutable_health_scores(); });
}

grpc::ServerUnaryReactor* ShardedScores::ListHealthScores(grpc::CallbackServerContext* context,
                                                          const v1::ListHealthScoresRequest* request,
                                                          v1::ListHealthScoresResponse* response) {
  if (Shards::IsOfReplica(*context)) return parts_.own.ListHealthScores(context, request, response);
  return GatherFromAll(
      shards_, context, response,
      [request](const auto& replica, int, auto* client, auto* answer, auto done) {
        replica.scores->async()->ListHealthScores(client, request, answer, std::move(done));
      },
      [request](auto& answers, auto* out) { return MergeLists(*request, answers, out); });
}

grpc::ServerUnaryReactor* ShardedScores::GetHealthScoreRollUp(grpc::CallbackServerContext* context,
                                                              const v1::GetHealthScoreRollUpRequest* request,
                                                              v1::GetHealthScoreRollUpResponse* response) {
  return ServeUnary(parts_.blocking_pool, context, request, response, [this, context](const auto& call) {
    return RollUpOverShards(shards_, parts_.portfolio, *context, call);
  });
}

grpc::ServerUnaryReactor* ShardedScores::ExplainHealthScore(grpc::CallbackServerContext* context,
                                                            const v1::ExplainHealthScoreRequest* request,
                                                            v1::ExplainHealthScoreResponse* response) {
  const auto shard = OtherShard(shards_, *context, AccountOfScoreName(request->name()));
  if (!shard.has_value()) return parts_.own.ExplainHealthScore(context, request, response);
  return ForwardTo(shards_, *shard, context, [=](const auto& replica, auto* client, auto done) {
    replica.scores->async()->ExplainHealthScore(client, request, response, std::move(done));
  });
}

grpc::ServerUnaryReactor* ShardedScores::ExplainHealthScoreChange(grpc::CallbackServerContext* context,
                                                                  const v1::ExplainHealthScoreChangeRequest* request,
                                                                  v1::ExplainHealthScoreChangeResponse* response) {
  const auto shard = OtherShard(shards_, *context, AccountOfScoreName(request->name()));
  if (!shard.has_value()) return parts_.own.ExplainHealthScoreChange(context, request, response);
  return ForwardTo(shards_, *shard, context, [=](const auto& replica, auto* client, auto done) {
    replica.scores->async()->ExplainHealthScoreChange(client, request, response, std::move(done));
  });
}

grpc::ServerUnaryReactor* ShardedScores::ListHealthScoreHistory(grpc::CallbackServerContext* context,
                                                                const v1::ListHealthScoreHistoryRequest* request,
                                                                v1::ListHealthScoreHistoryResponse* response) {
  const auto shard = OtherShard(shards_, *context, AccountOfParent(request->parent()));
  if (!shard.has_value()) return parts_.own.ListHealthScoreHistory(context, request, response);
  return ForwardTo(shards_, *shard, context, [=](const auto& replica, auto* client, auto done) {
    replica.scores->async()->ListHealthScoreHistory(client, request, response, std::move(done));
  });
}

grpc::ServerUnaryReactor* ShardedScores::SetHealthScoreOverride(grpc::CallbackServerContext* context,
                                                                const v1::SetHealthScoreOverrideRequest* request,
                                                                v1::SetHealthScoreOverrideResponse* response) {
  const auto shard = OtherShard(shards_, *context, AccountOfScoreName(request->name()));
  if (!shard.has_value()) return parts_.own.SetHealthScoreOverride(context, request, response);
  return ForwardTo(shards_, *shard, context, [=](const auto& replica, auto* client, auto done) {
    replica.scores->async()->SetHealthScoreOverride(client, request, response, std::move(done));
  });
}

grpc::ServerUnaryReactor* ShardedScores::ClearHealthScoreOverride(grpc::CallbackServerContext* context,
                                                                  const v1::ClearHealthScoreOverrideRequest* request,
                                                                  v1::ClearHealthScoreOverrideResponse* response) {
  const auto shard = OtherShard(shards_, *context, AccountOfScoreName(request->name()));
  if (!shard.has_value()) return parts_.own.ClearHealthScoreOverride(context, request, response);
  return ForwardTo(shards_, *shard, context, [=](const auto& replica, auto* client, auto done) {
    replica.scores->async()->ClearHealthScoreOverride(client, request, response, std::move(done));
  });
}

grpc::ServerWriteReactor<v1::WatchHealthScoresResponse>* ShardedScores::WatchHealthScores(
    grpc::CallbackServerContext* context, const v1::WatchHealthScoresRequest* request) {
  if (Shards::IsOfReplica(*context) || request->replica_only()) return parts_.own.WatchHealthScores(context, request);
  return WatchAll<ScoreWatch>(shards_, parts_.hub, parts_.watch_pool, *request);
}

}  // namespace perennial::health
