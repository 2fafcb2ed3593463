#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/facts/fact_row.h"
#include "health-svc/portfolio.h"
#include "perennial/health/v1/health_score.pb.h"

namespace perennial::health {

// What the facts of an account at one moment come to: its score and its flags, beside what the portfolio holds of it.
struct Assessment {
  std::string account_id;
  bool deleted = false;
  // Revision apart, which is the writer's to give.
  v1::HealthScore score = {};
  // The score says something else than the present one, or is the first.
  bool changed = false;
  // It begins an entry of history.
  bool begins_entry = false;
  // Why.
  v1::HealthScoreCause cause = v1::HEALTH_SCORE_CAUSE_DATA;
  // Rules whose standing changed, by index; revision apart, which is the writer's to give.
  std::vector<std::pair<std::size_t, FlagState>> flags = {};
  // What is known of its carried facts from now on, when that is something else than before.
  std::optional<CarriedFacts> carried = {};
  // Values among them differ: to be stored.
  bool carried_values_changed = false;
  // A carried fact is missing, and its last known value is to be looked for in the past.
  bool look_back = false;
  // Of a deleted account: flags that go with it, by index of the rule, with the revision that says so.
  std::vector<std::pair<std::size_t, std::int64_t>> removed_flags = {};
};

struct AssessmentInput {
  std::string account_id;
  // Facts of the account from accounts-svc.
  const facts::RowReader& facts;
  // Moment and revision of those facts.
  absl::Time as_of;
  std::int64_t facts_revision = 0;
  // Time of this process's clock, for hold times.
  absl::Time now;
  // Score that a person sets over the computed one; null for none.
  const v1::HealthScoreOverride* override_score = nullptr;
  // What is known of carried facts that are missing; null for nothing.
  const CarriedFacts* carried = nullptr;
};

// Whether facts say that the account has churned.
bool HasChurned(const facts::FactCatalogue& catalogue, const facts::RowReader& facts);

// Fills in what an evaluation tells of a score.
void SetFromFacts(const Evaluation& evaluation, v1::HealthScore& out);

// Assesses one account. Reads the portfolio, changes nothing; for its writer, or under a lock.
Assessment Assess(const Portfolio& portfolio, const AssessmentInput& input);

}  // namespace perennial::health
