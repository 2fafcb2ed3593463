#include "health-svc/scorecard_service.h"

#include "common/server/serve_unary.h"

namespace perennial::health {

grpc::ServerUnaryReactor* ScorecardService::CreateScorecard(grpc::CallbackServerContext* context,
                                                            const v1::CreateScorecardRequest* request,
                                                            v1::CreateScorecardResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return library_.Create(call); });
}

grpc::ServerUnaryReactor* ScorecardService::GetScorecard(grpc::CallbackServerContext* context,
                                                         const v1::GetScorecardRequest* request,
                                                         v1::GetScorecardResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return library_.Get(call); });
}

grpc::ServerUnaryReactor* ScorecardService::ListScorecards(grpc::CallbackServerContext* context,
                                                           const v1::ListScorecardsRequest* request,
                                                           v1::ListScorecardsResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return library_.List(call); });
}

grpc::ServerUnaryReactor* ScorecardService::UpdateScorecard(grpc::CallbackServerContext* context,
                                                            const v1::UpdateScorecardRequest* request,
                                                            v1::UpdateScorecardResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return library_.Update(call); });
}

grpc::ServerUnaryReactor* ScorecardService::DeleteScorecard(grpc::CallbackServerContext* context,
                                                            const v1::DeleteScorecardRequest* request,
                                                            v1::DeleteScorecardResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return library_.Delete(call); });
}

grpc::ServerUnaryReactor* ScorecardService::ListScorecardRevisions(grpc::CallbackServerContext* context,
                                                                   const v1::ListScorecardRevisionsRequest* request,
                                                                   v1::ListScorecardRevisionsResponse* response) {
  return ServeUnary(pool_, context, request, response,
                    [this](const auto& call) { return library_.ListRevisions(call); });
}

grpc::ServerUnaryReactor* ScorecardService::DiffScorecardRevisions(grpc::CallbackServerContext* context,
                                                                   const v1::DiffScorecardRevisionsRequest* request,
                                                                   v1::DiffScorecardRevisionsResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return library_.Diff(call); });
}

grpc::ServerUnaryReactor* ScorecardService::SimulateScorecard(grpc::CallbackServerContext* context,
                                                              const v1::SimulateScorecardRequest* request,
                                                              v1::SimulateScorecardResponse* response) {
  return ServeUnary(heavy_pool_, context, request, response,
                    [this](const auto& call) { return simulation_.Run(call); });
}

grpc::ServerUnaryReactor* ScorecardService::BacktestScorecard(grpc::CallbackServerContext* context,
                                                              const v1::BacktestScorecardRequest* request,
                                                              v1::BacktestScorecardResponse* response) {
  return ServeUnary(long_pool_, context, request, response, [this, context](const auto& call) {
    const auto deadline = LongDeadlineOf(*context);
    return backtest_.Run(call, [context, deadline] { return PartOf(*context, deadline); });
  });
}

grpc::ServerUnaryReactor* ScorecardService::CalibrateScorecard(grpc::CallbackServerContext* context,
                                                               const v1::CalibrateScorecardRequest* request,
                                                               v1::CalibrateScorecardResponse* response) {
  return ServeUnary(long_pool_, context, request, response, [this, context](const auto& call) {
    const auto deadline = LongDeadlineOf(*context);
    const auto make_context = [context, deadline] { return PartOf(*context, deadline); };
    return calibration_.Run(call, make_context, absl::FromChrono(deadline));
  });
}

}  // namespace perennial::health
