// Membership follows what is known, and survives everything.

#include "segment-svc/segment_engine.h"

#include <gmock/gmock.h>

#include "tests/segments/engine_fixture.h"
#include "tests/testing/status_matchers.h"

namespace perennial::segments {
namespace {

using perennial::testing::HasCode;
using perennial::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::Pair;
using testing::EngineTest;
using testing::Members;
using testing::TestTime;

TEST_F(EngineTest, IsReadyOnceBothFeedsAreThere) {
  EXPECT_FALSE(engine->ready());
  ASSERT_THAT(SyncFacts(), IsOk());
  EXPECT_FALSE(engine->ready());
  ASSERT_THAT(SyncScores(), IsOk());
  EXPECT_TRUE(engine->ready());
}

TEST_F(EngineTest, RefusesDefinitionsBeforeItIsReady) {
  EXPECT_THAT(segments->Create(CreateRequest("big", "mrr > 100")), HasCode(absl::StatusCode::kUnavailable));
}

TEST_F(EngineTest, FollowsFacts) {
  accounts.Put("acme", {{"mrr", 50.0}});
  accounts.Put("beta", {{"mrr", 500.0}});
  Sync();
  Create("big", "mrr > 100");
  EXPECT_EQ(MembersOf("big"), (Members{"beta"}));
  accounts.Put("acme", {{"mrr", 200.0}});
  accounts.Put("beta", {});
  Sync();
  EXPECT_EQ(MembersOf("big"), (Members{"acme"}));
}

TEST_F(EngineTest, TakesAnAccountOutWhenItIsDeletedAndInWhenItComesBack) {
  accounts.Put("acme", {{"mrr", 200.0}});
  Sync();
  Create("big", "mrr > 100");
  accounts.Delete("acme");
  Sync();
  EXPECT_EQ(MembersOf("big"), Members{});
  accounts.Put("acme", {{"mrr", 200.0}});
  Sync();
  EXPECT_EQ(MembersOf("big"), (Members{"acme"}));
  EXPECT_EQ(Events().size(), 3U);
}

TEST_F(EngineTest, FollowsScoresBandsMeasuresAndFlags) {
  accounts.Put("acme", {{"mrr", 1.0}});
  accounts.Put("beta", {{"mrr", 1.0}});
  scores.Put("acme", {.score = 30, .band = "red", .open_flags = {"usage-falling"}, .measures = {{"logins", 20}}});
  scores.Put("beta", {.score = 80, .band = "green"});
  Sync();
  Create("red", "health.band = \"red\"");
  Create("low", "health.score < 50");
  Create("falling", "flags.usage_falling = true");
  Create("steady", "flags.usage_falling = false");
  Create("flagged", "flags.open >= 1");
  Create("few-logins", "health.measure.logins < 50");
  EXPECT_EQ(MembersOf("red"), (Members{"acme"}));
  EXPECT_EQ(MembersOf("low"), (Members{"acme"}));
  EXPECT_EQ(MembersOf("falling"), (Members{"acme"}));
  EXPECT_EQ(MembersOf("steady"), (Members{"beta"}));
  EXPECT_EQ(MembersOf("flagged"), (Members{"acme"}));
  EXPECT_EQ(MembersOf("few-logins"), (Members{"acme"}));
  scores.Put("acme", {.score = 90, .band = "green"});
  scores.Put("beta", {});
  Sync();
  EXPECT_EQ(MembersOf("red"), Members{});
  EXPECT_EQ(MembersOf("low"), Members{});
  EXPECT_EQ(MembersOf("falling"), Members{});
  EXPECT_EQ(MembersOf("steady"), (Members{"acme", "beta"}));
  EXPECT_EQ(MembersOf("few-logins"), Members{});
}

TEST_F(EngineTest, SelectsNobodyWhoseHealthIsUnknown) {
  accounts.Put("acme", {{"mrr", 1.0}});
  Sync();
  Create("not-red", "NOT health.band = \"red\"");
  EXPECT_EQ(MembersOf("not-red"), Members{});
}

TEST_F(EngineTest, FindsTheScoreThatCameBeforeTheAccount) {
  Sync();
  Create("red", "health.band = \"red\"");
  scores.Put("acme", {.score = 30, .band = "red"});
  ASSERT_THAT(SyncScores(), IsOk());
  EXPECT_EQ(MembersOf("red"), Members{});
  accounts.Put("acme", {{"mrr", 1.0}});
  ASSERT_THAT(SyncFacts(), IsOk());
  EXPECT_EQ(MembersOf("red"), (Members{"acme"}));
}

TEST_F(EngineTest, KeepsAScoreOfTheNextLifeThatCameBeforeTheTombstone) {
  accounts.Put("acme", {{"mrr", 1.0}});
  Sync();
  Create("red", "health.band = \"red\"");
  const std::int64_t deleted = accounts.Delete("acme");
  const auto tombstone = accounts.Since(deleted - 1);
  const std::int64_t back = accounts.Put("acme", {{"mrr", 1.0}});
  scores.Put("acme", {.score = 30, .band = "red", .facts_revision = back});
  ASSERT_THAT(SyncScores(), IsOk());
  ASSERT_THAT(engine->Apply(tombstone), IsOk());
  ASSERT_THAT(SyncFacts(), IsOk());
  EXPECT_EQ(MembersOf("red"), (Members{"acme"}));
}

TEST_F(EngineTest, EvaluatesSegmentsOfSegmentsInOrder) {
  accounts.Put("acme", {{"mrr", 200.0}, {"silent", true}});
  accounts.Put("beta", {{"mrr", 200.0}, {"silent", false}});
  Sync();
  Create("quiet", "silent = true");
  Create("big", "mrr > 100");
  Create("lost", "segment(\"quiet\") AND segment(\"big\")");
  Create("aaa-not-lost", "segment(\"big\") AND NOT segment(\"lost\")");
  EXPECT_EQ(MembersOf("lost"), (Members{"acme"}));
  EXPECT_EQ(MembersOf("aaa-not-lost"), (Members{"beta"}));
  accounts.Put("beta", {{"mrr", 200.0}, {"silent", true}});
  Sync();
  EXPECT_EQ(MembersOf("lost"), (Members{"acme", "beta"}));
  EXPECT_EQ(MembersOf("aaa-not-lost"), Members{});
  ASSERT_THAT(SetFilter("quiet", "silent = false"), IsOk());
  EXPECT_EQ(MembersOf("lost"), Members{});
  EXPECT_EQ(MembersOf("aaa-not-lost"), (Members{"acme", "beta"}));
  EXPECT_EQ(Replayed(), AllMembers());
}

TEST_F(EngineTest, NamesCauseAndTimeOfEachChange) {
  const absl::Time historical = TestTime() - absl::Hours(24 * 300);
  accounts.Define("mrr", facts::FactType::kNumber);
  Sync();
  Create("big", "mrr > 100");
  accounts.Put("acme", {{"mrr", 200.0}}, historical);
  Sync();
  clock.Advance(absl::Hours(1));
  ASSERT_THAT(SetFilter("big", "mrr > 1000"), IsOk());
  const auto events = Events();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].cause, Cause::kData);
  EXPECT_EQ(events[0].time, historical);
  EXPECT_EQ(events[1].cause, Cause::kDefinition);
  EXPECT_EQ(events[1].time, TestTime() + absl::Hours(1));
}

