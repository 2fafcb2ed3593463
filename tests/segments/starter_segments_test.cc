// The segments that an installation begins with.

#include "segment-svc/starter_segments.h"

#include <gmock/gmock.h>

#include "tests/segments/engine_fixture.h"
#include "tests/testing/status_matchers.h"

namespace perennial::segments {
namespace {

using perennial::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::EngineTest;
using testing::Members;

class ShippedSegmentsTest : public EngineTest {
 protected:
  static SegmentRecord Shipped(const std::string& id, const std::string& filter) {
    SegmentRecord record;
    record.id = id;
    record.display_name = id;
    record.filter = filter;
    return record;
  }
};

TEST_F(ShippedSegmentsTest, FillWhenTheirFactsCome) {
  Restart({Shipped("frequent", "usage.logins.sum_30d > 10"), Shipped("flagged", "flags.risk = true")});
  accounts.Put("acme", {{"mrr", 1.0}});
  Sync();
  EXPECT_TRUE(engine->ready());
  EXPECT_THAT(AllMembers(), IsEmpty());
  accounts.Put("acme", {{"usage.logins.sum_30d", 20.0}});
  Sync();
  EXPECT_EQ(MembersOf("frequent"), (Members{"acme"}));
  scores.Put("acme", {.score = 1, .band = "red", .open_flags = {"risk"}});
  Sync();
  EXPECT_EQ(MembersOf("flagged"), (Members{"acme"}));
  const auto canonical = engine->Read(
      [](const SegmentView& view) { return view.segments.find("frequent")->second.record.canonical_filter; });
  EXPECT_EQ(canonical, "usage.logins.sum_30d > 10");
  Restart({Shipped("frequent", "usage.logins.sum_30d > 10"), Shipped("flagged", "flags.risk = true")});
  Sync();
  EXPECT_EQ(Events().size(), 2U);
}

TEST_F(ShippedSegmentsTest, FillWhenARuleIsKnownThatNobodyHasRaised) {
  Restart({Shipped("calm", "flags.risk = false")});
  accounts.Put("acme", {{"mrr", 1.0}});
  scores.Put("acme", {.score = 90, .band = "green"});
  Sync();
  EXPECT_EQ(MembersOf("calm"), Members{});
  ASSERT_THAT(engine->KnowFlagRules({"risk"}), IsOk());
  Sync();
  EXPECT_EQ(MembersOf("calm"), (Members{"acme"}));
}

TEST_F(ShippedSegmentsTest, AreNotCreatedAgainOnceDeleted) {
  Restart({Shipped("a", "mrr > 1"), Shipped("b", "mrr > 1")});
  accounts.Put("acme", {{"mrr", 2.0}});
  Sync();
  ASSERT_THAT(Delete("a"), IsOk());
  Restart({Shipped("a", "mrr > 1"), Shipped("b", "mrr > 1"), Shipped("c", "mrr > 1")});
  Sync();
  EXPECT_THAT(AllMembers(), ElementsAre(Pair("b", Members{"acme"}), Pair("c", Members{"acme"})));
}

TEST_F(ShippedSegmentsTest, LeaveSomebodysOwnSegmentOfThatNameAlone) {
  Sync();
  Create("silent", "health.score < 10");
  Restart({Shipped("silent", "silent = true")});
  const auto filter =
      engine->Read([](const SegmentView& view) { return view.segments.find("silent")->second.record.filter; });
  EXPECT_EQ(filter, "health.score < 10");
}

TEST_F(ShippedSegmentsTest, AllCompileOnceEveryFactIsThere) {
  const auto shipped = ParseSegments(StarterSegmentsText());
  ASSERT_THAT(shipped, IsOk());
  ASSERT_GE(shipped->size(), 6U);
  for (const char* number : {"mrr", "renewal_days", "usage.seat_utilisation_30d", "usage.change_30d", "nps.latest"}) {
    accounts.Define(number, facts::FactType::kNumber);
  }
  accounts.Define("phase", facts::FactType::kString);
  accounts.Define("silent", facts::FactType::kBool);
  accounts.Define("is_trial", facts::FactType::kBool);
  Restart(*shipped);
  accounts.Put("red", {{"phase", std::string("ADOPTION")}, {"silent", true}, {"nps.latest", 6.0}});
  accounts.Put("shop", {{"silent", true}, {"nps.latest", 0.0}});  // buys without a subscription
  accounts.Put("gone", {{"phase", std::string("CHURNED")}, {"silent", true}, {"nps.latest", 1.0}});
  accounts.Put("green", {{"phase", std::string("SUCCESS")}, {"usage.seat_utilisation_30d", 0.8}, {"nps.latest", 7.0}});
  accounts.Put("fresh", {{"phase", std::string("ONBOARDING")}, {"renewal_days", 90.0}});
  accounts.Put("trial", {{"phase", std::string("TRIAL")}, {"is_trial", true}, {"renewal_days", 91.0}});
  accounts.Put("lapsed", {{"phase", std::string("TRIAL")}, {"is_trial", false}});
  scores.Put("red", {.score = 20, .band = "red"});
  scores.Put("shop", {.score = 20, .band = "red"});
  scores.Put("gone", {.score = 20, .band = "red"});
  scores.Put("green", {.score = 90, .band = "green"});
  Sync();
  EXPECT_THAT(AllMembers(),
              ElementsAre(Pair("at-risk", Members{"red", "shop"}), Pair("churned", Members{"gone"}),
                          Pair("detractors", Members{"red", "shop"}), Pair("expansion-candidates", Members{"green"}),
                          Pair("onboarding", Members{"fresh"}), Pair("renewal-near", Members{"fresh"}),
                          Pair("silent", Members{"red", "shop"}), Pair("trials", Members{"trial"})));
}

TEST(ParseSegmentsTest, NamesWhatIsWrong) {
  const auto refused = [](const std::string& text) { return std::string(ParseSegments(text).status().message()); };
  EXPECT_THAT(refused("nonsense"), ::testing::HasSubstr("text form"));
  EXPECT_THAT(refused("segments { name: \"segments/A b\" display_name: \"x\" filter: \"a = 1\" }"),
              ::testing::HasSubstr("segments/A b name"));
  EXPECT_THAT(refused("segments { name: \"segments/a\" }"),
              ::testing::AllOf(::testing::HasSubstr("segments/a display_name is required"),
                               ::testing::HasSubstr("segments/a filter is required")));
  EXPECT_THAT(refused("segments { name: \"segments/a\" display_name: \"x\" filter: \"segment(\\\"b\\\")\" }"),
              ::testing::HasSubstr("must not call"));
}

}  // namespace
}  // namespace perennial::segments
