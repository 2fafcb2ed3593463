#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace perennial::accounts {

// "Pern" in ASCII and the number of the service: tells our files from others'.
constexpr std::int32_t kAccountsApplicationId = 0x50651;

// Numbered migrations of the SQLite database, from nothing to the present schema. Times are microseconds since 1970; money is
// in millionths.
std::vector<std::string> AccountsMigrations();

}  // namespace perennial::accounts
