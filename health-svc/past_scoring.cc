#include "health-svc/past_scoring.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::health {

void PastScoring::Resolve() {
  if (resolved_at_ == catalogue_.size()) return;
  resolved_at_ = catalogue_.size();
  (void)card_.Resolve(catalogue_);
}

absl::Status PastScoring::VisitAll(absl::Time as_of, const std::string& filter, const Visit& visit) {
  PERENNIAL_RETURN_IF_ERROR(ReadCarried(as_of));
  const filter::EvaluationContext context{.now = as_of};
  return facts_.VisitAllAsOf(as_of, filter, make_context_, catalogue_,
                             [&](const std::string& account, const facts::FactRow& row) {
                               Resolve();
                               if (!CanChurn(catalogue_, row) || !card_.AppliesTo(row, context)) return;
                               const auto carried = carried_.find(account);
                               visit({.id = account,
                                      .facts = row,
                                      .context = context,
                                      .carried = carried == carried_.end() ? nullptr : &carried->second,
                                      .days_to_churn = churns_.DaysToChurn(account, as_of)});
                             });
}

absl::Status PastScoring::ReadCarried(absl::Time as_of) {
  carried_.clear();
  Resolve();
  std::vector<CarrySpec> specs;
  card_.AddCarrySpecs(specs);
  std::int64_t longest = 0;
  for (const CarrySpec& spec : specs) longest = std::max(longest, spec.days);
  const std::int64_t today = DayOf(as_of);
  for (std::int64_t back = 1; back <= longest; ++back) {
    const auto keep = [&](const std::string& account, const facts::FactRow& row) {
      for (const CarrySpec& spec : specs) {
        CarriedFacts& known = carried_[account];
        if (back > spec.days || FindCarried(&known, spec.name, spec.max_age_days) != nullptr) continue;
        std::optional<facts::FactValue> value = FreshValue(spec, row);
        if (!value.has_value()) continue;
        known.push_back({.name = spec.name,
                         .max_age_days = spec.max_age_days,
                         .value = std::move(value),
                         .day = today - back,
                         .checked = today - 1});
      }
    };
    PERENNIAL_RETURN_IF_ERROR(
        facts_.VisitAllAsOf(StartOfDay(today - back + 1) - absl::Microseconds(1), "", make_context_, catalogue_, keep));
  }
  return absl::OkStatus();
}

}  // namespace perennial::health
