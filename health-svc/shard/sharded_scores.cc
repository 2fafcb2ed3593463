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
  std::vector<v1::HealthScore*> scores;
  std::int64_t total = 0;
  bool more = false;
  for (v1::ListHealthScoresResponse& answer : answers) {
    total += answer.total_size();
    more = more || !answer.next_page_token().empty();
    for (v1::HealthScore& score : *answer.mutable_health_scores()) scores.push_back(&score);
  }
  std::sort(scores.begin(), scores.end(), [&](const auto* a, const auto* b) { return ComesBefore(*a, *b, order); });
  if (scores.size() > static_cast<std::size_t>(page_size)) {
    more = true;
    scores.resize(static_cast<std::size_t>(page_size));
  }
  if (more && !scores.empty()) {
    out->set_next_page_token(MakePageToken(CursorAfter(*scores.back(), order), ListKey(request)));
  }
  for (v1::HealthScore* score : scores) *out->add_health_scores() = std::move(*score);
  if (answers.front().has_filter_reading()) *out->mutable_filter_reading() = answers.front().filter_reading();
  out->set_total_size(total);
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* ShardedScores::GetHealthScore(grpc::CallbackServerContext* context,
                                                        const v1::GetHealthScoreRequest* request,
                                                        v1::GetHealthScoreResponse* response) {
  const auto account = AccountOfScoreName(request->name());
  const auto shard = OtherShard(shards_, *context, account);
  if (!shard.has_value() || !HealthScores::Check(*request).ok()) {
    return own_.GetHealthScore(context, request, response);
  }
  if (ScoreAnswers::Asks(*request)) {
    return ForwardTo(shards_, *shard, context, [=](const auto& replica, auto* client, auto done) {
      replica.scores->async()->GetHealthScore(client, request, response, std::move(done));
    });
  }
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  lookup_.Find(std::string(*account), request->min_facts_revision(),
               [response, reactor](const absl::StatusOr<StoredScore>& found) {
                 auto answer = HealthScores::ToResponse(found);
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
    return own_.BatchGetHealthScores(context, request, response);
  }
  const auto parts =
      std::make_shared<std::vector<v1::BatchGetHealthScoresRequest>>(static_cast<std::size_t>(shards_.count()));
  std::vector<std::size_t> from;  // by name: its shard
  for (const std::string& name : request->names()) {
    from.push_back(static_cast<std::size_t>(shards_.ShardOf(*AccountOfScoreName(name))));
    parts->at(from.back()).add_names(name);
  }
  for (auto& part : *parts) part.set_min_facts_revision(request->min_facts_revision());
  return GatherFromAll(
      shards_, context, response,
      [parts](const auto& replica, int shard, auto* client, auto* answer, auto done) {
        const auto& part = parts->at(static_cast<std::size_t>(shard));
        if (part.names().empty()) return done(grpc::Status::OK);
        replica.scores->async()->BatchGetHealthScores(client, &part, answer, std::move(done));
      },
      [from, parts](std::vector<v1::BatchGetHealthScoresResponse>& answers, auto* out) -> absl::Status {
        std::vector<int> next(answers.size());
        for (const std::size_t shard : from) {
          *out->add_health_scores() = std::move(*answers[shard].mutable_health_scores(next[shard]++));
        }
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ShardedScores::ListHealthScores(grpc::CallbackServerContext* context,
                                                          const v1::ListHealthScoresRequest* request,
                                                          v1::ListHealthScoresResponse* response) {
  if (Shards::IsOfReplica(*context)) return own_.ListHealthScores(context, request, response);
  return GatherFromAll(
      shards_, context, response,
      [request](const auto& replica, int, auto* client, auto* answer, auto done) {
        replica.scores->async()->ListHealthScores(client, request, answer, std::move(done));
      },
      [request](auto& answers, auto* out) { return MergeLists(*request, answers, out); });
}

grpc::ServerUnaryReactor* ShardedScores::GetHealthScoreRollUp(grpc::CallbackServerContext* context,
                                                              const v1::GetHealthScoreRollUpRequest*,
                                                              v1::GetHealthScoreRollUpResponse*) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(WithReason(
      absl::FailedPreconditionError("the accounts of a hierarchy lie on several replicas; roll-ups are told by "
                                    "a health-svc without --shard only"),
      "SHARDED")));
  return reactor;
}

grpc::ServerUnaryReactor* ShardedScores::ExplainHealthScore(grpc::CallbackServerContext* context,
                                                            const v1::ExplainHealthScoreRequest* request,
                                                            v1::ExplainHealthScoreResponse* response) {
  const auto shard = OtherShard(shards_, *context, AccountOfScoreName(request->name()));
  if (!shard.has_value()) return own_.ExplainHealthScore(context, request, response);
  return ForwardTo(shards_, *shard, context, [=](const auto& replica, auto* client, auto done) {
    replica.scores->async()->ExplainHealthScore(client, request, response, std::move(done));
  });
}

grpc::ServerUnaryReactor* ShardedScores::ExplainHealthScoreChange(grpc::CallbackServerContext* context,
                                                                  const v1::ExplainHealthScoreChangeRequest* request,
                                                                  v1::ExplainHealthScoreChangeResponse* response) {
  const auto shard = OtherShard(shards_, *context, AccountOfScoreName(request->name()));
  if (!shard.has_value()) return own_.ExplainHealthScoreChange(context, request, response);
  return ForwardTo(shards_, *shard, context, [=](const auto& replica, auto* client, auto done) {
    replica.scores->async()->ExplainHealthScoreChange(client, request, response, std::move(done));
  });
}

grpc::ServerUnaryReactor* ShardedScores::ListHealthScoreHistory(grpc::CallbackServerContext* context,
                                                                const v1::ListHealthScoreHistoryRequest* request,
                                                                v1::ListHealthScoreHistoryResponse* response) {
  const auto shard = OtherShard(shards_, *context, AccountOfParent(request->parent()));
  if (!shard.has_value()) return own_.ListHealthScoreHistory(context, request, response);
  return ForwardTo(shards_, *shard, context, [=](const auto& replica, auto* client, auto done) {
    replica.scores->async()->ListHealthScoreHistory(client, request, response, std::move(done));
  });
}

grpc::ServerUnaryReactor* ShardedScores::SetHealthScoreOverride(grpc::CallbackServerContext* context,
                                                                const v1::SetHealthScoreOverrideRequest* request,
                                                                v1::SetHealthScoreOverrideResponse* response) {
  const auto shard = OtherShard(shards_, *context, AccountOfScoreName(request->name()));
  if (!shard.has_value()) return own_.SetHealthScoreOverride(context, request, response);
  return ForwardTo(shards_, *shard, context, [=](const auto& replica, auto* client, auto done) {
    replica.scores->async()->SetHealthScoreOverride(client, request, response, std::move(done));
  });
}

grpc::ServerUnaryReactor* ShardedScores::ClearHealthScoreOverride(grpc::CallbackServerContext* context,
                                                                  const v1::ClearHealthScoreOverrideRequest* request,
                                                                  v1::ClearHealthScoreOverrideResponse* response) {
  const auto shard = OtherShard(shards_, *context, AccountOfScoreName(request->name()));
  if (!shard.has_value()) return own_.ClearHealthScoreOverride(context, request, response);
  return ForwardTo(shards_, *shard, context, [=](const auto& replica, auto* client, auto done) {
    replica.scores->async()->ClearHealthScoreOverride(client, request, response, std::move(done));
  });
}

}  // namespace perennial::health
