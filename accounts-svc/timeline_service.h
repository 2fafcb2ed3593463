#pragma once

#include "accounts-svc/timeline.h"
#include "common/server/worker_pool.h"
#include "perennial/accounts/v1/timeline_service.grpc.pb.h"

namespace perennial::accounts {

// Serves Timeline over gRPC. All it adds is the transport.
class TimelineService final : public v1::TimelineService::CallbackService {
 public:
  // Both must outlive this.
  TimelineService(Timeline& timeline, WorkerPool& pool) : timeline_(timeline), pool_(pool) {}

  grpc::ServerUnaryReactor* ListTimeline(grpc::CallbackServerContext* context, const v1::ListTimelineRequest* request,
                                         v1::ListTimelineResponse* response) override;

 private:
  Timeline& timeline_;
  WorkerPool& pool_;
};

}  // namespace perennial::accounts
