// The kinds of store that run on PostgreSQL, for the same tests as SQLite's.
#include <ostream>

#include "absl/strings/str_cat.h"
#include "accounts-svc/store/sql_store.h"
#include "common/base/hash.h"
#include "tests/accounts/store_fixture.h"
#include "tests/testing/postgres_fixture.h"

namespace perennial::accounts::testing {
namespace {

using perennial::testing::PostgresCluster;

// A store in a schema that is the folder's own. With `serializable`, write transactions are serializable, and whatever
// the server begins by itself too.
StoreKind OnPostgres(const std::string& name, bool serializable) {
  return {name, [serializable](const std::string& folder) -> absl::StatusOr<std::unique_ptr<Store>> {
            const std::vector<std::string> settings =
                serializable ? std::vector<std::string>{"default_transaction_isolation=serializable"}
                             : std::vector<std::string>{};
            const std::string connection = PostgresCluster::Shared().Connection(
                absl::StrCat("s", absl::Hex(Fnv1a64(folder)), serializable ? "z" : "r"), settings);
            return SqlStore::OpenPostgres({.connection = connection, .serializable = serializable});
          }};
}

class SkipWithoutPostgres final : public ::testing::Environment {
 public:
  void SetUp() override {
    if (!PostgresCluster::Installed()) GTEST_SKIP() << "PostgreSQL 15 is not installed";
  }
};
const auto* const kSkip = ::testing::AddGlobalTestEnvironment(new SkipWithoutPostgres);

}  // namespace

void PrintTo(const StoreKind& kind, std::ostream* out) { *out << kind.name; }

std::vector<StoreKind> StoreKinds() {
  return {OnPostgres("Postgres", false), OnPostgres("PostgresSerializable", true)};
}

std::string DatabaseFor(const std::string& folder) {
  return PostgresCluster::Shared().Connection(absl::StrCat("d", absl::Hex(Fnv1a64(folder))));
}

}  // namespace perennial::accounts::testing
