#pragma once

#include <grpcpp/grpcpp.h>

#include <cstddef>
#include <deque>
#include <memory>

#include "accounts-svc/batch_memory.h"
#include "accounts-svc/ingest.h"
#include "common/base/mutex.h"
#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "perennial/accounts/v1/ingest_service.pb.h"

namespace perennial::accounts {

// Server side of StreamRecords: takes at most kMostTaken batches ahead, writes those that are there in order, in one
// transaction, and acknowledges each, in order, once it is on disk. A message that cannot be parsed ends the stream with
// INVALID_ARGUMENT, after what came before it is acknowledged. When the window or the memory of all streams is full it reads no more, and gRPC's flow
// control holds the sender.
class RecordStream final : public WatchHub::Stream, public std::enable_shared_from_this<RecordStream> {
 public:
  // Of bytes: gRPC tells a message that cannot be parsed and the end of the stream alike.
  using Reactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

  // Starts the stream; gRPC owns the reactor. All must outlive all streams.
  static Reactor* Start(Ingest& ingest, WorkerPool& pool, WatchHub& hub, BatchMemory& memory);

  RecordStream(Ingest& ingest, WorkerPool& pool, WatchHub& hub, BatchMemory& memory)
      : ingest_(ingest), pool_(pool), hub_(hub), memory_(memory) {}
  ~RecordStream() override;
  // The hub wakes all its streams at every commit; here only draining matters.
  void Wake() override;

 private:
  static constexpr std::size_t kMostTaken = 4;
  class Transport;

  void ReadDone(bool ok);
  void WriteDone(bool ok);
  void Gone();
  // Whether to read the next batch.
  [[nodiscard]] bool WantsMore() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Each needs mu_.
  void Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Finish(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Sends the acknowledgement of the first of taken_, the first of written_.
  void Acknowledge() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // On a pool thread.
  void Work();

  Ingest& ingest_;
  WorkerPool& pool_;
  WatchHub& hub_;
  BatchMemory& memory_;
  grpc::ByteBuffer incoming_;  // being read
  grpc::ByteBuffer outgoing_;  // being written
  Mutex mu_;
  Reactor* reactor_ ABSL_GUARDED_BY(mu_) = nullptr;
  std::deque<v1::StreamRecordsRequest> taken_ ABSL_GUARDED_BY(mu_);  // read and not yet acknowledged
  std::deque<std::size_t> taken_bytes_ ABSL_GUARDED_BY(mu_);         // of each of these
  std::deque<v1::BatchSummary> written_ ABSL_GUARDED_BY(mu_);        // of the first of taken_: on disk, not yet told
  bool counted_ ABSL_GUARDED_BY(mu_) = false;  // among the streams of memory_
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  bool working_ ABSL_GUARDED_BY(mu_) = false;  // a batch is being written or acknowledged
  bool ended_ ABSL_GUARDED_BY(mu_) = false;    // the sender has no more, or nothing that can be read
  absl::Status end_ ABSL_GUARDED_BY(mu_);      // what the stream ends with then
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace perennial::accounts
