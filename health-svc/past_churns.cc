#include "health-svc/past_churns.h"

#include "health-svc/assessment.h"

namespace perennial::health {

absl::Status PastChurns::Read(const PastFacts& facts, absl::Time first, absl::Time last,
                              const PastFacts::MakeContext& make_context) {
  return facts.VisitChurns(first, last + horizon_ + absl::Microseconds(1), make_context,
                           [&](const std::string& account, absl::Time time) { churns_[account].push_back(time); });
}

std::optional<double> PastChurns::DaysToChurn(const std::string& account, absl::Time as_of) const {
  const auto found = churns_.find(account);
  if (found == churns_.end()) return std::nullopt;
  for (const absl::Time time : found->second) {
    if (time > as_of && time <= as_of + horizon_) return absl::ToDoubleHours(time - as_of) / 24;
  }
  return std::nullopt;
}

bool CanChurn(const facts::FactCatalogue& catalogue, const facts::FactRow& row) {
  const auto mrr = catalogue.Find("mrr");
  return mrr.has_value() && row.Number(*mrr).value_or(0) > 0 && !HasChurned(catalogue, row);
}

}  // namespace perennial::health
