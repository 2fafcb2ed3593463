#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/health/health_fixture.h"

namespace perennial::health {
namespace {

// A reader of WatchHealthScores that keeps what it was sent.
class Watcher {
 public:
  Watcher(v1::HealthScoreService::Stub& stub, std::int64_t start_revision) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    v1::WatchHealthScoresRequest request;
    request.set_start_revision(start_revision);
    reader_ = stub.WatchHealthScores(&context_, request);
  }
  ~Watcher() {
    context_.TryCancel();
    if (!finished_) (void)End();
  }

  // Reads one message. False when the stream ended.
  bool Read() {
    if (!reader_->Read(&last_)) return false;
    for (const v1::HealthScoreUpdate& update : last_.updates()) {
      EXPECT_GT(update.revision(), revision_) << "in order of revision";
      revision_ = update.revision();
      ++updates_;
      if (update.deleted()) {
        scores_.erase(update.account_id());
      } else {
        scores_[update.account_id()] = update.health_score();
      }
    }
    EXPECT_GE(last_.progress_revision(), revision_);
    revision_ = last_.progress_revision();
    return true;
  }
  // Reads until everything that follows from a revision of facts has been sent.
  bool ReadTo(std::int64_t facts_revision) {
    while (!(last_.caught_up() && last_.facts_revision() >= facts_revision)) {
      if (!Read()) return false;
    }
    return true;
  }
  grpc::Status End() {
    while (Read()) {
    }
    finished_ = true;
    return reader_->Finish();
  }

