#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_table.h"
#include "common/feed/facts_applier.h"
#include "perennial/accounts/v1/fact_service.pb.h"
#include "perennial/health/v1/health_score_service.pb.h"
#include "segment-svc/health_facts.h"
#include "segment-svc/value_facts.h"

namespace perennial::segments {

// Everything known about accounts: one table that both feeds write to. Not thread-safe.
class AccountFacts {
 public:
  // What the rows of a message changed. An error leaves what came before the bad row applied.
  absl::StatusOr<std::vector<AppliedRow>> Apply(const perennial::accounts::v1::WatchFactsResponse& message);
  absl::StatusOr<std::vector<AppliedRow>> Apply(const perennial::health::v1::WatchHealthScoresResponse& message,
                                                std::size_t feed = 0);
  absl::StatusOr<std::vector<AppliedRow>> Apply(const perennial::health::v1::WatchValuesResponse& message,
                                                std::size_t feed = 0);

  // Whether Apply() tells what each row changed: not needed before the first evaluation, which is of everything.
  void TrackChanges(bool on);
  // Makes the facts resume from the beginning of what may be another feed.
  void RewindAccounts();

  // Row of an account that is known to have been in a segment; not live until its facts come.
  facts::RowId Remember(absl::string_view account_id);

  [[nodiscard]] const facts::FactCatalogue& catalogue() const { return catalogue_; }
  [[nodiscard]] const facts::FactTable& table() const { return table_; }
  [[nodiscard]] const FactsApplier& accounts() const { return accounts_; }
  [[nodiscard]] const HealthFacts& health() const { return health_; }
  HealthFacts& health() { return health_; }
  [[nodiscard]] const ValueFacts& values() const { return values_; }
  ValueFacts& values() { return values_; }
  // UTC day that the facts of a row count days from; the score may be newer. 0 for a row without facts.
  [[nodiscard]] std::int64_t fact_day(facts::RowId row) const {
    return row < fact_days_.size() ? fact_days_[row] : 0;
  }
  // Moment of the newest facts or score of a row; nothing older than 1970.
  [[nodiscard]] absl::Time as_of(facts::RowId row) const {
    return row < as_of_.size() ? as_of_[row] : absl::UnixEpoch();
  }

 private:
  void NoteTimes(const std::vector<AppliedRow>& rows);
  // Deletes rows that have not come again since RewindAccounts(), once all have that will.
  void DeleteUnseen(std::vector<AppliedRow>& rows);

  facts::FactCatalogue catalogue_;
  facts::FactTable table_;
  FactsApplier accounts_{catalogue_, table_};
  HealthFacts health_{catalogue_, table_};
  ValueFacts values_{catalogue_, table_};
  std::vector<absl::Time> as_of_;
  std::vector<std::int32_t> fact_days_;
  std::set<facts::RowId> unseen_;
};

}  // namespace perennial::segments
