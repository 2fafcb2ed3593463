#pragma once

#include "accounts-svc/facts.h"
#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"

namespace perennial::accounts {

// Serves Facts over gRPC. All it adds is the transport.
class FactService final : public v1::FactService::CallbackService {
 public:
  // All must outlive this. `watch_pool` is for streams, so that many readers of the feed do not hold up single calls.
  FactService(Facts& facts, WorkerPool& pool, WorkerPool& watch_pool, WatchHub& hub)
      : facts_(facts), pool_(pool), watch_pool_(watch_pool), hub_(hub) {}

  grpc::ServerUnaryReactor* GetFacts(grpc::CallbackServerContext* context, const v1::GetFactsRequest* request,
                                     v1::GetFactsResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchFactsResponse>* WatchFacts(grpc::CallbackServerContext* context,
                                                               const v1::WatchFactsRequest* request) override;
  grpc::ServerWriteReactor<v1::ExportFactsResponse>* ExportFacts(grpc::CallbackServerContext* context,
                                                                 const v1::ExportFactsRequest* request) override;
  grpc::ServerUnaryReactor* ListFactDefinitions(grpc::CallbackServerContext* context,
                                                const v1::ListFactDefinitionsRequest* request,
                                                v1::ListFactDefinitionsResponse* response) override;
  grpc::ServerUnaryReactor* ValidateFilter(grpc::CallbackServerContext* context, const v1::ValidateFilterRequest* request,
                                           v1::ValidateFilterResponse* response) override;

 private:
  Facts& facts_;
  WorkerPool& pool_;
  WorkerPool& watch_pool_;
  WatchHub& hub_;
};

}  // namespace perennial::accounts
