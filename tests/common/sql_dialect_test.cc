#include "common/storage/sql_dialect.h"

#include <gtest/gtest.h>

namespace perennial::sql {
namespace {

TEST(SqlDialectTest, NumbersPlaceholdersAsSqliteDoes) {
  EXPECT_EQ(PlaceholdersForPostgres("a = ? AND b = ?"), "a = $1 AND b = $2");
  EXPECT_EQ(PlaceholdersForPostgres("?2 ?1 ?2"), "$2 $1 $2");
  EXPECT_EQ(PlaceholdersForPostgres("?3 ? ?1 ?"), "$3 $4 $1 $5");
  EXPECT_EQ(PlaceholdersForPostgres("?12"), "$12");
  EXPECT_EQ(PlaceholdersForPostgres(""), "");
}

TEST(SqlDialectTest, LeavesQuotesAndCommentsAlone) {
  EXPECT_EQ(PlaceholdersForPostgres("'it''s ?' ?"), "'it''s ?' $1");
  EXPECT_EQ(PlaceholdersForPostgres("\"who?\" = ? -- why?\n, ?"), "\"who?\" = $1 -- why?\n, $2");
  EXPECT_EQ(PlaceholdersForPostgres("? -- no end ?"), "$1 -- no end ?");
  EXPECT_EQ(PlaceholdersForPostgres("'no end ?"), "'no end ?");
}

TEST(SqlDialectTest, TranslatesTypesAndDropsWhatOnlySqliteHas) {
  EXPECT_EQ(DdlForPostgres("CREATE TABLE t (a INTEGER, b REAL, c BLOB, d TEXT) STRICT;"),
            "CREATE TABLE t (a BIGINT, b DOUBLE PRECISION, c BYTEA, d TEXT COLLATE \"C\") ;");
  EXPECT_EQ(DdlForPostgres("(a INTEGER) STRICT, WITHOUT ROWID;"), "(a BIGINT)   ;");
  EXPECT_EQ(DdlForPostgres("(a INTEGER, b INTEGER) STRICT; (a REAL, b REAL)"),
            "(a BIGINT, b BIGINT) ; (a DOUBLE PRECISION, b DOUBLE PRECISION)");
}

TEST(SqlDialectTest, TranslatesWholeWordsOutsideOfQuotes) {
  EXPECT_EQ(DdlForPostgres("INTEGERS TEXTUAL 'TEXT' \"BLOB\" -- REAL\nREAL"),
            "INTEGERS TEXTUAL 'TEXT' \"BLOB\" -- REAL\nDOUBLE PRECISION");
}

}  // namespace
}  // namespace perennial::sql
