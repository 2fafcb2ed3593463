#include "health-svc/score_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/testing/redis_fixture.h"

namespace perennial::health {
namespace {

using ::perennial::testing::RedisServer;

const std::string kGeneration = "0123456789abcdef";

StoredScore Score(const std::string& account, double score, std::int64_t facts_revision = 1) {
  StoredScore out{.account_id = account, .revision = 7};
  out.score.set_score(score);
  out.score.set_facts_revision(facts_revision);
  return out;
}

// Waits for one answer; fails the test when none comes within a minute.
class Answer {
 public:
  ScoreLookup::Done Done() {
    return [promise = promise_](const absl::StatusOr<StoredScore>& found) { promise->set_value(found); };
  }
  absl::StatusOr<StoredScore> Get() {
    auto future = promise_->get_future();
    if (future.wait_for(std::chrono::seconds(60)) != std::future_status::ready) {
      ADD_FAILURE() << "no answer within a minute";
      return absl::DeadlineExceededError("no answer");
    }
    return future.get();
  }

 private:
  std::shared_ptr<std::promise<absl::StatusOr<StoredScore>>> promise_ =
      std::make_shared<std::promise<absl::StatusOr<StoredScore>>>();
};

absl::StatusOr<StoredScore> Find(ScoreLookup& lookup, const std::string& account, std::int64_t revision = 0) {
  Answer answer;
  lookup.Find(account, revision, answer.Done());
  return answer.Get();
}

TEST(ScoreLookupTest, AsksTheSourceOnceForAllWhoAskAtTheSameTime) {
  WorkerPool pool({.threads = 4, .max_queued = 1000});
  std::promise<void> open;
  std::shared_future<void> opened = open.get_future().share();
  std::atomic<int> asked = 0;
  ScoreLookup lookup(nullptr, pool, [&](const std::string& account, std::int64_t) -> absl::StatusOr<StoredScore> {
    ++asked;
    opened.wait();
    return Score(account, 42);
  });
  std::vector<Answer> answers(500);
  for (Answer& answer : answers) lookup.Find("hot", 0, answer.Done());
  open.set_value();
  for (Answer& answer : answers) {
    const auto found = answer.Get();
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->score.score(), 42);
  }
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(lookup.counts().joined, 499);
  EXPECT_EQ(lookup.counts().sourced, 1);
}

TEST(ScoreLookupTest, KeepsCallsWithDifferentWishesApart) {
  WorkerPool pool({.threads = 1, .max_queued = 1000});
  ScoreLookup lookup(nullptr, pool,
                     [](const std::string& account, std::int64_t revision) -> absl::StatusOr<StoredScore> {
                       if (account == "none") return absl::NotFoundError("none");
                       return Score(account, 1, revision);
                     });
  EXPECT_EQ(Find(lookup, "a", 5)->score.facts_revision(), 5);
  EXPECT_EQ(Find(lookup, "a", 9)->score.facts_revision(), 9);
  EXPECT_EQ(Find(lookup, "none").status().code(), absl::StatusCode::kNotFound);
}

TEST(ScoreLookupTest, RefusesWhenThePoolIsFull) {
  WorkerPool pool({.threads = 1, .max_queued = 0});
  ScoreLookup lookup(nullptr, pool, [](const std::string& account, std::int64_t) { return Score(account, 1); });
  EXPECT_EQ(Find(lookup, "a").status().code(), absl::StatusCode::kResourceExhausted);
}

class ScoreLookupInRedisTest : public ::testing::Test {
 protected:
  ScoreLookupInRedisTest() {
    Connect(std::chrono::seconds(20));
  }
  // With the timeout that it has in operation, and so for one that fails.
  void ConnectImpatiently() { Connect(RedisOptions().timeout); }
  void Connect(std::chrono::milliseconds timeout) {
    auto client = RedisClient::Create({.address = server_.address(), .timeout = timeout});
    EXPECT_TRUE(client.ok());
    reader_ = std::make_unique<ScoreCacheReader>(*std::move(client), kGeneration);
    lookup_ = std::make_unique<ScoreLookup>(
        reader_.get(), pool_, [](const std::string& account, std::int64_t) { return Score(account, 1, 100); });
  }
  void Put(const std::string& account, double score) {
    EXPECT_EQ(server_.Run({"SET", CacheKey(account), EncodeCached(Score(account, score), kGeneration)}).text, "OK");
  }
  // Asks for many accounts, one after another, and expects each to get the source's score.
  void ExpectAllFromSource(int calls) {
    for (int i = 0; i < calls; ++i) {
      const auto found = Find(*lookup_, absl::StrCat("account", i));
      ASSERT_TRUE(found.ok()) << found.status();
      ASSERT_EQ(found->score.score(), 1);
    }
  }

