#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "health-svc/churn_fit.h"
#include "health-svc/customer_values.h"
#include "health-svc/portfolio.h"
#include "health-svc/revision_waiters.h"
#include "health-svc/store/config_store.h"
#include "health-svc/ticker.h"
#include "health-svc/value_book.h"
#include "health-svc/value_cache.h"
#include "health-svc/value_fits.h"
#include "health-svc/value_library.h"
#include "health-svc/value_service.h"

namespace perennial::health {

// All that health-svc has to tell what customers are worth, wired up.
class ValuePart {
 public:
  struct Options {
    Portfolio& portfolio;
    ConfigStore& store;
    const Clock& clock;
    std::shared_ptr<grpc::Channel> accounts;
    WorkerPool& pool;
    RevisionWaiters& waiters;
    WatchHub& hub;
    std::chrono::milliseconds tick;
    std::string redis = {};  // "host:port"; empty for none
  };
  // Before the facts feed is followed. What is named must outlive it. INVALID_ARGUMENT for an address that is none.
  static absl::StatusOr<std::unique_ptr<ValuePart>> Open(const Options& options);
  ~ValuePart() { Stop(); }

  // Takes in what has changed in the portfolio; see ValueBook::Follow().
  void Follow() {
    book_->Follow();
    if (cache_writer_ != nullptr) cache_writer_->Wake();
  }
  // Begins to do what time alone brings.
  void Start();
  // Ends that, and sweeps. Safe to call twice.
  void Stop();
  [[nodiscard]] ValueService& service() { return *service_; }
  [[nodiscard]] const ValueBook& book() const { return *book_; }

 private:
  explicit ValuePart(const Options& options) : options_(options), history_(options.accounts) {}
  // Reads what customers bought anew where that is needed.
  absl::Status ReadPurchases();

  const Options options_;
  const ValueHistory history_;
  std::atomic<bool> stopping_ = false;
  std::unique_ptr<ValueBook> book_;
  std::unique_ptr<ValueCacheReader> cache_reader_;
  std::unique_ptr<ValueCacheWriter> cache_writer_;
  std::unique_ptr<ValueLibrary> library_;
  std::unique_ptr<ValueFits> fits_;
  std::unique_ptr<ChurnFits> churn_fits_;
  std::unique_ptr<CustomerValues> values_;
  std::unique_ptr<ValueService> service_;
  WorkerPool fit_pool_{{.threads = 2, .max_queued = 8}};   // after what its work needs
  std::chrono::steady_clock::time_point read_again_ = {};  // of the thread that reads purchases
  std::unique_ptr<Ticker> ticker_;
  std::unique_ptr<Ticker> purchases_ticker_;
};

}  // namespace perennial::health
