#include "accounts-svc/ingest_service.h"

#include "accounts-svc/record_stream.h"
#include "common/base/status_macros.h"
#include "common/server/serve_unary.h"

namespace perennial::accounts {

grpc::ServerUnaryReactor* IngestService::WriteRecords(grpc::CallbackServerContext* context,
                                                      const v1::WriteRecordsRequest* request,
                                                      v1::WriteRecordsResponse* response) {
  return ServeUnary(pool_, context, request, response,
                    [this](const auto& call) -> absl::StatusOr<v1::WriteRecordsResponse> {
                      v1::WriteRecordsResponse answer;
                      PERENNIAL_ASSIGN_OR_RETURN(*answer.mutable_summary(), ingest_.Write(call.records()));
                      return answer;
                    });
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* IngestService::StreamRecords(grpc::CallbackServerContext*) {
  return RecordStream::Start(ingest_, pool_, hub_, memory_);
}

}  // namespace perennial::accounts