TEST_F(EngineTest, BlamesDataWhenAnotherSegmentWasEdited) {
  accounts.Put("acme", {{"mrr", 200.0}});
  Sync();
  Create("big", "mrr > 100");
  Create("nested", "segment(\"big\")");
  ASSERT_THAT(SetFilter("big", "mrr > 1000"), IsOk());
  const auto events = Events(2);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].segment_id, "big");
  EXPECT_EQ(events[0].cause, Cause::kDefinition);
  EXPECT_EQ(events[1].segment_id, "nested");
  EXPECT_EQ(events[1].cause, Cause::kData);
}

TEST_F(EngineTest, MovesAccountsByTheClockAlone) {
  accounts.Put("acme", {{"signed_time", TestTime() - absl::Hours(24)}});
  Sync();
  Create("new", "signed_time > days_ago(30)");
  EXPECT_EQ(MembersOf("new"), (Members{"acme"}));
  ASSERT_THAT(engine->Sweep(), IsOk());
  EXPECT_EQ(Events().size(), 1U);
  clock.Advance(absl::Hours(24 * 31));
  ASSERT_THAT(engine->Sweep(), IsOk());
  EXPECT_EQ(MembersOf("new"), Members{});
  ASSERT_EQ(Events().size(), 2U);
  EXPECT_EQ(Events()[1].cause, Cause::kTime);
  EXPECT_EQ(Events()[1].time, clock.Now());
}

