// Reports for other audiences, retention and equity, as they are seen.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cli/report_audience.h"
#include "cli/report_view.h"
#include "cli/retention_view.h"
#include "common/base/time_util.h"
#include "tests/cli/views_sample.h"

namespace perennial::cli {
namespace {

namespace segments = perennial::segments::v1;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::SampleReport;
using testing::Usd;

std::string Seen(const Page& page) { return Render(page, false); }

void ExpectFits(const Page& page, int width) {
  for (const Text& line : page) EXPECT_LE(line.width(), width) << line.Render(false);
}

ReportData SupportReport() {
  ReportData data = SampleReport();
  data.report.set_audience(segments::REPORT_AUDIENCE_SUPPORT);
  segments::ReportFigure* hours = data.report.add_figures();
  hours->set_id("support.first_response_hours");
  hours->set_display_name("First response");
  hours->set_definition("Mean time to the first answer.");
  hours->set_unit("hours");
  hours->set_value(4.2);
  hours->set_known_accounts(312);
  segments::ReportFigure* unknown = data.report.add_figures();
  unknown->set_display_name("Resolution");
  unknown->set_unit("hours");
  unknown->set_definition("Mean time to resolution.");
  segments::ReportFigure* money = data.report.add_figures();
  money->set_display_name("MRR of silent ones");
  money->set_definition("MRR of those accounts.");
  *money->mutable_money() = Usd("1204500");
  money->set_known_accounts(1);
  segments::ReportTable* table = data.report.add_tables();
  table->set_display_name("Service by band");
  table->set_definition("Live accounts by band.");
  for (const char* name : {"score", "first", "resolved", "on time", "CSAT", "silent"}) {
    segments::ReportColumn* column = table->add_columns();
    column->set_display_name(name);
    column->set_unit(name == std::string("first") || name == std::string("resolved") ? "hours" : "ratio");
  }
  for (const char* name : {"red", "a band with a name that is long"}) {
    segments::ReportRow* row = table->add_rows();
    row->set_key(name);
    row->set_display_name(name);
    row->set_accounts(41'000);
    *row->mutable_mrr() = Usd("10159608.125");
    for (int i = 0; i < 6; ++i) {
      segments::ReportCell* cell = row->add_cells();
      if (i != 2) cell->set_value(i * 0.25);
    }
  }
  segments::ReportAccountList* list = data.report.add_lists();
  list->set_display_name("Silent accounts");
  list->set_definition("Live accounts that are silent.");
  *list->add_accounts() = data.report.worst_accounts(0);
  list->set_total_size(7);
  return data;
}

TEST(AudienceView, ShowsFiguresTablesAndListsOfItsAudience) {
  const std::string seen = Seen(RenderReport(SupportReport(), 80));
  EXPECT_THAT(seen, HasSubstr("Support figures"));
  EXPECT_THAT(seen, HasSubstr("4.2 h"));
  EXPECT_THAT(seen, HasSubstr("of 312 accounts"));
  EXPECT_THAT(seen, HasSubstr("of 0 accounts"));
  EXPECT_THAT(seen, HasSubstr("USD 1,204,500"));
  EXPECT_THAT(seen, HasSubstr("Service by band"));
  EXPECT_THAT(seen, HasSubstr("1 of 7 accounts"));
  EXPECT_THAT(seen, Not(HasSubstr("Health mix")));
  EXPECT_THAT(seen, Not(HasSubstr("How it is computed")));
}

TEST(AudienceView, DefinesEverythingOnRequest) {
  ReportData data = SupportReport();
  data.definitions = true;
  const std::string seen = Seen(RenderReport(data, 80));
  for (const char* text : {"How it is computed", "Mean time to the first answer.", "Live accounts by band.",
                           "Live accounts that are silent."}) {
    EXPECT_THAT(seen, HasSubstr(text));
  }
}

TEST(AudienceView, FitsTheTerminal) {
  ReportData data = SupportReport();
  data.definitions = true;
  for (const int width : {80, 100, 120}) ExpectFits(RenderReport(data, width), width);
}

TEST(AudienceView, WritesNumbersInTheirUnits) {
  EXPECT_EQ(FormatInUnit(0.825, "ratio"), "82.5%");
  EXPECT_EQ(FormatInUnit(12, "days"), "12 days");
  EXPECT_EQ(FormatInUnit(1234, "accounts"), "1,234");
  EXPECT_EQ(FormatInUnit(61.44, "points"), "61.4");
  EXPECT_EQ(FormatInUnit(-0.5, "correlation"), "-0.50");
}

segments::GetRevenueRetentionResponse Retention() {
  segments::GetRevenueRetentionResponse retention;
  retention.set_accounts(500);
  for (int i = 0; i < 3; ++i) {
    const absl::Time start = absl::FromCivil(absl::CivilMonth(2024, 4 + 3 * i), absl::UTCTimeZone());
    segments::RetentionWindow* window = retention.add_windows();
    SetTimestamp(start, window->mutable_start_time());
    window->set_unfinished(i == 2);
    for (auto* money : {window->mutable_start_mrr(), window->mutable_new_mrr(), window->mutable_expansion_mrr(),
                        window->mutable_contraction_mrr(), window->mutable_churned_mrr(),
                        window->mutable_reactivated_mrr(), window->mutable_end_mrr()}) {
      *money = Usd(i == 0 ? "0" : "10159608.5");
    }
    if (i > 0) window->set_nrr(1.1);
    if (i > 0) window->set_grr(0.95);
    window->set_end_accounts(478);
    segments::RevenueCohort* cohort = retention.add_cohorts();
    SetTimestamp(start, cohort->mutable_start_time());
    cohort->set_accounts(20);
    *cohort->mutable_mrr() = Usd("200000");
    for (int j = i; j < 3; ++j) {
      cohort->add_revenue_retention(1 - 0.25 * (j - i));
      cohort->add_logo_retention(1);
    }
  }
  return retention;
}

TEST(RetentionView, ShowsPeriodsAndCohorts) {
  const std::string seen = Seen(RenderRetention(Retention(), segments::RETENTION_PERIOD_QUARTER, 80));
  for (const char* text : {"2024 Q2", "2024 Q4*", "110.0%", "95.0%", "–", "not over yet", "MRR kept by cohort", "+2",
                           "75%", "50%", "Accounts kept by cohort"}) {
    EXPECT_THAT(seen, HasSubstr(text));
  }
  EXPECT_THAT(Seen(RenderRetention(Retention(), segments::RETENTION_PERIOD_MONTH, 120)), HasSubstr("2024-04"));
  EXPECT_THAT(Seen(RenderRetention(Retention(), segments::RETENTION_PERIOD_YEAR, 120)), HasSubstr("reactivated"));
  for (const int width : {80, 120})
    ExpectFits(RenderRetention(Retention(), segments::RETENTION_PERIOD_QUARTER, width), width);
}

TEST(RetentionView, SaysHowManyPeriodsOfCohortsThereIsNoRoomFor) {
  segments::GetRevenueRetentionResponse retention = Retention();
  for (int i = 0; i < 40; ++i) retention.mutable_cohorts(0)->add_revenue_retention(0.5);
  const Page page = RenderRetention(retention, segments::RETENTION_PERIOD_MONTH, 80);
  EXPECT_THAT(Seen(page), HasSubstr("of 43 periods"));
  ExpectFits(page, 80);
}

TEST(EquityView, ShowsWhatIsKnownAndWhatIsNot) {
  segments::GetCustomerEquityResponse equity;
  equity.set_accounts(500);
  EXPECT_THAT(Seen(RenderEquity(equity, 80)), HasSubstr("no account's CLV is known"));
  equity.set_known_accounts(480);
  *equity.mutable_customer_equity() = Usd("100000000.123456");
  *equity.mutable_mean_clv() = Usd("208333.333333");
  equity.set_equity_share(0.25);
  segments::SegmentEquity* segment = equity.add_segments();
  segment->set_display_name("At risk");
  segment->set_accounts(60);
  segment->set_known_accounts(55);
  *segment->mutable_mean_clv() = Usd("1000");
  *segment->mutable_segment_lifetime_value() = Usd("60000");
  segments::EquityAccount* account = equity.add_top_accounts();
  account->set_account("accounts/acme");
  *account->mutable_clv() = Usd("5000.5");
  *account->mutable_mrr() = Usd("100");
  const Page page = RenderEquity(equity, 80);
  for (const char* text : {"CLV known of 480 of 500 accounts", "USD 100,000,000.12", "25.0%", "At risk", "60,000",
                           "acme", "USD 5,000.50"}) {
    EXPECT_THAT(Seen(page), HasSubstr(text));
  }
  for (const int width : {80, 120}) ExpectFits(RenderEquity(equity, width), width);
}

}  // namespace
}  // namespace perennial::cli
