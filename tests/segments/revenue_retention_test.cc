// GetRevenueRetention and ListRevenueRetentionAccounts over an engine and a ledger.

#include "segment-svc/revenue_retention.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/time_util.h"
#include "tests/segments/engine_fixture.h"
#include "tests/segments/movements_feed.h"
#include "tests/testing/status_matchers.h"

namespace perennial::segments {
namespace {

using perennial::testing::HasCode;
using perennial::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::At;
using testing::EngineTest;
using testing::MovementsFeed;

std::string Text(const perennial::type::v1::Money& money) { return money.amount() + " " + money.currency_code(); }

// It is the last second of 2024.
class RevenueRetentionTest : public EngineTest {
 protected:
  RevenueRetentionTest() {
    Pay("churns", {{"2023-05-01", 25'000}, {"2024-11-01", 0}});
    Pay("shrinks", {{"2023-05-01", 100'000}, {"2024-12-01", 75'000}});
    Pay("grows", {{"2022-05-01", 400'000}, {"2024-10-01T00:00:00Z", 550'000}});
    Pay("stays", {{"2023-12-31", 475'000}});
    Pay("new", {{"2024-12-31T23:59:59Z", 9'000}, {"2025-02-01", 1}});
    accounts.Put("free", {{"name", std::string("Never paid")}});
    Sync();
    Follow();
  }
  void Pay(const std::string& account, const std::vector<MovementsFeed::Change>& changes) {
    accounts.Put(account, {{"mrr", changes.back().mrr}, {"name", absl::StrCat("The ", account)}});
    movements.Put(account, changes);
  }
  void Follow() { ASSERT_THAT(ledger.Apply(movements.Since(ledger.position().revision)), IsOk()); }

  static v1::GetRevenueRetentionRequest Quarters(const std::string& start) {
    v1::GetRevenueRetentionRequest request;
    request.set_period(v1::RETENTION_PERIOD_QUARTER);
    *request.mutable_start_time() = ToTimestamp(At(start));
    return request;
  }
  static v1::ListRevenueRetentionAccountsRequest Behind(v1::RetentionFigure figure) {
    v1::ListRevenueRetentionAccountsRequest request;
    request.set_period(v1::RETENTION_PERIOD_QUARTER);
    *request.mutable_start_time() = ToTimestamp(At("2024-11-11"));
    request.set_figure(figure);
    return request;
  }
  std::vector<std::string> Listed(const v1::ListRevenueRetentionAccountsRequest& request) {
    const auto response = retention().List(request);
    EXPECT_THAT(response, IsOk()) << response.status();
    std::vector<std::string> found;
    if (!response.ok()) return found;
    for (const auto& account : response->accounts()) {
      found.push_back(absl::StrCat(account.account(), " ", Text(account.amount())));
    }
    return found;
  }
  RevenueRetention retention() { return RevenueRetention(*engine, ledger, "USD"); }

  MovementsFeed movements;
  LiveLedger ledger{"USD", [this](absl::Span<const std::string> ids) { return engine->RowsOf(ids); }};
};

TEST_F(RevenueRetentionTest, GivesTheWorkedExampleItsRetention) {
  auto request = Quarters("2024-10-05T17:00:00Z");
  const auto response = retention().Get(request);
  ASSERT_THAT(response, IsOk()) << response.status();
  ASSERT_EQ(response->windows_size(), 1);
  const v1::RetentionWindow& quarter = response->windows(0);
  EXPECT_EQ(ToTime(quarter.start_time()), At("2024-10-01"));
  EXPECT_EQ(ToTime(quarter.end_time()), At("2025-01-01"));
  EXPECT_TRUE(quarter.unfinished());
  EXPECT_DOUBLE_EQ(quarter.nrr(), 1.10);
  EXPECT_DOUBLE_EQ(quarter.grr(), 0.95);
  EXPECT_DOUBLE_EQ(quarter.logo_churn_rate(), 0.25);
  EXPECT_DOUBLE_EQ(quarter.expansion_rate(), 0.15);
  EXPECT_EQ(Text(quarter.start_mrr()), "1000000 USD");
  EXPECT_EQ(Text(quarter.new_mrr()), "9000 USD");
  EXPECT_EQ(Text(quarter.end_mrr()), "1109000 USD");
  EXPECT_EQ(Text(quarter.average_mrr()), "277250 USD");
  EXPECT_EQ(quarter.start_accounts(), 4);
  EXPECT_EQ(quarter.won_accounts(), 1);
  EXPECT_EQ(quarter.lost_accounts(), 1);
  EXPECT_EQ(quarter.end_accounts(), 4);
  EXPECT_EQ(ToTime(response->as_of()), testing::TestTime());
  EXPECT_EQ(response->ledger_revision(), movements.revision());
  EXPECT_EQ(response->accounts(), 6);
  EXPECT_FALSE(response->has_filter_reading());
  EXPECT_EQ(response->cohorts_size(), 0);
}

TEST_F(RevenueRetentionTest, SaysNothingOfRatiosWhereNothingPaidAtTheStart) {
  auto request = Quarters("2022-04-01");
  *request.mutable_end_time() = ToTimestamp(At("2022-07-01"));
  const auto response = retention().Get(request);
  ASSERT_THAT(response, IsOk());
  ASSERT_EQ(response->windows_size(), 1);
  const v1::RetentionWindow& quarter = response->windows(0);
  EXPECT_FALSE(quarter.unfinished());
  EXPECT_FALSE(quarter.has_nrr());
  EXPECT_FALSE(quarter.has_grr());
  EXPECT_FALSE(quarter.has_logo_churn_rate());
  EXPECT_FALSE(quarter.has_expansion_rate());
  EXPECT_EQ(Text(quarter.new_mrr()), "400000 USD");
  request.set_filter("name = \"Never paid\"");
  const auto nobody = retention().Get(request);
  ASSERT_THAT(nobody, IsOk());
  EXPECT_EQ(nobody->accounts(), 1);
  EXPECT_EQ(Text(nobody->windows(0).end_mrr()), "0 USD");
  EXPECT_FALSE(nobody->windows(0).has_average_mrr());
}

TEST_F(RevenueRetentionTest, LooksAtWhatFilterAndSegmentSelect) {
  Create("large", "mrr > 80000");
  auto request = Quarters("2024-10-01");
  request.set_segment("segments/large");
  auto response = retention().Get(request);
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->accounts(), 2);
  EXPECT_EQ(Text(response->windows(0).start_mrr()), "875000 USD");
  request.set_filter("mrr < 500000");
  response = retention().Get(request);
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->accounts(), 1);
  EXPECT_EQ(Text(response->windows(0).start_mrr()), "475000 USD");
  EXPECT_EQ(response->filter_reading().canonical(), "mrr < 500000");
}

TEST_F(RevenueRetentionTest, ShowsCohorts) {
  auto request = Quarters("2023-04-01");
  request.set_cohorts(true);
  const auto response = retention().Get(request);
  ASSERT_THAT(response, IsOk());
  ASSERT_EQ(response->windows_size(), 7);
  ASSERT_EQ(response->cohorts_size(), 7);
  const v1::RevenueCohort& first = response->cohorts(0);
  EXPECT_EQ(ToTime(first.start_time()), At("2023-04-01"));
  EXPECT_EQ(first.accounts(), 2);
  EXPECT_EQ(Text(first.mrr()), "125000 USD");
  EXPECT_THAT(first.revenue_retention(), ElementsAre(1, 1, 1, 1, 1, 1, 0.6));
  EXPECT_THAT(first.logo_retention(), ElementsAre(1, 1, 1, 1, 1, 1, 0.5));
  EXPECT_THAT(response->cohorts(1).revenue_retention(), IsEmpty());
  EXPECT_THAT(response->cohorts(6).revenue_retention(), ElementsAre(1));
}

TEST_F(RevenueRetentionTest, LeavesDeletedAccountsOut) {
  accounts.Delete("grows");
  movements.Delete("grows");
  Sync();
  Follow();
  const auto response = retention().Get(Quarters("2024-10-01"));
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->accounts(), 5);
  EXPECT_EQ(Text(response->windows(0).start_mrr()), "600000 USD");
}

TEST_F(RevenueRetentionTest, ListsTheAccountsBehindEachFigure) {
  EXPECT_THAT(Listed(Behind(v1::RETENTION_FIGURE_START)),
              ElementsAre("accounts/stays 475000 USD", "accounts/grows 400000 USD", "accounts/shrinks 100000 USD",
                          "accounts/churns 25000 USD"));
  EXPECT_THAT(Listed(Behind(v1::RETENTION_FIGURE_EXPANSION)), ElementsAre("accounts/grows 150000 USD"));
  EXPECT_THAT(Listed(Behind(v1::RETENTION_FIGURE_CONTRACTION)), ElementsAre("accounts/shrinks 25000 USD"));
  EXPECT_THAT(Listed(Behind(v1::RETENTION_FIGURE_CHURNED)), ElementsAre("accounts/churns 25000 USD"));
  EXPECT_THAT(Listed(Behind(v1::RETENTION_FIGURE_LOST)), ElementsAre("accounts/churns 25000 USD"));
  EXPECT_THAT(Listed(Behind(v1::RETENTION_FIGURE_WON)), ElementsAre("accounts/new 9000 USD"));
  EXPECT_THAT(Listed(Behind(v1::RETENTION_FIGURE_REACTIVATED)), IsEmpty());
  const auto response = retention().List(Behind(v1::RETENTION_FIGURE_EXPANSION));
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->accounts(0).display_name(), "The grows");
  EXPECT_EQ(Text(response->accounts(0).start_mrr()), "400000 USD");
  EXPECT_EQ(Text(response->accounts(0).end_mrr()), "550000 USD");
}

TEST_F(RevenueRetentionTest, PagesWhileAccountsComeAndGo) {
  Pay("tie", {{"2023-05-01", 100'000}});
  Sync();
  Follow();
  auto request = Behind(v1::RETENTION_FIGURE_START);
  request.set_page_size(2);
  auto response = retention().List(request);
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->total_size(), 5);
  EXPECT_EQ(Text(response->total_amount()), "1100000 USD");
  EXPECT_THAT(Listed(request), ElementsAre("accounts/stays 475000 USD", "accounts/grows 400000 USD"));
  // One more before the place where the next page begins, and one of that page gone.
  Pay("late", {{"2023-05-01", 450'000}});
  accounts.Delete("churns");
  Sync();
  Follow();
  request.set_page_token(response->next_page_token());
  EXPECT_THAT(Listed(request), ElementsAre("accounts/shrinks 100000 USD", "accounts/tie 100000 USD"));
  request.set_page_size(1);
  response = retention().List(request);
  ASSERT_THAT(response, IsOk());
  request.set_page_token(response->next_page_token());
  response = retention().List(request);
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->accounts(0).account(), "accounts/tie");
  EXPECT_EQ(response->next_page_token(), "");
}

TEST_F(RevenueRetentionTest, NamesWhatIsWrongWithARequest) {
  v1::GetRevenueRetentionRequest request;
  request.set_filter("  ");
  request.set_segment("large");
  request.set_period(static_cast<v1::RetentionPeriod>(99));
  request.mutable_end_time()->set_nanos(-1);
  const absl::Status status = retention().Get(request).status();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kInvalidArgument));
  for (const char* field : {"filter", "segment", "period", "start_time", "end_time"}) {
    EXPECT_THAT(std::string(status.message()), HasSubstr(field));
  }
  auto order = Quarters("2024-10-01");
  *order.mutable_end_time() = order.start_time();
  EXPECT_THAT(std::string(retention().Get(order).status().message()), HasSubstr("end_time"));
  EXPECT_THAT(std::string(retention().Get(Quarters("2025-01-01")).status().message()), HasSubstr("future"));
  EXPECT_THAT(std::string(retention().Get(Quarters("1900-01-01")).status().message()), HasSubstr("240"));
  auto unknown = Quarters("2024-01-01");
  unknown.set_filter("mmr > 1");
  EXPECT_THAT(retention().Get(unknown), HasCode(absl::StatusCode::kInvalidArgument));
  unknown.set_filter("");
  unknown.set_segment("segments/none");
  EXPECT_THAT(retention().Get(unknown), HasCode(absl::StatusCode::kNotFound));

  v1::ListRevenueRetentionAccountsRequest list;
  list.set_page_size(-1);
  list.set_page_token("x");
  const absl::Status refused = retention().List(list).status();
  for (const char* field : {"start_time", "figure", "page_size", "page_token"}) {
    EXPECT_THAT(std::string(refused.message()), HasSubstr(field));
  }
  auto other = Behind(v1::RETENTION_FIGURE_START);
  other.set_page_size(1);
  other.set_page_token(retention().List(other)->next_page_token());
  other.set_figure(v1::RETENTION_FIGURE_LOST);
  EXPECT_THAT(std::string(retention().List(other).status().message()), HasSubstr("page_token"));
}

TEST_F(RevenueRetentionTest, IsRefusedUntilAllIsThere) {
  ledger.Rewind();
  const absl::Status status = retention().Get(Quarters("2024-10-01")).status();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(retention().List(Behind(v1::RETENTION_FIGURE_START)), HasCode(absl::StatusCode::kUnavailable));
  Follow();
  EXPECT_THAT(retention().Get(Quarters("2024-10-01")), IsOk());
  Restart();
  EXPECT_THAT(retention().Get(Quarters("2024-10-01")), HasCode(absl::StatusCode::kUnavailable));
}

TEST_F(RevenueRetentionTest, TakesLedgersThatComeBeforeTheirFacts) {
  Restart();
  ledger.Rewind();
  Follow();
  Sync();
  const auto response = retention().Get(Quarters("2024-10-01"));
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->accounts(), 6);
  EXPECT_DOUBLE_EQ(response->windows(0).nrr(), 1.10);
}

}  // namespace
}  // namespace perennial::segments
