#pragma once

#include <condition_variable>
#include <memory>
#include <string>
#include <thread>

#include "common/base/mutex.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"
#include "tests/accounts/model/fact_map.h"

namespace perennial::accounts::testing {

// A reader of WatchFacts that applies what comes, on a thread of its own. It may be disconnected at any moment and resumes
// from where it stands.
class ModelFollower {
 public:
  ~ModelFollower() { Disconnect(); }

  // Follows a server until it is disconnected; its stub must live until then.
  void Connect(perennial::accounts::v1::FactService::Stub& stub);
  void Disconnect();

  // Waits until the facts of all accounts are those expected. What differs, when they are not in time, or the promise of the
  // feed that was broken; empty when all is well.
  std::string WaitFor(const std::map<std::string, FactMap>& expected, absl::Duration longest);
  [[nodiscard]] std::int64_t revision();

 private:
  void Follow(perennial::accounts::v1::FactService::Stub& stub);
  void Apply(const perennial::accounts::v1::WatchFactsResponse& message, RowReader& reader);
  [[nodiscard]] std::string DifferenceTo(const std::map<std::string, FactMap>& expected) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Mutex mu_;
  std::condition_variable changed_;
  std::map<std::string, FactMap> rows_ ABSL_GUARDED_BY(mu_);
  std::int64_t revision_ ABSL_GUARDED_BY(mu_) = 0;
  std::string broken_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<grpc::ClientContext> context_;
  std::thread thread_;
};

}  // namespace perennial::accounts::testing
