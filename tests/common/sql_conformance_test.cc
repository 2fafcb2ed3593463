// What both drivers of sql::Connection promise: values, statements, errors.
#include <limits>

#include "tests/common/sql_fixture.h"
#include "tests/testing/status_matchers.h"

namespace perennial::testing {
namespace {

using SqlConformanceTest = SqlTest;
INSTANTIATE_TEST_SUITE_P(All, SqlConformanceTest, ::testing::ValuesIn(SqlKinds()), NameOf);

constexpr char kInsert[] = "INSERT INTO things (no, name, amount, weight, bytes) VALUES (?, ?, ?, ?, ?)";
constexpr char kSelect[] = "SELECT name, amount, weight, bytes FROM things WHERE no = ?1";

TEST_P(SqlConformanceTest, GivesBackEveryTypeAsItWasStored) {
  const auto connection = Open();
  const std::string bytes("\0\xff\x80 '\"\\", 7);
  ASSERT_THAT(connection->InTransaction([&] {
    return With(*connection, kInsert, [&](sql::Statement& insert) {
      return insert.Bind(1, 1)
          .Bind(2, "Ünïcode 漢字 '; DROP TABLE things; --")
          .Bind(3, INT64_MIN)
          .Bind(4, 0.1)
          .BindBlob(5, bytes)
          .Run();
    });
  }),
              IsOk());
  With(*connection, kSelect, [&](sql::Statement& row) {
    EXPECT_TRUE(row.Bind(1, 1).Step().value());
    EXPECT_EQ(row.Text(0), "Ünïcode 漢字 '; DROP TABLE things; --");
    EXPECT_EQ(row.Int64(1), INT64_MIN);
    EXPECT_EQ(row.Double(2), 0.1);
    EXPECT_EQ(row.Text(3), bytes);
    EXPECT_FALSE(row.Step().value());
  });
}

TEST_P(SqlConformanceTest, KeepsTheExtremesOfNumbers) {
  const auto connection = Open();
  const std::vector<double> weights = {std::numeric_limits<double>::max(), std::numeric_limits<double>::denorm_min(),
                                       -1.5, std::numeric_limits<double>::infinity(), 1e-300};
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const int no = static_cast<int>(i);
    ASSERT_THAT(With(*connection, kInsert,
                     [&](sql::Statement& insert) {
                       return insert.Bind(1, no)
                           .Bind(2, absl::StrCat("n", no))
                           .Bind(3, INT64_MAX - no)
                           .Bind(4, weights[i])
                           .BindNull(5)
                           .Run();
                     }),
                IsOk());
    With(*connection, kSelect, [&](sql::Statement& row) {
      EXPECT_TRUE(row.Bind(1, no).Step().value());
      EXPECT_EQ(row.Int64(1), INT64_MAX - no);
      EXPECT_EQ(row.Double(2), weights[i]);
    });
  }
}

TEST_P(SqlConformanceTest, TellsNullFromEmptyAndZero) {
  const auto connection = Open();
  const std::optional<std::int64_t> nothing;
  ASSERT_THAT(
      With(*connection, kInsert,
           [&](sql::Statement& insert) {
             return insert.Bind(1, 1).Bind(2, absl::string_view()).Bind(3, nothing).BindNull(4).BindBlob(5, {}).Run();
           }),
      IsOk());
  With(*connection, kSelect, [&](sql::Statement& row) {
    EXPECT_TRUE(row.Bind(1, 1).Step().value());
    EXPECT_FALSE(row.IsNull(0));
    EXPECT_EQ(row.Text(0), "");
    EXPECT_EQ(row.MaybeInt64(1), std::nullopt);
    EXPECT_EQ(row.Int64(1), 0);
    EXPECT_EQ(row.MaybeDouble(2), std::nullopt);
    EXPECT_FALSE(row.IsNull(3));
    EXPECT_EQ(row.View(3), "");
  });
}

TEST_P(SqlConformanceTest, BindsTruthAsANumber) {
  const auto connection = Open();
  ASSERT_THAT(Insert(*connection, 1, "one"), IsOk());
  for (const bool wanted : {false, true}) {
    With(*connection, "SELECT count(*) FROM things WHERE ?1 <> 0 AND no = ?2", [&](sql::Statement& count) {
      EXPECT_TRUE(count.Bind(1, wanted).Bind(2, 1).Step().value());
      EXPECT_EQ(count.Int64(0), wanted ? 1 : 0);
    });
    With(*connection, "SELECT EXISTS (SELECT 1 FROM things WHERE no = ?)", [&](sql::Statement& exists) {
      EXPECT_TRUE(exists.Bind(1, wanted ? 1 : 2).Step().value());
      EXPECT_EQ(exists.Int64(0), wanted ? 1 : 0);
    });
  }
}

TEST_P(SqlConformanceTest, ParametersMayBeNumberedAndUsedTwice) {
  const auto connection = Open();
  for (int no = 1; no <= 4; ++no) ASSERT_THAT(Insert(*connection, no, absl::StrCat("n", no)), IsOk());
  With(*connection, "SELECT count(*) FROM things WHERE (no >= ?2 AND no < ?1) OR name = '?2' OR no = ?2",
       [](sql::Statement& count) {
         EXPECT_TRUE(count.Bind(1, 4).Bind(2, 2).Step().value());
         EXPECT_EQ(count.Int64(0), 2);
       });
}

TEST_P(SqlConformanceTest, AStatementCanBeRunAgainAndForgetsItsParameters) {
  const auto connection = Open();
  With(*connection, kInsert, [&](sql::Statement& insert) {
    EXPECT_THAT(insert.Bind(1, 1).Bind(2, "one").Bind(3, 7).Run(), IsOk());
    EXPECT_THAT(insert.Bind(1, 2).Bind(2, "two").Run(), IsOk());
  });
  With(*connection, kSelect, [&](sql::Statement& row) {
    EXPECT_TRUE(row.Bind(1, 1).Step().value());
    EXPECT_EQ(row.MaybeInt64(1), 7);
    row.Reset();
    EXPECT_TRUE(row.Bind(1, 2).Step().value());
    EXPECT_EQ(row.MaybeInt64(1), std::nullopt);
  });
}

TEST_P(SqlConformanceTest, TextsSortByBytes) {
  const auto connection = Open();
  int no = 0;
  for (const char* name : {"b", "ä", "B", "a", "Z", "-", "_", "a b"})
    ASSERT_THAT(Insert(*connection, ++no, name), IsOk());
  EXPECT_EQ(Names(*connection), (std::vector<std::string>{"-", "B", "Z", "_", "a", "a b", "b", "ä"}));
  With(*connection, "SELECT count(*) FROM things WHERE (name, no) > (?, ?)", [](sql::Statement& count) {
    EXPECT_TRUE(count.Bind(1, "Z").Bind(2, 5).Step().value());
    EXPECT_EQ(count.Int64(0), 5);
  });
}

TEST_P(SqlConformanceTest, NamesThatDifferByCaseAreDifferent) {
  const auto connection = Open();
  EXPECT_THAT(Insert(*connection, 1, "Acme"), IsOk());
  EXPECT_THAT(Insert(*connection, 2, "acme"), IsOk());
}

TEST_P(SqlConformanceTest, ATakenKeyIsAlreadyExists) {
  const auto connection = Open();
  ASSERT_THAT(Insert(*connection, 1, "one"), IsOk());
  EXPECT_THAT(Insert(*connection, 1, "other"), HasCode(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(Insert(*connection, 2, "one"), HasCode(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(Count(*connection), 1);
}

TEST_P(SqlConformanceTest, AMissingValueAndBadSqlAreInternal) {
  const auto connection = Open();
  EXPECT_THAT(
      With(*connection, "INSERT INTO things (no) VALUES (?)", [](sql::Statement& s) { return s.Bind(1, 1).Run(); }),
      HasCode(absl::StatusCode::kInternal));
  EXPECT_THAT(connection->Prepare("SELECT nothing FROM nowhere").status(), HasCode(absl::StatusCode::kInternal));
  EXPECT_THAT(connection->Execute("NONSENSE"), HasCode(absl::StatusCode::kInternal));
}

TEST_P(SqlConformanceTest, ConflictsUpdateOrDoNothingAndTellWhatChanged) {
  const auto connection = Open();
  const auto add = [&](int total) {
    return With(*connection,
                "INSERT INTO days VALUES (?, ?, ?) ON CONFLICT (day, \"user\") DO UPDATE SET total = days.total + "
                "excluded.total "
                "RETURNING total",
                [&](sql::Statement& sum) {
                  EXPECT_TRUE(sum.Bind(1, 1).Bind(2, "ada").Bind(3, total).Step().value());
                  return sum.Int64(0);
                });
  };
  EXPECT_EQ(add(2), 2);
  EXPECT_EQ(add(3), 5);
  const auto put = [&](const char* user) {
    EXPECT_THAT(With(*connection, "INSERT INTO days VALUES (1, ?, 9) ON CONFLICT (day, \"user\") DO NOTHING",
                     [&](sql::Statement& insert) { return insert.Bind(1, user).Run(); }),
                IsOk());
    return connection->changes();
  };
  EXPECT_EQ(put("ada"), 0);
  EXPECT_EQ(put("bob"), 1);
  EXPECT_THAT(With(*connection, "UPDATE days SET total = 0 WHERE day = ?",
                   [](sql::Statement& s) { return s.Bind(1, 1).Run(); }),
              IsOk());
  EXPECT_EQ(connection->changes(), 2);
}

TEST_P(SqlConformanceTest, NumbersAreGivenOutInOrder) {
  const auto connection = Open();
  for (int expected = 1; expected <= 3; ++expected) {
    const auto no =
        With(*connection,
             "INSERT INTO things (no, name) VALUES ((SELECT coalesce(max(no), 0) + 1 FROM things), ?) RETURNING no",
             [&](sql::Statement& insert) {
               const std::string name = absl::StrCat("n", expected);
               EXPECT_TRUE(insert.Bind(1, name).Step().value());
               return insert.Int64(0);
             });
    EXPECT_EQ(no, expected);
  }
}

TEST_P(SqlConformanceTest, AnAggregateOfNothingIsNull) {
  const auto connection = Open();
  With(*connection, "SELECT max(no), min(weight) FROM things", [](sql::Statement& row) {
    EXPECT_TRUE(row.Step().value());
    EXPECT_TRUE(row.IsNull(0));
    EXPECT_EQ(row.MaybeDouble(1), std::nullopt);
  });
}

}  // namespace
}  // namespace perennial::testing
