#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_row.h"
#include "perennial/accounts/v1/account_service.grpc.pb.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"
#include "perennial/accounts/v1/subscription_service.grpc.pb.h"

namespace perennial::health {

// Facts as a row. Those that no scorecard can name, because this process has never heard of them, are left out.
facts::FactRow ToRow(const perennial::accounts::v1::GetFactsResponse& response, const facts::FactCatalogue& catalogue);

// Asks accounts-svc for what was. Blocks; safe for many threads.
class PastFacts {
 public:
  using Deadline = std::chrono::system_clock::time_point;

  explicit PastFacts(const std::shared_ptr<grpc::Channel>& accounts)
      : facts_(perennial::accounts::v1::FactService::NewStub(accounts)),
        accounts_(perennial::accounts::v1::AccountService::NewStub(accounts)),
        subscriptions_(perennial::accounts::v1::SubscriptionService::NewStub(accounts)) {}

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

  // Makes the context of a call that may take long, with its deadline and so that it ends with who asks.
  using MakeContext = std::function<std::unique_ptr<grpc::ClientContext>()>;
  using VisitFacts = std::function<void(const std::string& account, const facts::FactRow& row)>;
  // Facts of all accounts that there were at a moment (nothing: now) and that `filter` selects by them, one account after
  // another.
  // `catalogue` learns what facts there are before a row has them.
  absl::Status VisitAllAsOf(std::optional<absl::Time> as_of, const std::string& filter, const MakeContext& make_context,
                            facts::FactCatalogue& catalogue, const VisitFacts& visit) const;
  // When accounts churned, from `start` to before `end`: their MRR went to nothing.
  using VisitChurn = std::function<void(const std::string& account, absl::Time time)>;
  absl::Status VisitChurns(absl::Time start, absl::Time end, const MakeContext& make_context,
                           const VisitChurn& visit) const;

 private:
  const std::unique_ptr<perennial::accounts::v1::FactService::Stub> facts_;
  const std::unique_ptr<perennial::accounts::v1::AccountService::Stub> accounts_;
  const std::unique_ptr<perennial::accounts::v1::SubscriptionService::Stub> subscriptions_;
};

}  // namespace perennial::health
