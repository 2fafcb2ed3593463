#include "cli/import_sender.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"

namespace perennial::cli {
namespace {

using accounts::v1::StreamRecordsRequest;
using accounts::v1::StreamRecordsResponse;

// How often a wait looks whether the user wants to stop.
constexpr absl::Duration kGlance = absl::Milliseconds(100);
// Everything is on disk by then: only good manners towards the server.
constexpr absl::Duration kPatienceAtTheEnd = absl::Seconds(2);

absl::Status ToStatus(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

bool IsTransient(grpc::StatusCode code) {
  return code == grpc::StatusCode::UNAVAILABLE || code == grpc::StatusCode::RESOURCE_EXHAUSTED ||
         code == grpc::StatusCode::DEADLINE_EXCEEDED || code == grpc::StatusCode::ABORTED;
}

}  // namespace

// One call of StreamRecords, driven by one thread that polls its completion queue.
class RecordSender::Stream {
 public:
  Stream(accounts::v1::IngestService::Stub& stub, absl::Duration deadline) {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + deadline));
    // NOLINTNEXTLINE(performance-no-int-to-ptr): gRPC's tags are pointers
    call_ = stub.AsyncStreamRecords(&context_, &queue_, Tag(kStart));
    in_flight_ = 1;
  }
  ~Stream() {
    // The queue must be empty before it and the call go.
    context_.TryCancel();
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Whether another batch can be written now.
  [[nodiscard]] bool CanWrite() const { return started_ && !writing_ && !broken_; }
  void Write(const StreamRecordsRequest& request) {
    writing_ = true;
    ++in_flight_;
    ++written_;
    if (written_ == 1) last_progress_ = absl::Now();
    call_->Write(request, Tag(kWrite));
  }
  // How many batches were given to this stream.
  [[nodiscard]] std::size_t written() const { return written_; }
  void CountAcknowledgement() {
    --written_;
    last_progress_ = absl::Now();
  }
  // Says that no batch follows and waits for the end of the call, at most for `patience`. Only when all is
  // acknowledged.
  void Close(absl::Duration patience) {
    const absl::Time until = absl::Now() + patience;
    bool closing = false;
    while (!finished_ && absl::Now() < until) {
      if (!closing && CanWrite()) {
        closing = true;
        ++in_flight_;
        call_->WritesDone(Tag(kWritesDone));
      }
      Poll(kGlance);
    }
  }
  [[nodiscard]] absl::Time last_progress() const { return last_progress_; }

  // Waits at most for `patience`. The response when one has come, for which nothing else is done before the next call.
  const StreamRecordsResponse* Poll(absl::Duration patience) {
    void* tag = nullptr;
    bool ok = false;
    if (queue_.AsyncNext(&tag, &ok, absl::ToChronoTime(absl::Now() + patience)) != grpc::CompletionQueue::GOT_EVENT) {
      return nullptr;
    }
    --in_flight_;
    if (ok) last_progress_ = absl::Now();
    switch (reinterpret_cast<std::intptr_t>(tag)) {
      case kStart:
        started_ = ok;
        if (ok) Read();
        break;
      case kWrite: writing_ = false; break;
      case kRead:
        if (ok) {
          response_.Swap(&next_);
          Read();
          return &response_;
        }
        break;
      case kWritesDone: break;
      case kFinish: finished_ = true; return nullptr;
    }
    if (!ok) broken_ = true;
    if (broken_ && in_flight_ == 0) {
      ++in_flight_;
      call_->Finish(&status_, Tag(kFinish));
    }
    return nullptr;
  }
  // The server's last word, once the call is over.
  [[nodiscard]] const grpc::Status* status() const { return finished_ ? &status_ : nullptr; }

 private:
  enum : std::intptr_t { kStart = 1, kWrite, kRead, kWritesDone, kFinish };
  static void* Tag(std::intptr_t operation) { return reinterpret_cast<void*>(operation); }

  void Read() {
    ++in_flight_;
    call_->Read(&next_, Tag(kRead));
  }

  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<StreamRecordsRequest, StreamRecordsResponse>> call_;
  StreamRecordsResponse next_;
  StreamRecordsResponse response_;
  grpc::Status status_;
  std::size_t written_ = 0;
  int in_flight_ = 0;
  bool started_ = false;
  bool writing_ = false;
  bool broken_ = false;
  bool finished_ = false;
  absl::Time last_progress_ = absl::Now();
};

RecordSender::RecordSender(std::shared_ptr<grpc::Channel> channel, Options options, Acknowledged on_acknowledged,
                           std::function<bool()> interrupted, std::function<void(const absl::Status&)> on_retry)
    : channel_(std::move(channel)),
      stub_(accounts::v1::IngestService::NewStub(channel_)),
      options_(options),
      on_acknowledged_(std::move(on_acknowledged)),
      interrupted_(std::move(interrupted)),
      on_retry_(std::move(on_retry)) {}

RecordSender::~RecordSender() = default;

absl::Status RecordSender::Send(Batch batch) {
  batch.request.set_batch_id(next_batch_id_++);
  unacknowledged_.push_back(std::move(batch));
  const auto has_room = [this] { return unacknowledged_.size() < options_.most_unacknowledged; };
  // Even with room left, what was taken is put on its way.
  const auto is_sent = [&] { return has_room() && stream_ && stream_->written() == unacknowledged_.size(); };
  return RunUntil(is_sent, interrupted_);
}

absl::Status RecordSender::Finish(absl::Duration grace) {
  absl::Time stop_at = absl::InfiniteFuture();
  const auto stop = [&] {
    if (stop_at == absl::InfiniteFuture() && interrupted_()) stop_at = absl::Now() + grace;
    return absl::Now() >= stop_at;
  };
  PERENNIAL_RETURN_IF_ERROR(RunUntil([this] { return unacknowledged_.empty(); }, stop));
  if (stream_) stream_->Close(kPatienceAtTheEnd);
  stream_.reset();
  return absl::OkStatus();
}

absl::Status RecordSender::RunUntil(const std::function<bool()>& done, const std::function<bool()>& stop) {
  while (!done()) {
    if (stop()) return absl::CancelledError("stopped");
    if (!stream_) stream_ = std::make_unique<Stream>(*stub_, options_.stream_deadline);
    if (stream_->CanWrite() && stream_->written() < unacknowledged_.size()) {
      stream_->Write(unacknowledged_[stream_->written()].request);
      continue;
    }
    if (const StreamRecordsResponse* response = stream_->Poll(kGlance)) Acknowledge(*response);
    if (!protocol_error_.ok()) return protocol_error_;
    if (const grpc::Status* status = stream_->status()) {
      const grpc::Status last = *status;
      stream_.reset();
      PERENNIAL_RETURN_IF_ERROR(AfterBreak(last, stop));
    } else if (absl::Now() - stream_->last_progress() > options_.stall_after && !unacknowledged_.empty()) {
      stream_.reset();
      PERENNIAL_RETURN_IF_ERROR(
          AfterBreak(grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "no acknowledgement came"), stop));
    }
  }
  return absl::OkStatus();
}

