#include "accounts-svc/fact_service.h"

#include <memory>
#include <utility>

#include "common/server/serve_unary.h"

namespace perennial::accounts {

grpc::ServerUnaryReactor* FactService::GetFacts(grpc::CallbackServerContext* context, const v1::GetFactsRequest* request,
                                                v1::GetFactsResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return facts_.Get(call); });
}

grpc::ServerWriteReactor<v1::WatchFactsResponse>* FactService::WatchFacts(grpc::CallbackServerContext*,
                                                                          const v1::WatchFactsRequest* request) {
  auto cursor = facts_.Watch(*request);
  if (!cursor.ok()) {
    return WatchStream<v1::WatchFactsResponse>::Start(
        hub_, watch_pool_,
        [status = cursor.status()]() -> absl::StatusOr<std::optional<v1::WatchFactsResponse>> { return status; });
  }
  return WatchStream<v1::WatchFactsResponse>::Start(
      hub_, watch_pool_, [cursor = std::shared_ptr<FactsCursor>(*std::move(cursor))] { return cursor->Next(); });
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
