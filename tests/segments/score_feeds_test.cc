// Scores of several shards of health-svc in one table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "segment-svc/health_facts.h"
#include "tests/testing/status_matchers.h"

namespace perennial::segments {
namespace {

using perennial::testing::IsOk;

class ScoreFeedsTest : public ::testing::Test {
 protected:
  ScoreFeedsTest() {
    health_.SetFeeds(2);
    for (const char* account : {"a", "b"}) (void)table_.Upsert(account);
  }
  // A message with one update; without a score a tombstone.
  static health::v1::WatchHealthScoresResponse Update(const std::string& account, std::int64_t revision,
                                                      std::optional<double> score) {
    health::v1::WatchHealthScoresResponse message;
    health::v1::HealthScoreUpdate* update = message.add_updates();
    update->set_account_id(account);
    update->set_revision(revision);
    update->set_deleted(!score.has_value());
    if (score.has_value()) {
      update->mutable_health_score()->set_score(*score);
      update->mutable_health_score()->set_facts_revision(revision);
    }
    return message;
  }
  static health::v1::WatchHealthScoresResponse CaughtUp(std::int64_t facts_revision, const std::string& feed_id) {
    health::v1::WatchHealthScoresResponse message;
    message.set_caught_up(true);
    message.set_facts_revision(facts_revision);
    message.set_feed_id(feed_id);
    return message;
  }
  std::optional<double> ScoreOf(const std::string& account) const {
    return table_.Number(*table_.FindAny(account), *catalogue_.Find("health.score"));
  }

  facts::FactCatalogue catalogue_;
  facts::FactTable table_;
  HealthFacts health_{catalogue_, table_};
};

TEST_F(ScoreFeedsTest, ResumesEachWhereItStands) {
  ASSERT_THAT(health_.Apply(Update("a", 7, 10), 0), IsOk());
  ASSERT_THAT(health_.Apply(Update("b", 3, 20), 1), IsOk());
  EXPECT_EQ(health_.revision(0), 7);
  EXPECT_EQ(health_.revision(1), 3);
  EXPECT_EQ(ScoreOf("a"), 10);
  EXPECT_EQ(ScoreOf("b"), 20);
}

TEST_F(ScoreFeedsTest, IsAsFarAsTheOneThatIsFurthestBehind) {
  ASSERT_THAT(health_.Apply(CaughtUp(9, "first"), 0), IsOk());
  EXPECT_FALSE(health_.caught_up());
  EXPECT_EQ(health_.scored_facts_revision(), 0);
  ASSERT_THAT(health_.Apply(CaughtUp(5, "second"), 1), IsOk());
  EXPECT_TRUE(health_.caught_up());
  EXPECT_EQ(health_.scored_facts_revision(), 5);
  EXPECT_EQ(health_.feed_id(0), "first");
  EXPECT_EQ(health_.feed_id(1), "second");
}

TEST_F(ScoreFeedsTest, BeginsOneAnewAndLeavesTheOther) {
  ASSERT_THAT(health_.Apply(Update("a", 7, 10), 0), IsOk());
  ASSERT_THAT(health_.Apply(Update("b", 3, 20), 1), IsOk());
  health_.Rewind(1);
  EXPECT_EQ(health_.revision(0), 7);
  EXPECT_EQ(health_.revision(1), 0);
  EXPECT_EQ(ScoreOf("b"), 20) << "kept until it is sent again";
}

TEST_F(ScoreFeedsTest, TakesAScoreAwayOnlyForTheFeedItCameFrom) {
  ASSERT_THAT(health_.Apply(Update("a", 7, 10), 0), IsOk());
  // The account has moved to another shard; its former owner says that it is no longer its own.
  ASSERT_THAT(health_.Apply(Update("a", 1, 30), 1), IsOk());
  ASSERT_THAT(health_.Apply(Update("a", 8, std::nullopt), 0), IsOk());
  EXPECT_EQ(ScoreOf("a"), 30);
  EXPECT_EQ(health_.revision(0), 8);
  ASSERT_THAT(health_.Apply(Update("a", 2, std::nullopt), 1), IsOk());
  EXPECT_EQ(ScoreOf("a"), std::nullopt);
}

}  // namespace
}  // namespace perennial::segments
