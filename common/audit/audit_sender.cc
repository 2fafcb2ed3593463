#include "common/audit/audit_sender.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/audit/audit_entry.h"
#include "common/base/log.h"

namespace perennial {
namespace {

constexpr int kMostAtOnce = 50;  // of at most 128 KiB each
constexpr std::size_t kMostOnDisk = 4;  // times as much as may wait: the journal is cleared when nothing does

}  // namespace

AuditSender::AuditSender(std::shared_ptr<grpc::Channel> accounts, Options options)
    : options_(std::move(options)),
      channel_(std::move(accounts)),
      stub_(accounts::v1::AuditService::NewStub(channel_)) {
  OpenJournal();
  thread_ = std::jthread([this](const std::stop_token& stop) { Loop(stop); });
}

AuditSender::~AuditSender() {
  thread_.request_stop();
  thread_.join();
  const auto until = std::chrono::steady_clock::now() + options_.farewell;
  while (waiting() > 0 && std::chrono::steady_clock::now() < until) {
    if (!SendSome(options_.farewell)) break;
  }
  if (waiting() == 0) return;
  const bool kept = !options_.journal.empty() && unjournaled_ == 0;
  Log(kept ? LogLevel::kWarning : LogLevel::kError,
      kept ? "changes come into the audit trail at the next start" : "changes are not in the audit trail",
      {{"count", absl::StrCat(waiting())}});
}

void AuditSender::OpenJournal() {
  if (options_.journal.empty()) return;
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(options_.journal).parent_path(), ignored);
  std::vector<accounts::v1::AuditEntry> left;
  auto journal = AuditJournal::Open(options_.journal, left);
  if (!journal.ok()) {
    // Changes go on; that they may be lost with the process is told by the counter.
    Log(LogLevel::kError, "no journal of the audit trail", {{"status", std::string(journal.status().message())}});
    return;
  }
  const std::lock_guard lock(mu_);
  journal_ = *std::move(journal);
  for (accounts::v1::AuditEntry& entry : left) {
    bytes_ += entry.ByteSizeLong();
    waiting_.push_back(std::move(entry));
  }
}

void AuditSender::Send(AuditedChange change) {
  accounts::v1::AuditEntry entry = ToAuditEntry(std::move(change));
  const std::size_t size = entry.ByteSizeLong();
  {
    const std::lock_guard lock(mu_);
    const std::size_t on_disk = journal_ == nullptr ? 0 : journal_->bytes();
    if (waiting_.size() >= options_.most_waiting || bytes_ + size > options_.most_bytes ||
        on_disk + size > kMostOnDisk * options_.most_bytes) {
      if (dropped_++ == 0) Log(LogLevel::kError, "too many changes wait for the audit trail; this one is not in it");
      return;
    }
    if (!options_.journal.empty()) {
      const absl::Status kept = journal_ == nullptr ? absl::UnavailableError("no journal") : journal_->Append(entry);
      if (!kept.ok() && unjournaled_++ == 0) {
        Log(LogLevel::kError, "a change is not in the journal of the audit trail", {{"status", std::string(kept.message())}});
      }
    }
    bytes_ += size;
    waiting_.push_back(std::move(entry));
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
  for (int i = 0; i < count; ++i) bytes_ -= waiting_[static_cast<std::size_t>(i)].ByteSizeLong();
  waiting_.erase(waiting_.begin(), waiting_.begin() + count);
  if (journal_ == nullptr || !waiting_.empty()) return true;
  // Until then what was sent stays in it; sent again, it would be known by its id.
  if (const absl::Status cleared = journal_->Clear(); !cleared.ok()) {
    Log(LogLevel::kError, "the journal of the audit trail", {{"status", std::string(cleared.message())}});
  }
  return true;
}

void MeasureAudit(AuditSender& sender, Metrics& metrics) {
  constexpr char kName[] = "perennial_audit_entries_total";
  constexpr char kHelp[] = "Changes for the audit trail: in it (sent), lost (dropped), or kept in memory only (unjournaled).";
  const auto count = [&](const char* result, std::int64_t (AuditSender::*read)() const) {
    metrics.CounterFrom(kName, kHelp, {{"result", result}},
                        [&sender, read] { return static_cast<double>((sender.*read)()); });
  };
  count("sent", &AuditSender::sent);
  count("dropped", &AuditSender::dropped);
  count("unjournaled", &AuditSender::unjournaled);
  metrics.GaugeFrom("perennial_audit_waiting", "Changes that accounts-svc has not taken yet.", {},
                    [&sender] { return static_cast<double>(sender.waiting()); });
}

}  // namespace perennial
