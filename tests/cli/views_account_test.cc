// The picture of one account, as it is seen.
#include <gmock/gmock.h>

#include "cli/account_sections.h"
#include "cli/account_view.h"
#include "cli/terminal.h"
#include "common/base/time_util.h"
#include "tests/cli/views_sample.h"

namespace perennial::cli {
namespace {

using testing::At;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Optional;
using testing::SampleAccount;

std::string Seen(const Page& page) { return Render(page, false); }

TEST(Account, ShowsItsPlaceAmongOtherAccountsAndTheCurrencyThatIsReportedIn) {
  AccountData data = SampleAccount();
  EXPECT_THAT(Seen(RenderAccount(data, 80)), Not(HasSubstr("below")));
  auto& node = *data.hierarchy.add_nodes();
  node.mutable_mrr()->set_currency_code("EUR");
  EXPECT_THAT(Seen(RenderAccount(data, 80)), Not(HasSubstr("below"))) << "it stands alone";
  EXPECT_THAT(Seen(RenderAccount(data, 80)), HasSubstr("EUR 2,786.50"));
  node.set_descendants(2);
  node.mutable_total_mrr()->set_currency_code("EUR");
  node.mutable_total_mrr()->set_amount("3000");
  data.hierarchy.add_ancestors("accounts/mid");
  data.hierarchy.add_ancestors("accounts/top");
  EXPECT_THAT(Seen(RenderAccount(data, 120)),
              HasSubstr("  below accounts/mid < accounts/top · 2 accounts below it, MRR with them EUR 3,000\n"));
}

TEST(Account, ShowsTheWholePicture) {
  EXPECT_EQ(Seen(RenderAccount(SampleAccount(), 80)), R"(
Northwind Traders                                                  accounts/nw-1

  Phase              MRR                Plan               Renews
  Adoption           USD 2,786.50       Team               in 12 days

  In phase since     Customer since     Tenure             Owner
  2023-06-01         2023-01-31         –                  kim@example.com

Health ────────────────── default r1 · 2024-12-31 23:59:59 UTC · revision 34,112
  31.5 red  ██████▎·············  coverage 85.0% █████▏  ▼ 22.4 in 30 days
  Few logins weigh most: 3 in 30 days cost 45.0 points.
  ████████████████▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▁▁  since 2024-01-01, 31.5 to 80.0

  measure                                 value  points            weight  gives
  Logins                                      3  █·········  10.0   50.0%    5.0
    logins of 3 in 30 days give 10 points, 5.0 of the score
  Open tickets                                2  ██████····  60.0   30.0%   18.0
    2 open tickets give 60 points, 18.0 of the score
  Tenure                                    700  █████████▎  92.5   20.0%   18.5
    a tenure of 700 days gives 92.5 points, 18.5 of the score
  Unknown or too old, their weight goes to the others: NPS
  all measures together  41.5
  lowered by 10: urgent ticket open  41.5 → 31.5

Flags ──────────────────────────────────────────────────────────────────────────
  ⚑ Usage falling  since 2024-12-20
    Call the champion and ask what changed.
    because usage.change_30d was -0.62

Segments ───────────────────────────────────────────────────────────────────────
  at-risk  since 2024-12-20

Subscriptions ───────────────────────────────────────────────────────── 2 in all
  plan                       seats           MRR  from        until       renews
  Team  s2           active     40  USD 2,786.50  2023-06-01  –           –
  Starter  s1        ended      40       USD 900  2023-01-31  2023-06-01  –

Facts ─────────────────────────────────────────── 8 known · perennial facts nw-1
  use             days since last 4 · change 30d – · breadth 30d –
                  seat utilisation 30d –
  support         open 2 · open urgent – · opened 90d –
                  first response hours 90d – · on time rate 90d 50.0%
  logins          30 days 3 · change 30d -62.0% · users 30d –
                  days since last –
)" + 1);
}

TEST(Account, WideTerminalsHaveReasonsBesideTheMeasures) {
  EXPECT_THAT(
      Seen(RenderAccount(SampleAccount(), 120)),
      HasSubstr(
          "  Logins                   3  █·········  10.0   50.0%    5.0  logins of 3 in 30 days give 10 points"));
}

TEST(Account, FitsEveryWidth) {
  AccountData data = SampleAccount();
  data.customer.mutable_account()->set_display_name(std::string(200, 'x'));
  data.customer.mutable_health()->mutable_measures(0)->set_fact_value(std::string(200, 'v'));
  for (int width = kDefaultWidth; width <= kMaxWidth; ++width) {
    for (const Text& line : RenderAccount(data, width)) EXPECT_LE(line.width(), width) << line.Render(false);
  }
}

TEST(Account, AMissingPartIsMarkedAndNotShownAsEmpty) {
  AccountData data = SampleAccount();
  data.customer.clear_health();
  data.customer.clear_flags();
  for (const char* part : {"health", "flags"}) {
    auto* missing = data.customer.add_missing_parts();
    missing->set_part(part);
    missing->mutable_status()->set_message("health-svc is unavailable");
  }
  const std::string seen = Seen(RenderAccount(data, 80));
  EXPECT_THAT(seen, HasSubstr("Health ─────────────────────────────────────────────────────────────────────────\n"
                              "  could not be read: health-svc is unavailable\n"));
  EXPECT_THAT(seen, Not(HasSubstr("none raised")));
  EXPECT_THAT(seen, HasSubstr("at-risk  since 2024-12-20")) << "the other parts still show";
}

TEST(Account, AnUnknownScoreIsADashWithoutABand) {
  AccountData data;
  data.customer.mutable_account()->set_name("accounts/new");
  data.customer.mutable_health()->mutable_score()->set_scorecard("default");
  const std::string seen = Seen(RenderAccount(data, 80));
  EXPECT_THAT(seen, HasSubstr("\n  – unknown  ····················  coverage 0.0% ······\n"));
  EXPECT_THAT(seen, HasSubstr("none raised"));
  EXPECT_THAT(seen, HasSubstr("none known"));
}

TEST(Account, ChurnedAccountsAreMarkedFrozen) {
  AccountData data = SampleAccount();
  data.customer.mutable_health()->mutable_score()->set_frozen(true);
  EXPECT_THAT(Seen(RenderAccount(data, 80)), HasSubstr("frozen: the account has churned, this is its last score"));
}

TEST(Account, AScoreThatNeverChangedHasNoHistoryLine) {
  AccountData data = SampleAccount();
  data.history.resize(1);
  EXPECT_THAT(Seen(RenderAccount(data, 80)), Not(HasSubstr("▁")));
}

TEST(Account, UnknownValuesThatCountAreRows) {
  AccountData data = SampleAccount();
  auto* nps = data.customer.mutable_health()->mutable_measures(3);
  nps->set_effective_weight(0.1);
  nps->set_score(50);
  nps->set_contribution(5);
  EXPECT_THAT(Seen(RenderAccount(data, 80)),
              HasSubstr("  NPS                                 – unknown  █████·····  50.0   10.0%    5.0\n"));
}

TEST(Account, NumbersAreShortAndTextStays) {
  AccountData data = SampleAccount();
  data.customer.mutable_health()->mutable_measures(0)->set_fact_value("-0.314285714");
  data.customer.mutable_health()->mutable_measures(1)->set_fact_value("Infinity");
  const std::string seen = Seen(RenderAccount(data, 80));
  EXPECT_THAT(seen, HasSubstr(" -0.314  █"));
  EXPECT_THAT(seen, HasSubstr(" Infinity  █"));
}

TEST(Account, StaleValuesSaySo) {
  AccountData data = SampleAccount();
  data.customer.mutable_health()->mutable_measures(0)->set_state(perennial::health::v1::MEASURE_STATE_STALE);
  EXPECT_THAT(Seen(RenderAccount(data, 80)), HasSubstr("3 (too old)"));
}

TEST(Account, MrrHasTheCurrencyOfTheSubscriptions) {
  AccountData data = SampleAccount();
  EXPECT_EQ(MrrOf(data), "USD 2,786.50");
  data.customer.clear_facts();
  EXPECT_EQ(MrrOf(data), "–");
}

TEST(SampleHistory, TellsWhatHeldAtTheEndOfEachSlice) {
  std::vector<perennial::health::v1::HealthScoreChange> history(3);
  *history[0].mutable_start_time() = At("2024-01-03T00:00:00Z");
  history[0].set_score(30);
  *history[1].mutable_start_time() = At("2024-01-02T00:00:00Z");  // unknown then
  *history[2].mutable_start_time() = At("2024-01-01T00:00:00Z");
  history[2].set_score(80);
  EXPECT_THAT(SampleHistory(history, ToTime(At("2024-01-04T12:00:00Z")), 7),
              ElementsAre(Optional(80.0), std::nullopt, std::nullopt, Optional(30.0), Optional(30.0), Optional(30.0),
                          Optional(30.0)));
  EXPECT_TRUE(SampleHistory({}, absl::UnixEpoch(), 7).empty());
}

}  // namespace
}  // namespace perennial::cli
