#pragma once

#include <grpcpp/grpcpp.h>

#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "health-svc/shard/shards.h"
#include "perennial/health/v1/value_service.grpc.pb.h"

namespace perennial::health {

// ValueService of one of several replicas: answers for the accounts of all of them. What is asked of one account its
// owner answers; lists are put together from all replicas. Fits, deletions and settings are made at every replica, each
// from the same data, so that all value accounts alike; they fail when one does not answer, and can be made again.
// WatchValues sends the values of all, and while a replica is away those of the others.
class ShardedValues final : public v1::ValueService::CallbackService {
 public:
  // All must outlive this. `own` answers for the accounts of this replica; `hub` ends watches with the process.
  ShardedValues(const Shards& shards, v1::ValueService::CallbackService& own, WatchHub& hub, WorkerPool& watch_pool)
      : shards_(shards), own_(own), hub_(hub), watch_pool_(watch_pool) {}

  grpc::ServerUnaryReactor* GetValue(grpc::CallbackServerContext* context, const v1::GetValueRequest* request,
                                     v1::GetValueResponse* response) override;
  grpc::ServerUnaryReactor* BatchGetValue(grpc::CallbackServerContext* context, const v1::BatchGetValueRequest* request,
                                          v1::BatchGetValueResponse* response) override;
  grpc::ServerUnaryReactor* ListValues(grpc::CallbackServerContext* context, const v1::ListValuesRequest* request,
                                       v1::ListValuesResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchValuesResponse>* WatchValues(grpc::CallbackServerContext* context,
                                                                 const v1::WatchValuesRequest* request) override;
  grpc::ServerUnaryReactor* FitRetentionModel(grpc::CallbackServerContext* context,
                                              const v1::FitRetentionModelRequest* request,
                                              v1::FitRetentionModelResponse* response) override;
  grpc::ServerUnaryReactor* FitPurchaseModel(grpc::CallbackServerContext* context,
                                             const v1::FitPurchaseModelRequest* request,
                                             v1::FitPurchaseModelResponse* response) override;
  grpc::ServerUnaryReactor* FitChurnModel(grpc::CallbackServerContext* context, const v1::FitChurnModelRequest* request,
                                          v1::FitChurnModelResponse* response) override;
  grpc::ServerUnaryReactor* DeleteValueModel(grpc::CallbackServerContext* context,
                                             const v1::DeleteValueModelRequest* request,
                                             v1::DeleteValueModelResponse* response) override;
  grpc::ServerUnaryReactor* UpdateValueSettings(grpc::CallbackServerContext* context,
                                                const v1::UpdateValueSettingsRequest* request,
                                                v1::UpdateValueSettingsResponse* response) override;
  grpc::ServerUnaryReactor* GetValueModel(grpc::CallbackServerContext* context, const v1::GetValueModelRequest* request,
                                          v1::GetValueModelResponse* response) override {
    return own_.GetValueModel(context, request, response);
  }
  grpc::ServerUnaryReactor* ListValueModels(grpc::CallbackServerContext* context,
                                            const v1::ListValueModelsRequest* request,
                                            v1::ListValueModelsResponse* response) override {
    return own_.ListValueModels(context, request, response);
  }
  grpc::ServerUnaryReactor* ProjectRetention(grpc::CallbackServerContext* context,
                                             const v1::ProjectRetentionRequest* request,
                                             v1::ProjectRetentionResponse* response) override {
    return own_.ProjectRetention(context, request, response);
  }
  grpc::ServerUnaryReactor* GetValueSettings(grpc::CallbackServerContext* context,
                                             const v1::GetValueSettingsRequest* request,
                                             v1::GetValueSettingsResponse* response) override {
    return own_.GetValueSettings(context, request, response);
  }

 private:
  const Shards& shards_;
  v1::ValueService::CallbackService& own_;
  WatchHub& hub_;
  WorkerPool& watch_pool_;
};

}  // namespace perennial::health
