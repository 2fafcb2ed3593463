#include "health-svc/flag_service.h"

#include "common/server/serve_unary.h"
#include "health-svc/serve_at_revision.h"

namespace perennial::health {

grpc::ServerUnaryReactor* FlagService::ListFlags(grpc::CallbackServerContext* context,
                                                 const v1::ListFlagsRequest* request, v1::ListFlagsResponse* response) {
  return ServeAtRevision(waiters_, pool_, context, request, response, flags_.Check(*request),
                         [this](const auto& list) { return flags_.List(list); });
}

grpc::ServerUnaryReactor* FlagService::ListFlagRules(grpc::CallbackServerContext* context,
                                                     const v1::ListFlagRulesRequest* request,
                                                     v1::ListFlagRulesResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& list) { return flags_.ListRules(list); });
}

}  // namespace perennial::health
