#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_row.h"
#include "common/filter/filter.h"
#include "health-svc/past_churns.h"
#include "health-svc/past_facts.h"
#include "health-svc/rules/carry.h"
#include "health-svc/rules/scorecard.h"

namespace perennial::health {

// Looks at accounts as of past dates as a scorecard would have, and at what became of them. What it keeps in memory
// grows with accounts that churned and with carried facts, not with all. Not thread-safe.
class PastScoring {
 public:
  // All must outlive this; `catalogue` learns what facts there are.
  PastScoring(const PastFacts& facts, const PastFacts::MakeContext& make_context, CompiledScorecard& card,
              facts::FactCatalogue& catalogue, int horizon_days)
      : facts_(facts),
        make_context_(make_context),
        card_(card),
        catalogue_(catalogue),
        churns_(absl::Hours(24) * horizon_days) {}

  absl::Status ReadChurns(absl::Time first, absl::Time last) {
    return churns_.Read(facts_, first, last, make_context_);
  }
  // Called for each account that paid at a date and that the scorecard applies to. `carried` may be null; nothing days
  // mean that it did not churn within the horizon.
  struct Account {
    const std::string& id;
    const facts::FactRow& facts;
    filter::EvaluationContext context;
    const CarriedFacts* carried = nullptr;
    std::optional<double> days_to_churn = {};
  };
  using Visit = std::function<void(const Account&)>;
  absl::Status VisitAll(absl::Time as_of, const std::string& filter, const Visit& visit);

 private:
  void Resolve();
  // What carrying measures count as of a moment: the values of the days before it, the newest first.
  absl::Status ReadCarried(absl::Time as_of);

  const PastFacts& facts_;
  const PastFacts::MakeContext& make_context_;
  CompiledScorecard& card_;
  facts::FactCatalogue& catalogue_;
  PastChurns churns_;
  absl::flat_hash_map<std::string, CarriedFacts> carried_;
  std::size_t resolved_at_ = static_cast<std::size_t>(-1);
};

}  // namespace perennial::health
