#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "cli/client.h"
#include "cli/text.h"
#include "perennial/health/v1/flag.pb.h"

namespace perennial::cli {

using FlagRules = std::map<std::string, perennial::health::v1::FlagRule>;

// All flag rules by id.
absl::StatusOr<FlagRules> ReadFlagRules(const Client& client);

// How a flag of that severity and category looks: its sign and its colour.
Text FlagSign(perennial::health::v1::FlagSeverity severity, perennial::health::v1::FlagCategory category);

// The flag of rule `id` by its display name and sign; by its id when the rule isn't among `rules`.
Text FlagName(const FlagRules& rules, const std::string& id);

}  // namespace perennial::cli
