// What `watch` makes of the rows of the feeds.
#include <gmock/gmock.h>

#include "cli/watch_events.h"
#include "cli/watch_state.h"
#include "common/base/time_util.h"
#include "tests/cli/views_sample.h"

namespace perennial::cli {
namespace {

using ::testing::IsEmpty;
using testing::Moment;

perennial::health::v1::HealthScoreUpdate Row(std::optional<double> score, const std::string& band,
                                             const std::vector<std::string>& flags = {}) {
  perennial::health::v1::HealthScoreUpdate row;
  row.set_account_id("nw-1");
  row.set_revision(7);
  auto* value = row.mutable_health_score();
  if (score.has_value()) value->set_score(*score);
  value->set_band(band);
  value->set_coverage(1);
  *value->mutable_as_of() = Moment();
  for (const std::string& flag : flags) value->add_open_flags(flag);
  return row;
}

std::string Seen(const WatchEvent& event) { return RenderEvent(event, "Northwind Traders", {}, 80).Render(false); }

TEST(ScoreState, TellsTheScoreBeforeAndAfter) {
  ScoreState state;
  const auto first = state.Apply(Row(41.25, "yellow"));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_FALSE(first[0].before.has_value());
  EXPECT_EQ(Seen(first[0]), "12-31 23:59:59  Northwind Traders               – →  41.2  new, yellow");
  const auto second = state.Apply(Row(38, "red"));
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(Seen(second[0]), "12-31 23:59:59  Northwind Traders            41.2 →  38.0  ▼ 3.2  yellow → red");
  const auto third = state.Apply(Row(std::nullopt, ""));
  ASSERT_EQ(third.size(), 1U);
  EXPECT_EQ(Seen(third[0]), "12-31 23:59:59  Northwind Traders            38.0 →     –  red → unknown");
  EXPECT_EQ(state.size(), 1U);
}

TEST(ScoreState, ARowThatChangesNothingGivesNothing) {
  ScoreState state;
  state.Apply(Row(50, "yellow", {"a"}));
  EXPECT_THAT(state.Apply(Row(50, "yellow", {"a"})), IsEmpty());
}

TEST(ScoreState, TellsFlagsRaisedAndCleared) {
  ScoreState state;
  state.Apply(Row(50, "yellow", {"b", "a"}));
  const auto events = state.Apply(Row(50, "yellow", {"b", "c"}));
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(Seen(events[0]), "12-31 23:59:59  Northwind Traders           raised ⚑ c");
  EXPECT_EQ(Seen(events[1]), "12-31 23:59:59  Northwind Traders           cleared ⚑ a");
}

TEST(ScoreState, TellsADeletionOnce) {
  ScoreState state;
  state.Apply(Row(50, "yellow"));
  perennial::health::v1::HealthScoreUpdate row;
  row.set_account_id("nw-1");
  row.set_deleted(true);
  const auto events = state.Apply(row);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, WatchKind::kAccountDeleted);
  EXPECT_THAT(state.Apply(row), IsEmpty());
}

TEST(WatchEvent, ScoresThatLookTheSameAreNotShown) {
  ScoreState state;
  state.Apply(Row(50.01, "yellow"));
  const auto same = state.Apply(Row(50.02, "yellow"));
  ASSERT_EQ(same.size(), 1U) << "--json tells it";
  EXPECT_FALSE(IsVisible(same[0]));
  EXPECT_TRUE(IsVisible(state.Apply(Row(50.06, "yellow")).at(0)));
  auto frozen = Row(50.06, "yellow");
  frozen.mutable_health_score()->set_frozen(true);
  EXPECT_TRUE(IsVisible(state.Apply(frozen).at(0)));
}

TEST(WatchEvent, MembershipIsToldWithItsSegment) {
  perennial::segments::v1::MembershipEvent event;
  event.set_segment("segments/at-risk");
  event.set_account("accounts/nw-1");
  event.set_kind(perennial::segments::v1::MEMBERSHIP_EVENT_KIND_ENTERED);
  event.set_cause(perennial::segments::v1::MEMBERSHIP_CAUSE_TIME);
  event.set_revision(9);
  *event.mutable_event_time() = Moment();
  EXPECT_EQ(Seen(MembershipChange(event)), "12-31 23:59:59  Northwind Traders           entered at-risk");
  EXPECT_EQ(OneLine(EventJson(MembershipChange(event), "Northwind Traders")),
            R"({"event":"segment_entered","time":"2024-12-31T23:59:59+00:00","account":"accounts/nw-1",)"
            R"("display_name":"Northwind Traders","revision":9,"segment":"segments/at-risk","cause":"TIME"})");
  event.set_kind(perennial::segments::v1::MEMBERSHIP_EVENT_KIND_LEFT);
  EXPECT_EQ(Seen(MembershipChange(event)), "12-31 23:59:59  Northwind Traders           left at-risk");
}

TEST(WatchEvent, JsonHasNullForUnknownScores) {
  ScoreState state;
  const auto events = state.Apply(Row(std::nullopt, ""));
  EXPECT_EQ(
      OneLine(EventJson(events.at(0), "x")),
      R"({"event":"score_changed","time":"2024-12-31T23:59:59+00:00","account":"accounts/nw-1","display_name":"x",)"
      R"("revision":7,"before":null,"after":{"score":null,"band":"","coverage":1.0,"frozen":false}})");
}

}  // namespace
}  // namespace perennial::cli
