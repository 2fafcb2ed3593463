// When to talk to whom: every cadence kept to the day, and the morning list in its order.

#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "common/base/time_util.h"
#include "tests/segments/engagement_fixture.h"

namespace perennial::segments {
namespace {

using perennial::testing::HasCode;
using perennial::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::EngagementTest;
using testing::FieldsOf;
using testing::TestTime;

class DueTouchesTest : public EngagementTest {
 protected:
  static std::string Date(absl::CivilDay day) { return absl::FormatCivilTime(day); }
  static absl::Time Noon(absl::CivilDay day) {
    return absl::FromCivil(day, absl::UTCTimeZone()) + absl::Hours(12);
  }
  // "account due-date" of all pages.
  std::vector<std::string> Due(v1::ListDueTouchesRequest request, int page_size = 0) {
    request.set_page_size(page_size);
    std::vector<std::string> due;
    do {
      const auto page = engagements->ListDueTouches(request);
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) return due;
      for (const auto& touch : page->due_touches()) due.push_back(touch.account() + " " + touch.due_date());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return due;
  }
};

// A small portfolio over a year and more with a leap day in it. Each account is talked to on the day that it is due on;
// the days between touches must be the cadence of its phase, each time, over every month end.
TEST_F(DueTouchesTest, KeepsEveryCadenceToTheDayForAYear) {
  v1::EngagementModel high = Model(v1::ENGAGEMENT_TIER_HIGH_TOUCH, 1, "mrr >= 1000");
  const std::map<std::string, int> high_days = {{"ONBOARDING", 7}, {"ADOPTION", 14}, {"SUCCESS", 30}};
  for (const auto& [phase, days] : high_days) AddCadence(high, phase, days);
  CreateModel("high", high);
  v1::EngagementModel pooled = Model(v1::ENGAGEMENT_TIER_POOLED, 2, "mrr >= 100");
  const std::map<std::string, int> pooled_days = {{"ONBOARDING", 1}, {"ADOPTION", 31}, {"SUCCESS", 90}};
  for (const auto& [phase, days] : pooled_days) AddCadence(pooled, phase, days);
  CreateModel("pooled", pooled);

  struct Customer {
    double mrr = 0;
    std::string phase;
    absl::CivilDay phase_start;
    std::optional<absl::CivilDay> last_touch;
  };
  const absl::CivilDay start(2023, 12, 15);
  std::map<std::string, Customer> customers;
  int number = 0;
  for (const double mrr : {2000.0, 150.0}) {
    for (const auto& [phase, days] : high_days) {
      // Touched before, and never.
      customers[absl::StrCat("c", number++)] = {mrr, phase, start - 3, start - (number % 5)};
      customers[absl::StrCat("c", number++)] = {mrr, phase, start - number, std::nullopt};
    }
  }
  customers["gone"] = {2000.0, "CHURNED", start - 5, start - 5};

  std::map<std::string, std::vector<std::int64_t>> gaps;
  std::set<std::string> dates;
  for (absl::CivilDay today = start; today < start + 400; ++today) {
    clock.Set(Noon(today));
    for (auto& [id, customer] : customers) {
      testing::Values values{{"mrr", customer.mrr},
                             {"phase", customer.phase},
                             {"phase_days", static_cast<double>(today - customer.phase_start)}};
      if (customer.last_touch.has_value()) {
        values["touch.days_since_last"] = static_cast<double>(today - *customer.last_touch);
      }
      accounts.Put(id, values, Noon(today));
    }
    Sync();
    std::vector<std::string> expected;
    for (auto& [id, customer] : customers) {
      const auto& days = customer.mrr >= 1000 ? high_days : pooled_days;
      const auto cadence = days.find(customer.phase);
      if (cadence == days.end()) continue;
      const absl::CivilDay due = customer.last_touch.value_or(customer.phase_start) + cadence->second;
      if (due > today) continue;
      expected.push_back(absl::StrCat("accounts/", id, " ", Date(due)));
      if (customer.last_touch.has_value()) gaps[id].push_back(today - *customer.last_touch);
      customer.last_touch = today;  // as soon as it is listed
      dates.insert(Date(today));
    }
    ASSERT_THAT(Due({}, 3), ::testing::UnorderedElementsAreArray(expected)) << Date(today);
  }
  for (const auto& [id, days] : gaps) {
    const Customer& customer = customers[id];
    const int cadence = (customer.mrr >= 1000 ? high_days : pooled_days).at(customer.phase);
    // The first may be late: the account came with an old touch.
    for (std::size_t i = 1; i < days.size(); ++i) EXPECT_EQ(days[i], cadence) << id;
    EXPECT_GE(days.size(), 3U) << id;
  }
  EXPECT_FALSE(gaps.contains("gone"));
  // The account that is called each day was due on the awkward days, too.
  for (const char* day : {"2024-01-31", "2024-02-28", "2024-02-29", "2024-03-01", "2024-12-31", "2025-01-01"}) {
    EXPECT_TRUE(dates.contains(day)) << day;
  }
}

TEST_F(DueTouchesTest, CountsFromTheDayOfTheFactsAlsoAfterMidnight) {
  accounts.Put("acme", {{"phase", std::string("ADOPTION")}, {"touch.days_since_last", 10.0}});
  Sync();
  EXPECT_THAT(Due({}), ElementsAre("accounts/acme 2024-12-31"));
  EXPECT_EQ(Engagement("acme").next_touch().overdue_days(), 0);
  EXPECT_EQ(Engagement("acme").next_touch().last_touch_date(), "2024-12-21");
  clock.Advance(absl::Hours(48));
  EXPECT_THAT(Due({}), ElementsAre("accounts/acme 2024-12-31"));
  EXPECT_EQ(Engagement("acme").next_touch().overdue_days(), 2);
  // A score of a later day moves no date.
  scores.Put("acme", {.score = 10.0, .facts_revision = accounts.revision()}, clock.Now());
  Sync();
  EXPECT_EQ(Engagement("acme").next_touch().last_touch_date(), "2024-12-21");
}

TEST_F(DueTouchesTest, TheCadenceFollowsThePhaseFromTheDayOfItsChange) {
  v1::EngagementModel model = Model(v1::ENGAGEMENT_TIER_HIGH_TOUCH, 1, "mrr >= 1000");
  AddCadence(model, "ONBOARDING", 7);
  AddCadence(model, "ADOPTION", 14);
  CreateModel("phases", model);
  const auto due_on = [&](absl::CivilDay today, const char* phase, absl::CivilDay phase_start, absl::CivilDay touched) {
    clock.Set(Noon(today));
    accounts.Put("acme",
                 {{"mrr", 2000.0},
                  {"phase", std::string(phase)},
                  {"phase_days", static_cast<double>(today - phase_start)},
                  {"touch.days_since_last", static_cast<double>(today - touched)}},
                 Noon(today));
    Sync();
    return Engagement("acme").next_touch().due_date();
  };
  const absl::CivilDay touched(2024, 2, 26);
  EXPECT_EQ(due_on(absl::CivilDay(2024, 2, 28), "ONBOARDING", absl::CivilDay(2024, 2, 1), touched), "2024-03-04");
  // On the leap day it moves on.
  const absl::CivilDay moved(2024, 2, 29);
  EXPECT_EQ(due_on(moved, "ADOPTION", moved, touched), "2024-03-11");
  EXPECT_EQ(due_on(absl::CivilDay(2024, 3, 31), "ADOPTION", moved, absl::CivilDay(2024, 3, 31)), "2024-04-14");
}

TEST_F(DueTouchesTest, ListsOverdueOnesFirstEachByValueAtRisk) {
  const auto put = [&](const std::string& id, double days, double mrr, std::optional<double> score) {
    accounts.Put(id, {{"phase", std::string("ADOPTION")}, {"touch.days_since_last", days}, {"mrr", mrr}});
    if (score.has_value()) scores.Put(id, {.score = score, .facts_revision = accounts.revision()});
  };
  put("late-safe", 20, 100, 95);       // 5 at risk
  put("late-danger", 11, 50, 10);      // 45
  put("late-unknown", 15, 50, std::nullopt);  // half: 25
  put("today-big", 10, 9000, 10);      // due today
  put("soon", 8, 9000, 10);
  put("fresh", 0, 9000, 10);
  Sync();
  const std::vector<std::string> due = {"accounts/late-danger 2024-12-30", "accounts/late-unknown 2024-12-26",
                                        "accounts/late-safe 2024-12-21", "accounts/today-big 2024-12-31"};
  for (const int page_size : {1, 2, 3, 100}) EXPECT_EQ(Due({}, page_size), due) << page_size;
  v1::ListDueTouchesRequest soon;
  soon.set_within_days(2);
  EXPECT_EQ(Due(soon).size(), 5U);
  EXPECT_EQ(Due(soon).back(), "accounts/soon 2025-01-02");
  v1::ListDueTouchesRequest filtered;
  filtered.set_filter("mrr > 60");
  const auto page = engagements->ListDueTouches(filtered);
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->total_size(), 2);
  EXPECT_EQ(page->overdue_size(), 1);
  EXPECT_EQ(page->filter_reading().canonical(), "mrr > 60");
  EXPECT_EQ(page->due_touches(0).value_at_risk().amount(), "5");
  EXPECT_EQ(page->due_touches(0).value_at_risk().currency_code(), "USD");
  EXPECT_EQ(page->due_touches(0).channel(), v1::ENGAGEMENT_CHANNEL_CALL);
  EXPECT_EQ(page->due_touches(0).cadence_days(), 10);
}

TEST_F(DueTouchesTest, ATokenSurvivesWritesBetweenPages) {
  for (const char* id : {"a", "b", "c", "d"}) {
    accounts.Put(id, {{"phase", std::string("ADOPTION")}, {"touch.days_since_last", 12.0}, {"mrr", 100.0}});
  }
  Sync();
  v1::ListDueTouchesRequest request;
  request.set_page_size(2);
  const auto first = engagements->ListDueTouches(request);
  ASSERT_EQ(first->due_touches_size(), 2);
  accounts.Delete("b");
  accounts.Put("aa", {{"phase", std::string("ADOPTION")}, {"touch.days_since_last", 12.0}, {"mrr", 100.0}});
  Sync();
  request.set_page_token(first->next_page_token());
  const auto second = engagements->ListDueTouches(request);
  ASSERT_EQ(second->due_touches_size(), 2);
  EXPECT_EQ(second->due_touches(0).account(), "accounts/c");
  EXPECT_EQ(second->due_touches(1).account(), "accounts/d");
}

TEST_F(DueTouchesTest, AManagerSeesTheirOwn) {
  CreateManager("ada", 10);
  CreateManager("bob", 10);
  for (const char* owner : {"ada", "bob", "nobody"}) {
    accounts.Put(std::string("of-") + owner,
                 {{"phase", std::string("ADOPTION")}, {"touch.days_since_last", 12.0}, {"owner", std::string(owner)}});
  }
  Sync();
  v1::ListDueTouchesRequest request;
  request.set_manager("managers/ada");
  EXPECT_THAT(Due(request), ElementsAre("accounts/of-ada 2024-12-29"));
  EXPECT_EQ(Due({}).size(), 3U);
  request.set_manager("managers/eve");
  EXPECT_THAT(engagements->ListDueTouches(request).status(), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(DueTouchesTest, AnAccountThatNobodyTalkedToIsDueACadenceAfterItsPhaseBegan) {
  accounts.Put("new", {{"phase", std::string("ADOPTION")}, {"phase_days", 4.0}});
  accounts.Put("old", {{"phase", std::string("ADOPTION")}, {"tenure_days", 11.0}});
  accounts.Put("blank", {{"phase", std::string("ADOPTION")}});
  accounts.Put("other", {{"phase", std::string("SUCCESS")}, {"touch.days_since_last", 500.0}});
  Sync();
  EXPECT_EQ(Engagement("new").next_touch().due_date(), "2025-01-06");
  EXPECT_EQ(Engagement("new").next_touch().last_touch_date(), "");
  EXPECT_EQ(Engagement("old").next_touch().due_date(), "2024-12-30");
  EXPECT_EQ(Engagement("blank").next_touch().due_date(), "2024-12-31");
  EXPECT_FALSE(Engagement("other").has_next_touch());
}

TEST_F(DueTouchesTest, RefusesBadRequests) {
  v1::ListDueTouchesRequest request;
  request.set_manager("x");
  request.set_filter(std::string(4097, 'x'));
  request.set_within_days(367);
  request.set_page_size(-1);
  request.set_page_token("x");
  request.set_min_facts_revision(-1);
  EXPECT_THAT(FieldsOf(engagements->ListDueTouches(request).status()),
              ElementsAre("manager", "filter", "within_days", "page_size", "page_token", "min_facts_revision"));
  v1::ListDueTouchesRequest wrong;
  wrong.set_filter("helth > 1");
  EXPECT_THAT(FieldsOf(engagements->ListDueTouches(wrong).status()), ElementsAre("filter"));
  EXPECT_THAT(FieldsOf(engagements->Get({}).status()), ElementsAre("account"));
  v1::GetEngagementRequest none;
  none.set_account("accounts/none");
  EXPECT_THAT(engagements->Get(none).status(), HasCode(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace perennial::segments
