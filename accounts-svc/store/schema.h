#pragma once

#include <cstdint>

#include "common/storage/sql.h"

namespace perennial::accounts {

// "Pern" in ASCII and the number of the service: tells our files from others'.
constexpr std::int32_t kAccountsApplicationId = 0x50651;

// The tables, as numbered migrations from nothing to the present schema. Times are microseconds since 1970; money is in
// millionths.
sql::Schema AccountsSchema();

}  // namespace perennial::accounts
