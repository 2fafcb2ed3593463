#include "accounts-svc/fact_service.h"

#include <memory>
#include <utility>

#include "common/server/serve_unary.h"

namespace perennial::accounts {
namespace {

// A stream of what a cursor gives, or of nothing but the error that stands in its place.
template <class Response, class Cursor>
grpc::ServerWriteReactor<Response>* Pull(absl::StatusOr<std::unique_ptr<Cursor>> cursor, WatchHub& hub, WorkerPool& pool,
                                         bool finite) {
  if (!cursor.ok()) {
    return WatchStream<Response>::Start(
        hub, pool, [status = cursor.status()]() -> absl::StatusOr<std::optional<Response>> { return status; });
  }
  return WatchStream<Response>::Start(
      hub, pool, [cursor = std::shared_ptr<Cursor>(*std::move(cursor))] { return cursor->Next(); }, finite);
}

}  // namespace

grpc::ServerUnaryReactor* FactService::GetFacts(grpc::CallbackServerContext* context, const v1::GetFactsRequest* request,
                                                v1::GetFactsResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return facts_.Get(call); });
}

grpc::ServerWriteReactor<v1::WatchFactsResponse>* FactService::WatchFacts(grpc::CallbackServerContext*,
                                                                          const v1::WatchFactsRequest* request) {
  return Pull<v1::WatchFactsResponse>(facts_.Watch(*request), hub_, watch_pool_, false);
}

grpc::ServerWriteReactor<v1::ExportFactsResponse>* FactService::ExportFacts(grpc::CallbackServerContext*,
                                                                            const v1::ExportFactsRequest* request) {
  return Pull<v1::ExportFactsResponse>(facts_.Export(*request), hub_, watch_pool_, true);
}

grpc::ServerUnaryReactor* FactService::ListFactDefinitions(grpc::CallbackServerContext* context,
                                                           const v1::ListFactDefinitionsRequest* request,
                                                           v1::ListFactDefinitionsResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return facts_.ListDefinitions(call); });
}

grpc::ServerUnaryReactor* FactService::ValidateFilter(grpc::CallbackServerContext* context,
                                                      const v1::ValidateFilterRequest* request,
                                                      v1::ValidateFilterResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return facts_.ValidateFilter(call); });
}

}  // namespace perennial::accounts
