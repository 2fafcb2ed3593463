// The report's numbers, worked out by hand.

#include "segment-svc/portfolio.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "segment-svc/revenue_window.h"
#include "tests/segments/engine_fixture.h"
#include "tests/testing/status_matchers.h"

namespace perennial::segments {
namespace {

using perennial::testing::HasCode;
using perennial::testing::IsOk;
using ::testing::ElementsAre;
using testing::EngineTest;
using testing::TestTime;
using testing::Values;

class PortfolioTest : public EngineTest {
 protected:
  absl::StatusOr<v1::GetPortfolioReportResponse> Report(const std::string& segment = "", int list_size = 0) {
    v1::GetPortfolioReportRequest request;
    request.set_segment(segment);
    request.set_list_size(list_size);
    return Portfolio(*engine, "USD").GetReport(request);
  }
  // Phase, MRR and what else there is.
  void Put(const std::string& id, const std::string& phase, double mrr, Values more = {}) {
    more["phase"] = phase;
    more["mrr"] = mrr;
    accounts.Put(id, more);
  }
};

// An amount with "USD" behind it.
std::string Text(const perennial::type::v1::Money& money) { return money.amount() + " " + money.currency_code(); }

template <class Share>
std::string Text(const std::string& name, const Share& share) {
  return absl::StrCat(name, ": ", share.accounts(), ", ", Text(share.mrr()));
}

// The worked example of the metrics' definition, spread over accounts: start 1,000k, churned 25k, contraction 25k,
// expansion 150k.
TEST_F(PortfolioTest, GivesTheWorkedExampleItsRetention) {
  Put("churns", "CHURNED", 0, {{"revenue.start_365d", 25000.0}, {"revenue.churned_365d", 25000.0}});
  Put("shrinks", "SUCCESS", 75000, {{"revenue.start_365d", 100000.0}, {"revenue.contraction_365d", 25000.0}});
  Put("grows", "SUCCESS", 550000, {{"revenue.start_365d", 400000.0}, {"revenue.expansion_365d", 150000.0}});
  Put("stays", "SUCCESS", 475000, {{"revenue.start_365d", 475000.0}});
  Put("new", "ONBOARDING", 9000, {{"revenue.start_365d", 0.0}, {"revenue.new_365d", 9000.0}});
  Sync();
  const auto report = Report();
  ASSERT_THAT(report, IsOk());
  ASSERT_EQ(report->revenue_size(), 3);
  const v1::RevenueWindow& year = report->revenue(2);
  EXPECT_EQ(year.days(), 365);
  EXPECT_DOUBLE_EQ(year.nrr(), 1.10);
  EXPECT_DOUBLE_EQ(year.grr(), 0.95);
  EXPECT_DOUBLE_EQ(year.logo_churn_rate(), 0.25);
  EXPECT_EQ(Text(year.start_mrr()), "1000000 USD");
  EXPECT_EQ(Text(year.new_mrr()), "9000 USD");
  EXPECT_EQ(Text(year.expansion_mrr()), "150000 USD");
  EXPECT_EQ(Text(year.contraction_mrr()), "25000 USD");
  EXPECT_EQ(Text(year.churned_mrr()), "25000 USD");
  EXPECT_EQ(Text(year.reactivated_mrr()), "0 USD");
  EXPECT_EQ(year.start_accounts(), 4);
  EXPECT_EQ(year.lost_accounts(), 1);
  // Nothing is known of the other windows: absent is not zero.
  EXPECT_FALSE(report->revenue(0).has_nrr());
  EXPECT_FALSE(report->revenue(0).has_grr());
  EXPECT_FALSE(report->revenue(0).has_logo_churn_rate());
  EXPECT_EQ(report->revenue(0).start_accounts(), 0);
}

TEST_F(PortfolioTest, KeepsGrossRetentionBetweenNothingAndAll) {
  // Grew and shrank again: more contraction than it had paid at the start, though it pays more than then.
  Put("swings", "SUCCESS", 150,
      {{"revenue.start_90d", 100.0}, {"revenue.expansion_90d", 300.0}, {"revenue.contraction_90d", 250.0}});
  // Churned and came back; its reactivation counts for net retention alone.
  Put("returns", "SUCCESS", 300,
      {{"revenue.start_90d", 300.0}, {"revenue.churned_90d", 300.0}, {"revenue.reactivated_90d", 300.0}});
  // Was gone at the start: not of the cohort.
  Put("back", "SUCCESS", 50, {{"revenue.start_90d", 0.0}, {"revenue.reactivated_90d", 50.0}});
  Put("stays", "SUCCESS", 600, {{"revenue.start_90d", 600.0}});
  Sync();
  const auto report = Report();
  ASSERT_THAT(report, IsOk());
  const v1::RevenueWindow& quarter = report->revenue(1);
  EXPECT_EQ(quarter.days(), 90);
  EXPECT_DOUBLE_EQ(quarter.grr(), 0.6);
  EXPECT_DOUBLE_EQ(quarter.nrr(), 1.05);
  EXPECT_EQ(Text(quarter.reactivated_mrr()), "300 USD");
  EXPECT_DOUBLE_EQ(quarter.logo_churn_rate(), 0);
}

TEST_F(PortfolioTest, CountsAnAccountOfUnknownRevenueAsLost) {
  accounts.Put("gone", {{"revenue.start_30d", 10.0}});
  Put("stays", "SUCCESS", 10, {{"revenue.start_30d", 10.0}});
  Sync();
  EXPECT_EQ(Report()->revenue(0).lost_accounts(), 1);
}

class FullReportTest : public PortfolioTest {
 protected:
  FullReportTest() {
    const absl::Time older = TestTime() - absl::Hours(24);
    Put("acme", "ADOPTION", 100.1,
        {{"name", std::string("Acme Inc")}, {"owner", std::string("kim")}, {"renewal_days", 90.0}});
    Put("beta", "SUCCESS", 200.2, {{"renewal_days", 5.0}});
    Put("core", "SUCCESS", 300.3, {{"renewal_days", 5.0}});
    Put("dusk", "CHURNED", 0, {{"renewal_days", -3.0}});
    Put("echo", "TRIAL", 0);
    accounts.Put("void", {{"renewal_days", 91.0}}, older);
    scores.Put("acme", {.score = 20, .band = "red", .open_flags = {"silent", "usage-falling"}});
    scores.Put("beta", {.score = 60, .band = "yellow", .open_flags = {"usage-falling"}});
    scores.Put("core", {.score = 20, .band = "red"});
    scores.Put("dusk", {.score = 5, .band = "red"});
    scores.Put("echo", {});
    Sync();
    Create("paying", "mrr > 0");
    Create("nobody", "mrr > 1000000");
    Create("yellow", "health.band = \"yellow\"");
  }
};

TEST_F(FullReportTest, HasTotals) {
  const auto report = Report();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->as_of().seconds(), absl::ToUnixSeconds(TestTime()));
  EXPECT_EQ(report->facts_revision(), accounts.revision());
  EXPECT_EQ(report->segment(), "");
  EXPECT_EQ(report->accounts(), 6);
  EXPECT_EQ(report->paying_accounts(), 3);
  EXPECT_EQ(Text(report->mrr()), "600.6 USD");
  EXPECT_EQ(Text(report->arr()), "7207.2 USD");
  EXPECT_EQ(Text(report->average_mrr()), "200.2 USD");
}

TEST_F(FullReportTest, HasTheHealthMixOfLiveAccountsWorstBandFirst) {
  const auto report = Report();
  ASSERT_THAT(report, IsOk());
  std::vector<std::string> bands;
  for (const auto& band : report->bands()) bands.push_back(Text(band.band(), band));
  EXPECT_THAT(bands, ElementsAre("red: 2, 400.4 USD", "yellow: 1, 200.2 USD", "green: 0, 0 USD", ": 2, 0 USD"));
  EXPECT_DOUBLE_EQ(report->mean_score(), 100.0 / 3);
  EXPECT_DOUBLE_EQ(report->score_coverage(), 0.6);
  EXPECT_EQ(Text(report->mrr_at_risk()), "400.4 USD");
}

TEST_F(PortfolioTest, LeavesTrialsThatEndedWithoutAPurchaseOutOfTheHealthMix) {
  Put("running", "TRIAL", 0, {{"is_trial", true}});
  Put("lapsed", "TRIAL", 0, {{"is_trial", false}});
  scores.Put("running", {.score = 80, .band = "green"});
  scores.Put("lapsed", {.score = 10, .band = "red"});
  Sync();
  const auto report = Report();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->bands(0).accounts(), 0);
  EXPECT_EQ(report->bands(2).accounts(), 1);
  EXPECT_DOUBLE_EQ(report->mean_score(), 80);
  EXPECT_EQ(report->worst_accounts_size(), 1);
}

