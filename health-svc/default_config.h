#pragma once

namespace perennial::health {

// The shipped configuration, health-svc/config/, as text.
extern const char* const kDefaultScorecards;
extern const char* const kDefaultFlagRules;

}  // namespace perennial::health
