#pragma once

#include <optional>
#include <string>

#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_row.h"
#include "health-svc/rules/scorecard.h"
#include "perennial/health/v1/health_score.pb.h"

namespace perennial::health {

// Says why a score is what it is, `score` apart: the caller's to set. Contributions add up to computed_score.
v1::HealthScoreExplanation Explain(const Evaluation& evaluation, const facts::RowReader& row,
                                   const facts::FactCatalogue& catalogue);

// The same for a score that was kept when its account churned: its facts have moved on, so only the measures' points
// that were kept with it are told. `scorecard` is the one that it was made with.
v1::HealthScoreExplanation ExplainKept(const v1::HealthScore& kept, const CompiledScorecard& scorecard);

// The value of a fact, of whatever type; nothing when it is unknown.
std::optional<facts::FactValue> ValueOf(const facts::RowReader& row, facts::FactId fact, facts::FactType type);

// A day since 1970 as people write it: "2024-03-02".
std::string DayInWords(std::int64_t day);

// A value for sentences: shares as per cent ("-35 %"), other numbers short, times as days.
std::string ValueInWords(const facts::FactValue& value, const facts::FactDefinition& definition);

}  // namespace perennial::health
