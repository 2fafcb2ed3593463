// What accounts-svc does when the PostgreSQL below it restarts, loses sessions, is full or only reads: the real binary.
#include <libpq-fe.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/faults/fault_fixture.h"
#include "tests/faults/record_sender.h"
#include "tests/testing/postgres_fixture.h"

namespace perennial::testing {
namespace {

class PostgresStorageFaults : public FaultTest {
 protected:
  void SetUp() override {
    Row("F17");
    if (!PostgresCluster::Installed()) GTEST_SKIP() << "PostgreSQL 15 is not installed";
    cluster_ = std::make_unique<PostgresCluster>(PostgresCluster::Durable::kYes);
    StartWithAccount({.folder = folder_.path(), .database = cluster_->Connection("faults")});
  }
  // All that was acknowledged is stored once, and nothing else.
  void ExpectExact(std::int64_t acknowledged) {
    double stored = 0;
    grpc::Status status;
    // A session that was ended, or that the server has no room for yet, says UNAVAILABLE: to be tried again.
    Eventually([&] { return (status = client_->Count("a0", &stored)).error_code() != grpc::StatusCode::UNAVAILABLE; });
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(stored, static_cast<double>(acknowledged));
    EXPECT_TRUE(service_->process().running());
    Observe(absl::StrCat(acknowledged, " events acknowledged, ", stored, " stored"));
  }
  // Tries until it works; false after a minute.
  template <class Try>
  bool Eventually(Try attempt) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!attempt()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return true;
  }
  // Writes the next event. It stays the next one until it is acknowledged, whether it was stored or not.
  grpc::Status Write() {
    const grpc::Status status = client_->Use("a0", next_, next_ + 1);
    if (status.ok()) ++next_;
    return status;
  }
  bool Writes() { return Write().ok(); }

  std::unique_ptr<PostgresCluster> cluster_;
  std::int64_t next_ = 0;
};

TEST_F(PostgresStorageFaults, AServerThatIsKilledUnderStreamedWritesLosesNothingAndCountsNothingTwice) {
  if (IsSkipped()) return;
  RecordSender sender(service_->Channel(), {"a0"});
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(sender.WaitForMore(60)) << sender.Problem();
    cluster_->Kill();
    cluster_->Start();
  }
  ASSERT_TRUE(sender.WaitForMore(60)) << sender.Problem();
  sender.Stop();
  EXPECT_EQ(sender.Problem(), "");
  Observe(absl::StrCat("3 kills of the server, ", sender.Breaks(), " breaks of the stream"));
  ExpectExact(sender.Acknowledged());
}

