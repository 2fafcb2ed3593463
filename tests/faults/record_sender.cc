#include "tests/faults/record_sender.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"

namespace perennial::testing {
namespace {

namespace v1 = perennial::accounts::v1;

constexpr std::int64_t kBatch = 20;

}  // namespace

RecordSender::RecordSender(std::shared_ptr<grpc::Channel> channel, std::vector<std::string> ids)
    : channel_(std::move(channel)), ids_(std::move(ids)), thread_([this] { Loop(); }) {}

void RecordSender::Stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

bool RecordSender::WaitForMore(std::int64_t events) {
  const std::int64_t wanted = acknowledged_ + events;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (acknowledged_ < wanted) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

std::string RecordSender::Problem() {
  MutexLock lock(mu_);
  return problem_;
}

void RecordSender::Complain(const std::string& problem) {
  MutexLock lock(mu_);
  if (problem_.empty()) problem_ = problem;
}

void RecordSender::Loop() {
  std::int64_t next = 0;
  bool whole = true;
  while (!stop_ || !whole) {
    whole = Send(next);
    if (whole) continue;
    ++breaks_;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

bool RecordSender::Send(std::int64_t& next) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(5));
  const auto ingest = v1::IngestService::NewStub(channel_);
  const auto stream = ingest->StreamRecords(&context);
  bool sent = true;
  do {
    v1::StreamRecordsRequest request;
    request.set_batch_id(next);
    for (std::int64_t number = next; number < next + kBatch; ++number) {
      *request.add_records() = AccountsClient::Event(ids_[static_cast<std::size_t>(number) % ids_.size()], number);
    }
    v1::StreamRecordsResponse response;
    sent = stream->Write(request) && stream->Read(&response);
    if (!sent) break;
    const v1::BatchSummary& summary = response.summary();
    if (response.batch_id() != next || summary.stored() + summary.duplicates() != kBatch) {
      Complain(absl::StrCat("batch ", next, " was answered by ", response.ShortDebugString()));
    }
    known_ += summary.duplicates();
    next += kBatch;
    acknowledged_ = next;
  } while (!stop_);
  if (sent) context.TryCancel();
  const grpc::Status status = stream->Finish();
  const bool expected = sent || status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                        status.error_code() == grpc::StatusCode::ABORTED;
  if (!expected) Complain(absl::StrCat("the stream ended with ", status.error_code(), ": ", status.error_message()));
  return sent;
}

}  // namespace perennial::testing
