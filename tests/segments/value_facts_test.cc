// What accounts are worth, as facts of segments.
#include "segment-svc/value_facts.h"

#include <gmock/gmock.h>

#include <string>

#include "tests/segments/engine_fixture.h"
#include "tests/testing/status_matchers.h"

namespace perennial::segments {
namespace {

using perennial::health::v1::WatchValuesResponse;
using perennial::testing::HasCode;
using perennial::testing::IsOk;
using testing::Members;

class ValueFactsTest : public testing::EngineTest {
 protected:
  static void Add(const std::string& account, const std::string& clv, std::int64_t facts_revision,
                  std::int64_t revision, WatchValuesResponse& message) {
    auto* update = message.add_updates();
    update->set_account_id(account);
    update->set_revision(revision);
    update->mutable_value()->mutable_clv()->set_amount(clv);
    update->mutable_value()->set_churn_probability_12m(0.25);
    update->mutable_value()->set_facts_revision(facts_revision);
    message.set_progress_revision(revision);
    message.set_caught_up(true);
    message.set_feed_id("feed");
  }
};

TEST_F(ValueFactsTest, ReachFiltersOfSegments) {
  accounts.Put("acme", {{"mrr", 1.0}});
  accounts.Put("beta", {{"mrr", 1.0}});
  Sync();
  Create("worthy", "value.clv >= 1000 AND value.churn_probability_12m < 0.5");
  EXPECT_EQ(MembersOf("worthy"), Members{});
  WatchValuesResponse message;
  Add("acme", "1000.5", 1, 1, message);
  Add("beta", "999.999999", 2, 2, message);
  ASSERT_THAT(engine->Apply(message), IsOk());
  EXPECT_EQ(MembersOf("worthy"), (Members{"acme"}));
  EXPECT_EQ(engine->values_resume(0), 2);
  EXPECT_EQ(engine->values_feed_id(0), "feed");
}

TEST_F(ValueFactsTest, AreWaitedForAfterAStartWhereASegmentReadsThem) {
  accounts.Put("acme", {{"mrr", 1.0}});
  Sync();
  WatchValuesResponse message;
  Add("acme", "2000", 1, 1, message);
  ASSERT_THAT(engine->Apply(message), IsOk());
  Create("worthy", "value.clv >= 1000");
  const std::size_t events = Events().size();
  Restart();
  ASSERT_THAT(SyncFacts(), IsOk());
  ASSERT_THAT(SyncScores(), IsOk());
  EXPECT_FALSE(engine->ready());
  ASSERT_THAT(engine->Apply(message), IsOk());
  EXPECT_TRUE(engine->ready());
  EXPECT_EQ(MembersOf("worthy"), (Members{"acme"}));
  EXPECT_EQ(Events().size(), events) << "nobody left to come back";
}

TEST_F(ValueFactsTest, SurviveATombstoneThatComesAfterTheAccountsNextLife) {
  const std::int64_t first = accounts.Put("acme", {{"mrr", 1.0}});
  Sync();
  Create("worthy", "value.clv >= 1000");
  const std::int64_t deleted = accounts.Delete("acme");
  WatchValuesResponse message;
  Add("acme", "5000", deleted + 1, 1, message);
  ASSERT_THAT(engine->Apply(message), IsOk());
  ASSERT_THAT(SyncFacts(), IsOk());
  EXPECT_EQ(MembersOf("worthy"), Members{});
  accounts.Put("acme", {{"mrr", 1.0}});
  Sync();
  EXPECT_EQ(MembersOf("worthy"), (Members{"acme"}));
  EXPECT_LT(first, deleted);
}

TEST_F(ValueFactsTest, RefuseWhatMakesNoSenseAndResumeFromTheStartWhenRewound) {
  Sync();
  WatchValuesResponse message;
  Add("acme", "a lot", 1, 1, message);
  EXPECT_THAT(engine->Apply(message), HasCode(absl::StatusCode::kDataLoss));
  message.Clear();
  message.add_updates();
  EXPECT_THAT(engine->Apply(message), HasCode(absl::StatusCode::kDataLoss));
  message.Clear();
  Add("acme", "5", 1, 7, message);
  ASSERT_THAT(engine->Apply(message), IsOk());
  engine->RewindValues(0);
  EXPECT_EQ(engine->values_resume(0), 0);
  EXPECT_EQ(engine->values_feed_id(0), "");
}

}  // namespace
}  // namespace perennial::segments
