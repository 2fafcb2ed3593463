#pragma once

#include <grpcpp/grpcpp.h>

#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "health-svc/churn_fit.h"
#include "health-svc/customer_values.h"
#include "health-svc/revision_waiters.h"
#include "health-svc/value_fits.h"
#include "health-svc/value_library.h"
#include "perennial/health/v1/value_service.grpc.pb.h"

namespace perennial::health {

// perennial.health.v1.ValueService: transport only.
class ValueService final : public v1::ValueService::CallbackService {
 public:
  // What it needs; all must outlive it.
  struct Parts {
    const CustomerValues& values;
    ValueLibrary& library;
    const ValueFits& fits;
    const ChurnFits& churn_fits;
    const Portfolio& portfolio;
    const ValueBook& book;
    WorkerPool& pool;
    // For fits, which take long: as many at once as it has threads.
    WorkerPool& fit_pool;
    RevisionWaiters& waiters;
    WatchHub& hub;
  };
  explicit ValueService(const Parts& parts) : parts_(parts) {}

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
  grpc::ServerUnaryReactor* GetValueModel(grpc::CallbackServerContext* context, const v1::GetValueModelRequest* request,
                                          v1::GetValueModelResponse* response) override;
  grpc::ServerUnaryReactor* ListValueModels(grpc::CallbackServerContext* context,
                                            const v1::ListValueModelsRequest* request,
                                            v1::ListValueModelsResponse* response) override;
  grpc::ServerUnaryReactor* DeleteValueModel(grpc::CallbackServerContext* context,
                                             const v1::DeleteValueModelRequest* request,
                                             v1::DeleteValueModelResponse* response) override;
  grpc::ServerUnaryReactor* ProjectRetention(grpc::CallbackServerContext* context,
                                             const v1::ProjectRetentionRequest* request,
                                             v1::ProjectRetentionResponse* response) override;
  grpc::ServerUnaryReactor* GetValueSettings(grpc::CallbackServerContext* context,
                                             const v1::GetValueSettingsRequest* request,
                                             v1::GetValueSettingsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateValueSettings(grpc::CallbackServerContext* context,
                                                const v1::UpdateValueSettingsRequest* request,
                                                v1::UpdateValueSettingsResponse* response) override;

 private:
  const Parts parts_;
};

}  // namespace perennial::health
