#pragma once

#include <nlohmann/json.hpp>

#include "bench/sample_table.h"
#include "health-svc/rules/scorecard.h"

namespace perennial::bench {

// Scores all accounts and stores each score in a Redis of its own as health-svc does (P8), against a pipelined SET of
// the same bytes. Every value is read back and compared.
nlohmann::json AgainstPipelinedSet(const health::Scorecards& scorecards, const SampleTable& sample, int rounds);

}  // namespace perennial::bench