TEST_F(EngineTest, ShowsStoredMembersBeforeTheFeedsAreThere) {
  accounts.Put("acme", {{"mrr", 200.0}});
  Sync();
  Create("big", "mrr > 100");
  Restart();
  EXPECT_FALSE(engine->ready());
  EXPECT_EQ(MembersOf("big"), (Members{"acme"}));
}

TEST_F(EngineTest, NeitherLosesNorRepeatsAnEventOverARestart) {
  accounts.Put("stays", {{"mrr", 200.0}});
  accounts.Put("leaves", {{"mrr", 200.0}});
  accounts.Put("goes", {{"mrr", 200.0}});
  scores.Put("stays", {.score = 10, .band = "red", .measures = {{"logins", 20}}});
  Sync();
  Create("big", "mrr > 100");
  Create("red", "health.band = \"red\"");
  // Nothing but a score makes this fact known.
  Create("unmeasured", "NOT health.measure.logins:*");
  const auto before = Events().size();
  Restart();
  Sync();
  EXPECT_EQ(Events().size(), before);

  Restart();
  accounts.Put("leaves", {{"mrr", 1.0}});
  accounts.Delete("goes");
  accounts.Put("comes", {{"mrr", 200.0}});
  Sync();
  EXPECT_EQ(MembersOf("big"), (Members{"comes", "stays"}));
  EXPECT_EQ(MembersOf("unmeasured"), (Members{"comes", "leaves"}));
  EXPECT_EQ(Replayed(), AllMembers());
  for (const EventRecord& event : Events(static_cast<std::int64_t>(before))) EXPECT_EQ(event.cause, Cause::kData);
}

TEST_F(EngineTest, WaitsForAHealthServiceThatIsBehindWhatItHadSent) {
  const std::int64_t revision = accounts.Put("acme", {{"mrr", 200.0}});
  scores.Put("acme", {.score = 10, .band = "red"});
  Sync();
  Create("red", "health.band = \"red\"");
  Restart();
  ASSERT_THAT(SyncFacts(), IsOk());
  testing::ScoresFeed behind;
  behind.SetFactsRevision(revision - 1);
  ASSERT_THAT(engine->Apply(behind.Since(0)), IsOk());
  EXPECT_FALSE(engine->ready());
  EXPECT_EQ(MembersOf("red"), (Members{"acme"}));
  behind.Put("acme", {.score = 10, .band = "red"});
  behind.SetFactsRevision(revision);
  ASSERT_THAT(engine->Apply(behind.Since(0)), IsOk());
  EXPECT_TRUE(engine->ready());
  EXPECT_EQ(Events().size(), 1U);
}

