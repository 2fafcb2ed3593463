#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "perennial/accounts/v1/ingest_service.grpc.pb.h"

namespace perennial::cli {

// Where a record of a batch came from.
struct RecordOrigin {
  std::int64_t line = 0;
  std::string id;
  // The row as it stands in the file; several records of one row share it.
  std::shared_ptr<const std::string> raw;
};

// Records that travel together. All of one file.
struct Batch {
  accounts::v1::StreamRecordsRequest request;
  // Parallel to request.records.
  std::vector<RecordOrigin> origins;
  std::size_t file = 0;
  // How much of the whole import is behind when this is acknowledged.
  std::int64_t bytes_done = 0;
  std::int64_t rows_done = 0;
};

// Sends batches through IngestService.StreamRecords, in order, with a bounded number of unacknowledged ones. When the
// way to the server breaks or the server is busy it connects again and sends again what was not acknowledged, which is
// safe: a record counts once. Used by one thread, on which `on_acknowledged` is called too.
class RecordSender {
 public:
  struct Options {
    std::size_t most_unacknowledged = 4;
    // Gives up when nothing was acknowledged for so long while trying again.
    absl::Duration give_up_after = absl::Seconds(30);
    // A stream without an answer to a batch for so long counts as broken.
    absl::Duration stall_after = absl::Seconds(20);
    // No stream lives longer; a new one goes on where it ended.
    absl::Duration stream_deadline = absl::Minutes(10);
    absl::Duration first_backoff = absl::Milliseconds(100);
    absl::Duration most_backoff = absl::Seconds(2);
  };
  using Acknowledged = std::function<void(const Batch& batch, const accounts::v1::BatchSummary& summary)>;

  // `interrupted` is asked several times a second; once it says yes, Send returns CANCELLED. Both functions must
  // outlive this. `on_retry` is told of each new attempt.
  RecordSender(std::shared_ptr<grpc::Channel> channel, Options options, Acknowledged on_acknowledged,
               std::function<bool()> interrupted, std::function<void(const absl::Status& why)> on_retry);
  ~RecordSender();
  RecordSender(const RecordSender&) = delete;
  RecordSender& operator=(const RecordSender&) = delete;

  // Takes a batch and waits until fewer than the most allowed are unacknowledged. Errors: CANCELLED (interrupted), what
  // the server said and trying again cannot help, or UNAVAILABLE after `give_up_after`.
  absl::Status Send(Batch batch);
  // Waits until everything is acknowledged, or (interrupted) at most for `grace`.
  absl::Status Finish(absl::Duration grace = absl::Seconds(5));
  [[nodiscard]] std::size_t unacknowledged() const { return unacknowledged_.size(); }

 private:
  class Stream;

  // Runs the stream until `done` or an error.
  absl::Status RunUntil(const std::function<bool()>& done, const std::function<bool()>& stop);
  void Acknowledge(const accounts::v1::StreamRecordsResponse& response);
  // What to do after the stream broke: OK to try again.
  absl::Status AfterBreak(const grpc::Status& status, const std::function<bool()>& stop);

  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<accounts::v1::IngestService::Stub> stub_;
  const Options options_;
  const Acknowledged on_acknowledged_;
  const std::function<bool()> interrupted_;
  const std::function<void(const absl::Status&)> on_retry_;
  std::deque<Batch> unacknowledged_;
  std::unique_ptr<Stream> stream_;
  std::int64_t next_batch_id_ = 1;
  int failures_ = 0;
  absl::Time failing_since_ = absl::InfiniteFuture();
  // Why the stream cannot go on although the server said nothing: it acknowledged what was not sent.
  absl::Status protocol_error_;
};

}  // namespace perennial::cli
