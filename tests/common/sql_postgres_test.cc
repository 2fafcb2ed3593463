// What is PostgreSQL's alone: lost connections, conflicts, several processes.
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <thread>

#include "common/storage/postgres_status.h"
#include "tests/common/sql_fixture.h"
#include "tests/testing/commit_breaker.h"
#include "tests/testing/status_matchers.h"

namespace perennial::testing {
namespace {

using absl::StatusCode;

class SqlPostgresTest : public SqlTest {
 protected:
  // Ends all sessions of this test's database, as an administrator may.
  static void EndSessions() {
    PostgresCluster::Shared().Run(
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name = 'perennial'");
  }
  [[nodiscard]] std::unique_ptr<sql::Connection> OpenWith(postgres::Options options) const {
    options.connection = options.connection.empty() ? connection_string_ : options.connection;
    auto connection = postgres::OpenSql(std::move(options), TestSchema());
    if (connection.ok()) return *std::move(connection);
    ADD_FAILURE() << connection.status();
    return nullptr;
  }
  // The same database through a breaker.
  [[nodiscard]] postgres::Options Through(const CommitBreaker& breaker,
                                          std::chrono::milliseconds resolve_timeout = std::chrono::seconds(60)) const {
    std::string connection = connection_string_;
    connection.replace(0, connection.find(' '), "host=" + breaker.host());
    return {.connection = connection, .resolve_timeout = resolve_timeout};
  }
  [[nodiscard]] std::string ServerFolder() const {
    return connection_string_.substr(5, connection_string_.find(' ') - 5);
  }
};
INSTANTIATE_TEST_SUITE_P(All, SqlPostgresTest, ::testing::Values(SqlKinds()[1]), NameOf);

TEST_P(SqlPostgresTest, AConnectionThatWasEndedWhileIdleIsOpenedAnewUnseen) {
  const auto connection = Open();
  const auto reader = *TryOpenReader();
  ASSERT_THAT(connection->InTransaction([&] { return Insert(*connection, 1, "one"); }), IsOk());
  EndSessions();
  EXPECT_THAT(connection->InTransaction([&] { return Insert(*connection, 2, "two"); }), IsOk());
  EXPECT_THAT(reader->InSnapshot([&] {
    EXPECT_EQ(Count(*reader), 2);
    return absl::OkStatus();
  }),
              IsOk());
}

TEST_P(SqlPostgresTest, ATransactionWhoseConnectionIsLostIsUnavailableAndLeavesNothing) {
  const auto connection = Open();
  EXPECT_THAT(connection->InTransaction([&]() -> absl::Status {
    EXPECT_THAT(Insert(*connection, 1, "one"), IsOk());
    EndSessions();
    const absl::Status status = Insert(*connection, 2, "two");
    EXPECT_THAT(status, HasCode(StatusCode::kUnavailable));
    EXPECT_FALSE(connection->CanContinue());
    EXPECT_FALSE(connection->alive());
    return status;
  }),
              HasCode(StatusCode::kUnavailable));
  EXPECT_THAT(connection->InTransaction([&]() -> absl::Status {
    EXPECT_EQ(Count(*connection), 0);
    return Insert(*connection, 1, "one");
  }),
              IsOk());
}

TEST_P(SqlPostgresTest, ACommitWhoseAnswerIsLostIsToldToHaveTakenPlace) {
  ASSERT_NE(Open(), nullptr);
  CommitBreaker breaker(ServerFolder());
  const auto connection = OpenWith(Through(breaker));
  int runs = 0;
  breaker.Set(CommitBreaker::Mode::kAfterCommit);
  EXPECT_THAT(connection->InTransaction([&] { return Insert(*connection, ++runs, "one"); }), IsOk());
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(Names(*Open()), std::vector<std::string>{"one"});
}

TEST_P(SqlPostgresTest, ACommitThatNeverArrivedIsUnavailableAndLeavesNothing) {
  ASSERT_NE(Open(), nullptr);
  CommitBreaker breaker(ServerFolder());
  const auto connection = OpenWith(Through(breaker));
  breaker.Set(CommitBreaker::Mode::kBeforeCommit);
  const absl::Status status = connection->InTransaction([&] { return Insert(*connection, 1, "one"); });
  EXPECT_THAT(status, HasCode(StatusCode::kUnavailable));
  EXPECT_THAT(std::string(status.message()), ::testing::Not(::testing::HasSubstr("may or may not")));
  EXPECT_EQ(Count(*Open()), 0);
  EXPECT_THAT(connection->InTransaction([&] { return Insert(*connection, 1, "one"); }), IsOk());
}

TEST_P(SqlPostgresTest, ACommitThatNobodyCanAskAboutIsUnknown) {
  ASSERT_NE(Open(), nullptr);
  CommitBreaker breaker(ServerFolder());
  const auto connection = OpenWith(Through(breaker, std::chrono::milliseconds(300)));
  breaker.Set(CommitBreaker::Mode::kAfterCommitForGood);
  const absl::Status status = connection->InTransaction([&] { return Insert(*connection, 1, "one"); });
  EXPECT_THAT(status, HasCode(StatusCode::kUnavailable));
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("may or may not"));
}

TEST_P(SqlPostgresTest, ConflictsAreRunAgainAFewTimes) {
  const auto connection = Open();
  int runs = 0;
  const auto conflicting = [&](int conflicts) {
    runs = 0;
    return connection->InTransaction([&]() -> absl::Status {
      if (const absl::Status status = Insert(*connection, 1 + Count(*connection), absl::StrCat("n", conflicts));
          !status.ok()) {
        return status;
      }
      if (runs++ >= conflicts) return absl::OkStatus();
      return connection->Execute("DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$");
    });
  };
  EXPECT_THAT(conflicting(2), IsOk());
  EXPECT_EQ(runs, 3);
  EXPECT_THAT(conflicting(100), HasCode(StatusCode::kAborted));
  EXPECT_EQ(runs, 6);
  EXPECT_EQ(Names(*connection), std::vector<std::string>{"n2"});
}

TEST_P(SqlPostgresTest, AConflictWithinASavepointEndsTheTransaction) {
  const auto connection = Open();
  int runs = 0;
  EXPECT_THAT(connection->InTransaction([&]() -> absl::Status {
    ++runs;
    const absl::Status status = connection->InSavepoint([&]() -> absl::Status {
      if (runs > 1) return Insert(*connection, 1, "one");
      return connection->Execute("DO $$ BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END $$");
    });
    EXPECT_EQ(connection->CanContinue(), runs > 1);
    return status;
  }),
              IsOk());
  EXPECT_EQ(runs, 2);
}

TEST_P(SqlPostgresTest, AnErrorOfTheBodyIsNotTakenForAConflict) {
  const auto connection = Open();
  int runs = 0;
  EXPECT_THAT(connection->InTransaction([&] {
    ++runs;
    return absl::AbortedError("stale etag");
  }),
              HasCode(StatusCode::kAborted));
  EXPECT_EQ(runs, 1);
}

TEST_P(SqlPostgresTest, AWriterThatWaitsTooLongForAnotherIsUnavailable) {
  const auto holder = Open();
  const auto waiter = OpenWith({.lock_timeout = std::chrono::milliseconds(50)});
  EXPECT_THAT(holder->InTransaction([&]() -> absl::Status {
    EXPECT_THAT(waiter->InTransaction([] { return absl::OkStatus(); }), HasCode(StatusCode::kUnavailable));
    return absl::OkStatus();
  }),
              IsOk());
  EXPECT_THAT(waiter->InTransaction([&] { return Insert(*waiter, 1, "one"); }), IsOk());
}

TEST_P(SqlPostgresTest, AWriterThatHangsIsEndedSoThatOthersGetOn) {
  const auto hung = OpenWith({.idle_timeout = std::chrono::milliseconds(1000)});
  const auto other =
      OpenWith({.statement_timeout = std::chrono::seconds(60), .lock_timeout = std::chrono::seconds(60)});
  EXPECT_THAT(hung->InTransaction([&]() -> absl::Status {
    EXPECT_THAT(Insert(*hung, 1, "one"), IsOk());
    EXPECT_THAT(other->InTransaction([&] { return Insert(*other, 2, "two"); }), IsOk());  // it hangs meanwhile
    return absl::OkStatus();
  }),
              HasCode(StatusCode::kUnavailable));
  EXPECT_EQ(Names(*other), std::vector<std::string>{"two"});
}

TEST_P(SqlPostgresTest, AStatementThatTakesTooLongIsUnavailable) {
  const auto connection = OpenWith({.statement_timeout = std::chrono::milliseconds(1000)});
  EXPECT_THAT(connection->Execute("SELECT pg_sleep(100)"), HasCode(StatusCode::kUnavailable));
  EXPECT_TRUE(connection->alive());
}

TEST_P(SqlPostgresTest, ManyMaySetUpAnEmptyDatabaseAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> opened = 0;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&] {
      const auto connection = TryOpen();
      EXPECT_THAT(connection.status(), IsOk());
      if (connection.ok()) ++opened;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(opened, 6);
}

TEST_P(SqlPostgresTest, AProgramStopsWritingOnceANewerOneHasMigrated) {
  const auto old_program = Open();
  sql::Schema schema = TestSchema();
  schema.migrations.emplace_back("CREATE TABLE more (no INTEGER PRIMARY KEY)");
  ASSERT_THAT(TryOpen(schema).status(), IsOk());
  EXPECT_THAT(old_program->InTransaction([&] { return Insert(*old_program, 1, "one"); }),
              HasCode(StatusCode::kFailedPrecondition));
}

TEST_P(SqlPostgresTest, ADatabaseWithTablesOfOthersIsRefused) {
  const auto name = connection_string_.substr(connection_string_.find("search_path=") + 12);
  ASSERT_TRUE(PostgresCluster::Shared().Run("CREATE TABLE " + name.substr(0, name.find('\'')) + ".theirs (no BIGINT)"));
  EXPECT_THAT(TryOpen().status(), HasCode(StatusCode::kFailedPrecondition));
}

TEST_P(SqlPostgresTest, ATextWithANulIsRefused) {
  const auto connection = Open();
  EXPECT_THAT(Insert(*connection, 1, absl::string_view("a\0b", 3)), HasCode(StatusCode::kInvalidArgument));
}

TEST_P(SqlPostgresTest, ValuesOfTheWrongTypeAreInternal) {
  const auto connection = Open();
  EXPECT_THAT(
      With(*connection, "SELECT no FROM things WHERE no = ?", [](sql::Statement& s) { return s.Bind(1, "1").Step(); }),
      HasCode(StatusCode::kInternal));
  EXPECT_THAT(
      With(*connection, "SELECT no FROM things WHERE no = ?", [](sql::Statement& s) { return s.Bind(2, 1).Step(); }),
      HasCode(StatusCode::kInternal));
  EXPECT_THAT(connection->Prepare("SELECT sum(no) FROM things").status(), HasCode(StatusCode::kInternal));
}

TEST(PostgresCrashTest, WhatWasCommittedSurvivesAKillOfTheServer) {
  if (!PostgresCluster::Installed()) GTEST_SKIP() << "PostgreSQL 15 is not installed";
  PostgresCluster cluster(PostgresCluster::Durable::kYes);
  const postgres::Options options{.connection = cluster.Connection("crash"),
                                  .resolve_timeout = std::chrono::milliseconds(100)};
  auto connection = postgres::OpenSql(options, TestSchema());
  ASSERT_THAT(connection.status(), IsOk());
  const auto insert = [&](int no) {
    return (*connection)->InTransaction([&] {
      return (*connection)->Execute(absl::StrCat("INSERT INTO things (no, name) VALUES (", no, ", 'n", no, "')"));
    });
  };
  int committed = 0;
  for (; committed < 20; ++committed) ASSERT_THAT(insert(committed), IsOk());
  cluster.Kill();
  // A session may commit some more before it notices that its server is gone.
  absl::Status status = insert(committed);
  for (; status.ok() && committed < 100000; status = insert(committed)) ++committed;
  EXPECT_THAT(status, HasCode(StatusCode::kUnavailable));
  cluster.Start();
  EXPECT_THAT(insert(1000000), IsOk());
  EXPECT_EQ(cluster.Ask(absl::StrCat("SELECT count(*) FROM crash.things WHERE no < ", committed)), absl::StrCat(committed));
  EXPECT_EQ(cluster.Ask("SELECT count(*) FROM crash.things WHERE no = 1000000"), "1");
}

TEST(PostgresStatusTest, MapsSqlstatesByCode) {
  const auto code = [](const char* sqlstate) { return postgres::StatusOf(sqlstate, "").code(); };
  EXPECT_EQ(code("23505"), StatusCode::kAlreadyExists);
  EXPECT_EQ(code("23502"), StatusCode::kInternal);
  EXPECT_EQ(code("40001"), StatusCode::kAborted);
  EXPECT_EQ(code("40P01"), StatusCode::kAborted);
  EXPECT_EQ(code("53100"), StatusCode::kResourceExhausted);
  EXPECT_EQ(code("53300"), StatusCode::kResourceExhausted);
  EXPECT_EQ(code("57P01"), StatusCode::kUnavailable);
  EXPECT_EQ(code("57014"), StatusCode::kUnavailable);
  EXPECT_EQ(code("55P03"), StatusCode::kUnavailable);
  EXPECT_EQ(code("08006"), StatusCode::kUnavailable);
  EXPECT_EQ(code("25006"), StatusCode::kFailedPrecondition);
  EXPECT_EQ(code("28P01"), StatusCode::kFailedPrecondition);
  EXPECT_EQ(code("XX001"), StatusCode::kDataLoss);
  EXPECT_EQ(code("XX000"), StatusCode::kInternal);
  EXPECT_EQ(code("42601"), StatusCode::kInternal);
}

TEST(PostgresConnectionStringTest, IsTakenFromTheFlagOrAFileAndNeverQuoted) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/secret";
  std::ofstream(path) << "postgresql://ada:hunter2@db/perennial?sslmode=verify-full\n";
  EXPECT_EQ(*postgres::ConnectionString("@" + path), "postgresql://ada:hunter2@db/perennial?sslmode=verify-full");
  EXPECT_EQ(*postgres::ConnectionString("host=db user=ada"), "host=db user=ada");
  EXPECT_THAT(postgres::ConnectionString("@" + folder.path() + "/none"), HasCode(StatusCode::kFailedPrecondition));
  std::ofstream(path) << " \n";
  EXPECT_THAT(postgres::ConnectionString("@" + path), HasCode(StatusCode::kFailedPrecondition));
  const auto bad = postgres::ConnectionString("postgresql://ada:hunter2@db/x?nonsense=1");
  EXPECT_THAT(bad, HasCode(StatusCode::kInvalidArgument));
  EXPECT_THAT(std::string(bad.status().message()), ::testing::Not(::testing::HasSubstr("hunter2")));
}

TEST(PostgresConnectionStringTest, AServerThatIsNotThereIsUnavailable) {
  const TemporaryFolder folder;
  EXPECT_THAT(postgres::OpenSql({.connection = "host=" + folder.path()}, TestSchema()),
              HasCode(StatusCode::kUnavailable));
}

}  // namespace
}  // namespace perennial::testing
