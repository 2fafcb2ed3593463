// What accounts-svc does when it is killed while it brings an older schema up to date, and when the schema becomes newer below
// it: the real binary.
#include <libpq-fe.h>
#include <sqlite3.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "perennial/accounts/v1/subscription_service.grpc.pb.h"
#include "tests/faults/fault_fixture.h"
#include "tests/testing/postgres_fixture.h"

namespace perennial::testing {
namespace {

namespace v1 = perennial::accounts::v1;
namespace fs = std::filesystem;

constexpr int kAccounts = 300;
constexpr std::int64_t kEvents = 100;
// The schema before the ledgers had a feed, and how one comes back to it.
constexpr int kOlder = 6;
constexpr char kBack[] =
    "DROP TABLE ledgers; DROP TABLE IF EXISTS audit_entries; DROP TABLE moves_by_hand; CREATE TABLE phase_moves (account_no "
    "BIGINT NOT NULL, effective_time BIGINT NOT NULL, phase BIGINT NOT NULL, reason TEXT NOT NULL, author TEXT NOT NULL, "
    "create_time BIGINT NOT NULL, PRIMARY KEY (account_no, effective_time)); ALTER TABLE facts DROP COLUMN use_state";

class MigrationFaults : public FaultTest {
 protected:
  void SetUp() override { Row("F34"); }

