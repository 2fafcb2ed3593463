#include "accounts-svc/timeline_service.h"

#include "common/server/serve_unary.h"

namespace perennial::accounts {

grpc::ServerUnaryReactor* TimelineService::ListTimeline(grpc::CallbackServerContext* context,
                                                        const v1::ListTimelineRequest* request,
                                                        v1::ListTimelineResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return timeline_.List(call); });
}

}  // namespace perennial::accounts
