// Values as the canonical format writes them are read as the same.
#include "cli/export_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "cli/csv_reader.h"
#include "cli/csv_writer.h"
#include "cli/mapping_evaluate.h"
#include "common/base/time_util.h"
#include "perennial/accounts/v1/task.pb.h"
#include "tests/cli/import_support.h"

namespace perennial::cli {
namespace {

using accounts::v1::AttributeValue;
using accounts::v1::Touchpoint;

std::vector<std::string> ReadBack(const std::vector<std::string>& texts) {
  return SplitList(TextOfList({texts.begin(), texts.end()}));
}

TEST(ExportText, ListsKeepSemicolonsBackslashesAndBlanks) {
  const std::vector<std::string> texts = {"plain", "a;b", "\\", "\\;", " x ", "\ty", "a b", " ", "a\\b", "\\ "};
  EXPECT_EQ(ReadBack(texts), texts);
  EXPECT_EQ(ReadBack({}), std::vector<std::string>());
}

TEST(ExportText, ListsThatPeopleWriteAreReadAsEver) {
  EXPECT_EQ(SplitList(" vip ; ; early adopter;\n"), (std::vector<std::string>{"vip", "early adopter"}));
  EXPECT_EQ(SplitList("a\\b;c"), (std::vector<std::string>{"a\\b", "c"}));
  EXPECT_EQ(SplitList("end\\"), (std::vector<std::string>{"end\\"}));
}

TEST(ExportText, NumbersAreReadAsTheSame) {
  for (const double number : {0.0, 1.0, -2.5, 0.1 + 0.2, 1e15, 1e-9, 1.0 / 3, std::numeric_limits<double>::max(),
                              std::numeric_limits<double>::denorm_min()}) {
    const auto read = ParseNumber(TextOfNumber(number));
    ASSERT_TRUE(read.ok()) << TextOfNumber(number);
    EXPECT_EQ(*read, number);
  }
}

TEST(ExportText, TimesAreReadAsTheSame) {
  for (const std::int64_t seconds : {-62135596800LL, -1LL, 0LL, 1719748800LL, 253402300799LL}) {
    for (const std::int32_t nanos : {0, 1, 500'000'000, 123'456'789}) {
      google::protobuf::Timestamp time;
      time.set_seconds(seconds);
      time.set_nanos(seconds == 253402300799LL ? 0 : nanos);
      const auto read = ParseTimeText(TextOfTime(time), {});
      ASSERT_TRUE(read.ok()) << TextOfTime(time) << " " << read.status();
      EXPECT_EQ(*read, ToTime(time));
    }
  }
}

TEST(ExportText, EnumsMoneyAndAbsentValuesAreAsTheMappingNamesThem) {
  Touchpoint touchpoint;
  const auto text = [&](const char* field) { return TextOf(touchpoint, *FindField(RecordKind::kTouchpoint, field)); };
  EXPECT_EQ(text("sentiment"), "");
  touchpoint.set_channel(accounts::v1::TOUCHPOINT_CHANNEL_IN_APP);
  touchpoint.set_sentiment(accounts::v1::TOUCHPOINT_SENTIMENT_NEGATIVE);
  EXPECT_EQ(text("channel"), "in_app");
  EXPECT_EQ(text("sentiment"), "negative");
  touchpoint.set_sentiment(static_cast<accounts::v1::TouchpointSentiment>(77));
  EXPECT_EQ(text("sentiment"), "77") << "of a newer server";
  accounts::v1::Subscription subscription;
  subscription.mutable_mrr()->set_amount("1.25");
  subscription.mutable_mrr()->set_currency_code("EUR");
  EXPECT_EQ(TextOf(subscription, *FindField(RecordKind::kSubscription, "mrr")), "1.25");
  EXPECT_EQ(TextOf(subscription, *FindField(RecordKind::kSubscription, "currency_code")), "EUR");
  EXPECT_EQ(TextOf(subscription, *FindField(RecordKind::kSubscription, "end_time")), "");
  EXPECT_EQ(TextOf(subscription, *FindField(RecordKind::kSubscription, "auto_renew")), "false");
}

TEST(ExportText, AnEmptyTextOfAnAttributeIsNotNone) {
  for (const char* text : {"", "\"quoted\" \\ and\nnew lines", "naïve 株式会社"}) {
    AttributeValue value;
    value.set_text(text);
    AttributeValue read;
    ASSERT_TRUE(SetAttribute(AttributeType::kJsonText, TextOf(value, true), &read).ok());
    EXPECT_EQ(read.ShortDebugString(), value.ShortDebugString());
  }
  AttributeValue read;
  EXPECT_FALSE(SetAttribute(AttributeType::kJsonText, "no quotes", &read).ok());
  EXPECT_FALSE(SetAttribute(AttributeType::kJsonText, "12", &read).ok());
}

// A row as it is written, read again.
CsvRow RowOf(const std::string& text) {
  const TestFolder folder;
  auto reader = CsvReader::Open(folder.Write("a.csv", text), CsvFormat::kComma);
  EXPECT_TRUE(reader.ok());
  CsvRow row;
  EXPECT_TRUE((*reader)->Next(row));
  EXPECT_EQ(row.problem, "");
  return row;
}

TEST(ExportText, CsvKeepsEveryTextAndSaysWhichStoodInQuotes) {
  const std::vector<std::string> fields = {"plain", " blanks ", "a,b", "\"", "\r\n", "", "\t", "x\"y"};
  std::string text;
  AppendCsvRow({fields.begin(), fields.end()}, &text);
  const CsvRow row = RowOf(text);
  EXPECT_EQ(row.fields, fields);
  EXPECT_EQ(row.quoted, (std::vector<bool>{false, true, true, true, true, false, true, true}));
  EXPECT_TRUE(RowOf("a,b\n").quoted.empty());
  EXPECT_EQ(RowOf("\"a\",\n").quoted, (std::vector<bool>{true, false}));
}

TEST(ExportText, BlanksInQuotesCountWhereTheMappingSaysSo) {
  const CsvRow row = RowOf("\" a \", b ,\"\",\" \"\n");
  FileMapping file;
  EXPECT_EQ(RowEvaluator(file, row).ColumnText(0), "a");
  EXPECT_EQ(RowEvaluator(file, row).ColumnText(3), std::nullopt);
  file.quotes_keep_blanks = true;
  EXPECT_EQ(RowEvaluator(file, row).ColumnText(0), " a ");
  EXPECT_EQ(RowEvaluator(file, row).ColumnText(1), "b");
  EXPECT_EQ(RowEvaluator(file, row).ColumnText(2), std::nullopt) << "quotes around everything are common";
  EXPECT_EQ(RowEvaluator(file, row).ColumnText(3), " ");
}

TEST(ChecklistTest, IsReadAsItWasWritten) {
  accounts::v1::Task task;
  for (const char* title : {"Ask; politely", " \\ ", "[x] twice"}) {
    task.add_checklist()->set_title(title);
    task.mutable_checklist()->rbegin()->set_done(title[0] == '[');
  }
  const FieldSpec& field = *FindField(RecordKind::kTask, "checklist");
  const std::string text = TextOf(task, field);
  EXPECT_EQ(text, R"([ ] Ask\; politely;[ ]  \\\ ;[x] [x] twice)");
  accounts::v1::Task read;
  ASSERT_TRUE(SetField(field, text, &read).ok());
  EXPECT_EQ(read.ShortDebugString(), task.ShortDebugString());
  EXPECT_FALSE(SetField(field, "no box", &read).ok());
}

}  // namespace
}  // namespace perennial::cli
