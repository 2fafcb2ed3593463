// Feeds of two replicas that share the accounts, as one who asks either of them sees them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "health-svc/watch_token.h"
#include "tests/health/sharded_fixture.h"

namespace perennial::health {
namespace {

using ::testing::HasSubstr;

// What somebody who follows all scores knows, through whichever replica.
struct Known {
  std::map<std::string, v1::HealthScoreUpdate> rows;
  std::string token;
  std::int64_t facts_revision = 0;
  bool caught_up = false;
  int updates = 0;

  void Take(const v1::WatchHealthScoresResponse& message) {
    EXPECT_EQ(message.progress_revision(), 0) << "would be of one replica";
    EXPECT_TRUE(message.feed_id().empty());
    EXPECT_FALSE(message.progress_token().empty());
    for (const auto& update : message.updates()) {
      auto& row = rows[update.account_id()];
      EXPECT_LT(row.revision(), update.revision()) << update.account_id() << " went back, or came twice";
      row = update;
      ++updates;
    }
    token = message.progress_token();
    facts_revision = message.facts_revision();
    caught_up = message.caught_up();
  }
};

class ShardWatchTest : public ShardedFixture {
 protected:
  void SetUp() override {
    PutAccounts(60);
    ASSERT_NO_FATAL_FAILURE(StartBoth());
    ASSERT_NO_FATAL_FAILURE(WaitForBoth());
  }
  // Reads until `enough`, then leaves; returns how the stream ended when it did so by itself.
  grpc::Status Follow(int replica, Known& known, const std::function<bool()>& enough) {
    v1::WatchHealthScoresRequest request;
    request.set_start_token(known.token);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    const auto stub = Scores(replica);
    const auto reader = stub->WatchHealthScores(&context, request);
    v1::WatchHealthScoresResponse message;
    while (reader->Read(&message)) {
      known.Take(message);
      if (!enough()) continue;
      context.TryCancel();
      (void)reader->Finish();
      return grpc::Status::OK;
    }
    return reader->Finish();
  }
  grpc::Status Refused(const v1::WatchHealthScoresRequest& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    const auto stub = Scores(0);
    const auto reader = stub->WatchHealthScores(&context, request);
    v1::WatchHealthScoresResponse message;
    // A replica that has nothing against it may have sent something first.
    while (reader->Read(&message)) continue;
    return reader->Finish();
  }
};

TEST_F(ShardWatchTest, EitherReplicaSendsTheScoresOfAllAndResumesWhereTheOtherEnded) {
  Known known;
  ASSERT_TRUE(Follow(0, known, [&] { return known.caught_up; }).ok());
  ASSERT_EQ(known.rows.size(), 60U);
  EXPECT_EQ(known.updates, 60);
  EXPECT_EQ(known.facts_revision, accounts_.revision());
  for (const auto& [account, update] : known.rows) {
    EXPECT_DOUBLE_EQ(update.health_score().score(), NumberOf(account)) << account;
  }
  for (int shard = 0; shard < kReplicas; ++shard) accounts_.Put(AccountOf(shard), {{"use", 88.0}});
  accounts_.Delete(AccountOf(0, 30));
  accounts_.Delete(AccountOf(1, 30));
  const std::int64_t revision = accounts_.revision();
  ASSERT_TRUE(Follow(1, known, [&] { return known.caught_up && known.facts_revision >= revision; }).ok());
  EXPECT_EQ(known.updates, 64) << "nothing again";
  for (int shard = 0; shard < kReplicas; ++shard) {
    EXPECT_DOUBLE_EQ(known.rows[AccountOf(shard)].health_score().score(), 88);
    EXPECT_TRUE(known.rows[AccountOf(shard, 30)].deleted());
  }
}

TEST_F(ShardWatchTest, GoesOnWhileOneIsAwayAndMissesNothingOfItAfterwards) {
  Known known;
  bool without = false;
  bool began = false;
  const grpc::Status status = Follow(0, known, [&] {
    if (!began && known.caught_up) {
      began = true;
      Stop(1);
      for (int shard = 0; shard < kReplicas; ++shard) accounts_.Put(AccountOf(shard), {{"use", 88.0}});
    }
    if (began && !without && known.rows[AccountOf(0)].health_score().score() == 88) {
      without = true;
      EXPECT_NE(known.rows[AccountOf(1)].health_score().score(), 88);
      EXPECT_FALSE(known.caught_up) << "nobody knows what the other would send";
      Start(1);
    }
    return without && known.caught_up && known.rows[AccountOf(1)].health_score().score() == 88;
  });
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(without);
  EXPECT_EQ(known.updates, 62) << "what had been sent before was not sent again";
}

TEST_F(ShardWatchTest, AReplicaWithAnotherDatabaseEndsTheStreamForGood) {
  Known known;
  ASSERT_TRUE(Follow(0, known, [&] { return known.caught_up; }).ok());
  Stop(1);
  std::filesystem::remove_all(absl::StrCat(folder_.path(), "/1"));
  ASSERT_NO_FATAL_FAILURE(Start(1));
  ASSERT_NO_FATAL_FAILURE(WaitForBoth());
  EXPECT_EQ(Follow(0, known, [] { return false; }).error_code(), grpc::StatusCode::OUT_OF_RANGE);
  Known anew;
  ASSERT_TRUE(Follow(0, anew, [&] { return anew.caught_up; }).ok());
  EXPECT_EQ(anew.rows.size(), 60U);
}

TEST_F(ShardWatchTest, RefusesPlacesThatAreNotOfAllReplicas) {
  v1::WatchHealthScoresRequest request;
  request.set_start_revision(5);
  EXPECT_EQ(Refused(request).error_code(), grpc::StatusCode::OUT_OF_RANGE);
  request.set_start_revision(-1);
  EXPECT_EQ(Refused(request).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request.clear_start_revision();
  request.set_start_token("no token");
  grpc::Status status = Refused(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("start_token"));
  request.set_start_token(MakeWatchToken("WatchHealthScores", {{.feed_id = "a", .revision = 3}}));
  EXPECT_EQ(Refused(request).error_code(), grpc::StatusCode::OUT_OF_RANGE);
  request.set_start_token(MakeWatchToken("WatchFlags", {{}, {}}));
  EXPECT_EQ(Refused(request).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request.set_start_token(MakeWatchToken("WatchHealthScores", {{.revision = 1 << 20}, {}}));
  EXPECT_EQ(Refused(request).error_code(), grpc::StatusCode::OUT_OF_RANGE) << "never given out";
  request.set_start_revision(1);
  EXPECT_EQ(Refused(request).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ShardWatchTest, OneReplicaAloneSendsItsOwn) {
  int seen = 0;
  for (int replica = 0; replica < kReplicas; ++replica) {
    v1::WatchHealthScoresRequest request;
    request.set_replica_only(true);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    const auto stub = Scores(replica);
    const auto reader = stub->WatchHealthScores(&context, request);
    v1::WatchHealthScoresResponse message;
    bool caught_up = false;
    while (!caught_up && reader->Read(&message)) {
      for (const auto& update : message.updates()) {
        EXPECT_EQ(ShardOf(update.account_id(), kReplicas), replica);
        ++seen;
      }
      EXPECT_GT(message.progress_revision(), 0);
      caught_up = message.caught_up();
    }
    context.TryCancel();
    (void)reader->Finish();
  }
  EXPECT_EQ(seen, 60);
}

TEST_F(ShardWatchTest, FlagsOfAllAreSentAndResumed) {
  for (int shard = 0; shard < kReplicas; ++shard) accounts_.Put(AccountOf(shard), {{"use", 90.0}, {"urgent", 1.0}});
  std::map<std::string, v1::Flag> flags;
  v1::WatchFlagsRequest request;
  const auto both = [&](v1::FlagState state) {
    for (int shard = 0; shard < kReplicas; ++shard) {
      const auto found = flags.find(absl::StrCat("accounts/", AccountOf(shard), "/flags/urgent"));
      if (found == flags.end() || found->second.state() != state) return false;
    }
    return true;
  };
  for (const v1::FlagState state : {v1::FLAG_STATE_OPEN, v1::FLAG_STATE_CLEARED}) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    const auto stub = Flags(state == v1::FLAG_STATE_OPEN ? 0 : 1);
    const auto reader = stub->WatchFlags(&context, request);
    v1::WatchFlagsResponse message;
    while (!both(state) && reader->Read(&message)) {
      for (const auto& update : message.updates()) flags[update.flag().name()] = update.flag();
      request.set_start_token(message.progress_token());
    }
    EXPECT_TRUE(both(state));
    context.TryCancel();
    (void)reader->Finish();
    for (int shard = 0; shard < kReplicas; ++shard) accounts_.Put(AccountOf(shard), {{"use", 90.0}, {"urgent", 0.0}});
  }
}

TEST_F(ShardWatchTest, AStoppingReplicaEndsItsStreamsWithUnavailable) {
  Known known;
  std::thread stopper;
  const grpc::Status status = Follow(0, known, [&] {
    // On another thread, as it waits for its streams.
    if (known.caught_up && !stopper.joinable()) stopper = std::thread([this] { processes_[0]->Stop(); });
    return false;
  });
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
  ASSERT_TRUE(stopper.joinable());
  stopper.join();
}

// A hierarchy whose accounts lie on both replicas.
class ShardRollUpTest : public ShardedFixture {
 protected:
  void Put(const std::string& account, double score, double mrr, const std::string& parent) {
    FactMap facts = {{"use", score}, {"mrr", mrr}};
    if (!parent.empty()) facts["parent"] = parent;
    accounts_.Put(account, facts);
  }
  grpc::Status RollUp(int replica, const std::string& account, v1::GetHealthScoreRollUpResponse* out,
                      std::int64_t min_facts_revision = 0) {
    v1::GetHealthScoreRollUpRequest request;
    request.set_account("accounts/" + account);
    request.set_min_facts_revision(min_facts_revision);
    return Call(&v1::HealthScoreService::Stub::GetHealthScoreRollUp, Scores(replica), request, out);
  }
};

TEST_F(ShardRollUpTest, IsWholeAndTheSameThroughEither) {
  const std::string top = AccountOf(0);
  const std::string left = AccountOf(1);
  const std::string right = AccountOf(1, NumberOf(left) + 1);
  const std::string below = AccountOf(0, NumberOf(top) + 1);
  Put(top, 50, 100, "");
  Put(left, 80, 300, top);
  Put(right, 20, 100, "accounts/" + top);
  Put(below, 100, 500, left);
  ASSERT_NO_FATAL_FAILURE(StartBoth());
  ASSERT_NO_FATAL_FAILURE(WaitForBoth());
  for (int replica = 0; replica < kReplicas; ++replica) {
    v1::GetHealthScoreRollUpResponse out;
    grpc::Status status = RollUp(replica, top, &out, accounts_.revision());
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_NEAR(out.score(), (50.0 * 100 + 80 * 300 + 20 * 100 + 100 * 500) / 1000, 1e-9);
    EXPECT_EQ(out.band(), "green");
    EXPECT_EQ(out.coverage(), 1);
    EXPECT_EQ(out.facts_revision(), accounts_.revision());
    ASSERT_EQ(out.parts_size(), 4);
    EXPECT_EQ(out.parts(0).account(), "accounts/" + below);
    status = RollUp(replica, below, &out);
    EXPECT_TRUE(status.ok() && out.parts_size() == 1) << status.error_message();
    EXPECT_EQ(RollUp(replica, "nobody", &out).error_code(), grpc::StatusCode::NOT_FOUND);
    v1::GetHealthScoreRollUpRequest bad;
    EXPECT_EQ(Call(&v1::HealthScoreService::Stub::GetHealthScoreRollUp, Scores(replica), bad, &out).error_code(),
              grpc::StatusCode::INVALID_ARGUMENT);
  }
  // Accounts below each other while the feed brings both.
  Put(top, 50, 100, below);
  for (int replica = 0; replica < kReplicas; ++replica) {
    v1::GetHealthScoreRollUpResponse out;
    const grpc::Status status = RollUp(replica, left, &out, accounts_.revision());
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(out.parts_size(), 4) << "each once";
  }
  Stop(1);
  v1::GetHealthScoreRollUpResponse out;
  const grpc::Status status = RollUp(0, top, &out);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("replica 1 of 2"));
}

TEST(WatchTokenTest, KeepsThePlaceInEachReplica) {
  const std::vector<WatchPlace> places = {{.feed_id = "f00d", .revision = 7}, {.revision = 0}};
  EXPECT_EQ(*ReadWatchToken("Watch", MakeWatchToken("Watch", places), 2), places);
  EXPECT_EQ(ReadWatchToken("Watch", MakeWatchToken("Watch", places), 3).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ReadWatchToken("Other", MakeWatchToken("Watch", places), 2).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace perennial::health