  // Accounts with a subscription each, and use.
  void MakeData(AccountsProcess::Options options) {
    StartWithAccount(std::move(options));
    v1::WriteRecordsRequest request;
    for (int i = 0; i < kAccounts; ++i) {
      v1::Record& account = *request.add_records();
      account.set_account(absl::StrCat("accounts/a", i));
      account.mutable_event_time()->set_seconds(1704067200);
      account.mutable_account_state()->set_display_name("A");
      v1::Record& subscription = *request.add_records();
      subscription = account;
      v1::Subscription& state = *subscription.mutable_subscription_state();
      state.set_name(absl::StrCat("accounts/a", i, "/subscriptions/s"));
      state.set_plan("basic");
      state.mutable_mrr()->set_amount("10");
      state.mutable_mrr()->set_currency_code("USD");
      *state.mutable_start_time() = account.event_time();
    }
    v1::WriteRecordsResponse response;
    grpc::ClientContext context;
    const grpc::Status status = client_->ingest->WriteRecords(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_EQ(response.summary().errors_size(), 0) << response.summary().ShortDebugString();
    ASSERT_TRUE(client_->Use("a0", 0, kEvents).ok());
  }
  // All of the data is there, and what the newest schema added to it.
  void ExpectMigrated() {
    double stored = 0;
    ASSERT_TRUE(client_->Count("a0", &stored).ok());
    EXPECT_EQ(stored, static_cast<double>(kEvents));
    EXPECT_EQ(Ledgers(), kAccounts);
  }
  // Ledgers of one movement that the feed has.
  int Ledgers() {
    const auto stub = v1::SubscriptionService::NewStub(service_->Channel());
    grpc::ClientContext context;
    const auto reader = stub->WatchRevenueMovements(&context, {});
    v1::WatchRevenueMovementsResponse message;
    int ledgers = 0;
    while (!message.caught_up() && reader->Read(&message)) {
      for (const v1::AccountLedger& ledger : message.ledgers()) ledgers += ledger.movements_size() == 1 ? 1 : 0;
    }
    context.TryCancel();
    return ledgers;
  }
};

class SqliteMigrationFaults : public MigrationFaults {
 protected:
  [[nodiscard]] std::string File() const { return folder_.path() + "/accounts.db"; }
  void Execute(const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(File().c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
  int Version() {
    sqlite3* db = nullptr;
    int version = -1;
    EXPECT_EQ(sqlite3_open(File().c_str(), &db), SQLITE_OK);
    const auto take = [](void* out, int, char** values, char**) {
      *static_cast<int*>(out) = std::atoi(values[0]);
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(db, "PRAGMA user_version", take, &version, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
    return version;
  }
  // Puts the older file back, without a log.
  void PutOlder() {
    for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(File() + suffix);
    fs::copy_file(folder_.path() + "/older", File());
  }
};

TEST_F(SqliteMigrationFaults, AProcessThatIsKilledAtAnyWriteOfAMigrationIsFollowedByOneThatCompletesIt) {
  if (!Has({"strace", "-o", "/dev/null", "true"})) GTEST_SKIP() << "strace may not look at processes here";
  MakeData({.folder = folder_.path()});
  service_->Kill();
  const int newest = Version();
  Execute(absl::StrCat(kBack, "; PRAGMA user_version = ", kOlder, "; PRAGMA wal_checkpoint(TRUNCATE)"));
  fs::rename(File(), folder_.path() + "/older");
  std::map<int, int> found;  // versions after a kill
  for (int write : {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32, 48, 64, 96}) {
    PutOlder();
    // -D: strace watches from aside, so that the process is our child.
    AccountsProcess victim({.folder = folder_.path(),
                            .prefix = {"strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64", "-e",
                                       absl::StrCat("inject=pwrite64:signal=KILL:when=", write)}});
    if (victim.Start()) {
      victim.Kill();
      break;  // it was ready before it had written so often
    }
    ++found[Version()];
    Restart();
    ExpectMigrated();
    EXPECT_EQ(service_->Terminate(), 0) << service_->Log();
    EXPECT_EQ(IntegrityOf(File()), "ok");
    EXPECT_EQ(Version(), newest);
  }
  EXPECT_GT(found[kOlder], 1) << "none was killed before the commit of the first migration";
  int later = 0;
  for (const auto& [version, times] : found) {
    EXPECT_TRUE(version >= kOlder && version <= newest) << version;
    if (version > kOlder) later += times;
  }
  Observe(absl::StrCat(found[kOlder], " kills before the migration's commit, ", later,
                       " after it; each next start completed it"));
}

class PostgresMigrationFaults : public MigrationFaults {
 protected:
  void SetUp() override {
    MigrationFaults::SetUp();
    if (!PostgresCluster::Installed()) GTEST_SKIP() << "PostgreSQL 15 is not installed";
    cluster_ = std::make_unique<PostgresCluster>(PostgresCluster::Durable::kYes);
    connection_ = cluster_->Connection("faults");
    MakeData({.folder = folder_.path(), .database = connection_});
  }
  template <class Condition>
  bool Eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
  }
  std::string Version() { return cluster_->Ask("SELECT version FROM faults.perennial_schema"); }

  std::unique_ptr<PostgresCluster> cluster_;
  std::string connection_;
};

TEST_F(PostgresMigrationFaults, AProcessThatIsKilledHalfWayThroughIsFollowedByOneThatCompletesIt) {
  if (IsSkipped()) return;
  ASSERT_EQ(service_->Terminate(), 0);
  const std::string newest = Version();
  ASSERT_TRUE(cluster_->Run(
      absl::StrCat("SET search_path = faults; ", kBack, "; UPDATE perennial_schema SET version = ", kOlder)));
  // The migration has made its table, and cannot read what fills it.
  PGconn* session = PQconnectdb(connection_.c_str());
  PQclear(PQexec(session, "BEGIN"));
  PGresult* locked = PQexec(session, "LOCK TABLE movements IN ACCESS EXCLUSIVE MODE");
  EXPECT_EQ(PQresultStatus(locked), PGRES_COMMAND_OK) << PQerrorMessage(session);
  PQclear(locked);
  {
    Process victim({absl::StrCat(PERENNIAL_BINARY_DIR, "/accounts-svc"), absl::StrCat("--port=", FreePort()),
                    absl::StrCat("--data=", folder_.path()), absl::StrCat("--database=", connection_)},
                   folder_.path() + "/victim.log");
    const auto waiting = [&] {
      return cluster_->Ask("SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE c.relname = "
                           "'movements' AND NOT l.granted") == "1";
    };
    EXPECT_TRUE(Eventually(waiting)) << ReadFile(folder_.path() + "/victim.log");
    victim.Kill();
  }
  PQfinish(session);
  // Its session ends by itself, and takes what it had made with it.
  EXPECT_TRUE(Eventually([&] {
    return cluster_->Ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'perennial'") == "0";
  }));
  EXPECT_EQ(Version(), absl::StrCat(kOlder));
  EXPECT_EQ(cluster_->Ask("SELECT count(*) FROM pg_class WHERE relname = 'ledgers'"), "0");
  Restart();
  ExpectMigrated();
  EXPECT_EQ(Version(), newest);
  EXPECT_EQ(service_->Terminate(), 0);
  Observe("killed while the migration waited: the older schema whole; the next start completed it");
}

TEST_F(PostgresMigrationFaults, AProcessWritesNoMoreOnceTheSchemaIsNewerThanItAndReadsOn) {
  if (IsSkipped()) return;
  const std::string mine = Version();
  ASSERT_TRUE(cluster_->Run("CREATE TABLE faults.from_the_future (one INTEGER); UPDATE faults.perennial_schema SET "
                            "version = version + 1"));
  const grpc::Status refused = client_->Use("a0", kEvents, kEvents + 10);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION) << refused.error_message();
  EXPECT_TRUE(absl::StrContains(refused.error_message(), "run a newer version of the program"))
      << refused.error_message();
  ExpectMigrated();  // reads
  EXPECT_TRUE(service_->process().running());
  AccountsProcess another({.folder = folder_.path(), .database = connection_});
  EXPECT_FALSE(another.Start());
  EXPECT_EQ(another.process().Wait(), 78);
  // Back to the schema that it knows, it goes on.
  ASSERT_TRUE(cluster_->Run(absl::StrCat("DROP TABLE faults.from_the_future; UPDATE faults.perennial_schema SET "
                                         "version = ", mine)));
  EXPECT_TRUE(client_->Use("a0", kEvents, kEvents + 10).ok());
  double stored = 0;
  EXPECT_TRUE(client_->Count("a0", &stored).ok());
  EXPECT_EQ(stored, static_cast<double>(kEvents + 10)) << "nothing of what was refused is there twice";
  Observe("older process below a newer schema: writes FAILED_PRECONDITION, reads go on, a start exits with 78");
}

}  // namespace
}  // namespace perennial::testing
