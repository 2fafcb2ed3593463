#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "perennial/accounts/v1/ingest_service.grpc.pb.h"

namespace perennial::cli {

// An IngestService that keeps records in memory and follows the contract of record.proto: an id counts once in its
// account and kind, later states replace earlier ones, records of unknown accounts are refused. Faults are made to
// order.
class FakeIngest final : public accounts::v1::IngestService::Service {
 public:
  FakeIngest();
  ~FakeIngest() override;

  // "127.0.0.1:port".
  [[nodiscard]] std::string address() const;
  [[nodiscard]] std::shared_ptr<grpc::Channel> channel() const;

  // After so many more batches are stored, the stream ends with `status`; the acknowledgement of the last one is lost.
  void BreakAfter(int batches, grpc::Status status);
  // Asked for each record before it is stored; a status that is not OK refuses it.
  std::function<google::rpc::Status(const accounts::v1::Record&)> judge;
  // Called with each batch before it is stored.
  std::function<void()> on_batch;

  [[nodiscard]] std::vector<accounts::v1::Record> Records() const;
  [[nodiscard]] int batches() const { return batches_; }
  [[nodiscard]] int streams() const { return streams_; }

  grpc::Status StreamRecords(grpc::ServerContext* context,
                             grpc::ServerReaderWriter<accounts::v1::StreamRecordsResponse,
                                                      accounts::v1::StreamRecordsRequest>* stream) override;

 private:
  void Store(const accounts::v1::Record& record, int index, accounts::v1::BatchSummary* summary);
  accounts::v1::BatchSummary StoreAll(const accounts::v1::StreamRecordsRequest& request);

  mutable Mutex mutex_;
  std::map<std::string, accounts::v1::Record> records_;
  std::vector<std::string> order_;
  std::atomic<int> break_after_{-1};
  grpc::Status break_status_;
  std::atomic<int> batches_{0};
  std::atomic<int> streams_{0};
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace perennial::cli
