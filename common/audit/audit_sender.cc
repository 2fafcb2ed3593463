#include "common/audit/audit_sender.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/time_util.h"

namespace perennial {
namespace {

constexpr int kMostAtOnce = 50;  // of at most 128 KiB each

accounts::v1::AuditEntry ToProto(AuditedChange change) {
  accounts::v1::AuditEntry entry;
  entry.set_id(std::move(change.id));
  SetTimestamp(change.time, entry.mutable_event_time());
  entry.set_caller(std::move(change.caller));
  entry.set_method(std::move(change.method));
  entry.set_resource(std::move(change.resource));
  entry.set_old_value(std::move(change.old_value));
  entry.set_new_value(std::move(change.new_value));
  entry.set_trace_id(std::move(change.trace_id));
  return entry;
}

}  // namespace

AuditSender::AuditSender(std::shared_ptr<grpc::Channel> accounts, Options options)
    : options_(options),
      channel_(std::move(accounts)),
      stub_(accounts::v1::AuditService::NewStub(channel_)),
      thread_([this](const std::stop_token& stop) { Loop(stop); }) {}

AuditSender::~AuditSender() {
  thread_.request_stop();
  thread_.join();
  const auto until = std::chrono::steady_clock::now() + options_.farewell;
  while (waiting() > 0 && std::chrono::steady_clock::now() < until) {
    if (!SendSome(options_.farewell)) break;
  }
  if (waiting() > 0) Log(LogLevel::kError, "changes are not in the audit trail", {{"count", absl::StrCat(waiting())}});
}

void AuditSender::Send(AuditedChange change) {
  {
    const std::lock_guard lock(mu_);
    if (waiting_.size() >= options_.most_waiting) {
      ++dropped_;
      return;
    }
    waiting_.push_back(ToProto(std::move(change)));
  }
  changed_.notify_one();
}

std::size_t AuditSender::waiting() {
  const std::lock_guard lock(mu_);
  return waiting_.size();
}

void AuditSender::Loop(const std::stop_token& stop) {
  std::chrono::milliseconds pause = options_.first_pause;
  for (;;) {
    {
      std::unique_lock lock(mu_);
      changed_.wait(lock, stop, [this] { return !waiting_.empty(); });
    }
    if (stop.stop_requested()) return;
    if (SendSome(options_.timeout)) {
      pause = options_.first_pause;
      continue;
    }
    std::unique_lock lock(mu_);
    changed_.wait_for(lock, stop, pause, [] { return false; });
    pause = std::min(pause * 2, options_.longest_pause);
  }
}

bool AuditSender::SendSome(std::chrono::milliseconds timeout) {
  accounts::v1::WriteAuditEntriesRequest request;
  {
    const std::lock_guard lock(mu_);
    for (std::size_t i = 0; i < waiting_.size() && i < kMostAtOnce; ++i) *request.add_entries() = waiting_[i];
  }
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  accounts::v1::WriteAuditEntriesResponse response;
  const grpc::Status status = stub_->WriteAuditEntries(&context, request, &response);
  // What accounts-svc does not take now it never will; it must not hold up the rest.
  const bool refused = status.error_code() == grpc::StatusCode::INVALID_ARGUMENT;
  if (!status.ok() && !refused) return false;
  const int count = request.entries_size();
  (refused ? dropped_ : sent_) += count;
  const std::lock_guard lock(mu_);
  waiting_.erase(waiting_.begin(), waiting_.begin() + count);
  return true;
}

}  // namespace perennial
