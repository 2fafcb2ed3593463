#pragma once

#include "accounts-svc/export_stream.h"
#include "accounts-svc/records.h"
#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "perennial/accounts/v1/record_service.grpc.pb.h"

namespace perennial::accounts {

// Serves Records over gRPC. All it adds is the transport.
class RecordService final : public v1::RecordService::CallbackService {
 public:
  // All must outlive this. Exports run on `export_pool`, one a thread.
  RecordService(Records& records, WorkerPool& pool, WorkerPool& export_pool, WatchHub& hub, const ExportLimits& limits)
      : records_(records), pool_(pool), export_pool_(export_pool), hub_(hub), limits_(limits) {}

  grpc::ServerUnaryReactor* GetRecord(grpc::CallbackServerContext* context, const v1::GetRecordRequest* request,
                                      v1::GetRecordResponse* response) override;
  grpc::ServerUnaryReactor* CorrectRecord(grpc::CallbackServerContext* context, const v1::CorrectRecordRequest* request,
                                          v1::CorrectRecordResponse* response) override;
  grpc::ServerUnaryReactor* DeleteRecord(grpc::CallbackServerContext* context, const v1::DeleteRecordRequest* request,
                                         v1::DeleteRecordResponse* response) override;
  grpc::ServerUnaryReactor* ListRecordChanges(grpc::CallbackServerContext* context,
                                              const v1::ListRecordChangesRequest* request,
                                              v1::ListRecordChangesResponse* response) override;
  grpc::ServerWriteReactor<v1::ExportRecordsResponse>* ExportRecords(grpc::CallbackServerContext* context,
                                                                     const v1::ExportRecordsRequest* request) override;
  grpc::ServerWriteReactor<v1::ExportDailyUsageResponse>* ExportDailyUsage(
      grpc::CallbackServerContext* context, const v1::ExportDailyUsageRequest* request) override;

 private:
  Records& records_;
  WorkerPool& pool_;
  WorkerPool& export_pool_;
  WatchHub& hub_;
  const ExportLimits limits_;
};

}  // namespace perennial::accounts