TEST_F(PostgresStorageFaults, SessionsThatAreEndedUnderStreamedWritesLoseNothingAndCountNothingTwice) {
  if (IsSkipped()) return;
  RecordSender sender(service_->Channel(), {"a0"});
  int ended = 0;
  for (int round = 0; round < 15; ++round) {
    ASSERT_TRUE(sender.WaitForMore(20)) << sender.Problem();
    // The last batch may have been stored by a session that has ended since: until there is one again.
    ASSERT_TRUE(Eventually([&] {
      const int more = std::atoi(cluster_->Ask("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                                               "WHERE application_name = 'perennial'").c_str());
      ended += more;
      return more > 0;
    }));
  }
  ASSERT_TRUE(sender.WaitForMore(20)) << sender.Problem();
  sender.Stop();
  EXPECT_EQ(sender.Problem(), "");
  EXPECT_GE(ended, 15);
  Observe(absl::StrCat(ended, " sessions ended, ", sender.Breaks(), " breaks of the stream"));
  ExpectExact(sender.Acknowledged());
}

TEST_F(PostgresStorageFaults, AReadOnlyServerRefusesWritesServesReadsAndRecovers) {
  if (IsSkipped()) return;
  ASSERT_TRUE(Writes());
  ASSERT_TRUE(cluster_->Run("ALTER SYSTEM SET default_transaction_read_only = on"));
  ASSERT_TRUE(cluster_->Run("SELECT pg_reload_conf()"));
  grpc::Status refused;
  ASSERT_TRUE(Eventually([&] { return !(refused = Write()).ok(); }));
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION) << refused.error_message();
  EXPECT_EQ(AccountsClient::ReasonOf(refused), "STORAGE_READ_ONLY") << refused.error_message();
  double sum = 0;
  EXPECT_TRUE(client_->Count("a0", &sum).ok()) << "reads go on";
  EXPECT_EQ(service_->Serving("liveness"), true);
  Observe(absl::StrCat("code ", refused.error_code(), " ", AccountsClient::ReasonOf(refused)));
  ASSERT_TRUE(cluster_->Run("ALTER SYSTEM RESET default_transaction_read_only"));
  ASSERT_TRUE(cluster_->Run("SELECT pg_reload_conf()"));
  EXPECT_TRUE(Eventually([&] { return Writes(); }));
  ExpectExact(next_);
}

TEST_F(PostgresStorageFaults, AServerWithoutFreeSessionsIsUnavailableUntilThereAreSome) {
  if (IsSkipped()) return;
  ASSERT_TRUE(Writes());
  // Takes all sessions there are, ours too as they are ended; those kept for superusers are left.
  ASSERT_TRUE(cluster_->Run("CREATE ROLE plain LOGIN; GRANT ALL ON SCHEMA faults TO plain; "
                            "GRANT ALL ON ALL TABLES IN SCHEMA faults TO plain"));
  std::string connection = cluster_->Connection("faults");
  connection.replace(connection.find("user=perennial"), std::string("user=perennial").size(), "user=plain");
  ASSERT_EQ(service_->Terminate(), 0);
  service_ = std::make_unique<AccountsProcess>(AccountsProcess::Options{.folder = folder_.path(), .database = connection});
  ASSERT_TRUE(service_->Start()) << service_->Log();
  client_ = std::make_unique<AccountsClient>(service_->Channel());
  ASSERT_TRUE(Writes());
  const int room = std::atoi(cluster_->Ask("SELECT current_setting('max_connections')::int - "
                                           "current_setting('superuser_reserved_connections')::int").c_str());
  std::vector<PGconn*> taken;
  // The service takes a session again as soon as it misses it, and one that ends is free only a little later: until all are ours.
  ASSERT_TRUE(Eventually([&] {
    cluster_->Run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'perennial'");
    PGconn* session = nullptr;
    while (PQstatus(session = PQconnectdb(connection.c_str())) == CONNECTION_OK) taken.push_back(session);
    PQfinish(session);
    return static_cast<int>(taken.size()) == room;
  })) << taken.size() << " of " << room << " sessions";
  const grpc::Status refused = Write();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAVAILABLE) << refused.error_message();
  EXPECT_EQ(AccountsClient::ReasonOf(refused), "STORAGE_UNREACHABLE") << refused.error_message();
  EXPECT_TRUE(AccountsClient::HasRetryInfo(refused));
  EXPECT_EQ(service_->Serving("liveness"), true);
  Observe(absl::StrCat(taken.size(), " sessions taken, code ", refused.error_code(), " ", AccountsClient::ReasonOf(refused)));
  for (PGconn* session : taken) PQfinish(session);
  EXPECT_TRUE(Eventually([&] { return Writes(); }));
  ExpectExact(next_);
}

TEST_F(PostgresStorageFaults, WritersThatAreInEachOthersWayAreRunAgain) {
  if (IsSkipped()) return;
  // A trigger makes every third commit of the facts fail as a conflict would.
  ASSERT_TRUE(cluster_->Run("CREATE SEQUENCE faults.turns; GRANT ALL ON SEQUENCE faults.turns TO PUBLIC; "
                            "CREATE FUNCTION faults.conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                            "IF nextval('faults.turns') % 3 = 0 THEN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; "
                            "END IF; RETURN NEW; END $$; "
                            "CREATE TRIGGER conflicts BEFORE INSERT ON faults.usage_events FOR EACH STATEMENT "
                            "EXECUTE FUNCTION faults.conflict()"));
  for (int i = 0; i < 60; ++i) {
    const grpc::Status status = client_->Use("a0", next_, next_ + 1);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ++next_;
  }
  const std::string turns = cluster_->Ask("SELECT last_value FROM faults.turns");
  EXPECT_GE(std::atoi(turns.c_str()), 80) << "no conflict took place";
  Observe(absl::StrCat("60 writes in ", turns, " attempts"));
  ExpectExact(next_);
}

}  // namespace
}  // namespace perennial::testing
