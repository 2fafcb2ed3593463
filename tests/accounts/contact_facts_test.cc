#include "tests/accounts/facts_fixture.h"

namespace perennial::accounts::testing {
namespace {

class ContactFactsTest : public FactsTest {
 protected:
  // A ticket opened so many days ago.
  Ticket& Open(int days_ago) {
    history_.tickets.push_back({.opened = Ago(days_ago), .updated = Ago(days_ago)});
    return history_.tickets.back();
  }
};

TEST_F(ContactFactsTest, NoTouchpointsAreZeroAndTheLastOneIsUnknown) {
  EXPECT_EQ(Fact("touch.count_30d"), "0");
  EXPECT_EQ(Fact("touch.count_90d"), "0");
  EXPECT_EQ(Fact("touch.inbound_90d"), "0");
  EXPECT_EQ(Fact("touch.days_since_last"), "unknown");
}

TEST_F(ContactFactsTest, TouchpointsCountInTheirWindows) {
  history_.touchpoints = {{Ago(90), true}, {Ago(89), true}, {Ago(30), true}, {Ago(29), false}, {Ago(2), false}};
  EXPECT_EQ(Fact("touch.count_30d"), "2");
  EXPECT_EQ(Fact("touch.count_90d"), "4");
  EXPECT_EQ(Fact("touch.inbound_90d"), "2");
  EXPECT_EQ(Fact("touch.days_since_last"), "2");
}

TEST_F(ContactFactsTest, EngagementInTheFirstNinetyDaysIsUnknownWhileTheyRunAndNoneTookPlace) {
  history_.customer_since = Ago(89);
  EXPECT_EQ(Fact("touch.engaged_first_90d"), "unknown");
  history_.customer_since = Ago(90);
  EXPECT_EQ(Fact("touch.engaged_first_90d"), "false");
}

TEST_F(ContactFactsTest, EngagementIsKnownAtOnceWhenATouchTookPlace) {
  history_.customer_since = Ago(10);
  history_.touchpoints = {{Ago(10), false}};
  EXPECT_EQ(Fact("touch.engaged_first_90d"), "true");
}

TEST_F(ContactFactsTest, ATouchBeforeSignUpOrAfterNinetyDaysIsNoEngagement) {
  history_.customer_since = Ago(200);
  history_.touchpoints = {{Ago(201), true}, {Ago(110), true}};
  EXPECT_EQ(Fact("touch.engaged_first_90d"), "false");
  history_.touchpoints = {{Ago(111), true}};
  EXPECT_EQ(Fact("touch.engaged_first_90d"), "true");
}

TEST_F(ContactFactsTest, NoTicketsAreZeroOpenAndUnknownTimes) {
  for (const char* name : {"support.open", "support.open_urgent", "support.unanswered_urgent", "support.opened_30d",
                           "support.opened_90d"}) {
    EXPECT_EQ(Fact(name), "0") << name;
  }
  for (const char* name : {"support.first_response_hours_90d", "support.resolution_hours_90d",
                           "support.on_time_rate_90d", "support.days_since_last"}) {
    EXPECT_EQ(Fact(name), "unknown") << name;
  }
}

TEST_F(ContactFactsTest, OpenTicketsCountHoweverOldTheyAre) {
  Open(400).priority = TicketPriority::kUrgent;
  Open(3).priority = TicketPriority::kUrgent;
  history_.tickets.back().first_response = Ago(2);
  Open(2).resolved = Ago(1);
  Open(1);
  EXPECT_EQ(Fact("support.open"), "3");
  EXPECT_EQ(Fact("support.open_urgent"), "2");
  EXPECT_EQ(Fact("support.unanswered_urgent"), "1");
}

TEST_F(ContactFactsTest, OpenedCountsWindowsAndTheLastOpening) {
  for (const int day : {90, 89, 30, 29}) Open(day);
  EXPECT_EQ(Fact("support.opened_30d"), "1");
  EXPECT_EQ(Fact("support.opened_90d"), "3");
  EXPECT_EQ(Fact("support.days_since_last"), "29");
}

TEST_F(ContactFactsTest, FirstResponseIsTheMeanOfAnsweredTicketsOpenedInTheWindow) {
  Open(10).first_response = Ago(10) + absl::Hours(2);
  Open(9).first_response = Ago(9) + absl::Hours(5);
  Open(8);                                              // not answered
  Open(90).first_response = Ago(90) + absl::Hours(99);  // opened too long ago
  EXPECT_EQ(Fact("support.first_response_hours_90d"), "3.5");
}

TEST_F(ContactFactsTest, ResolutionIsTheMeanOfTicketsResolvedInTheWindow) {
  Open(100).resolved = Ago(98);                   // before the window
  Open(95).resolved = Ago(89);                    // 144 hours
  Open(5).resolved = Ago(5) + absl::Minutes(90);  // 1.5 hours
  Open(4);
  EXPECT_EQ(Fact("support.resolution_hours_90d"), "72.75");
}

TEST_F(ContactFactsTest, APromiseKeptCountsWhenItIsKeptAndABrokenOneWhenItFallsDue) {
  Open(5).first_response_due = Ago(4);
  history_.tickets.back().first_response = Ago(5) + absl::Hours(1);  // kept
  Open(5).resolve_due = Ago(3);                                      // broken: nothing happened
  Open(5).resolve_due = Ago(3);
  history_.tickets.back().resolved = Ago(2);  // broken: late
  Open(5).resolve_due = Ago(3);
  history_.tickets.back().resolved = Ago(3);  // kept, at the last moment
  Open(5).resolve_due = Ago(-2);              // still open, not due yet: not counted
  Open(120).resolve_due = Ago(100);           // fell due before the window
  EXPECT_EQ(Fact("support.on_time_rate_90d"), "0.5");
}

TEST_F(ContactFactsTest, APromiseKeptAheadOfTimeCountsAtOnce) {
  Open(5).resolve_due = Ago(-20);
  history_.tickets.back().resolved = Ago(1);
  EXPECT_EQ(Fact("support.on_time_rate_90d"), "1");
}

}  // namespace
}  // namespace perennial::accounts::testing
