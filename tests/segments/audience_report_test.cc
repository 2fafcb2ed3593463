// Figures, tables and lists of the five audiences, worked out by hand.

#include "segment-svc/report/audience_report.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "segment-svc/portfolio.h"
#include "tests/segments/engine_fixture.h"
#include "tests/segments/movements_feed.h"
#include "tests/testing/status_matchers.h"

namespace perennial::segments {
namespace {

using perennial::testing::HasCode;
using perennial::testing::IsOk;
using ::testing::ElementsAre;
using testing::EngineTest;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MovementsFeed;
using ::testing::SizeIs;

// A number as shown: what it is and how many accounts it rests on; "-" when unknown.
std::string Text(const v1::ReportFigure& figure) {
  std::string value = "-";
  if (figure.has_money()) value = absl::StrCat(figure.money().amount(), " ", figure.money().currency_code());
  if (figure.figure_case() == v1::ReportFigure::kValue) value = absl::StrCat(figure.value());
  return absl::StrCat(value, " of ", figure.known_accounts());
}

std::string Text(const v1::ReportRow& row) {
  std::string text = absl::StrCat(row.key(), ": ", row.accounts(), ", ", row.mrr().amount());
  for (const v1::ReportCell& cell : row.cells())
    absl::StrAppend(&text, " | ", cell.has_value() ? absl::StrCat(cell.value()) : "-");
  return text;
}

class AudienceReportTest : public EngineTest {
 protected:
  AudienceReportTest() {
    accounts.Put("acme", {{"phase", std::string("SUCCESS")},
                          {"mrr", 100.0},
                          {"plan", std::string("Pro")},
                          {"value.clv", 1000.0},
                          {"value.churn_probability_12m", 0.25},
                          {"revenue.start_365d", 80.0},
                          {"revenue.expansion_365d", 20.0},
                          {"usage.calls.sum_30d", 50.0},
                          {"usage.calls.change_30d", 0.5},
                          {"usage.breadth_30d", 1.0},
                          {"usage.change_30d", 0.5},
                          {"usage.seat_utilisation_30d", 0.9},
                          {"renewal_days", 30.0},
                          {"auto_renew", true},
                          {"silent", false},
                          {"support.opened_90d", 3.0},
                          {"support.open", 1.0},
                          {"support.open_urgent", 1.0},
                          {"support.first_response_hours_90d", 2.0},
                          {"support.on_time_rate_90d", 0.5},
                          {"csat.avg_90d", 2.0},
                          {"csat.count_90d", 1.0}});
    accounts.Put("beta", {{"phase", std::string("SUCCESS")},
                          {"mrr", 300.0},
                          {"plan", std::string("Basic")},
                          {"value.clv", 500.0},
                          {"value.churn_probability_12m", 0.75},
                          {"revenue.start_365d", 400.0},
                          {"revenue.contraction_365d", 100.0},
                          {"usage.calls.sum_30d", 0.0},
                          {"usage.breadth_30d", 0.0},
                          {"usage.change_30d", -0.5},
                          {"renewal_days", 31.0},
                          {"auto_renew", false},
                          {"silent", true},
                          {"support.opened_90d", 0.0},
                          {"support.open", 0.0},
                          {"support.first_response_hours_90d", 5.0},
                          {"csat.avg_90d", 4.0},
                          {"csat.count_90d", 3.0}});
    accounts.Put("core", {{"phase", std::string("SUCCESS")}, {"mrr", 50.0}, {"plan", std::string("Pro")}});
    accounts.Put("dusk", {{"phase", std::string("CHURNED")},
                          {"mrr", 0.0},
                          {"revenue.start_365d", 20.0},
                          {"revenue.churned_365d", 20.0},
                          {"value.clv", 0.0}});
    scores.Put("acme", {.score = 90, .band = "green"});
    scores.Put("beta", {.score = 20, .band = "red", .open_flags = {"silent-account"}});
    scores.Put("core", {.score = 60, .band = "yellow", .open_flags = {"seats-filling-up"}});
    Sync();
    EXPECT_THAT(engine->KnowFlagRules({"silent-account", "seats-filling-up"}, {"seats-filling-up"}), IsOk());
  }

