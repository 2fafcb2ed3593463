#include "health-svc/health_score_service.h"

#include <memory>
#include <utility>

#include "common/server/serve_unary.h"
#include "health-svc/request_names.h"
#include "health-svc/score_feed.h"
#include "health-svc/serve_at_revision.h"
#include "health-svc/watch_token.h"

namespace perennial::health {

grpc::ServerUnaryReactor* HealthScoreService::GetHealthScore(grpc::CallbackServerContext* context,
                                                             const v1::GetHealthScoreRequest* request,
                                                             v1::GetHealthScoreResponse* response) {
  if (ScoreAnswers::Asks(*request)) {
    return ServeUnary(past_pool_, context, request, response,
                      [this, context](const auto& get) { return answers_.Get(get, DeadlineOf(*context)); });
  }
  if (request->min_facts_revision() != 0) {
    return ServeAtRevision(waiters_, pool_, context, request, response, HealthScores::Check(*request),
                           [this](const v1::GetHealthScoreRequest& get) -> absl::StatusOr<v1::GetHealthScoreResponse> {
                             v1::GetHealthScoreResponse answer;
                             const absl::StatusOr<bool> answered = scores_.GetFromMemory(get, &answer);
                             if (!answered.ok()) return answered.status();
                             if (!*answered) {
                               return HealthScores::ToResponse(
                                   scores_.GetStored(std::string(*AccountOfScoreName(get.name()))));
                             }
                             return answer;
                           });
  }
  // Memory answers on this thread; what has to be looked up elsewhere blocks, and must not.
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::StatusOr<bool> answered =
      CallSafely([&]() -> absl::StatusOr<bool> { return scores_.GetFromMemory(*request, response); });
  if (!answered.ok()) {
    reactor->Finish(ToGrpcStatus(answered.status()));
  } else if (*answered) {
    reactor->Finish(grpc::Status::OK);
  } else {
    lookup_.Find(std::string(*AccountOfScoreName(request->name())), 0,
                 [response, reactor](absl::StatusOr<StoredScore> found) {
                   auto answer = HealthScores::ToResponse(std::move(found));
                   if (answer.ok()) *response = *std::move(answer);
                   reactor->Finish(ToGrpcStatus(answer.status()));
                 });
  }
  return reactor;
}

grpc::ServerUnaryReactor* HealthScoreService::BatchGetHealthScores(grpc::CallbackServerContext* context,
                                                                   const v1::BatchGetHealthScoresRequest* request,
                                                                   v1::BatchGetHealthScoresResponse* response) {
  return ServeAtRevision(waiters_, pool_, context, request, response, HealthScores::Check(*request),
                         [this](const auto& get) { return scores_.BatchGet(get); });
}

grpc::ServerUnaryReactor* HealthScoreService::ListHealthScores(grpc::CallbackServerContext* context,
                                                               const v1::ListHealthScoresRequest* request,
                                                               v1::ListHealthScoresResponse* response) {
  return ServeAtRevision(waiters_, pool_, context, request, response, scores_.Check(*request),
                         [this](const auto& list) { return scores_.List(list); });
}

grpc::ServerUnaryReactor* HealthScoreService::GetHealthScoreRollUp(grpc::CallbackServerContext* context,
                                                                   const v1::GetHealthScoreRollUpRequest* request,
                                                                   v1::GetHealthScoreRollUpResponse* response) {
  return ServeAtRevision(waiters_, pool_, context, request, response, HealthScores::Check(*request),
                         [this](const auto& call) { return scores_.RollUp(call); });
}

grpc::ServerUnaryReactor* HealthScoreService::ExplainHealthScore(grpc::CallbackServerContext* context,
                                                                 const v1::ExplainHealthScoreRequest* request,
                                                                 v1::ExplainHealthScoreResponse* response) {
  return ServeAtRevision(waiters_, pool_, context, request, response, HealthScores::Check(*request),
                         [this](const auto& explain) { return scores_.Explain(explain); });
}

grpc::ServerUnaryReactor* HealthScoreService::ExplainHealthScoreChange(
    grpc::CallbackServerContext* context, const v1::ExplainHealthScoreChangeRequest* request,
    v1::ExplainHealthScoreChangeResponse* response) {
  return ServeUnary(past_pool_, context, request, response, [this, context](const auto& explain) {
    return answers_.ExplainChange(explain, DeadlineOf(*context));
  });
}

grpc::ServerUnaryReactor* HealthScoreService::ListHealthScoreHistory(grpc::CallbackServerContext* context,
                                                                     const v1::ListHealthScoreHistoryRequest* request,
                                                                     v1::ListHealthScoreHistoryResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& list) { return scores_.ListHistory(list); });
}

grpc::ServerUnaryReactor* HealthScoreService::SetHealthScoreOverride(grpc::CallbackServerContext* context,
                                                                     const v1::SetHealthScoreOverrideRequest* request,
                                                                     v1::SetHealthScoreOverrideResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return scores_.SetOverride(call); });
}

grpc::ServerUnaryReactor* HealthScoreService::ClearHealthScoreOverride(
    grpc::CallbackServerContext* context, const v1::ClearHealthScoreOverrideRequest* request,
    v1::ClearHealthScoreOverrideResponse* response) {
  return ServeUnary(pool_, context, request, response,
                    [this](const auto& call) { return scores_.ClearOverride(call); });
}

grpc::ServerWriteReactor<v1::WatchHealthScoresResponse>* HealthScoreService::WatchHealthScores(
    grpc::CallbackServerContext*, const v1::WatchHealthScoresRequest* request) {
  return WatchFeed<v1::WatchHealthScoresResponse>(
      hub_, pool_, *request, "WatchHealthScores", [this](const WatchPlace& place) {
        return std::make_shared<ScoreFeed>(portfolio_, place.revision, place.feed_id);
      });
}

}  // namespace perennial::health
