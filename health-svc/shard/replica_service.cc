#include "health-svc/shard/replica_service.h"

#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "health-svc/roll_up.h"
#include "health-svc/serve_at_revision.h"
#include "health-svc/shard/configuration_feed.h"

namespace perennial::health {

grpc::ServerWriteReactor<v1::WatchConfigurationResponse>* ReplicaService::WatchConfiguration(
    grpc::CallbackServerContext*, const v1::WatchConfigurationRequest* request) {
  using Response = v1::WatchConfigurationResponse;
  if (!parts_.shards.KeepsConfiguration()) {
    return WatchStream<Response>::Start(
        parts_.hub, parts_.pool,
        [status = parts_.shards.KeepsNoConfiguration()]() -> absl::StatusOr<std::optional<Response>> {
          return status;
        });
  }
  const auto feed = std::make_shared<ConfigurationFeed>(parts_.store, request->position());
  return WatchStream<Response>::Start(parts_.hub, parts_.pool, [feed] { return feed->Next(); });
}

grpc::ServerUnaryReactor* ReplicaService::ListHierarchyParts(grpc::CallbackServerContext* context,
                                                             const v1::ListHierarchyPartsRequest* request,
                                                             v1::ListHierarchyPartsResponse* response) {
  return ServeAtRevision(parts_.waiters, parts_.pool, context, request, response, CheckHierarchyParts(*request),
                         [this](const auto& call) -> absl::StatusOr<v1::ListHierarchyPartsResponse> {
                           const absl::Status checked = CheckHierarchyParts(call);
                           if (!checked.ok()) return checked;
                           const ReadLock read(parts_.portfolio.lock());
                           return health::ListHierarchyParts(parts_.portfolio, call);
                         });
}

}  // namespace perennial::health