  [[nodiscard]] const v1::WatchHealthScoresResponse& last() const { return last_; }
  [[nodiscard]] const std::map<std::string, v1::HealthScore>& scores() const { return scores_; }
  [[nodiscard]] std::int64_t revision() const { return revision_; }
  [[nodiscard]] int updates() const { return updates_; }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchHealthScoresResponse>> reader_;
  v1::WatchHealthScoresResponse last_;
  std::map<std::string, v1::HealthScore> scores_;
  std::int64_t revision_ = 0;
  int updates_ = 0;
  bool finished_ = false;
};

class WatchTest : public HealthFixture {};

TEST_F(WatchTest, SendsAllScoresAndThenChanges) {
  for (int i = 0; i < 1200; ++i) accounts_.Put(absl::StrCat("a", i), {{"use", i % 100 * 1.0}});
  StartReady();
  Watcher watcher(*scores_, 0);
  ASSERT_TRUE(watcher.ReadTo(1200));
  EXPECT_EQ(watcher.scores().size(), 1200U);
  EXPECT_EQ(watcher.updates(), 1200);
  const std::int64_t revision = accounts_.Put("a7", {{"use", 55.0}});
  ASSERT_TRUE(watcher.ReadTo(revision));
  EXPECT_DOUBLE_EQ(watcher.scores().at("a7").score(), 55);
  EXPECT_EQ(watcher.updates(), 1201);
}

TEST_F(WatchTest, SendsAtMostFiveHundredAtOnce) {
  for (int i = 0; i < 1200; ++i) accounts_.Put(absl::StrCat("a", i), {{"use", 1.0}});
  StartReady();
  Watcher watcher(*scores_, 0);
  while (!watcher.last().caught_up()) {
    ASSERT_TRUE(watcher.Read());
    ASSERT_LE(watcher.last().updates_size(), 500);
  }
}

TEST_F(WatchTest, ResumesWithoutGapsAndWithoutRepeats) {
  for (int i = 0; i < 700; ++i) accounts_.Put(absl::StrCat("a", i), {{"use", 1.0}});
  StartReady();
  std::int64_t resume = 0;
  int seen = 0;
  {
    Watcher watcher(*scores_, 0);
    ASSERT_TRUE(watcher.Read());
    resume = watcher.last().progress_revision();
    seen = watcher.updates();
  }
  Watcher watcher(*scores_, resume);
  ASSERT_TRUE(watcher.ReadTo(accounts_.revision()));
  EXPECT_EQ(seen + watcher.updates(), 700);
}

TEST_F(WatchTest, SendsAnAccountThatChangedOftenOnce) {
  StartReady();
  for (int i = 0; i < 20; ++i) {
    accounts_.Put("a", {{"use", 1.0 * i}});
    (void)Current("a");
  }
  Watcher watcher(*scores_, 0);
  ASSERT_TRUE(watcher.ReadTo(accounts_.revision()));
  EXPECT_EQ(watcher.updates(), 1);
  EXPECT_DOUBLE_EQ(watcher.scores().at("a").score(), 19);
}

TEST_F(WatchTest, SendsTombstones) {
  StartReady();
  accounts_.Put("a", {{"use", 1.0}});
  Watcher watcher(*scores_, 0);
  ASSERT_TRUE(watcher.ReadTo(accounts_.revision()));
  ASSERT_EQ(watcher.scores().size(), 1U);
  const std::int64_t revision = accounts_.Delete("a");
  ASSERT_TRUE(watcher.ReadTo(revision));
  EXPECT_TRUE(watcher.scores().empty());
}

TEST_F(WatchTest, TellsThatFactsWereScoredThatChangedNoScore) {
  StartReady();
  accounts_.Put("a", {{"use", 1.0}, {"other", 1.0}});
  Watcher watcher(*scores_, 0);
  ASSERT_TRUE(watcher.ReadTo(accounts_.revision()));
  const int updates = watcher.updates();
  const std::int64_t revision = accounts_.Put("a", {{"use", 1.0}, {"other", 2.0}});
  EXPECT_TRUE(watcher.ReadTo(revision));
  EXPECT_EQ(watcher.updates(), updates);
}

TEST_F(WatchTest, CarriesFlagsOfTheSameMoment) {
  StartReady();
  Watcher watcher(*scores_, 0);
  const std::int64_t revision = accounts_.Put("a", {{"urgent", 1.0}});
  ASSERT_TRUE(watcher.ReadTo(revision));
  EXPECT_THAT(watcher.scores().at("a").open_flags(), ::testing::ElementsAre("urgent"));
}

TEST_F(WatchTest, RefusesARevisionThatWasNeverGivenOut) {
  StartReady();
  EXPECT_EQ(Watcher(*scores_, 1000).End().error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(Watcher(*scores_, -1).End().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(WatchTest, ContinuesWithTheSameRevisionsAfterARestart) {
  for (const char* id : {"a", "b", "c"}) accounts_.Put(id, {{"use", 1.0}});
  StartReady();
  std::int64_t resume = 0;
  {
    Watcher watcher(*scores_, 0);
    ASSERT_TRUE(watcher.ReadTo(accounts_.revision()));
    resume = watcher.revision();
  }
  Restart();
  Watcher watcher(*scores_, resume);
  ASSERT_TRUE(watcher.ReadTo(accounts_.revision()));
  EXPECT_EQ(watcher.updates(), 0) << "nothing has changed";
  const std::int64_t revision = accounts_.Put("b", {{"use", 2.0}});
  ASSERT_TRUE(watcher.ReadTo(revision));
  EXPECT_EQ(watcher.updates(), 1);
}

TEST_F(WatchTest, EndsWithUnavailableWhenTheServerDrains) {
  StartReady();
  Watcher watcher(*scores_, 0);
  ASSERT_TRUE(watcher.ReadTo(0));
  process_->Stop();
  EXPECT_EQ(watcher.End().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(WatchTest, EndsWhereReadersAreWhileManyAccountsChange) {
  StartReady();
  Watcher watcher(*scores_, 0);
  std::int64_t revision = 0;
  for (int round = 0; round < 30; ++round) {
    for (int i = 0; i < 20; ++i) revision = accounts_.Put(absl::StrCat("a", i), {{"use", (round * 7 + i) % 100 * 1.0}});
  }
  ASSERT_TRUE(watcher.ReadTo(revision));
  ASSERT_EQ(watcher.scores().size(), 20U);
  for (const auto& [account, score] : watcher.scores()) EXPECT_EQ(score.score(), Current(account).score()) << account;
}

}  // namespace
}  // namespace perennial::health
