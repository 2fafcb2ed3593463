#pragma once

#include <grpcpp/grpcpp.h>

#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "health-svc/flag_rule_library.h"
#include "health-svc/flags.h"
#include "health-svc/revision_waiters.h"
#include "perennial/health/v1/flag_service.grpc.pb.h"

namespace perennial::health {

// perennial.health.v1.FlagService: transport only.
class FlagService final : public v1::FlagService::CallbackService {
 public:
  // What it needs; all must outlive it.
  struct Parts {
    Flags& flags;
    FlagRuleLibrary& rules;
    const Portfolio& portfolio;
    const Clock& clock;
    WorkerPool& pool;
    RevisionWaiters& waiters;
    WatchHub& hub;
  };
  explicit FlagService(const Parts& parts)
      : parts_(parts), flags_(parts.flags), rules_(parts.rules), pool_(parts.pool), waiters_(parts.waiters) {}

  grpc::ServerUnaryReactor* ListFlags(grpc::CallbackServerContext* context, const v1::ListFlagsRequest* request,
                                      v1::ListFlagsResponse* response) override;
  grpc::ServerUnaryReactor* AcknowledgeFlag(grpc::CallbackServerContext* context,
                                            const v1::AcknowledgeFlagRequest* request,
                                            v1::AcknowledgeFlagResponse* response) override;
  grpc::ServerUnaryReactor* SnoozeFlag(grpc::CallbackServerContext* context, const v1::SnoozeFlagRequest* request,
                                       v1::SnoozeFlagResponse* response) override;
  grpc::ServerUnaryReactor* ResolveFlag(grpc::CallbackServerContext* context, const v1::ResolveFlagRequest* request,
                                        v1::ResolveFlagResponse* response) override;
  grpc::ServerUnaryReactor* CreateFlagRule(grpc::CallbackServerContext* context,
                                           const v1::CreateFlagRuleRequest* request,
                                           v1::CreateFlagRuleResponse* response) override;
  grpc::ServerUnaryReactor* GetFlagRule(grpc::CallbackServerContext* context, const v1::GetFlagRuleRequest* request,
                                        v1::GetFlagRuleResponse* response) override;
  grpc::ServerUnaryReactor* ListFlagRules(grpc::CallbackServerContext* context, const v1::ListFlagRulesRequest* request,
                                          v1::ListFlagRulesResponse* response) override;
  grpc::ServerUnaryReactor* UpdateFlagRule(grpc::CallbackServerContext* context,
                                           const v1::UpdateFlagRuleRequest* request,
                                           v1::UpdateFlagRuleResponse* response) override;
  grpc::ServerUnaryReactor* DeleteFlagRule(grpc::CallbackServerContext* context,
                                           const v1::DeleteFlagRuleRequest* request,
                                           v1::DeleteFlagRuleResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchFlagsResponse>* WatchFlags(grpc::CallbackServerContext* context,
                                                               const v1::WatchFlagsRequest* request) override;

 private:
  const Parts parts_;
  Flags& flags_;
  FlagRuleLibrary& rules_;
  WorkerPool& pool_;
  RevisionWaiters& waiters_;
};

}  // namespace perennial::health