  // Five failures open the circuit; then at most one try a second.
  void ExpectLeftAlone() {
    constexpr int kCalls = 200;
    const auto begin = std::chrono::steady_clock::now();
    ExpectAllFromSource(kCalls);
    const double most = 6 + std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    EXPECT_LE(reader_->redis().exchanges, most);
    EXPECT_GE(reader_->redis().refused, kCalls - most);
  }

  RedisServer server_;
  WorkerPool pool_{{.threads = 2, .max_queued = 1000}};
  std::unique_ptr<ScoreCacheReader> reader_;
  std::unique_ptr<ScoreLookup> lookup_;
};

TEST_F(ScoreLookupInRedisTest, TakesWhatIsThereAndAsksTheSourceForTheRest) {
  Put("there", 41.5);
  EXPECT_EQ(Find(*lookup_, "there")->score.score(), 41.5);
  EXPECT_EQ(Find(*lookup_, "absent")->score.score(), 1);
  EXPECT_EQ(reader_->counts().hits, 1);
  EXPECT_EQ(reader_->counts().misses, 1);
  EXPECT_EQ(lookup_->counts().sourced, 1);
}

TEST_F(ScoreLookupInRedisTest, DoesNotTakeAValueThatIsOlderThanWhatIsAskedFor) {
  Put("there", 41.5);
  EXPECT_EQ(Find(*lookup_, "there", 50)->score.score(), 1);
  EXPECT_EQ(reader_->counts().stale, 1);
  EXPECT_EQ(reader_->counts().hits, 0);
}

TEST_F(ScoreLookupInRedisTest, CountsAndDeletesPoisonedValues) {
  (void)server_.Run({"SET", CacheKey("a"), kGeneration + "rubbish"});
  (void)server_.Run({"SET", CacheKey("b"), "x"});
  (void)server_.Run({"LPUSH", CacheKey("c"), "x"});
  for (const char* account : {"a", "b", "c"}) EXPECT_EQ(Find(*lookup_, account)->score.score(), 1);
  EXPECT_EQ(reader_->counts().poisoned, 3);
  EXPECT_EQ(server_.Run({"EXISTS", CacheKey("a"), CacheKey("b")}).integer, 0);
}

TEST_F(ScoreLookupInRedisTest, LeavesAHangingRedisAloneAfterAFewTries) {
  Put("account0", 41.5);
  ConnectImpatiently();
  server_.Freeze();
  ExpectLeftAlone();
  EXPECT_TRUE(reader_->redis().open);
  server_.Thaw();
}

TEST_F(ScoreLookupInRedisTest, LeavesADeadRedisAloneAfterAFewTriesAndComesBackToIt) {
  server_.Stop();
  ExpectLeftAlone();
  server_.Start();
  Put("account0", 41.5);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (Find(*lookup_, "account0")->score.score() != 41.5) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "Redis is never tried again";
  }
  EXPECT_FALSE(reader_->redis().open);
}

TEST_F(ScoreLookupInRedisTest, AnswersWhileRedisPausesItsClients) {
  ConnectImpatiently();
  (void)server_.Run({"CLIENT", "PAUSE", "700", "ALL"});
  ExpectAllFromSource(100);
}

TEST_F(ScoreLookupInRedisTest, AnswersFromAnEmptyRedisAfterItsRestart) {
  Put("account0", 41.5);
  EXPECT_EQ(Find(*lookup_, "account0")->score.score(), 41.5);
  server_.Stop();
  server_.Start();
  ExpectAllFromSource(20);
}

}  // namespace
}  // namespace perennial::health