TEST_F(FullReportTest, HasPhasesInTheirOrder) {
  const auto report = Report();
  ASSERT_THAT(report, IsOk());
  std::vector<std::string> phases;
  for (const auto& phase : report->phases()) phases.push_back(Text(phase.phase(), phase));
  EXPECT_THAT(phases, ElementsAre("TRIAL: 1, 0 USD", "ADOPTION: 1, 100.1 USD", "SUCCESS: 2, 500.5 USD",
                                  "CHURNED: 1, 0 USD", ": 1, 0 USD"));
}

TEST_F(FullReportTest, HasFlagsByHowManyHaveThem) {
  const auto report = Report();
  ASSERT_THAT(report, IsOk());
  std::vector<std::string> flags;
  for (const auto& flag : report->flags()) flags.push_back(Text(flag.rule(), flag));
  EXPECT_THAT(flags, ElementsAre("usage-falling: 2, 300.3 USD", "silent: 1, 100.1 USD"));
}

TEST_F(FullReportTest, HasSegmentsById) {
  const auto report = Report();
  ASSERT_THAT(report, IsOk());
  std::vector<std::string> found;
  for (const auto& segment : report->segments()) found.push_back(Text(segment.segment(), segment));
  EXPECT_THAT(found, ElementsAre("segments/nobody: 0, 0 USD", "segments/paying: 3, 600.6 USD",
                                 "segments/yellow: 1, 200.2 USD"));
  EXPECT_EQ(report->segments(0).display_name(), "The nobody");
}

