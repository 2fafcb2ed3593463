#pragma once

#include <grpcpp/grpcpp.h>

#include "accounts-svc/audit.h"
#include "common/server/worker_pool.h"
#include "perennial/accounts/v1/audit_service.grpc.pb.h"

namespace perennial::accounts {

// Serves Audit over gRPC.
class AuditService final : public v1::AuditService::CallbackService {
 public:
  // Both must outlive this.
  AuditService(Audit& audit, WorkerPool& pool) : audit_(audit), pool_(pool) {}

  grpc::ServerUnaryReactor* ListAuditEntries(grpc::CallbackServerContext* context,
                                             const v1::ListAuditEntriesRequest* request,
                                             v1::ListAuditEntriesResponse* response) override;
  grpc::ServerUnaryReactor* WriteAuditEntries(grpc::CallbackServerContext* context,
                                              const v1::WriteAuditEntriesRequest* request,
                                              v1::WriteAuditEntriesResponse* response) override;

 private:
  Audit& audit_;
  WorkerPool& pool_;
};

}  // namespace perennial::accounts
