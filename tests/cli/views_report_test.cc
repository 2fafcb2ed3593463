// The portfolio report, as it is seen.
#include <gmock/gmock.h>

#include "cli/report_sections.h"
#include "cli/report_view.h"
#include "cli/terminal.h"
#include "tests/cli/views_sample.h"

namespace perennial::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::SampleReport;
using testing::Usd;

std::string Seen(const Page& page) { return Render(page, false); }

TEST(Report, HeadlineTellsMoneyAndHowFreshItIs) {
  EXPECT_EQ(Seen(ReportHeadline(SampleReport(), 80)), R"(
Customer portfolio               as of 2024-12-31 23:59:59 UTC · revision 34,112

  MRR                ARR                MRR per payer      MRR in lowest band
  USD 10,159,608     USD 121,915,296    USD 21,254.41      USD 1,204,500

  Accounts           Paying             Mean score         Scored
  500                478                61.4               96.0%
)" + 1);
}

TEST(Report, HealthMixShowsBandsAsBarsWithUnknownApart) {
  EXPECT_EQ(Seen(ReportHealth(SampleReport(), 60)), R"(
Health mix ─────────────────────────────── 480 live accounts
  ███████▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒·
                              accounts  share            MRR
  █ red      ███▉                   60  12.5%  USD 1,204,500
  ▓ yellow   ███████████▊          180  37.5%  USD 4,000,000
  ▒ green    ███████████████       230  47.9%  USD 4,900,000
  · unknown  ▋                      10   2.1%     USD 55,108
)" + 1);
}

TEST(Report, PhasesFlagsAndSegmentsAreBarsToo) {
  EXPECT_EQ(Seen(ReportPhases(SampleReport(), 60)), R"(
Lifecycle ──────────────────────────────────────────────────
                                     accounts            MRR
  Trial       █▏                           12          USD 0
  Onboarding  ████▋                        48    USD 800,000
  Adoption    █████████████████████       220  USD 5,000,000
  Success     ███████████████████▏        200  USD 4,359,608
  Churned     █▉                           20          USD 0
)" + 1);
  EXPECT_EQ(Seen(ReportFlags(SampleReport(), 60)), R"(
Flags raised ───────────────────────────────────────────────
                                       accounts          MRR
  ⚑ Usage falling     ███████████████        41  USD 900,000
  ▲ Seats filling up  ███▎                    9  USD 310,000
)" + 1);
  EXPECT_EQ(Seen(ReportSegments(SampleReport(), 60)), R"(
Segments ───────────────────────────────────────────────────
                                     accounts            MRR
  At risk  ████████████████████████        64  USD 1,300,000
  Silent   ██▋                              7     USD 20,000
)" + 1);
}

TEST(Report, WorstAccountsComeWithWhatCostsThemMost) {
  EXPECT_EQ(Seen(ReportWorst(SampleReport(), 80)), R"(
Needs attention ──────────────────────────────────────────── lowest scores first
                                     score                       MRR      renews
  1  Northwind Traders                31.5  ███▏······  USD 2,786.50  in 12 days
     -10.0  lowered by 10: urgent ticket open
     -45.0  logins of 3 in 30 days give 10 points, 5.0 of the score
  2  株式会社サンプル                 38.0  ███▊······   USD 120,000           –
)" + 1);
}

TEST(Report, RenewalsAndRetentionShowUnknownAsADash) {
  EXPECT_EQ(Seen(ReportRenewals(SampleReport(), 80)), R"(
Next renewals ────────────────────────────────── 37 within 90 days · USD 812,345
                                          score                  MRR      renews
  Gamma GmbH                               81.2  green    USD 64,000       today
  Northwind Traders                        31.5  red    USD 2,786.50  in 12 days
)" + 1);
  EXPECT_EQ(Seen(ReportRevenue(SampleReport(), 60)), R"(
Revenue retention ─────────────────────────── amounts in USD
                           30 days      90 days     365 days
  Net (NRR)                 110.0%        98.8%            –
  Gross (GRR)                95.0%        90.0%            –
  Logo churn                  1.2%         1.2%            –
  Accounts lost           6 of 480     6 of 480     6 of 480
  MRR at the start       1,000,000    1,000,000    1,000,000
  New                      +12,000      +12,000      +12,000
  Expansion            +150,000.50  +150,000.50  +150,000.50
  Reactivated                    0            0            0
  Contraction              -25,000      -25,000      -25,000
  Churned                  -25,000      -25,000      -25,000
)" + 1);
}

