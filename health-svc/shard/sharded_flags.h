#pragma once

#include <grpcpp/grpcpp.h>

#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "health-svc/shard/shards.h"
#include "perennial/health/v1/flag_service.grpc.pb.h"

namespace perennial::health {

// FlagService of one of several replicas: answers for the accounts of all of them. Flags of one account are its owner's
// business; lists are put together from all replicas, and fail when one does not answer. WatchFlags sends the flags of
// all, and while a replica is away those of the others. Rules are changed by the replica that keeps them and read from
// any.
class ShardedFlags final : public v1::FlagService::CallbackService {
 public:
  // All must outlive this. `own` answers for the accounts of this replica; `hub` ends watches with the process.
  ShardedFlags(const Shards& shards, v1::FlagService::CallbackService& own, WatchHub& hub, WorkerPool& watch_pool)
      : shards_(shards), own_(own), hub_(hub), watch_pool_(watch_pool) {}

  grpc::ServerUnaryReactor* ListFlags(grpc::CallbackServerContext* context, const v1::ListFlagsRequest* request,
                                      v1::ListFlagsResponse* response) override;
  grpc::ServerUnaryReactor* AcknowledgeFlag(grpc::CallbackServerContext* context,
                                            const v1::AcknowledgeFlagRequest* request,
                                            v1::AcknowledgeFlagResponse* response) override;
  grpc::ServerUnaryReactor* SnoozeFlag(grpc::CallbackServerContext* context, const v1::SnoozeFlagRequest* request,
                                       v1::SnoozeFlagResponse* response) override;
  grpc::ServerUnaryReactor* ResolveFlag(grpc::CallbackServerContext* context, const v1::ResolveFlagRequest* request,
                                        v1::ResolveFlagResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchFlagsResponse>* WatchFlags(grpc::CallbackServerContext* context,
                                                               const v1::WatchFlagsRequest* request) override;
  grpc::ServerUnaryReactor* CreateFlagRule(grpc::CallbackServerContext* context,
                                           const v1::CreateFlagRuleRequest* request,
                                           v1::CreateFlagRuleResponse* response) override;
  grpc::ServerUnaryReactor* GetFlagRule(grpc::CallbackServerContext* context, const v1::GetFlagRuleRequest* request,
                                        v1::GetFlagRuleResponse* response) override {
    return own_.GetFlagRule(context, request, response);
  }
  grpc::ServerUnaryReactor* ListFlagRules(grpc::CallbackServerContext* context, const v1::ListFlagRulesRequest* request,
                                          v1::ListFlagRulesResponse* response) override {
    return own_.ListFlagRules(context, request, response);
  }
  grpc::ServerUnaryReactor* UpdateFlagRule(grpc::CallbackServerContext* context,
                                           const v1::UpdateFlagRuleRequest* request,
                                           v1::UpdateFlagRuleResponse* response) override;
  grpc::ServerUnaryReactor* DeleteFlagRule(grpc::CallbackServerContext* context,
                                           const v1::DeleteFlagRuleRequest* request,
                                           v1::DeleteFlagRuleResponse* response) override;

 private:
  const Shards& shards_;
  v1::FlagService::CallbackService& own_;
  WatchHub& hub_;
  WorkerPool& watch_pool_;
};

}  // namespace perennial::health
