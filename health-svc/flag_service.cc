#include "health-svc/flag_service.h"

#include <memory>

#include "common/server/serve_unary.h"
#include "health-svc/flag_feed.h"
#include "health-svc/serve_at_revision.h"
#include "health-svc/watch_token.h"

namespace perennial::health {

grpc::ServerUnaryReactor* FlagService::ListFlags(grpc::CallbackServerContext* context,
                                                 const v1::ListFlagsRequest* request, v1::ListFlagsResponse* response) {
  return ServeAtRevision(waiters_, pool_, context, request, response, flags_.Check(*request),
                         [this](const auto& list) { return flags_.List(list); });
}

grpc::ServerUnaryReactor* FlagService::AcknowledgeFlag(grpc::CallbackServerContext* context,
                                                       const v1::AcknowledgeFlagRequest* request,
                                                       v1::AcknowledgeFlagResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return flags_.Acknowledge(call); });
}

grpc::ServerUnaryReactor* FlagService::SnoozeFlag(grpc::CallbackServerContext* context,
                                                  const v1::SnoozeFlagRequest* request,
                                                  v1::SnoozeFlagResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return flags_.Snooze(call); });
}

grpc::ServerUnaryReactor* FlagService::ResolveFlag(grpc::CallbackServerContext* context,
                                                   const v1::ResolveFlagRequest* request,
                                                   v1::ResolveFlagResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return flags_.Resolve(call); });
}

grpc::ServerUnaryReactor* FlagService::CreateFlagRule(grpc::CallbackServerContext* context,
                                                      const v1::CreateFlagRuleRequest* request,
                                                      v1::CreateFlagRuleResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return rules_.Create(call); });
}

grpc::ServerUnaryReactor* FlagService::GetFlagRule(grpc::CallbackServerContext* context,
                                                   const v1::GetFlagRuleRequest* request,
                                                   v1::GetFlagRuleResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return rules_.Get(call); });
}

grpc::ServerUnaryReactor* FlagService::ListFlagRules(grpc::CallbackServerContext* context,
                                                     const v1::ListFlagRulesRequest* request,
                                                     v1::ListFlagRulesResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return rules_.List(call); });
}

grpc::ServerUnaryReactor* FlagService::UpdateFlagRule(grpc::CallbackServerContext* context,
                                                      const v1::UpdateFlagRuleRequest* request,
                                                      v1::UpdateFlagRuleResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return rules_.Update(call); });
}

grpc::ServerUnaryReactor* FlagService::DeleteFlagRule(grpc::CallbackServerContext* context,
                                                      const v1::DeleteFlagRuleRequest* request,
                                                      v1::DeleteFlagRuleResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return rules_.Delete(call); });
}

grpc::ServerWriteReactor<v1::WatchFlagsResponse>* FlagService::WatchFlags(grpc::CallbackServerContext*,
                                                                          const v1::WatchFlagsRequest* request) {
  return WatchFeed<v1::WatchFlagsResponse>(parts_.hub, pool_, *request, "WatchFlags", [this](const WatchPlace& place) {
    return std::make_shared<FlagFeed>(parts_.portfolio, parts_.clock, place.revision, place.feed_id);
  });
}

}  // namespace perennial::health
