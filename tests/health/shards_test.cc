// Two replicas share the accounts, and each answers for all of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "common/base/error_details.h"
#include "common/server/grpc_status.h"
#include "health-svc/score_cache.h"
#include "tests/health/sharded_fixture.h"

namespace perennial::health {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ShardFlagTest, NamesAReplicaAndHowManyThereAre) {
  EXPECT_EQ(ParseShard("1/2")->index, 1);
  EXPECT_EQ(ParseShard("1/2")->count, 2);
  for (const char* text : {"", "1", "2/2", "-1/2", "0/0", "0/65", "a/2", "0/2/3"}) {
    EXPECT_EQ(ParseShard(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ShardFlagTest, NeedsAnAddressForEachReplica) {
  perennial::testing::TemporaryFolder folder;
  FakeAccounts accounts;
  MovedClock clock;
  HealthProcessOptions options{.data = folder.path(),
                               .accounts = accounts.channel(),
                               .scorecards = *ParseScorecards(kTestScorecards),
                               .flag_rules = *ParseFlagRules(kTestRules)};
  options.shard = {.index = 0, .count = 2};
  const auto process = HealthProcess::Start(std::move(options), clock);
  ASSERT_EQ(process.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(process.status().message()), HasSubstr("--replicas must name 2 addresses"));
}

class ShardsTest : public ShardedFixture {
 protected:
  void SetUp() override {
    PutAccounts(60);
    ASSERT_NO_FATAL_FAILURE(StartBoth());
    v1::HealthScore score;
    for (int replica = 0; replica < kReplicas; ++replica) {
      for (int shard = 0; shard < kReplicas; ++shard) {
        grpc::Status status;
        // Until what asks it has a connection.
        ASSERT_TRUE(Eventually([&] {
          status = Get(replica, AccountOf(shard), &score, accounts_.revision());
          return status.error_code() != grpc::StatusCode::UNAVAILABLE;
        }));
        ASSERT_TRUE(status.ok()) << status.error_message();
      }
    }
    ASSERT_NO_FATAL_FAILURE(WaitForBoth());
  }
  std::vector<std::string> ListAll(int replica, const std::string& order, int page_size) {
    std::vector<std::string> names;
    v1::ListHealthScoresRequest request;
    request.set_order_by(order);
    request.set_page_size(page_size);
    request.set_filter("use >= 10");
    do {
      v1::ListHealthScoresResponse response;
      const grpc::Status status =
          Call(&v1::HealthScoreService::Stub::ListHealthScores, Scores(replica), request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      EXPECT_EQ(response.total_size(), 50);
      EXPECT_TRUE(response.has_filter_reading());
      EXPECT_LE(response.health_scores_size(), page_size);
      for (const auto& score : response.health_scores()) names.push_back(score.name());
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty() && names.size() < 1000);
    return names;
  }
};

TEST_F(ShardsTest, EachScoresAShareAndBothAnswerForAll) {
  EXPECT_EQ(Metric(0, "perennial_health_accounts") + Metric(1, "perennial_health_accounts"), 60);
  EXPECT_GT(Metric(0, "perennial_health_accounts"), 0);
  EXPECT_GT(Metric(1, "perennial_health_accounts"), 0);
  for (int replica = 0; replica < kReplicas; ++replica) {
    for (int i = 0; i < 60; ++i) {
      v1::HealthScore score;
      const grpc::Status status = Get(replica, absl::StrCat("a", i), &score);
      ASSERT_TRUE(status.ok()) << status.error_message();
      EXPECT_DOUBLE_EQ(score.score(), i);
    }
    v1::HealthScore none;
    EXPECT_EQ(Get(replica, "nobody", &none).error_code(), grpc::StatusCode::NOT_FOUND);
    EXPECT_EQ(Get(replica, "nobody2", &none).error_code(), grpc::StatusCode::NOT_FOUND);
  }
}

TEST_F(ShardsTest, AFreshScoreIsReadAtBoth) {
  for (int shard = 0; shard < kReplicas; ++shard) {
    const std::string account = AccountOf(shard);
    const std::int64_t revision = accounts_.Put(account, {{"use", 77.0}});
    for (int replica = 0; replica < kReplicas; ++replica) {
      v1::HealthScore score;
      const grpc::Status status = Get(replica, account, &score, revision);
      ASSERT_TRUE(status.ok()) << status.error_message();
      EXPECT_DOUBLE_EQ(score.score(), 77) << "replica " << replica;
    }
  }
}

TEST_F(ShardsTest, ListsAreWholeAndTheSameAtBoth) {
  std::vector<std::string> expected;
  for (int i = 59; i >= 10; --i) expected.push_back(absl::StrCat("accounts/a", i, "/healthScore"));
  EXPECT_EQ(ListAll(0, "score desc", 7), expected);
  EXPECT_EQ(ListAll(1, "score desc", 50), expected);
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(ListAll(1, "name", 13), expected);
  EXPECT_EQ(ListAll(0, "", 49), expected);
}

TEST_F(ShardsTest, ABadListIsRefusedAsByOneReplica) {
  v1::ListHealthScoresRequest request;
  request.set_filter("no_such_fact > 1");
  request.set_page_size(-1);
  v1::ListHealthScoresResponse response;
  const grpc::Status status = Call(&v1::HealthScoreService::Stub::ListHealthScores, Scores(0), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("page_size"));
}

TEST_F(ShardsTest, BatchesKeepTheirOrder) {
  v1::BatchGetHealthScoresRequest request;
  for (int i = 20; i > 0; --i) request.add_names(absl::StrCat("accounts/a", i, "/healthScore"));
  v1::BatchGetHealthScoresResponse response;
  const grpc::Status status = Call(&v1::HealthScoreService::Stub::BatchGetHealthScores, Scores(1), request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.health_scores_size(), 20);
  for (int i = 0; i < 20; ++i) EXPECT_DOUBLE_EQ(response.health_scores(i).score(), 20 - i);
}

TEST_F(ShardsTest, FlagsAreListedFromAllAndHandledByTheirOwner) {
  std::vector<std::string> urgent;
  for (int shard = 0; shard < kReplicas; ++shard) {
    urgent.push_back(AccountOf(shard));
    accounts_.Put(urgent.back(), {{"use", 90.0}, {"urgent", 1.0}});
  }
  for (int replica = 0; replica < kReplicas; ++replica) {
    v1::ListFlagsRequest request;
    request.set_parent("accounts/-");
    request.add_rules("urgent");
    request.set_page_size(1);
    request.set_min_facts_revision(accounts_.revision());
    std::set<std::string> names;
    do {
      v1::ListFlagsResponse response;
      const grpc::Status status = Call(&v1::FlagService::Stub::ListFlags, Flags(replica), request, &response);
      ASSERT_TRUE(status.ok()) << status.error_message();
      EXPECT_EQ(response.total_size(), 2);
      for (const auto& flag : response.flags()) names.insert(flag.name());
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    EXPECT_EQ(names.size(), 2);
  }
  for (const std::string& account : urgent) {
    v1::AcknowledgeFlagRequest acknowledge;
    acknowledge.set_name(absl::StrCat("accounts/", account, "/flags/urgent"));
    acknowledge.set_actor("kim");
    v1::AcknowledgeFlagResponse response;
    const grpc::Status status = Call(&v1::FlagService::Stub::AcknowledgeFlag, Flags(0), acknowledge, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.flag().state(), v1::FLAG_STATE_ACKNOWLEDGED);
  }
}

TEST_F(ShardsTest, AnOverrideIsSetAndExplainedThroughEither) {
  const std::string account = AccountOf(1);
  v1::SetHealthScoreOverrideRequest request;
  request.set_name("accounts/" + account);
  request.mutable_override()->set_score(5);
  request.mutable_override()->set_author("kim");
  request.mutable_override()->set_reason("told so");
  *request.mutable_override()->mutable_expire_time() = ToTimestamp(clock_.Now() + absl::Hours(24));
  v1::SetHealthScoreOverrideResponse set;
  const grpc::Status status = Call(&v1::HealthScoreService::Stub::SetHealthScoreOverride, Scores(0), request, &set);
  ASSERT_TRUE(status.ok()) << status.error_message();
  for (int replica = 0; replica < kReplicas; ++replica) {
    v1::ExplainHealthScoreRequest explain;
    explain.set_name("accounts/" + account);
    v1::ExplainHealthScoreResponse explained;
    const grpc::Status told =
        Call(&v1::HealthScoreService::Stub::ExplainHealthScore, Scores(replica), explain, &explained);
    ASSERT_TRUE(told.ok()) << told.error_message();
    EXPECT_DOUBLE_EQ(explained.explanation().score().score(), 5);
    EXPECT_EQ(explained.explanation().score().override().author(), "kim");
  }
}

TEST_F(ShardsTest, ASimulationLooksAtAllAccounts) {
  v1::SimulateScorecardRequest request;
  *request.mutable_scorecard() = ParseScorecards(kTestScorecards)->scorecards(0);
  request.mutable_scorecard()->set_name("scorecards/general");
  // Only what these accounts have: a draft must not read facts that nobody knows of.
  auto* measures = request.mutable_scorecard()->mutable_measures();
  measures->DeleteSubrange(1, measures->size() - 1);
  auto* groups = request.mutable_scorecard()->mutable_groups();
  groups->DeleteSubrange(1, groups->size() - 1);
  request.mutable_scorecard()->clear_exceptions();
  request.mutable_scorecard()->mutable_bands(2)->set_lower_bound(55);
  v1::SimulateScorecardResponse response;
  const grpc::Status status = Call(&v1::ScorecardService::Stub::SimulateScorecard, Cards(1), request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.accounts(), 60);
  ASSERT_EQ(response.moves_size(), 1);
  EXPECT_EQ(response.moves(0).accounts(), 5) << "55 to 59";
  EXPECT_EQ(response.moves(0).mrr().amount(), "50");
  std::int64_t accounts = 0;
  for (const auto& share : response.after()) accounts += share.accounts();
  EXPECT_EQ(accounts, 60);
}

TEST_F(ShardsTest, ScoresOfAReplicaThatIsGoneComeFromRedisAndElseFromTheFacts) {
  const std::string account = AccountOf(1, 30);
  ASSERT_TRUE(Eventually([&] { return redis_.Run({"EXISTS", CacheKey(account)}).integer == 1; }));
  Stop(1);
  v1::HealthScore score;
  grpc::Status status;
  const std::string hits = "perennial_health_cache_reads_total{result=\"hit\",scores=\"others\"}";
  const double before = Metric(0, hits);
  // On a busy machine Redis may take longer than it is waited for; then another read tells.
  EXPECT_TRUE(Eventually([&] {
    status = Get(0, account, &score);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_DOUBLE_EQ(score.score(), NumberOf(account));
    return Metric(0, hits) > before;
  }));
  // Facts that nobody scores any more.
  const std::int64_t revision = accounts_.Put(account, {{"use", 99.0}});
  status = Get(0, account, &score, revision);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_DOUBLE_EQ(score.score(), 99);
  (void)redis_.Run({"FLUSHALL"});
  status = Get(0, account, &score);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_DOUBLE_EQ(score.score(), 99);
  EXPECT_EQ(Get(0, AccountOf(1, 1000), &score).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ShardsTest, WhatNeedsAReplicaThatIsGoneSaysSo) {
  Stop(1);
  v1::ListHealthScoresRequest request;
  v1::ListHealthScoresResponse response;
  const grpc::Status status = Call(&v1::HealthScoreService::Stub::ListHealthScores, Scores(0), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("replica 1 of 2"));
  EXPECT_EQ(response.health_scores_size(), 0) << "never a part of a list";
}

// Right answers, whatever Redis does; and Redis is left alone while it fails.
class ShardsWithoutRedisTest : public ShardsTest {
 protected:
  // How often a Redis that fails may have been tried since then: five failures, then one try a second.
  static double MostTries(std::chrono::steady_clock::time_point since) {
    return 6 + std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
  }
  void ExpectAllAnswered(int rounds) {
    for (int round = 0; round < rounds; ++round) {
      for (int i = 0; i < 60; ++i) {
        v1::HealthScore score;
        const grpc::Status status = Get(0, absl::StrCat("a", i), &score);
        ASSERT_TRUE(status.ok()) << status.error_message();
        ASSERT_DOUBLE_EQ(score.score(), i);
      }
    }
  }
  double Tried() { return Metric(0, "perennial_redis_exchanges_total{client=\"reader_of_others\"}"); }
  double Refused() { return Metric(0, "perennial_redis_refused_total{client=\"reader_of_others\"}"); }
};

TEST_F(ShardsWithoutRedisTest, Killed) {
  redis_.Stop();
  const double tried = Tried();
  const auto begin = std::chrono::steady_clock::now();
  ExpectAllAnswered(3);
  EXPECT_LE(Tried() - tried, MostTries(begin));
  EXPECT_GT(Refused(), 0);
  EXPECT_EQ(Metric(0, "perennial_redis_breaker_open{client=\"reader_of_others\"}"), 1);
}

TEST_F(ShardsWithoutRedisTest, Hung) {
  redis_.Freeze();
  const double tried = Tried();
  const auto begin = std::chrono::steady_clock::now();
  ExpectAllAnswered(3);
  EXPECT_LE(Tried() - tried, MostTries(begin));
  EXPECT_GT(Refused(), 0);
  redis_.Thaw();
}

TEST_F(ShardsWithoutRedisTest, Paused) {
  (void)redis_.Run({"CLIENT", "PAUSE", "1500", "ALL"});
  ExpectAllAnswered(3);
}

TEST_F(ShardsWithoutRedisTest, Full) {
  (void)redis_.Run({"FLUSHALL"});
  (void)redis_.Run({"CONFIG", "SET", "maxmemory", "1"});
  ExpectAllAnswered(2);
  EXPECT_GT(Metric(0, "perennial_health_cache_reads_total{result=\"miss\",scores=\"others\"}"), 0);
}

TEST_F(ShardsWithoutRedisTest, Poisoned) {
  for (int i = 0; i < 60; ++i) {
    (void)redis_.Run({"SET", CacheKey(absl::StrCat("a", i)), std::string(static_cast<std::size_t>(i), 'x')});
  }
  ExpectAllAnswered(2);
  EXPECT_GT(Metric(0, "perennial_health_cache_reads_total{result=\"poisoned\",scores=\"others\"}"), 0);
}

TEST_F(ShardsWithoutRedisTest, RestartedEmpty) {
  redis_.Stop();
  redis_.Start();
  ExpectAllAnswered(2);
}

}  // namespace
}  // namespace perennial::health
