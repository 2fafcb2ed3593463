#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_row.h"
#include "health-svc/past_facts.h"

namespace perennial::health {

// When accounts churned, for questions of the kind: did one that paid as of a date churn within a horizon after it? Its
// memory grows with accounts that churned, not with all. Not thread-safe.
class PastChurns {
 public:
  explicit PastChurns(absl::Duration horizon) : horizon_(horizon) {}

  // Reads what can matter for dates from `first` to `last`.
  absl::Status Read(const PastFacts& facts, absl::Time first, absl::Time last,
                    const PastFacts::MakeContext& make_context);
  // Days from the date to the first churn within the horizon after it; nothing when there was none.
  [[nodiscard]] std::optional<double> DaysToChurn(const std::string& account, absl::Time as_of) const;

 private:
  const absl::Duration horizon_;
  absl::flat_hash_map<std::string, std::vector<absl::Time>> churns_;  // by time
};

// Whether an account with these facts pays, and so can churn.
bool CanChurn(const facts::FactCatalogue& catalogue, const facts::FactRow& row);

}  // namespace perennial::health
