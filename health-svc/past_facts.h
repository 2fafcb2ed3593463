#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "perennial/accounts/v1/account_service.grpc.pb.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"

namespace perennial::health {

// Asks accounts-svc for what was. Blocks; safe for many threads.
class PastFacts {
 public:
  using Deadline = std::chrono::system_clock::time_point;

  explicit PastFacts(const std::shared_ptr<grpc::Channel>& accounts)
      : facts_(perennial::accounts::v1::FactService::NewStub(accounts)),
        accounts_(perennial::accounts::v1::AccountService::NewStub(accounts)) {}

  // Facts of an account, now or as of a moment. NOT_FOUND when it was not there then, INVALID_ARGUMENT for a moment in
  // the future, and what a call can end with.
  absl::StatusOr<perennial::accounts::v1::GetFactsResponse> Get(const std::string& account,
                                                                std::optional<absl::Time> as_of,
                                                                Deadline deadline) const;
  // When the account entered the phase CHURNED that it is in at `as_of`; nothing when accounts-svc does not tell.
  absl::StatusOr<std::optional<absl::Time>> ChurnedAt(const std::string& account, absl::Time as_of,
                                                      Deadline deadline) const;
  // The stub, for streams.
  [[nodiscard]] perennial::accounts::v1::FactService::Stub& stub() const { return *facts_; }

 private:
  const std::unique_ptr<perennial::accounts::v1::FactService::Stub> facts_;
  const std::unique_ptr<perennial::accounts::v1::AccountService::Stub> accounts_;
};

}  // namespace perennial::health