TEST_F(EngineTest, ShowsNothingThatIsNotStored) {
  accounts.Put("acme", {{"mrr", 1.0}});
  Sync();
  Create("big", "mrr > 100");
  store->failing = true;
  const std::int64_t revision = accounts.Put("acme", {{"mrr", 200.0}});
  EXPECT_THAT(SyncFacts(), HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_FALSE(engine->ready());
  EXPECT_EQ(MembersOf("big"), Members{});
  EXPECT_LT(engine->Read([](const SegmentView& view) { return view.facts_revision; }), revision);
  store->failing = false;
  Sync();
  EXPECT_TRUE(engine->ready());
  EXPECT_EQ(MembersOf("big"), (Members{"acme"}));
  EXPECT_EQ(engine->Read([](const SegmentView& view) { return view.facts_revision; }), revision);
  EXPECT_EQ(Replayed(), AllMembers());
}

TEST_F(EngineTest, LeavesEverythingAsItWasWhenADefinitionCannotBeStored) {
  accounts.Put("acme", {{"mrr", 200.0}});
  Sync();
  Create("big", "mrr > 100");
  store->failing = true;
  EXPECT_THAT(segments->Create(CreateRequest("more", "mrr > 1")), HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(SetFilter("big", "mrr > 1000"), HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(Delete("big"), HasCode(absl::StatusCode::kResourceExhausted));
  store->failing = false;
  EXPECT_THAT(AllMembers(), ElementsAre(Pair("big", Members{"acme"})));
  accounts.Put("acme", {{"mrr", 500.0}});
  Sync();
  EXPECT_THAT(AllMembers(), ElementsAre(Pair("big", Members{"acme"})));
  Create("more", "mrr > 1");
  EXPECT_EQ(Replayed(), AllMembers());
}

TEST_F(EngineTest, EvaluatesEverythingAfterAMessageThatMadeNoSense) {
  accounts.Put("acme", {{"mrr", 1.0}});
  Sync();
  Create("big", "mrr > 100");
  accounts.Put("acme", {{"mrr", 200.0}});
  auto broken = accounts.Since(engine->facts_resume());
  auto* row = broken.add_rows();
  row->set_account_id("beta");
  row->set_revision(accounts.revision() + 1);
  row->add_number_ids(4711);
  row->add_number_values(1);
  EXPECT_THAT(engine->Apply(broken), HasCode(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(engine->ready());
  Sync();
  EXPECT_TRUE(engine->ready());
  EXPECT_EQ(MembersOf("big"), (Members{"acme"}));
}

TEST_F(EngineTest, ReachesAFactsRevisionWhenFactsAndTheirScoresAndValuesAreIn) {
  const auto reached = [&] { return engine->Read([](const SegmentView& view) { return view.facts_revision; }); };
  Sync();
  const std::int64_t revision = accounts.Put("acme", {{"mrr", 1.0}});
  ASSERT_THAT(SyncFacts(), IsOk());
  EXPECT_LT(reached(), revision);
  ASSERT_THAT(SyncScores(), IsOk());
  EXPECT_LT(reached(), revision);
  ASSERT_THAT(SyncValues(), IsOk());
  EXPECT_EQ(reached(), revision);
  // Also after a restart, from what is stored, once something was.
  Create("all", "mrr > 0");
  Restart();
  EXPECT_EQ(reached(), revision);
}

TEST_F(EngineTest, RevisionsOfAnotherFeedBeginAnew) {
  const auto reached = [&] { return engine->Read([](const SegmentView& view) { return view.facts_revision; }); };
  for (int i = 0; i < 10; ++i) accounts.Put(absl::StrCat("a", i), {{"mrr", 1.0}});
  Sync();
  EXPECT_EQ(reached(), 10);
  engine->RewindFacts();
  EXPECT_EQ(reached(), 0);
  accounts = {};
  scores = {};
  accounts.Put("acme", {{"mrr", 1.0}});
  Sync();
  EXPECT_EQ(reached(), 1);
  EXPECT_EQ(engine->Read([](const SegmentView& view) { return view.facts.table().live_count(); }), 1U);
}

// More moves than one transaction stores.
TEST_F(EngineTest, StoresManyMovesInPartsAndGoesOnWhereOneFailed) {
  constexpr int kAccounts = 25'000;
  Sync();
  accounts.Define("mrr", facts::FactType::kNumber);
  Sync();
  Create("big", "mrr > 100");
  for (int i = 0; i < kAccounts; ++i) accounts.Put(absl::StrCat("a", i), {{"mrr", 200.0}});
  store->writes_until_failure = 1;
  EXPECT_THAT(SyncFacts(), HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_FALSE(engine->ready());
  const std::size_t stored = MembersOf("big").size();
  EXPECT_GT(stored, 0U);
  EXPECT_LT(stored, static_cast<std::size_t>(kAccounts));
  EXPECT_EQ(engine->Read([](const SegmentView& view) { return view.facts_revision; }), 0) << "not all of it is stored";
  Sync();
  EXPECT_TRUE(engine->ready());
  EXPECT_EQ(MembersOf("big").size(), static_cast<std::size_t>(kAccounts));
  EXPECT_EQ(Replayed()["big"].size(), static_cast<std::size_t>(kAccounts));
}

TEST_F(EngineTest, FollowsTheClockAwayFromAChange) {
  accounts.Put("acme", {{"mrr", 1.0}});
  scores.Put("acme", {.score = 20.0, .band = "red", .band_time = TestTime() - absl::Hours(24)});
  Sync();
  Create("turned", "health.band = \"red\" AND changed(health.band, \"3d\")");
  EXPECT_EQ(MembersOf("turned"), (Members{"acme"}));
  clock.Set(TestTime() + absl::Hours(24));
  ASSERT_THAT(engine->Sweep(), IsOk());
  EXPECT_EQ(MembersOf("turned"), (Members{"acme"}));
  clock.Set(TestTime() + absl::Hours(48));
  ASSERT_THAT(engine->Sweep(), IsOk());
  EXPECT_EQ(MembersOf("turned"), Members{});
  EXPECT_EQ(Events().back().cause, Cause::kTime);
}

}  // namespace
}  // namespace perennial::segments
