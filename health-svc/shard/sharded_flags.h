#pragma once

#include <grpcpp/grpcpp.h>

#include "health-svc/shard/shards.h"
#include "perennial/health/v1/flag_service.grpc.pb.h"

namespace perennial::health {

// FlagService of one of several replicas: answers for the accounts of all of them. Flags of one account are its owner's
// business; lists are put together from all replicas, and fail when one does not answer. WatchFlags sends the accounts
// of this replica. Rules come from files, the same for all replicas: calls that change them are FAILED_PRECONDITION.
class ShardedFlags final : public v1::FlagService::CallbackService {
 public:
  // Both must outlive this. `own` answers for the accounts of this replica.
  ShardedFlags(const Shards& shards, v1::FlagService::CallbackService& own) : shards_(shards), own_(own) {}

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
                                                               const v1::WatchFlagsRequest* request) override {
    return own_.WatchFlags(context, request);
  }
  grpc::ServerUnaryReactor* CreateFlagRule(grpc::CallbackServerContext* context, const v1::CreateFlagRuleRequest*,
                                           v1::CreateFlagRuleResponse*) override;
  grpc::ServerUnaryReactor* GetFlagRule(grpc::CallbackServerContext* context, const v1::GetFlagRuleRequest* request,
                                        v1::GetFlagRuleResponse* response) override {
    return own_.GetFlagRule(context, request, response);
  }
  grpc::ServerUnaryReactor* ListFlagRules(grpc::CallbackServerContext* context, const v1::ListFlagRulesRequest* request,
                                          v1::ListFlagRulesResponse* response) override {
    return own_.ListFlagRules(context, request, response);
  }
  grpc::ServerUnaryReactor* UpdateFlagRule(grpc::CallbackServerContext* context, const v1::UpdateFlagRuleRequest*,
                                           v1::UpdateFlagRuleResponse*) override;
  grpc::ServerUnaryReactor* DeleteFlagRule(grpc::CallbackServerContext* context, const v1::DeleteFlagRuleRequest*,
                                           v1::DeleteFlagRuleResponse*) override;

 private:
  const Shards& shards_;
  v1::FlagService::CallbackService& own_;
};

// FAILED_PRECONDITION: what all replicas must have alike comes from files.
absl::Status ComesFromFiles();

}  // namespace perennial::health
