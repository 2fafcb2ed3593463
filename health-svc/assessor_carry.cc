// How an assessor finds what measures carry.
#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "health-svc/assessor.h"

namespace perennial::health {
namespace {

// Whether two say the same of values, leaving aside which days were looked at.
bool SameValues(const CarriedFacts& a, const CarriedFacts& b) {
  const auto count = [](const CarriedFacts& facts) {
    return std::count_if(facts.begin(), facts.end(), [](const CarriedFact& fact) { return fact.value.has_value(); });
  };
  return count(a) == count(b) && std::all_of(a.begin(), a.end(), [&](const CarriedFact& fact) {
           if (!fact.value.has_value()) return true;
           const CarriedFact* other = FindCarried(&b, fact.name, fact.max_age_days);
           return other != nullptr && other->value == fact.value && other->day == fact.day;
         });
}

}  // namespace

// The last row of a day holds the facts as of its end: when a fact goes missing from one day to the next, its last
// known value is at hand. Everything else (a fact that goes missing within a day, days without rows, an account that is
// new to this process, a change of a day that may come from records of the past) is looked for in the past.
Assessment Assessor::FollowCarried(const ReadRow& next) {
  Assessment out;
  if (portfolio_.carry_specs().empty() || HasChurned(portfolio_.catalogue(), next.facts)) return out;
  const auto row = portfolio_.Find(next.account_id);
  const CarriedFacts* present = row.has_value() ? portfolio_.CarriedOf(*row) : nullptr;
  CarriedFacts carried = present != nullptr ? *present : CarriedFacts();
  const std::int64_t day = DayOf(next.as_of);
  const bool follows = row.has_value() && portfolio_.entry(*row).seen && DayOf(portfolio_.entry(*row).as_of) == day - 1;
  for (const CarrySpec& spec : portfolio_.carry_specs()) {
    if (FreshValue(spec, next.facts).has_value()) continue;
    std::optional<facts::FactValue> before;
    if (follows) before = FreshValue(spec, facts::TableRow(portfolio_.table(), *row));
    const CarriedFact* last = FindCarried(present, spec.name, spec.max_age_days);
    CarriedFact found{.name = spec.name, .max_age_days = spec.max_age_days};
    if (before.has_value()) {
      found.value = std::move(before);
      found.day = day - 1;
    } else if (follows && last != nullptr && last->checked >= day - 2) {
      found = *last;
    } else {
      out.look_back = true;
      continue;
    }
    found.checked = day - 1;
    PutCarried(std::move(found), carried);
  }
  const CarriedFacts none;
  if (carried == (present != nullptr ? *present : none)) return out;
  out.carried_values_changed = !SameValues(carried, present != nullptr ? *present : none);
  out.carried = std::move(carried);
  return out;
}

bool Assessor::NeedsLookBack(facts::RowId row) const {
  const facts::TableRow facts(portfolio_.table(), row);
  if (portfolio_.carry_specs().empty() || portfolio_.entry(row).frozen) return false;
  const std::int64_t yesterday = DayOf(portfolio_.entry(row).as_of) - 1;
  return std::any_of(portfolio_.carry_specs().begin(), portfolio_.carry_specs().end(), [&](const CarrySpec& spec) {
    if (FreshValue(spec, facts).has_value()) return false;
    const CarriedFact* last = FindCarried(portfolio_.CarriedOf(row), spec.name, spec.max_age_days);
    return last == nullptr || last->checked < yesterday;
  });
}

std::vector<Assessor::Missing> Assessor::TakeMissing() {
  const MutexLock lock(mu_);
  std::vector<Missing> out;
  for (const std::string& account : std::exchange(missing_, {})) {
    const auto row = portfolio_.Find(account);
    if (!row.has_value()) continue;
    const Portfolio::Entry& entry = portfolio_.entry(*row);
    // One whose facts have not come yet is told when they have.
    if (!entry.seen || entry.frozen) continue;
    out.push_back({.account_id = account, .as_of = entry.as_of, .facts_revision = entry.facts_revision});
  }
  return out;
}

void Assessor::ReturnMissing(std::string account_id) {
  const MutexLock lock(mu_);
  missing_.insert(std::move(account_id));
}

absl::Status Assessor::SetCarried(const Missing& missing, CarriedFacts found) {
  {
    const MutexLock lock(mu_);
    const auto row = portfolio_.Find(missing.account_id);
    if (!row.has_value() || portfolio_.entry(*row).frozen) return absl::OkStatus();
    const Portfolio::Entry& entry = portfolio_.entry(*row);
    if (!entry.seen || entry.as_of != missing.as_of || entry.facts_revision != missing.facts_revision) {
      missing_.insert(missing.account_id);
      return absl::OkStatus();
    }
    const absl::Time now = Now();
    const CarriedFacts none;
    const CarriedFacts* present = portfolio_.CarriedOf(*row);
    CarriedFacts carried = present != nullptr ? *present : none;
    for (CarriedFact& fact : found) PutCarried(std::move(fact), carried);
    const facts::TableRow facts(portfolio_.table(), *row);
    Assessment assessment = Assess(portfolio_, {.account_id = missing.account_id,
                                                .facts = facts,
                                                .as_of = entry.as_of,
                                                .facts_revision = entry.facts_revision,
                                                .now = now,
                                                .override_score = ActiveOverride(*row, now),
                                                .carried = &carried});
    assessment.carried_values_changed = !SameValues(carried, present != nullptr ? *present : none);
    assessment.carried = std::move(carried);
    PERENNIAL_RETURN_IF_ERROR(Settle(std::move(assessment), now));
  }
  published_();
  return absl::OkStatus();
}

}  // namespace perennial::health