TEST(Report, ReasonsAreExceptionsThenMeasuresByLoss) {
  const auto explanation = SampleReport().explanations.at("accounts/nw-1");
  const std::vector<Text> reasons = WorstReasons(explanation, 10);
  ASSERT_EQ(reasons.size(), 4U) << "the measure that has no weight explains nothing";
  EXPECT_EQ(reasons[0].Render(false), " -10.0  lowered by 10: urgent ticket open");
  EXPECT_EQ(reasons[1].Render(false), " -45.0  logins of 3 in 30 days give 10 points, 5.0 of the score");
  EXPECT_EQ(reasons[2].Render(false), " -12.0  2 open tickets give 60 points, 18.0 of the score");
  EXPECT_EQ(reasons[3].Render(false), "  -1.5  a tenure of 700 days gives 92.5 points, 18.5 of the score");
  EXPECT_EQ(WorstReasons(explanation, 1).size(), 1U);
}

TEST(Report, FitsEveryWidth) {
  ReportData data = SampleReport();
  data.report.mutable_worst_accounts(0)->set_display_name(std::string(300, 'x'));
  data.report.mutable_next_renewals(0)->set_owner(std::string(300, 'o'));
  data.report.mutable_segments(0)->set_display_name("A segment with quite a long name indeed, longer than most");
  for (int width = kDefaultWidth; width <= kMaxWidth; ++width) {
    for (const Text& line : RenderReport(data, width)) EXPECT_LE(line.width(), width) << line.Render(false);
  }
}

TEST(Report, TwoColumnsShowTheSameAsOne) {
  const std::string wide = Seen(RenderReport(SampleReport(), kMaxWidth));
  for (const char* part : {"10,159,608", "Onboarding", "Usage falling", "Northwind Traders", "kim@example.com",
                           "Gamma GmbH", "Net (NRR)", "Reactivated", "At risk", "Silent"}) {
    EXPECT_THAT(wide, HasSubstr(part));
  }
}

TEST(Report, HasEscapeCodesOnlyWithColours) {
  EXPECT_THAT(Seen(RenderReport(SampleReport(), 80)), Not(HasSubstr("\x1b")));
  EXPECT_THAT(Render(RenderReport(SampleReport(), 80), true), HasSubstr("\x1b[31m"));
}

TEST(Report, NamesCannotSteerTheTerminal) {
  ReportData data = SampleReport();
  data.report.mutable_worst_accounts(0)->set_display_name("\x1b]0;owned\x07");
  EXPECT_THAT(Seen(RenderReport(data, 80)), Not(HasSubstr("\x1b")));
}

TEST(Report, AnEmptyPortfolioSaysWhatToDo) {
  EXPECT_EQ(Seen(RenderReport({}, 80)), R"(
Customer portfolio

  No accounts yet. Load your own, or make some up:

    perennial import DIR --mapping FILE
    perennial generate --help
)" + 1);
  ReportData segment;
  segment.report.set_segment("segments/silent");
  EXPECT_THAT(Seen(RenderReport(segment, 80)), HasSubstr("No account is in segments/silent now."));
}

TEST(Report, EmptySectionsSayThatTheyAre) {
  ReportData data;
  data.report.set_accounts(3);
  const std::string seen = Seen(RenderReport(data, 80));
  EXPECT_THAT(seen, HasSubstr("no live account"));
  EXPECT_THAT(seen, HasSubstr("no live account has a known score"));
  EXPECT_THAT(seen, HasSubstr("none within 90 days"));
  EXPECT_THAT(seen, HasSubstr("nothing to compare with yet"));
  EXPECT_THAT(seen, HasSubstr("none defined"));
}

TEST(Report, AFlagWithoutItsRuleShowsItsId) {
  ReportData data = SampleReport();
  data.rules.clear();
  EXPECT_THAT(Seen(ReportFlags(data, 80)), HasSubstr("⚑ usage-falling"));
}

TEST(Report, NotesStandAtTheEnd) {
  ReportData data = SampleReport();
  data.notes.emplace_back("reasons of 1 account are missing");
  EXPECT_THAT(Seen(RenderReport(data, 80)), ::testing::EndsWith("\n  ! reasons of 1 account are missing\n"));
}

}  // namespace
}  // namespace perennial::cli
