#pragma once

#include "segment-svc/report/audience_report.h"

namespace perennial::segments {

// Adds a table of live accounts by plan, highest MRR first.
void AddPlanTable(AudienceReport& report, const char* id);

}  // namespace perennial::segments
