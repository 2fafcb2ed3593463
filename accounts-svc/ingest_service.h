#pragma once

#include "accounts-svc/batch_memory.h"
#include "accounts-svc/ingest.h"
#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "perennial/accounts/v1/ingest_service.grpc.pb.h"

namespace perennial::accounts {

// Serves Ingest over gRPC. All it adds is the transport.
class IngestService final : public v1::IngestService::WithCallbackMethod_WriteRecords<
                                v1::IngestService::WithRawCallbackMethod_StreamRecords<v1::IngestService::Service>> {
 public:
  // All must outlive this. `hub` ends streams when the server drains.
  IngestService(Ingest& ingest, WorkerPool& pool, WatchHub& hub) : ingest_(ingest), pool_(pool), hub_(hub) {}

  grpc::ServerUnaryReactor* WriteRecords(grpc::CallbackServerContext* context, const v1::WriteRecordsRequest* request,
                                         v1::WriteRecordsResponse* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* StreamRecords(grpc::CallbackServerContext* context) override;

 private:
  Ingest& ingest_;
  WorkerPool& pool_;
  WatchHub& hub_;
  BatchMemory memory_{std::size_t{64} << 20, 100};
};

}  // namespace perennial::accounts
