#pragma once

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "perennial/accounts/v1/account_service.grpc.pb.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"
#include "perennial/gateway/v1/customer_service.grpc.pb.h"
#include "perennial/health/v1/flag_service.grpc.pb.h"
#include "perennial/health/v1/health_score_service.grpc.pb.h"
#include "perennial/segments/v1/portfolio_service.grpc.pb.h"
#include "perennial/segments/v1/segment_service.grpc.pb.h"

// A gateway in the test's own process, on a free port, that answers as the test says.
namespace perennial::cli::testing {

// A stream that any number of clients follow: each gets the messages after its start revision, then each as it is sent.
// Thread-safe.
template <class Response>
class FakeStream {
 public:
  void Send(Response message) {
    const MutexLock lock(mutex_);
    messages_.push_back(std::move(message));
    changed_.notify_all();
  }
  // Ends what is open with `status`.
  void BreakOff(grpc::Status status) {
    const MutexLock lock(mutex_);
    end_ = std::move(status);
    ++breaks_;
    changed_.notify_all();
  }
  // Forgets what was sent, as a server whose data was replaced; start revisions above 0 are refused once.
  void Restart() {
    const MutexLock lock(mutex_);
    messages_.clear();
    refuse_resume_ = true;
    end_ = {grpc::StatusCode::UNAVAILABLE, "restarting"};
    ++breaks_;
    changed_.notify_all();
  }
  // Start revisions of all calls so far.
  std::vector<std::int64_t> starts() const {
    const MutexLock lock(mutex_);
    return starts_;
  }

  grpc::Status Serve(grpc::ServerContext* context, std::int64_t start, grpc::ServerWriter<Response>* writer) {
    MutexLock lock(mutex_);
    starts_.push_back(start);
    if (refuse_resume_ && start > 0) {
      refuse_resume_ = false;
      return {grpc::StatusCode::OUT_OF_RANGE, "never given out"};
    }
    const int breaks = breaks_;
    for (std::size_t next = 0;;) {
      if (breaks != breaks_) return end_;
      if (context->IsCancelled()) return grpc::Status::CANCELLED;
      if (next == messages_.size()) {
        lock.WaitFor(changed_, std::chrono::milliseconds(20));
        continue;
      }
      const Response message = messages_[next++];
      if (message.progress_revision() > start || (start == 0 && message.caught_up())) writer->Write(message);
    }
  }

 private:
  mutable Mutex mutex_;
  std::condition_variable changed_;
  std::vector<Response> messages_;
  std::vector<std::int64_t> starts_;
  grpc::Status end_;
  int breaks_ = 0;
  bool refuse_resume_ = false;
};

class FakeGateway {
 public:
  FakeGateway();
  ~FakeGateway();

  // "127.0.0.1:<port>".
  [[nodiscard]] const std::string& address() const { return address_; }

  // What the methods answer. Set them before a command runs. A method without an answer returns an empty response.
  std::map<std::string, perennial::gateway::v1::GetCustomer360Response> customers;  // by account name
  std::map<std::string, std::vector<perennial::accounts::v1::Account>> accounts_by_filter;
  std::vector<perennial::accounts::v1::Account> accounts;
  perennial::segments::v1::GetPortfolioReportResponse report;
  std::map<std::string, perennial::health::v1::HealthScoreExplanation> explanations;  // by account name
  perennial::health::v1::ListFlagRulesResponse rules;
  std::vector<perennial::health::v1::Flag> flags;  // given out two a page
  perennial::segments::v1::ListSegmentsResponse segments;
  perennial::accounts::v1::ValidateFilterResponse validation;
  perennial::accounts::v1::GetFactsResponse facts;
  // When not OK, what every unary method returns instead.
  grpc::Status failure;
  // Unary calls wait for the client to give up.
  bool hang = false;

  FakeStream<perennial::health::v1::WatchHealthScoresResponse> scores;
  FakeStream<perennial::segments::v1::WatchMembershipResponse> memberships;

  // The last request of that type.
  perennial::segments::v1::GetPortfolioReportRequest report_request;

 private:
  struct Services;
  std::unique_ptr<Services> services_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace perennial::cli::testing
