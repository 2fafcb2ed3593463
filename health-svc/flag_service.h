#pragma once

#include <grpcpp/grpcpp.h>

#include "common/server/worker_pool.h"
#include "health-svc/flags.h"
#include "health-svc/revision_waiters.h"
#include "perennial/health/v1/flag_service.grpc.pb.h"

namespace perennial::health {

// perennial.health.v1.FlagService: transport only.
class FlagService final : public v1::FlagService::CallbackService {
 public:
  // All must outlive this.
  FlagService(const Flags& flags, WorkerPool& pool, RevisionWaiters& waiters)
      : flags_(flags), pool_(pool), waiters_(waiters) {}

  grpc::ServerUnaryReactor* ListFlags(grpc::CallbackServerContext* context, const v1::ListFlagsRequest* request,
                                      v1::ListFlagsResponse* response) override;
  grpc::ServerUnaryReactor* ListFlagRules(grpc::CallbackServerContext* context, const v1::ListFlagRulesRequest* request,
                                          v1::ListFlagRulesResponse* response) override;

 private:
  const Flags& flags_;
  WorkerPool& pool_;
  RevisionWaiters& waiters_;
};

}  // namespace perennial::health
