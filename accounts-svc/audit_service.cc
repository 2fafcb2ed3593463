#include "accounts-svc/audit_service.h"

#include "common/server/serve_unary.h"

namespace perennial::accounts {

grpc::ServerUnaryReactor* AuditService::ListAuditEntries(grpc::CallbackServerContext* context,
                                                         const v1::ListAuditEntriesRequest* request,
                                                         v1::ListAuditEntriesResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return audit_.List(call); });
}

grpc::ServerUnaryReactor* AuditService::WriteAuditEntries(grpc::CallbackServerContext* context,
                                                          const v1::WriteAuditEntriesRequest* request,
                                                          v1::WriteAuditEntriesResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return audit_.Write(call); });
}

}  // namespace perennial::accounts
