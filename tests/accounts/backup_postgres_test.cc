// From PostgreSQL to a file and back.
#include "common/storage/copy_tables.h"

#include "absl/strings/str_cat.h"
#include "accounts-svc/store/schema.h"
#include "accounts-svc/store/sql_store.h"
#include "tests/accounts/care_fixture.h"

namespace perennial::accounts::testing {
namespace {

class BackupPostgresTest : public CareTest {
 protected:
  // Makes a file of the server's database.
  std::string Copy() {
    std::string path = other_.path() + "/accounts.db";
    const auto source =
        storage::PostgresSource("accounts.db", {.connection = DatabaseFor(folder_.path())}, AccountsSchema());
    auto copy = source.begin(path);
    EXPECT_TRUE(copy.ok()) << copy.status();
    for (absl::StatusOr<bool> more = true; more.ok() && *more;) {
      more = (*copy)->Step();
      EXPECT_TRUE(more.ok()) << more.status();
    }
    return path;
  }
  const TempFolder other_;
};

TEST_F(BackupPostgresTest, AFileGoesBackIntoAnEmptyDatabase) {
  ASSERT_TRUE(Create(SubscriptionOf("acme", "s", "123.45")).ok());
  ASSERT_TRUE(Add(ContactOf("bob")).ok());
  ASSERT_TRUE(Add(TaskOf("call")).ok());
  std::vector<v1::Record> records;
  for (int i = 0; i < 450; ++i) records.push_back(Usage("acme", absl::StrCat("r", i), "logins", i / 7.0));
  Write(records);
  const Facts facts = FactsOf("acme");
  const std::string account = GetAccount("acme").DebugString();
  const std::string path = Copy();

  const postgres::Options empty{.connection = DatabaseFor(other_.path())};
  const absl::Status copied = storage::CopyToPostgres(path, empty, AccountsSchema(), "accounts");
  ASSERT_TRUE(copied.ok()) << copied;
  EXPECT_EQ(storage::CopyToPostgres(path, empty, AccountsSchema(), "accounts").code(),
            absl::StatusCode::kFailedPrecondition)
      << "it is not empty any more";

  auto server = AccountsServer::Start({.data = other_.path(), .database = empty.connection}, clock_);
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  channel_ = server_->InProcessChannel();
  accounts_ = v1::AccountService::NewStub(channel_);
  facts_ = v1::FactService::NewStub(channel_);
  Connect();
  EXPECT_EQ(FactsOf("acme"), facts);
  EXPECT_EQ(GetAccount("acme").DebugString(), account);
  EXPECT_EQ(Add(TaskOf("call")).error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_TRUE(Add(TaskOf("write")).ok());
}

}  // namespace
}  // namespace perennial::accounts::testing
