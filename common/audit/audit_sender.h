#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/audit/audit_journal.h"
#include "common/server/audited_change.h"
#include "common/server/metrics.h"
#include "perennial/accounts/v1/audit_service.grpc.pb.h"

namespace perennial {

// Brings changes to the audit trail in accounts-svc, on a thread of its own: a call never waits for accounts-svc. While that cannot
// be reached they are kept, a bounded number, and sent again; as each has an id, none is written twice. With a journal they are on
// disk until accounts-svc has them, and a process that was killed sends what is left in it when it starts again.
class AuditSender {
 public:
  struct Options {
    std::size_t most_waiting = 10000;
    std::size_t most_bytes = std::size_t{64} << 20;
    // File for what waits; empty: in memory only.
    std::string journal = {};
    std::chrono::milliseconds timeout{5000};
    std::chrono::milliseconds first_pause{100};
    std::chrono::milliseconds longest_pause{5000};
    // How long the destructor tries to send what waits.
    std::chrono::milliseconds farewell{2000};
  };
  explicit AuditSender(std::shared_ptr<grpc::Channel> accounts) : AuditSender(std::move(accounts), Options{}) {}
  AuditSender(std::shared_ptr<grpc::Channel> accounts, Options options);
  ~AuditSender();

  // Waits for the journal at most. Beyond what may wait a change is dropped, and counted.
  void Send(AuditedChange change);

  [[nodiscard]] std::int64_t sent() const { return sent_; }
  [[nodiscard]] std::int64_t dropped() const { return dropped_; }
  [[nodiscard]] std::size_t waiting();
  // Changes that could not be written to the journal: kept, but in memory only.
  [[nodiscard]] std::int64_t unjournaled() const { return unjournaled_; }

 private:
  void OpenJournal();
  void Loop(const std::stop_token& stop);
  // Sends the oldest that wait; false when they must be sent again.
  bool SendSome(std::chrono::milliseconds timeout);

  const Options options_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<accounts::v1::AuditService::Stub> stub_;
  std::atomic<std::int64_t> sent_ = 0;
  std::atomic<std::int64_t> dropped_ = 0;
  std::atomic<std::int64_t> unjournaled_ = 0;
  std::mutex mu_;
  std::condition_variable_any changed_;
  std::deque<accounts::v1::AuditEntry> waiting_;  // guarded by mu_
  std::size_t bytes_ = 0;                         // guarded by mu_: of what waits
  std::unique_ptr<AuditJournal> journal_;         // guarded by mu_; null without one
  std::jthread thread_;                           // last: uses all of the above
};

// Tells operators of it. `sender` must outlive `metrics`.
void MeasureAudit(AuditSender& sender, Metrics& metrics);

}  // namespace perennial