TEST_F(FullReportTest, ListsTheWorstAccountsByScoreThenMrr) {
  const auto report = Report();
  ASSERT_THAT(report, IsOk());
  std::vector<std::string> worst;
  for (const auto& account : report->worst_accounts()) worst.push_back(account.account());
  EXPECT_THAT(worst, ElementsAre("accounts/core", "accounts/acme", "accounts/beta"));
  const v1::ReportAccount& acme = report->worst_accounts(1);
  EXPECT_EQ(acme.display_name(), "Acme Inc");
  EXPECT_EQ(acme.owner(), "kim");
  EXPECT_EQ(Text(acme.mrr()), "100.1 USD");
  EXPECT_EQ(acme.score(), 20);
  EXPECT_EQ(acme.band(), "red");
  EXPECT_EQ(acme.coverage(), 1);
  EXPECT_EQ(acme.renewal_days(), 90);
  EXPECT_THAT(acme.open_flags(), ElementsAre("silent", "usage-falling"));
}

TEST_F(FullReportTest, ListsRenewalsNextFirst) {
  const auto report = Report("", 2);
  ASSERT_THAT(report, IsOk());
  std::vector<std::string> next;
  for (const auto& account : report->next_renewals()) next.push_back(account.account());
  EXPECT_THAT(next, ElementsAre("accounts/core", "accounts/beta"));
  EXPECT_EQ(report->renewals_90d(), 3);
  EXPECT_EQ(Text(report->renewals_90d_mrr()), "600.6 USD");
}

