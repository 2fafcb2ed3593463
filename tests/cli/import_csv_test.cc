#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/csv_reader.h"
#include "cli/csv_writer.h"
#include "import_support.h"
#include "tests/testing/status_matchers.h"

namespace perennial::cli {
namespace {

using ::perennial::testing::HasCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CsvReaderTest : public ::testing::Test {
 protected:
  std::vector<CsvRow> ReadAll(const std::string& text, CsvFormat format = CsvFormat::kComma,
                              std::size_t max_row_bytes = CsvReader::kMaxRowBytes) {
    auto reader = CsvReader::Open(folder_.Write("file.csv", text), format, max_row_bytes);
    EXPECT_TRUE(reader.ok()) << reader.status();
    std::vector<CsvRow> rows;
    for (CsvRow row; (*reader)->Next(row);) rows.push_back(row);
    EXPECT_TRUE((*reader)->status().ok());
    bytes_read_ = (*reader)->bytes_read();
    return rows;
  }

  TestFolder folder_;
  std::int64_t bytes_read_ = 0;
};

TEST_F(CsvReaderTest, ReadsRowsWithTheirLines) {
  const auto rows = ReadAll("a,b\n1,2\n3,4\n");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_THAT(rows[1].fields, ElementsAre("1", "2"));
  EXPECT_EQ(rows[2].line, 3);
  EXPECT_EQ(bytes_read_, 12);
}

TEST_F(CsvReaderTest, ReadsTheLastRowWithoutLineEnd) {
  const auto rows = ReadAll("a,b\n1,2");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_THAT(rows[1].fields, ElementsAre("1", "2"));
}

TEST_F(CsvReaderTest, AcceptsCrLfAndAByteOrderMark) {
  const auto rows = ReadAll(
      "\xEF\xBB\xBF"
      "a,b\r\n1,2\r\n");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_THAT(rows[0].fields, ElementsAre("a", "b"));
  EXPECT_EQ(rows[1].raw, "1,2");
  EXPECT_EQ(bytes_read_, 13);
}

TEST_F(CsvReaderTest, KeepsLineBreaksCommasAndDoubledQuotesInsideQuotes) {
  const auto rows = ReadAll("id,text\n1,\"two\nlines, and a \"\"quote\"\"\"\n2,next\n");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_THAT(rows[1].fields, ElementsAre("1", "two\nlines, and a \"quote\""));
  EXPECT_EQ(rows[1].line, 2);
  EXPECT_EQ(rows[1].raw, "1,\"two\nlines, and a \"\"quote\"\"\"");
  EXPECT_EQ(rows[2].line, 4);
}

TEST_F(CsvReaderTest, KeepsBlanksAndEmptyFields) {
  const auto rows = ReadAll(" a ,,\"\"\n");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_THAT(rows[0].fields, ElementsAre(" a ", "", ""));
}

TEST_F(CsvReaderTest, LeavesOutEmptyLinesButCountsThem) {
  const auto rows = ReadAll("a\n\n\r\nb\n");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].line, 4);
}

TEST_F(CsvReaderTest, RefusesAStrayQuoteAndGoesOn) {
  const auto rows = ReadAll("a,b\nx\"y,2\n3,4\n");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_THAT(rows[1].problem, HasSubstr("stray quote"));
  EXPECT_EQ(rows[1].raw, "x\"y,2");
  EXPECT_EQ(rows[2].problem, "");
  EXPECT_THAT(rows[2].fields, ElementsAre("3", "4"));
}

TEST_F(CsvReaderTest, RefusesAQuoteThatIsNeverClosed) {
  const auto rows = ReadAll("a,b\n1,\"open\n2,3\n");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].problem, "ends inside a quoted field");
  EXPECT_EQ(rows[1].line, 2);
}

TEST_F(CsvReaderTest, BoundsTheLengthOfARowAndGoesOn) {
  const auto rows = ReadAll("a,b\n" + std::string(200000, 'x') + "\n3,4\n", CsvFormat::kComma, 1000);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_THAT(rows[1].problem, HasSubstr("longer than 1000 bytes"));
  EXPECT_LE(rows[1].raw.size(), 1000u);
  EXPECT_THAT(rows[2].fields, ElementsAre("3", "4"));
}

TEST_F(CsvReaderTest, RefusesACarriageReturnOutsideQuotes) {
  const auto rows = ReadAll("a,b\n1\r2,3\n");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].problem, "has a carriage return outside quotes");
}

TEST_F(CsvReaderTest, RefusesARowThatIsNotUtf8) {
  const auto rows = ReadAll("name\nCaf\xE9\nCaf\xC3\xA9\n");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[1].problem, "is not valid UTF-8");
  EXPECT_EQ(rows[2].problem, "");
}

TEST_F(CsvReaderTest, RefusesAUtf16File) {
  const auto reader = CsvReader::Open(folder_.Write("wide.csv", std::string("\xFF\xFE"
                                                                            "a\0",
                                                                            4)),
                                      CsvFormat::kComma);
  EXPECT_THAT(reader, HasCode(absl::StatusCode::kInvalidArgument));
}

TEST_F(CsvReaderTest, NamesAFileThatIsNotThere) {
  const auto reader = CsvReader::Open(folder_.path() + "/none.csv", CsvFormat::kComma);
  EXPECT_THAT(reader, HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(reader.status().message(), HasSubstr("none.csv"));
}

TEST_F(CsvReaderTest, SplitsAtBlanksAndTabs) {
  const auto rows = ReadAll(" 00004 0001 19970101  2   29.33\r\n\t00021\t2\r\n", CsvFormat::kWhitespace);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_THAT(rows[0].fields, ElementsAre("00004", "0001", "19970101", "2", "29.33"));
  EXPECT_THAT(rows[1].fields, ElementsAre("00021", "2"));
}

TEST(Utf8Test, TellsValidFromInvalid) {
  EXPECT_TRUE(IsUtf8("plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x99\x82"));
  EXPECT_FALSE(IsUtf8("\xC0\xAF"));          // overlong
  EXPECT_FALSE(IsUtf8("\xED\xA0\x80"));      // surrogate
  EXPECT_FALSE(IsUtf8("\xF4\x90\x80\x80"));  // beyond U+10FFFF
  EXPECT_FALSE(IsUtf8("\xE2\x82"));          // cut off
}

TEST(CsvWriterTest, QuotesWhatNeedsIt) {
  std::string row;
  AppendCsvRow({"plain", "a,b", "say \"hi\"", "two\nlines", ""}, &row);
  EXPECT_EQ(row, "plain,\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",\n");
}

}  // namespace
}  // namespace perennial::cli
