#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "health-svc/past_facts.h"
#include "health-svc/value/retention.h"
#include "health-svc/value_models.h"
#include "perennial/accounts/v1/record_service.grpc.pb.h"
#include "perennial/accounts/v1/subscription_service.grpc.pb.h"

namespace perennial::health {

// A time in which an account paid: from its first payment, or its return, to its churn.
struct Relationship {
  absl::Time start;
  std::optional<absl::Time> end = {};  // nothing while it lasts
};

// Relationships that the movements of one account tell, as far as they were known at `end_time`.
std::vector<Relationship> RelationshipsOf(const perennial::accounts::v1::AccountLedger& ledger, absl::Time end_time);

// What a relationship means for a model with periods of so many months: renewals made, and whether the customer left at
// the next. One that ends with a period ends at its renewal, which was not made.
value::Renewals::Customer CustomerOf(const Relationship& relationship, int period_months, absl::Time end_time);

// What somebody bought by `end_day`: the days in ascending order with their values. Nothing without a day up to then.
std::optional<Purchases> BoughtBy(const perennial::accounts::v1::AccountDailyUsage& usage, std::int64_t end_day);

// Joins the parts of ledgers that are too great for one message of their feed.
class LedgerParts {
 public:
  // What comes next in the feed. The whole ledger that ends with it, valid until the next call and as long as `part`; null
  // when more of it is to come. DATA_LOSS when it does not follow what came before: a part is missing.
  absl::StatusOr<const perennial::accounts::v1::AccountLedger*> Add(const perennial::accounts::v1::AccountLedger& part);

 private:
  perennial::accounts::v1::AccountLedger begun_;
  perennial::accounts::v1::AccountLedger whole_;
};

// Asks accounts-svc for the data that value models are fitted on. Blocks; safe for many threads.
class ValueHistory {
 public:
  explicit ValueHistory(const std::shared_ptr<grpc::Channel>& accounts)
      : past_(accounts),
        subscriptions_(perennial::accounts::v1::SubscriptionService::NewStub(accounts)),
        records_(perennial::accounts::v1::RecordService::NewStub(accounts)) {}

  using MakeContext = PastFacts::MakeContext;
  // Calls `visit` once for each account that there is, with its ledger as it was when its turn came.
  absl::Status VisitLedgers(const MakeContext& make_context,
                            const std::function<void(const std::string& account,
                                                     const perennial::accounts::v1::AccountLedger&)>& visit) const;
  // Calls `visit` for each account that ever used the metric, up to `end_time` (nothing: now), until it returns false.
  absl::Status VisitDailyUsage(
      const std::string& metric, std::optional<absl::Time> end_time, const MakeContext& make_context,
      const std::function<bool(const std::string& account, const perennial::accounts::v1::AccountDailyUsage&)>& visit)
      const;
  // Accounts that a filter selects now; nothing for the empty filter, which selects all.
  absl::StatusOr<std::optional<absl::flat_hash_set<std::string>>> Selected(const std::string& filter,
                                                                           const MakeContext& make_context) const;
  [[nodiscard]] const PastFacts& past() const { return past_; }

 private:
  const PastFacts past_;
  const std::unique_ptr<perennial::accounts::v1::SubscriptionService::Stub> subscriptions_;
  const std::unique_ptr<perennial::accounts::v1::RecordService::Stub> records_;
};

}  // namespace perennial::health