TEST_F(FullReportTest, LooksAtOneSegmentOnRequest) {
  const auto report = Report("segments/yellow");
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->segment(), "segments/yellow");
  EXPECT_EQ(report->accounts(), 1);
  EXPECT_EQ(Text(report->mrr()), "200.2 USD");
  EXPECT_EQ(Text(report->mrr_at_risk()), "0 USD");
  EXPECT_EQ(report->mean_score(), 60);
  EXPECT_EQ(Text("paying", report->segments(1)), "paying: 1, 200.2 USD");
}

TEST_F(FullReportTest, IsEmptyForASegmentOfNobody) {
  const auto report = Report("segments/nobody");
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->accounts(), 0);
  EXPECT_EQ(Text(report->average_mrr()), "0 USD");
  EXPECT_FALSE(report->has_mean_score());
  EXPECT_EQ(report->score_coverage(), 0);
  EXPECT_EQ(report->worst_accounts_size(), 0);
  EXPECT_FALSE(report->revenue(0).has_nrr());
}

TEST_F(FullReportTest, OrdersBandsOfOtherNamesByTheirScores) {
  scores.Put("acme", {.score = 45, .band = "churning"});
  scores.Put("beta", {.score = 95, .band = "loyal"});
  scores.Put("core", {.score = 70, .band = "at-ease"});
  scores.Put("dusk", {});
  Sync();
  const auto report = Report("segments/yellow");
  ASSERT_THAT(report, IsOk());
  std::vector<std::string> bands;
  for (const auto& band : report->bands()) bands.push_back(band.band());
  EXPECT_THAT(bands, ElementsAre("churning", "at-ease", "loyal", ""));
}

TEST_F(FullReportTest, NamesWhatIsWrongWithARequest) {
  v1::GetPortfolioReportRequest request;
  request.set_audience(static_cast<v1::ReportAudience>(99));
  request.set_segment("yellow");
  request.set_list_size(-1);
  request.set_min_facts_revision(-1);
  const absl::Status status = Portfolio(*engine, "USD").GetReport(request).status();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kInvalidArgument));
  for (const char* field : {"audience", "segment", "list_size", "min_facts_revision"}) {
    EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(field));
  }
  EXPECT_THAT(Report("segments/none"), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(FullReportTest, IsRefusedBeforeAllFactsAreThere) {
  Restart();
  EXPECT_THAT(Report(), HasCode(absl::StatusCode::kUnavailable));
}

TEST(MoneyTotalTest, IsExactWhereDoublesAreNot) {
  MoneyTotal total;
  for (int i = 0; i < 10; ++i) total.Add(0.1);
  EXPECT_EQ(FormatAmount(total.micros()), "1");
}

TEST(MoneyTotalTest, DoesNotOverflow) {
  MoneyTotal total;
  for (int i = 0; i < 100; ++i) total.Add(1e300);
  EXPECT_EQ(total.micros(), std::numeric_limits<Micros>::max());
  EXPECT_EQ(total.Times(-1).micros(), std::numeric_limits<Micros>::min());
  EXPECT_EQ(FormatAmount(total.DividedBy(100).micros()), "9000000000000");
}

TEST(MoneyTotalTest, DividesToTheNearestMillionth) {
  MoneyTotal total;
  total.Add(2.0);
  EXPECT_EQ(FormatAmount(total.DividedBy(3).micros()), "0.666667");
  EXPECT_EQ(FormatAmount(total.Times(-1).DividedBy(3).micros()), "-0.666667");
  EXPECT_EQ(total.DividedBy(0).micros(), 0);
}

}  // namespace
}  // namespace perennial::segments
