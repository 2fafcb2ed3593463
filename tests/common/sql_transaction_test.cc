// What both drivers of sql::Connection promise: transactions, migrations, pools of readers.
#include <atomic>
#include <stdexcept>
#include <thread>

#include "tests/common/sql_fixture.h"
#include "tests/testing/status_matchers.h"

namespace perennial::testing {
namespace {

using SqlTransactionTest = SqlTest;
INSTANTIATE_TEST_SUITE_P(All, SqlTransactionTest, ::testing::ValuesIn(SqlKinds()), NameOf);

TEST_P(SqlTransactionTest, ATransactionIsSeenWhenItIsCommittedAndNotBefore) {
  const auto writer = Open();
  const auto reader = *TryOpenReader();
  ASSERT_THAT(writer->InTransaction([&]() -> absl::Status {
    EXPECT_THAT(Insert(*writer, 1, "one"), IsOk());
    EXPECT_EQ(Count(*writer), 1);
    EXPECT_EQ(Count(*reader), 0);
    return absl::OkStatus();
  }),
              IsOk());
  EXPECT_EQ(Count(*reader), 1);
}

TEST_P(SqlTransactionTest, NothingStaysOfATransactionThatFailsOrThrows) {
  const auto connection = Open();
  EXPECT_THAT(connection->InTransaction([&] {
    EXPECT_THAT(Insert(*connection, 1, "one"), IsOk());
    return absl::OutOfRangeError("no");
  }),
              HasCode(absl::StatusCode::kOutOfRange));
  EXPECT_THROW((void)connection->InTransaction([&]() -> absl::Status {
    EXPECT_THAT(Insert(*connection, 2, "two"), IsOk());
    throw std::runtime_error("no");
  }),
               std::runtime_error);
  EXPECT_EQ(Count(*connection), 0);
  EXPECT_THAT(connection->InTransaction([&] { return Insert(*connection, 3, "three"); }), IsOk());
}

TEST_P(SqlTransactionTest, AFailedStatementFailsItsTransactionEvenWhenTheBodyHidesIt) {
  const auto connection = Open();
  EXPECT_THAT(connection->InTransaction([&] {
    EXPECT_THAT(Insert(*connection, 1, "one"), IsOk());
    EXPECT_THAT(Insert(*connection, 1, "one"), HasCode(absl::StatusCode::kAlreadyExists));
    return absl::OkStatus();
  }),
              HasCode(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(Count(*connection), 0);
}

TEST_P(SqlTransactionTest, ASavepointThatFailsTakesNothingElseWithIt) {
  const auto connection = Open();
  EXPECT_THAT(connection->InTransaction([&]() -> absl::Status {
    EXPECT_THAT(Insert(*connection, 1, "one"), IsOk());
    EXPECT_THAT(connection->InSavepoint([&]() -> absl::Status {
      EXPECT_THAT(Insert(*connection, 2, "two"), IsOk());
      return Insert(*connection, 1, "again");
    }),
                HasCode(absl::StatusCode::kAlreadyExists));
    EXPECT_TRUE(connection->CanContinue());
    EXPECT_THAT(connection->InSavepoint([&]() -> absl::Status {
      EXPECT_THAT(Insert(*connection, 1, "hidden"), HasCode(absl::StatusCode::kAlreadyExists));
      return absl::OkStatus();
    }),
                HasCode(absl::StatusCode::kAlreadyExists));
    EXPECT_THROW((void)connection->InSavepoint([&]() -> absl::Status {
      EXPECT_THAT(Insert(*connection, 3, "three"), IsOk());
      throw std::runtime_error("no");
    }),
                 std::runtime_error);
    return connection->InSavepoint([&] { return Insert(*connection, 4, "four"); });
  }),
              IsOk());
  EXPECT_EQ(Names(*connection), (std::vector<std::string>{"four", "one"}));
}

TEST_P(SqlTransactionTest, SavepointsNest) {
  const auto connection = Open();
  EXPECT_THAT(connection->InTransaction([&] {
    return connection->InSavepoint([&]() -> absl::Status {
      EXPECT_THAT(Insert(*connection, 1, "one"), IsOk());
      EXPECT_THAT(connection->InSavepoint([&]() -> absl::Status {
        EXPECT_THAT(Insert(*connection, 2, "two"), IsOk());
        return absl::CancelledError("no");
      }),
                  HasCode(absl::StatusCode::kCancelled));
      return connection->InSavepoint([&] { return Insert(*connection, 3, "three"); });
    });
  }),
              IsOk());
  EXPECT_EQ(Names(*connection), (std::vector<std::string>{"one", "three"}));
}

TEST_P(SqlTransactionTest, ASnapshotSeesOneState) {
  const auto writer = Open();
  const auto reader = *TryOpenReader();
  ASSERT_THAT(Insert(*writer, 1, "one"), IsOk());
  ASSERT_THAT(reader->InSnapshot([&]() -> absl::Status {
    EXPECT_EQ(Count(*reader), 1);
    EXPECT_THAT(writer->InTransaction([&] { return Insert(*writer, 2, "two"); }), IsOk());
    EXPECT_EQ(Count(*reader), 1);
    return absl::OkStatus();
  }),
              IsOk());
  EXPECT_EQ(Count(*reader), 2);
}

TEST_P(SqlTransactionTest, AReaderRefusesToWrite) {
  const auto writer = Open();
  const auto reader = *TryOpenReader();
  EXPECT_THAT(reader->InSnapshot([&] { return Insert(*reader, 1, "one"); }),
              HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(Count(*writer), 0);
}

TEST_P(SqlTransactionTest, WriteTransactionsOfManyConnectionsRunOneAfterAnother) {
  ASSERT_NE(Open(), nullptr);
  constexpr int kThreads = 4;
  constexpr int kEach = 25;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const auto connection = Open();
      for (int i = 0; i < kEach; ++i) {
        const std::string name = absl::StrCat(t, "/", i);
        // Reads what it writes: two at once would take the same number, or lose one.
        const auto write = [&] {
          return connection->InTransaction([&] {
            const auto next = With(*connection, "SELECT coalesce(max(no), 0) + 1 FROM things", [](sql::Statement& max) {
              EXPECT_TRUE(max.Step().ok());
              return static_cast<int>(max.Int64(0));
            });
            return Insert(*connection, next, name);
          });
        };
        // On a very busy machine the turn of one comes later than it waits.
        absl::Status status = write();
        for (int again = 0; again < 50 && absl::IsUnavailable(status); ++again) status = write();
        EXPECT_THAT(status, IsOk());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto connection = Open();
  EXPECT_EQ(Count(*connection), kThreads * kEach);
  With(*connection, "SELECT max(no) FROM things", [&](sql::Statement& max) {
    EXPECT_TRUE(max.Step().value());
    EXPECT_EQ(max.Int64(0), kThreads * kEach);
  });
}

TEST_P(SqlTransactionTest, WhatWasCommittedIsThereWhenItIsOpenedAgain) {
  ASSERT_THAT(Insert(*Open(), 1, "one"), IsOk());
  EXPECT_EQ(Names(*Open()), std::vector<std::string>{"one"});
}

TEST_P(SqlTransactionTest, MigrationsAreAppliedOnceInOrder) {
  ASSERT_THAT(Insert(*Open(), 1, "one"), IsOk());
  sql::Schema schema = TestSchema();
  schema.migrations.emplace_back(
      "ALTER TABLE things ADD COLUMN extra INTEGER NOT NULL DEFAULT 7; CREATE INDEX i ON things (extra)");
  schema.migrations.emplace_back("UPDATE things SET extra = extra + 1");
  for (int i = 0; i < 2; ++i) {
    const auto connection = TryOpen(schema);
    ASSERT_THAT(connection.status(), IsOk());
    With(**connection, "SELECT extra FROM things", [](sql::Statement& row) {
      EXPECT_TRUE(row.Step().value());
      EXPECT_EQ(row.Int64(0), 8);
    });
  }
}

TEST_P(SqlTransactionTest, AMigrationThatFailsLeavesTheSchemaAsItWas) {
  ASSERT_NE(Open(), nullptr);
  sql::Schema schema = TestSchema();
  schema.migrations.emplace_back("CREATE TABLE more (no INTEGER PRIMARY KEY); INSERT INTO nowhere VALUES (1)");
  EXPECT_THAT(TryOpen(schema).status(), HasCode(absl::StatusCode::kInternal));
  schema.migrations.back() = "CREATE TABLE more (no INTEGER PRIMARY KEY)";
  EXPECT_THAT(TryOpen(schema).status(), IsOk());
}

TEST_P(SqlTransactionTest, ASchemaNewerThanTheProgramIsRefused) {
  sql::Schema schema = TestSchema();
  schema.migrations.emplace_back("CREATE TABLE more (no INTEGER PRIMARY KEY)");
  ASSERT_THAT(TryOpen(schema).status(), IsOk());
  const auto refused = TryOpen();
  EXPECT_THAT(refused.status(), HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(std::string(refused.status().message()), ::testing::HasSubstr("schema 2, this program knows 1"));
}

TEST_P(SqlTransactionTest, ADatabaseOfAnotherProgramIsRefused) {
  ASSERT_NE(Open(), nullptr);
  sql::Schema other = TestSchema();
  other.application_id = 0x07e4;
  EXPECT_THAT(TryOpen(other).status(), HasCode(absl::StatusCode::kFailedPrecondition));
}

TEST_P(SqlTransactionTest, ReadersArePooledAndSeeTheNewestState) {
  const auto writer = Open();
  sql::ReaderPool pool({.most = 2}, [&] { return TryOpenReader(); });
  for (int no = 1; no <= 3; ++no) {
    ASSERT_THAT(Insert(*writer, no, absl::StrCat("n", no)), IsOk());
    EXPECT_THAT(pool.Read([&](sql::Connection& reader) {
      EXPECT_EQ(Count(reader), no);
      return absl::OkStatus();
    }),
                IsOk());
  }
}

TEST_P(SqlTransactionTest, AFullPoolRefusesAfterItsWaitAndServesAgain) {
  ASSERT_NE(Open(), nullptr);
  sql::ReaderPool pool({.most = 1, .most_wait = std::chrono::milliseconds(20)}, [&] { return TryOpenReader(); });
  const auto nothing = [](sql::Connection&) { return absl::OkStatus(); };
  EXPECT_THAT(pool.Read([&](sql::Connection&) -> absl::Status {
    EXPECT_THAT(pool.Read(nothing), HasCode(absl::StatusCode::kResourceExhausted));
    return absl::DataLossError("passed on");
  }),
              HasCode(absl::StatusCode::kDataLoss));
  EXPECT_THROW((void)pool.Read([](sql::Connection&) -> absl::Status { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_THAT(pool.Read(nothing), IsOk());
}

TEST_P(SqlTransactionTest, ManyThreadsShareAPoolOfFewReaders) {
  const auto writer = Open();
  ASSERT_THAT(Insert(*writer, 1, "one"), IsOk());
  sql::ReaderPool pool({.most = 2}, [&] { return TryOpenReader(); });
  std::atomic<int> served = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        const absl::Status status = pool.Read([&](sql::Connection& reader) {
          served += static_cast<int>(Count(reader));
          return absl::OkStatus();
        });
        EXPECT_THAT(status, IsOk());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(served, 160);
}

}  // namespace
}  // namespace perennial::testing
