#include <ostream>

#include "accounts-svc/store/sql_store.h"
#include "tests/accounts/store_fixture.h"

namespace perennial::accounts::testing {

void PrintTo(const StoreKind& kind, std::ostream* out) { *out << kind.name; }

std::vector<StoreKind> StoreKinds() {
  return {{"Sqlite", [](const std::string& folder) -> absl::StatusOr<std::unique_ptr<Store>> {
             return SqlStore::OpenSqlite(folder + "/accounts.db");
           }}};
}

std::string DatabaseFor(const std::string&) { return {}; }

}  // namespace perennial::accounts::testing
