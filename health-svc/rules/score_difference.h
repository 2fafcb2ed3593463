#pragma once

#include "perennial/health/v1/health_score.pb.h"

namespace perennial::health {

// Whether two scores say the same of an account, leaving aside which facts, of which moment, they were made of.
bool SameScore(const v1::HealthScore& a, const v1::HealthScore& b);

// Whether an entry of history is to begin with `next`: score, band, coverage, scorecard or frozen differ.
bool BeginsEntry(const v1::HealthScore& previous, const v1::HealthScore& next);

}  // namespace perennial::health
