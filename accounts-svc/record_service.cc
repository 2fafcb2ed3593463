#include "accounts-svc/record_service.h"

#include "accounts-svc/daily_usage_export.h"
#include "accounts-svc/record_export.h"
#include "common/server/serve_unary.h"

namespace perennial::accounts {

grpc::ServerUnaryReactor* RecordService::GetRecord(grpc::CallbackServerContext* context,
                                                   const v1::GetRecordRequest* request,
                                                   v1::GetRecordResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return records_.Get(call); });
}

grpc::ServerUnaryReactor* RecordService::CorrectRecord(grpc::CallbackServerContext* context,
                                                       const v1::CorrectRecordRequest* request,
                                                       v1::CorrectRecordResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return records_.Correct(call); });
}

grpc::ServerUnaryReactor* RecordService::DeleteRecord(grpc::CallbackServerContext* context,
                                                      const v1::DeleteRecordRequest* request,
                                                      v1::DeleteRecordResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return records_.Delete(call); });
}

grpc::ServerUnaryReactor* RecordService::ListRecordChanges(grpc::CallbackServerContext* context,
                                                           const v1::ListRecordChangesRequest* request,
                                                           v1::ListRecordChangesResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return records_.ListChanges(call); });
}

grpc::ServerWriteReactor<v1::ExportRecordsResponse>* RecordService::ExportRecords(
    grpc::CallbackServerContext*, const v1::ExportRecordsRequest* request) {
  return ExportStream<v1::ExportRecordsResponse, RecordExport>::Start(records_.Export(*request), hub_, export_pool_,
                                                                      limits_);
}

grpc::ServerWriteReactor<v1::ExportDailyUsageResponse>* RecordService::ExportDailyUsage(
    grpc::CallbackServerContext*, const v1::ExportDailyUsageRequest* request) {
  return ExportStream<v1::ExportDailyUsageResponse, DailyUsageExport>::Start(records_.ExportDailyUsage(*request), hub_,
                                                                             export_pool_, limits_);
}

}  // namespace perennial::accounts
