#pragma once

#include <grpcpp/grpcpp.h>

#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "health-svc/portfolio.h"
#include "health-svc/revision_waiters.h"
#include "health-svc/shard/shards.h"
#include "health-svc/store/config_store.h"
#include "perennial/health/v1/replica_service.grpc.pb.h"

namespace perennial::health {

// Answers the other replicas for this one.
class ReplicaService final : public v1::ReplicaService::CallbackService {
 public:
  // All must outlive it.
  struct Parts {
    const Shards& shards;
    ConfigStore& store;
    const Portfolio& portfolio;
    WorkerPool& pool;
    RevisionWaiters& waiters;
    WatchHub& hub;
  };
  explicit ReplicaService(const Parts& parts) : parts_(parts) {}

  grpc::ServerWriteReactor<v1::WatchConfigurationResponse>* WatchConfiguration(
      grpc::CallbackServerContext* context, const v1::WatchConfigurationRequest* request) override;
  grpc::ServerUnaryReactor* ListHierarchyParts(grpc::CallbackServerContext* context,
                                               const v1::ListHierarchyPartsRequest* request,
                                               v1::ListHierarchyPartsResponse* response) override;

 private:
  const Parts parts_;
};

}  // namespace perennial::health
