#include <gtest/gtest.h>

#include <sstream>

#include "cli/import_summary.h"
#include "cli/progress.h"
#include "cli/rejects.h"
#include "import_support.h"

namespace perennial::cli {
namespace {

TEST(FormatClockTest, WritesMinutesAndHours) {
  EXPECT_EQ(FormatClock(absl::Seconds(42)), "0:42");
  EXPECT_EQ(FormatClock(absl::Seconds(725)), "12:05");
  EXPECT_EQ(FormatClock(absl::Seconds(3729)), "1:02:09");
  EXPECT_EQ(FormatClock(absl::Milliseconds(1600)), "0:02");
}

TEST(ProgressTest, DrawsABar) {
  const ProgressState state{"usage.csv", 0.5, 12500, 9120.4, absl::Seconds(21)};
  EXPECT_EQ(FormatProgressBar(state, 100),
            "[===========>          ]  50%  12,500 rows  9,120 rows/s  0:21 left  usage.csv");
  EXPECT_EQ(FormatProgressBar(state, 30), "[===========>          ]  50% ");
}

TEST(ProgressTest, FillsTheBarAtTheEnd) {
  const ProgressState state{"x", 1.0, 1, 1, absl::ZeroDuration()};
  EXPECT_EQ(FormatProgressBar(state, 100), "[======================] 100%  1 rows  1 rows/s  0:00 left  x");
}

TEST(ProgressTest, SaysNothingOfTheRemainingTimeBeforeItIsKnown) {
  EXPECT_EQ(FormatProgressLine({"usage.csv", 0, 0, 0, absl::Seconds(-1)}), "0%, 0 rows, 0 rows/s (usage.csv)");
}

TEST(ProgressTest, WritesLinesNowAndThen) {
  std::ostringstream out;
  const absl::Time start = absl::FromUnixSeconds(1000);
  Progress progress(out, {.style = Progress::Style::kLines}, start);
  progress.Update("usage.csv", 100, 1000, 50, start + absl::Seconds(1));
  EXPECT_EQ(out.str(), "");
  progress.Update("usage.csv", 500, 1000, 250, start + absl::Seconds(5));
  EXPECT_EQ(out.str(), "50%, 250 rows, 50 rows/s, 0:05 left (usage.csv)\n");
}

TEST(ProgressTest, FollowsARateThatChanges) {
  std::ostringstream out;
  const absl::Time start = absl::FromUnixSeconds(1000);
  Progress progress(out, {.style = Progress::Style::kLines, .line_interval = absl::Seconds(20)}, start);
  for (int second = 1; second <= 20; ++second) {
    const int rows = second <= 5 ? 1000 * second : 5000 + 100 * (second - 5);
    progress.Update("usage.csv", rows, 10000, rows, start + absl::Seconds(second));
  }
  // Mostly the 100 of the last fifteen seconds, hardly the 1,000 of the first five.
  EXPECT_EQ(out.str(), "65%, 6,500 rows, 129 rows/s, 0:27 left (usage.csv)\n");
}

TEST(ProgressTest, PaintsOverTheBarAndRemovesIt) {
  std::ostringstream out;
  const absl::Time start = absl::FromUnixSeconds(1000);
  Progress progress(out, {.style = Progress::Style::kBar, .width = 20}, start);
  progress.Update("a", 5, 10, 5, start + absl::Seconds(1));
  progress.Say("trying again");
  EXPECT_EQ(out.str(), "\r[===========>       \x1b[K\r\x1b[Ktrying again\n");
}

TEST(ProgressTest, IsSilentWhenAsked) {
  std::ostringstream out;
  Progress progress(out, {.style = Progress::Style::kSilent}, absl::FromUnixSeconds(0));
  progress.Update("a", 5, 10, 5, absl::FromUnixSeconds(100));
  progress.Say("trying again");
  progress.Clear();
  EXPECT_EQ(out.str(), "");
}

TEST(RejectsFileTest, WritesALineAReason) {
  const TestFolder folder;
  RejectsFile rejects(folder.path() + "/rejects.csv");
  EXPECT_FALSE(rejects.created());
  ASSERT_TRUE(rejects.Add({"usage.csv", 7, "value", "must be a number, not 'x'", "U-1", "U-1,\"a\",x"}).ok());
  ASSERT_TRUE(rejects.Close().ok());
  EXPECT_TRUE(rejects.created());
  EXPECT_EQ(folder.Read("rejects.csv"),
            "file,row,field,reason,record_id,raw\n"
            "usage.csv,7,value,\"must be a number, not 'x'\",U-1,\"U-1,\"\"a\"\",x\"\n");
}

TEST(RejectsFileTest, IsNotMadeForNothing) {
  const TestFolder folder;
  RejectsFile rejects(folder.path() + "/rejects.csv");
  EXPECT_TRUE(rejects.Close().ok());
  EXPECT_FALSE(folder.Has("rejects.csv"));
}

TEST(RejectsFileTest, SaysEarlyThatItCannotBeWritten) {
  const TestFolder folder;
  RejectsFile rejects(folder.path() + "/none/rejects.csv");
  EXPECT_FALSE(rejects.Create().ok());
}

ImportSummary Sample() {
  ImportSummary summary;
  summary.mapping = "ravenstack";
  summary.folder = "data";
  FileSummary& file = summary.files.emplace_back();
  file.file = "usage.csv";
  file.complete = true;
  file.rows = 10;
  file.skipped = 1;
  file.refused_rows = 2;
  file.records = 8;
  file.stored = 5;
  file.duplicates = 2;
  file.refused_records = 1;
  file.skip_reasons = {{"test rows", 1}, {"never", 0}};
  file.warnings = {{"use before the start", 19142, 2, "U-1 on 2023-07-27"}};
  summary.revision = 1234;
  summary.took = absl::Seconds(2);
  summary.rejects_file = "rejects.csv";
  return summary;
}

TEST(ImportSummaryTest, ShowsCountsSkipsWarningsAndRejects) {
  EXPECT_EQ(
      FormatSummary(Sample()),
      "Imported data with mapping ravenstack: 10 rows in 2.0 s (5 rows/s), feed revision 1,234\n"
      "\n"
      "                   rows     skipped     refused     records      stored    replaced  duplicates\n"
      "  usage.csv          10           1           2           8           5           0           2\n"
      "\n"
      "Skipped by the mapping's rules\n"
      "           1  usage.csv: test rows\n"
      "\n"
      "Warnings: contradictions in the data; these rows were taken as they are\n"
      "      19,142  usage.csv: use before the start\n"
      "              for example row 2: U-1 on 2023-07-27\n"
      "\n"
      "Refused 2 rows; each is in rejects.csv with field and reason. Correct and import again: what is stored already "
      "counts once.\n");
}

TEST(ImportSummaryTest, SaysThatNothingChanged) {
  ImportSummary summary = Sample();
  summary.files[0].stored = 0;
  summary.files[0].duplicates = 7;
  EXPECT_TRUE(summary.NothingChanged());
  EXPECT_NE(FormatSummary(summary).find("Nothing changed: 7 records were there already.\n"), std::string::npos);
}

TEST(ImportSummaryTest, SaysThatItWasStopped) {
  ImportSummary summary = Sample();
  summary.interrupted = true;
  summary.unacknowledged = 3;
  const std::string text = FormatSummary(summary);
  EXPECT_EQ(text.substr(0, 22), "Stopped importing data");
  EXPECT_NE(text.find("3 records not acknowledged"), std::string::npos);
  EXPECT_FALSE(summary.NothingChanged());
}

TEST(ImportSummaryTest, IsJsonForMachines) {
  const auto json = JsonOfSummary(Sample());
  EXPECT_EQ(json["files"][0]["warnings"][0]["count"], 19142);
  EXPECT_EQ(json["files"][0]["skip_reasons"].size(), 1u);
  EXPECT_EQ(json["total"]["refused_rows"], 2);
  EXPECT_EQ(json["feed_revision"], 1234);
  EXPECT_EQ(json["nothing_changed"], false);
}

}  // namespace
}  // namespace perennial::cli
