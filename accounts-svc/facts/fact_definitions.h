#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/facts/fact_catalogue.h"

namespace perennial::accounts {

// Facts that every account may have, in the order in which a new database numbers them.
std::vector<facts::FactDefinition> FixedFactDefinitions(absl::string_view reporting_currency);

// Facts of one usage metric.
std::vector<facts::FactDefinition> MetricFactDefinitions(absl::string_view metric);

// The fact of one attribute.
facts::FactDefinition AttributeFactDefinition(absl::string_view key, facts::FactType type);

}  // namespace perennial::accounts
