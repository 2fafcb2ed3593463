#include "accounts-svc/record_stream.h"

#include <utility>
#include <vector>

#include "common/base/error_details.h"
#include "common/server/grpc_status.h"
#include "common/server/serve_unary.h"

namespace perennial::accounts {

// What gRPC calls; it lives until OnDone and keeps the stream alive until then.
class RecordStream::Transport final : public RecordStream::Reactor {
 public:
  explicit Transport(std::shared_ptr<RecordStream> stream) : stream_(std::move(stream)) {}
  void OnReadDone(bool ok) override { stream_->ReadDone(ok); }
  void OnWriteDone(bool ok) override { stream_->WriteDone(ok); }
  void OnCancel() override {
    MutexLock lock(stream_->mu_);
    stream_->Finish(absl::CancelledError("cancelled"));
  }
  void OnDone() override {
    stream_->Gone();
    delete this;
  }

 private:
  const std::shared_ptr<RecordStream> stream_;
};

RecordStream::Reactor* RecordStream::Start(Ingest& ingest, WorkerPool& pool, WatchHub& hub, BatchMemory& memory) {
  auto stream = std::make_shared<RecordStream>(ingest, pool, hub, memory);
  auto* transport = new Transport(stream);
  const bool added = hub.Add(stream);
  MutexLock lock(stream->mu_);
  stream->reactor_ = transport;
  stream->counted_ = memory.AddStream();
  if (added && stream->counted_) {
    stream->Advance();
  } else {
    stream->Finish(BusyStatus());
  }
  return transport;
}

RecordStream::~RecordStream() {
  for (const std::size_t bytes : taken_bytes_) memory_.Give(bytes);
  if (counted_) memory_.RemoveStream();
}

bool RecordStream::WantsMore() const {
  if (reading_ || ended_ || taken_.size() >= kMostTaken) return false;
  return taken_.empty() || memory_.HasRoom();
}

void RecordStream::Wake() {
  if (!hub_.draining()) return;
  MutexLock lock(mu_);
  // What is being written is acknowledged first; what only waits is sent again by the sender.
  if (!working_) {
    Finish(WithReason(absl::UnavailableError("server is draining; send what was not acknowledged again"), "DRAINING"));
  }
}

void RecordStream::Advance() {
  if (finished_ || reactor_ == nullptr) return;
  if (WantsMore()) {
    reading_ = true;
    reactor_->StartRead(&incoming_);
  }
  if (working_) return;
  if (hub_.draining()) {
    return Finish(WithReason(absl::UnavailableError("server is draining; send what was not acknowledged again"), "DRAINING"));
  }
  if (taken_.empty()) {
    if (ended_) Finish(end_);
    return;
  }
  working_ = true;
  if (!pool_.TryRun([self = shared_from_this()] { self->Work(); })) {
    working_ = false;
    Finish(BusyStatus());
  }
}

void RecordStream::ReadDone(bool ok) {
  v1::StreamRecordsRequest batch;
  const bool parsed = ok && grpc::SerializationTraits<v1::StreamRecordsRequest>::Deserialize(&incoming_, &batch).ok();
  incoming_.Clear();
  MutexLock lock(mu_);
  reading_ = false;
  if (parsed) {
    taken_bytes_.push_back(batch.SpaceUsedLong());
    memory_.Take(taken_bytes_.back());
    taken_.push_back(std::move(batch));
  } else {
    ended_ = true;
    if (ok) {
      end_ = WithReason(absl::InvalidArgumentError("a message of the stream is no StreamRecordsRequest"), "MALFORMED_MESSAGE");
    }
  }
  Advance();
}

// Writes all batches that are there in one transaction: they share what it costs.
void RecordStream::Work() {
  std::vector<const Ingest::Records*> batches;
  {
    MutexLock lock(mu_);
    if (finished_) return;
    for (const v1::StreamRecordsRequest& batch : taken_) {
      const absl::Status size = Ingest::CheckSize(batch.records());
      if (!size.ok() && batches.empty()) return Finish(size);
      if (!size.ok()) break;  // what came before it is written and acknowledged
      batches.push_back(&batch.records());  // stays in place until it is acknowledged
    }
  }
  auto summaries =
      CallSafely([&]() -> absl::StatusOr<std::vector<v1::BatchSummary>> { return ingest_.WriteAll(batches); });
  MutexLock lock(mu_);
  if (finished_ || reactor_ == nullptr) return;
  if (!summaries.ok()) return Finish(summaries.status());
  for (v1::BatchSummary& summary : *summaries) written_.push_back(std::move(summary));
  Acknowledge();
}

void RecordStream::Acknowledge() {
  v1::StreamRecordsResponse acknowledgement;
  acknowledgement.set_batch_id(taken_.front().batch_id());
  *acknowledgement.mutable_summary() = std::move(written_.front());
  written_.pop_front();
  outgoing_.Clear();  // of the acknowledgement before: gRPC insists on an empty one
  bool own_buffer = false;
  grpc::SerializationTraits<v1::StreamRecordsResponse>::Serialize(acknowledgement, &outgoing_, &own_buffer);
  reactor_->StartWrite(&outgoing_);
}

void RecordStream::WriteDone(bool ok) {
  MutexLock lock(mu_);
  taken_.pop_front();
  memory_.Give(taken_bytes_.front());
  taken_bytes_.pop_front();
  working_ = ok && !written_.empty() && !finished_;
  if (!ok) return Finish(absl::CancelledError("the sender left"));
  if (working_) Acknowledge();
  Advance();
}

void RecordStream::Finish(const absl::Status& status) {
  if (finished_ || reactor_ == nullptr) return;
  finished_ = true;
  reactor_->Finish(ToGrpcStatus(status));
}

void RecordStream::Gone() {
  MutexLock lock(mu_);
  finished_ = true;
  reactor_ = nullptr;
}

}  // namespace perennial::accounts
