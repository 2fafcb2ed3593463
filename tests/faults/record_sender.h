#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "tests/testing/accounts_process.h"

namespace perennial::testing {

// Streams use of some accounts on a thread of its own, batch after batch, until it is stopped. Whatever breaks the stream, it
// sends again what was not acknowledged.
class RecordSender {
 public:
  RecordSender(std::shared_ptr<grpc::Channel> channel, std::vector<std::string> ids);
  ~RecordSender() { Stop(); }

  // Waits until so many more events are acknowledged; false after a minute.
  bool WaitForMore(std::int64_t events);
  // Stops once the batch in hand is acknowledged.
  void Stop();
  // Events acknowledged so far, dealt out to the accounts in turn: event n belongs to ids[n % ids.size()].
  [[nodiscard]] std::int64_t Acknowledged() const { return acknowledged_; }
  // How often the stream broke.
  [[nodiscard]] int Breaks() const { return breaks_; }
  // Events that had been stored before a break and were known when they were sent again.
  [[nodiscard]] std::int64_t Known() const { return known_; }
  // What should not have happened; empty when all is well.
  [[nodiscard]] std::string Problem();

 private:
  void Loop();
  // Sends batches on one stream; false when it broke.
  bool Send(std::int64_t& next);
  void Complain(const std::string& problem);

  const std::shared_ptr<grpc::Channel> channel_;
  const std::vector<std::string> ids_;
  std::atomic<bool> stop_ = false;
  std::atomic<std::int64_t> acknowledged_ = 0;
  std::atomic<std::int64_t> known_ = 0;
  std::atomic<int> breaks_ = 0;
  Mutex mu_;
  std::string problem_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace perennial::testing
