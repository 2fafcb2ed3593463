#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "accounts-svc/facts/fact_numbering.h"
#include "accounts-svc/store/store.h"
#include "perennial/accounts/v1/record.pb.h"

namespace perennial::accounts {

// What became of a record.
enum class Outcome { kStored, kReplaced, kDuplicate };

// Applies checked records to a transaction, one after the other. Lives as long as the transaction.
class RecordApplier {
 public:
  // Money is reported in `currency`.
  RecordApplier(WriteTransaction& transaction, FactNumbering& numbering, absl::Time now, std::string currency)
      : transaction_(transaction), numbering_(numbering), now_(now), currency_(std::move(currency)) {}

  // Refusals of the record alone: INVALID_ARGUMENT, NOT_FOUND (account), ALREADY_EXISTS (the id stands for another content).
  // Nothing was changed then. Any other error is one of storage and ends the transaction.
  absl::StatusOr<Outcome> Apply(const v1::Record& record);

 private:
  absl::StatusOr<Outcome> ApplyUsage(AccountNo no, const v1::Record& record);
  absl::StatusOr<Outcome> MeetUsage(AccountNo no, const v1::Record& record, const UsageEvent& event);
  absl::StatusOr<Outcome> ApplyEvent(AccountNo no, RecordKind kind, const v1::Record& record);
  absl::StatusOr<Outcome> ApplyAccount(const v1::Record& record);
  absl::StatusOr<Outcome> ApplyNewAccount(const std::string& id, const v1::Record& record);
  absl::StatusOr<Outcome> ApplySubscription(AccountNo no, const v1::Record& record);
  absl::StatusOr<AccountNo> LiveAccountNo(const std::string& id);
  absl::StatusOr<std::optional<std::int64_t>> KnownMetric(const std::string& name);

  WriteTransaction& transaction_;
  FactNumbering& numbering_;
  const absl::Time now_;
  const std::string currency_;
  absl::flat_hash_map<std::string, AccountNo> accounts_;
  bool metrics_loaded_ = false;
  absl::flat_hash_map<std::string, Metric> metrics_;
};

}  // namespace perennial::accounts