  v1::GetPortfolioReportResponse Report(v1::ReportAudience audience, const LiveLedger* ledger = nullptr,
                                        const std::string& cost = "") {
    v1::GetPortfolioReportRequest request;
    request.set_audience(audience);
    if (!cost.empty()) {
      request.mutable_success_cost_365d()->set_amount(cost);
      request.mutable_success_cost_365d()->set_currency_code("USD");
    }
    auto report = Portfolio(*engine, "USD", ledger).GetReport(request);
    EXPECT_THAT(report, IsOk()) << report.status();
    return report.ok() ? *report : v1::GetPortfolioReportResponse();
  }
  static std::string Figure(const v1::GetPortfolioReportResponse& report, const std::string& id) {
    for (const auto& figure : report.figures()) {
      if (figure.id() == id) return Text(figure);
    }
    return "none";
  }
  static std::vector<std::string> Rows(const v1::GetPortfolioReportResponse& report, const std::string& id) {
    std::vector<std::string> rows;
    for (const auto& table : report.tables()) {
      if (table.id() != id) continue;
      for (const auto& row : table.rows()) {
        EXPECT_EQ(row.cells_size(), table.columns_size());
        rows.push_back(Text(row));
      }
    }
    return rows;
  }
  static std::vector<std::string> Listed(const v1::GetPortfolioReportResponse& report, const std::string& id) {
    std::vector<std::string> names;
    for (const auto& list : report.lists()) {
      if (list.id() != id) continue;
      EXPECT_EQ(list.total_size(), list.accounts_size());
      for (const auto& account : list.accounts()) names.push_back(account.account().substr(9));
    }
    return names;
  }
};

TEST_F(AudienceReportTest, TellsSuccessWhatItsAccountsAreWorth) {
  const auto report = Report(v1::REPORT_AUDIENCE_UNSPECIFIED);
  EXPECT_EQ(report.audience(), v1::REPORT_AUDIENCE_SUCCESS);
  EXPECT_GT(report.bands_size(), 0);
  EXPECT_GT(report.worst_accounts_size(), 0);
  EXPECT_EQ(Figure(report, "success.flagged"), "0.666667 of 3");
  EXPECT_EQ(Figure(report, "success.mrr_at_risk"), "300 USD of 3");
  EXPECT_EQ(Figure(report, "success.nrr_365d"), "0.8 of 3");
  EXPECT_EQ(Figure(report, "success.grr_365d"), "0.76 of 3");
  EXPECT_EQ(Figure(report, "success.clv"), "1500 USD of 2");
  EXPECT_EQ(Figure(report, "success.mean_clv"), "750 USD of 2");
  EXPECT_EQ(Figure(report, "success.clv_at_risk"), "500 USD of 2");
  EXPECT_EQ(Figure(report, "success.churn_probability_12m"), "0.5 of 2");
  EXPECT_THAT(Rows(report, "success.value_by_band"), ElementsAre("red: 1, 300 | 500 | 0.75", "yellow: 1, 50 | - | -",
                                                                 "green: 1, 100 | 1000 | 0.25", ": 0, 0 | - | -"));
}

TEST_F(AudienceReportTest, TellsProductHowHealthGoesWithUse) {
  const auto report = Report(v1::REPORT_AUDIENCE_PRODUCT);
  EXPECT_EQ(report.audience(), v1::REPORT_AUDIENCE_PRODUCT);
  EXPECT_EQ(report.accounts(), 4);
  EXPECT_EQ(report.bands_size(), 0);
  EXPECT_EQ(report.revenue_size(), 0);
  EXPECT_EQ(Figure(report, "product.active"), "0.5 of 2");
  EXPECT_EQ(Figure(report, "product.breadth"), "0.5 of 2");
  EXPECT_EQ(Figure(report, "product.seat_utilisation"), "0.9 of 1");
  EXPECT_EQ(Figure(report, "product.falling"), "0.5 of 2");
  EXPECT_EQ(Figure(report, "product.breadth_correlation"), "- of 2");
  EXPECT_EQ(Figure(report, "product.first_value_days"), "- of 0");
  EXPECT_THAT(Rows(report, "product.metrics"), ElementsAre("calls: 1, 100 | 0.5 | 90 | 20 | - | 1"));
  EXPECT_THAT(Rows(report, "product.breadth"),
              ElementsAre("none: 1, 300 | 20 | 0 | 4", "25: 0, 0 | - | - | -", "50: 0, 0 | - | - | -",
                          "75: 0, 0 | - | - | -", "100: 1, 100 | 90 | 1 | 2"));
  EXPECT_THAT(Rows(report, "product.tickets"), ElementsAre("0: 1, 300 | 20 | 0 | 4", "1: 0, 0 | - | - | -",
                                                           "4: 1, 100 | 90 | 1 | 2", "more: 0, 0 | - | - | -"));
  EXPECT_THAT(Listed(report, "product.narrow"), ElementsAre("beta"));
  EXPECT_THAT(Listed(report, "product.falling"), ElementsAre("beta"));
}

TEST_F(AudienceReportTest, TellsSalesWhomToGrowAndWhoRenews) {
  const auto report = Report(v1::REPORT_AUDIENCE_SALES);
  EXPECT_EQ(report.revenue_size(), 3);
  EXPECT_EQ(report.renewals_90d(), 2);
  EXPECT_EQ(Figure(report, "sales.retained_accounts"), "2 of 3");
  EXPECT_EQ(Figure(report, "sales.retained_mrr"), "400 USD of 3");
  EXPECT_EQ(Figure(report, "sales.retained_clv"), "1500 USD of 2");
  EXPECT_EQ(Figure(report, "sales.expansion_365d"), "0.04 of 3");
  EXPECT_EQ(Figure(report, "sales.renewals_90d"), "2 of 2");
  EXPECT_EQ(Figure(report, "sales.renewals_90d_at_risk_mrr"), "300 USD of 2");
  // acme is green with full seats, core has a raised opportunity; the flag of beta is a risk.
  EXPECT_EQ(Figure(report, "sales.expansion_candidates"), "2 of 3");
  EXPECT_THAT(Listed(report, "sales.expansion_candidates"), ElementsAre("acme", "core"));
  EXPECT_THAT(Listed(report, "sales.renewals"), ElementsAre("acme", "beta"));
  EXPECT_THAT(Rows(report, "sales.renewals"),
              ElementsAre("30: 1, 100 | 90 | 0 | 1", "60: 1, 300 | 20 | 1 | 0", "90: 0, 0 | - | - | -"));
  EXPECT_THAT(Rows(report, "sales.plans"),
              ElementsAre("Basic: 1, 300 | 20 | 0.75 | 0.75 | 500", "Pro: 2, 150 | 75 | 1.25 | 1 | 1000",
                          ": 1, 0 | - | 0 | 0 | -"));
}

TEST_F(AudienceReportTest, TellsSupportOfServiceAndOfTheSilentBesideIt) {
  const auto report = Report(v1::REPORT_AUDIENCE_SUPPORT);
  EXPECT_EQ(Figure(report, "support.first_response_hours"), "3.5 of 2");
  EXPECT_EQ(Figure(report, "support.resolution_hours"), "- of 0");
  EXPECT_EQ(Figure(report, "support.on_time_rate"), "0.5 of 1");
  // Four answers: one 2 and three 4.
  EXPECT_EQ(Figure(report, "support.csat"), "3.5 of 2");
  EXPECT_EQ(Figure(report, "support.open"), "1 of 2");
  EXPECT_EQ(Figure(report, "support.open_urgent"), "1 of 2");
  EXPECT_EQ(Figure(report, "support.contact"), "0.5 of 2");
  EXPECT_EQ(Figure(report, "support.silent"), "1 of 2");
  EXPECT_EQ(Figure(report, "support.silent_mrr"), "300 USD of 2");
  EXPECT_THAT(Rows(report, "support.bands"),
              ElementsAre("red: 1, 300 | 20 | 5 | - | - | 4 | 1", "yellow: 1, 50 | 60 | - | - | - | - | -",
                          "green: 1, 100 | 90 | 2 | - | 0.5 | 2 | 0", ": 0, 0 | - | - | - | - | - | -"));
  EXPECT_THAT(Rows(report, "support.voices"),
              ElementsAre("wrote: 1, 100 | 90 | 2 | - | 0.5 | 2 | 0", "silent: 1, 300 | 20 | 5 | - | - | 4 | 1",
                          "others: 1, 50 | 60 | - | - | - | - | -"));
  EXPECT_THAT(Listed(report, "support.urgent"), ElementsAre("acme"));
  EXPECT_THAT(Listed(report, "support.unhappy"), ElementsAre("acme"));
  EXPECT_THAT(Listed(report, "support.silent"), ElementsAre("beta"));
}

TEST_F(AudienceReportTest, TellsFinanceOfRevenueEquityAndCost) {
  MovementsFeed movements;
  movements.Put("acme", {{"2023-01-01", 80}, {"2024-10-15", 100}});
  movements.Put("beta", {{"2023-01-01", 400}, {"2024-07-15", 300}});
  movements.Put("dusk", {{"2023-01-01", 20}, {"2024-11-15", 0}});
  LiveLedger ledger("USD", [this](absl::Span<const std::string> ids) { return engine->RowsOf(ids); });
  // Until the ledger is there, what rests on it is unknown and all else is told.
  auto report = Report(v1::REPORT_AUDIENCE_FINANCE, &ledger, "100");
  EXPECT_EQ(Figure(report, "finance.revenue_365d"), "- of 0");
  EXPECT_EQ(Figure(report, "finance.success_cost_share"), "- of 0");
  EXPECT_THAT(Rows(report, "finance.quarters"), IsEmpty());
  EXPECT_EQ(Figure(report, "finance.mrr"), "450 USD of 4");
  EXPECT_EQ(Figure(report, "finance.arr"), "5400 USD of 4");
  EXPECT_EQ(Figure(report, "finance.average_mrr"), "150 USD of 3");
  EXPECT_EQ(Figure(report, "finance.nrr_365d"), "0.8 of 3");
  EXPECT_EQ(Figure(report, "finance.logo_churn_365d"), "0.333333 of 3");
  EXPECT_EQ(Figure(report, "finance.top10_share"), "1 of 3");
  EXPECT_EQ(Figure(report, "finance.customer_equity"), "1500 USD of 3");
  EXPECT_EQ(Figure(report, "finance.mean_clv"), "500 USD of 3");
  EXPECT_THAT(Listed(report, "finance.largest"), ElementsAre("beta", "acme", "core"));
  EXPECT_THAT(Listed(report, "finance.most_valuable"), ElementsAre("acme", "beta", "dusk"));
  EXPECT_THAT(Listed(report, "finance.lost"), ElementsAre("dusk"));
  const auto lost = std::find_if(report.lists().begin(), report.lists().end(),
                                 [](const auto& list) { return list.id() == "finance.lost"; });
  EXPECT_EQ(lost->accounts(0).mrr().amount(), "20");

  ASSERT_THAT(ledger.Apply(movements.Since(0)), IsOk());
  report = Report(v1::REPORT_AUDIENCE_FINANCE, &ledger, "100");
  const std::vector<std::string> quarters = Rows(report, "finance.quarters");
  ASSERT_THAT(quarters, SizeIs(8));
  EXPECT_EQ(quarters[0], "2023 Q1: 3, 500 | - | - | - | -");
  EXPECT_EQ(quarters[6], "2024 Q3: 3, 400 | 0.8 | 0.8 | 0 | 0");
  EXPECT_EQ(quarters[7], "2024 Q4: 2, 400 | 1 | 0.95 | 0.333333 | 0.05");
  const std::string revenue = Figure(report, "finance.revenue_365d");
  EXPECT_THAT(revenue, HasSubstr(" USD of 4"));
  // 500 a month, less 100 for 170 days, less 20 for 47, and 20 more for 78: a month is a twelfth of 365 days.
  EXPECT_NEAR(std::stod(revenue), 6000 - (100 * 170 + 20 * 47 - 20 * 78) * 12 / 365.0, 0.1);
  EXPECT_EQ(Figure(report, "finance.success_cost_365d"), "100 USD of 4");
  EXPECT_NEAR(std::stod(Figure(report, "finance.success_cost_share")), 100 / std::stod(revenue), 1e-6);
  EXPECT_EQ(Figure(Report(v1::REPORT_AUDIENCE_FINANCE, &ledger), "finance.success_cost_share"), "- of 4");
}

TEST_F(AudienceReportTest, DefinesWhatItShowsAndNamesNothingTwice) {
  for (int audience = v1::REPORT_AUDIENCE_SUCCESS; audience <= v1::REPORT_AUDIENCE_FINANCE; ++audience) {
    const auto report = Report(static_cast<v1::ReportAudience>(audience));
    EXPECT_GT(report.figures_size(), 4);
    EXPECT_GT(report.tables_size(), 0);
    const auto check = [](const auto& parts) {
      std::set<std::string> ids;
      for (const auto& part : parts) {
        EXPECT_TRUE(ids.insert(part.id()).second) << part.id();
        EXPECT_NE(part.display_name(), "") << part.id();
        EXPECT_EQ(part.definition().back(), '.') << part.id();
      }
    };
    check(report.figures());
    check(report.tables());
    check(report.lists());
  }
}

TEST_F(AudienceReportTest, KnowsNothingOfNobody) {
  Create("nobody", "mrr > 1000000");
  for (int audience = v1::REPORT_AUDIENCE_SUCCESS; audience <= v1::REPORT_AUDIENCE_FINANCE; ++audience) {
    v1::GetPortfolioReportRequest request;
    request.set_audience(static_cast<v1::ReportAudience>(audience));
    request.set_segment("segments/nobody");
    const auto report = Portfolio(*engine, "USD").GetReport(request);
    ASSERT_THAT(report, IsOk());
    for (const auto& figure : report->figures()) {
      EXPECT_EQ(figure.known_accounts(), 0) << figure.id();
      // A sum over nobody is nothing; all else is unknown.
      if (figure.figure_case() == v1::ReportFigure::kValue) ADD_FAILURE() << figure.id() << " is " << figure.value();
    }
    for (const auto& list : report->lists()) EXPECT_EQ(list.total_size(), 0);
  }
}

TEST_F(AudienceReportTest, RefusesACostThatIsNone) {
  v1::GetPortfolioReportRequest request;
  request.mutable_success_cost_365d()->set_amount("much");
  request.mutable_success_cost_365d()->set_currency_code("EUR");
  const absl::Status status = Portfolio(*engine, "USD").GetReport(request).status();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(std::string(status.message()), HasSubstr("success_cost_365d.amount"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("success_cost_365d.currency_code"));
}

TEST(MeanTest, DoesNotDependOnTheOrder) {
  Mean forth, back;
  for (int i = 0; i < 1000; ++i) forth.Add(1.0 / (i + 1), i % 3);
  for (int i = 999; i >= 0; --i) back.Add(1.0 / (i + 1), i % 3);
  EXPECT_EQ(forth.value(), back.value());
  EXPECT_EQ(Mean().value(), std::nullopt);
}

TEST(CorrelationTest, IsOneAlongALineAndUnknownWhereNothingVaries) {
  Correlation up, down, flat;
  for (int i = 0; i < 10; ++i) {
    up.Add(i, 3.0 * i + 1e6);
    down.Add(i, -i);
    flat.Add(i, 5);
    up.Add(i, std::nullopt);
  }
  EXPECT_EQ(up.value(), 1);
  EXPECT_EQ(up.known(), 10);
  EXPECT_EQ(down.value(), -1);
  EXPECT_EQ(flat.value(), std::nullopt);
}

}  // namespace
}  // namespace perennial::segments