void RecordSender::Acknowledge(const StreamRecordsResponse& response) {
  const bool expected = stream_->written() > 0 && response.batch_id() == unacknowledged_.front().request.batch_id();
  if (!expected) {
    protocol_error_ = absl::InternalError(
        absl::StrCat("the server acknowledged batch ", response.batch_id(), ", which was not the next one"));
    return;
  }
  stream_->CountAcknowledgement();
  failures_ = 0;
  failing_since_ = absl::InfiniteFuture();
  const Batch batch = std::move(unacknowledged_.front());
  unacknowledged_.pop_front();
  on_acknowledged_(batch, response.summary());
}

absl::Status RecordSender::AfterBreak(const grpc::Status& status, const std::function<bool()>& stop) {
  const absl::Status why = status.ok() ? absl::UnavailableError("the server closed the stream") : ToStatus(status);
  if (!status.ok() && !IsTransient(status.error_code())) return why;
  const absl::Time now = absl::Now();
  failing_since_ = std::min(failing_since_, now);
  if (now - failing_since_ >= options_.give_up_after) {
    return absl::UnavailableError(absl::StrCat("gave up after ", absl::FormatDuration(options_.give_up_after), " and ",
                                               failures_ + 1, " attempts: ", why.message()));
  }
  absl::Duration pause = options_.first_backoff;
  for (int i = 0; i < failures_ && pause < options_.most_backoff; ++i) pause *= 2;
  ++failures_;
  on_retry_(why);
  // Waits in short steps so that Ctrl-C is heard.
  const absl::Time until = now + std::min(pause, options_.most_backoff);
  while (absl::Now() < until) {
    if (stop()) return absl::CancelledError("stopped");
    absl::SleepFor(std::min(kGlance, until - absl::Now()));
  }
  return absl::OkStatus();
}

}  // namespace perennial::cli
