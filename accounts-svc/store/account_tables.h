#pragma once

#include <vector>

namespace perennial::accounts {

// A table that holds rows of accounts, under their number in account_no.
struct AccountTable {
  const char* name;
  // For a table that may hold very many rows of one account: the column that comes after account_no in its key, by
  // which they are erased in steps. Null: they are erased at once.
  const char* step = nullptr;
};

// All of them but `facts`, where an account that was purged leaves a tombstone. A new table with a column account_no
// belongs here (a test looks).
const std::vector<AccountTable>& AccountTables();

}  // namespace perennial::accounts
