// Of two replicas that share the accounts the first keeps scorecards and flag rules, and the other follows it.
#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/server/call_metadata.h"
#include "health-svc/shard/configuration_feed.h"
#include "health-svc/store/sqlite_health_store.h"
#include "tests/health/sharded_fixture.h"

namespace perennial::health {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using ::testing::HasSubstr;

class ShardConfigurationTest : public ShardedFixture {
 protected:
  void SetUp() override {
    // All facts of the scorecard are known.
    for (int i = 0; i < 40; ++i) {
      accounts_.Put(absl::StrCat("a", i), {{"use", static_cast<double>(i)}, {"said", 50.0}, {"urgent", 0.0}});
    }
    ASSERT_NO_FATAL_FAILURE(StartBoth());
    ASSERT_NO_FATAL_FAILURE(WaitForBoth());
  }

  grpc::Status GetCard(int replica, std::int64_t revision, v1::Scorecard* out) {
    v1::GetScorecardRequest request;
    request.set_name("scorecards/general");
    request.set_revision(revision);
    v1::GetScorecardResponse response;
    const grpc::Status status = Call(&v1::ScorecardService::Stub::GetScorecard, Cards(replica), request, &response);
    *out = response.scorecard();
    return status;
  }
  // Makes a score of 40 or more "green"; returns what the replica answered.
  grpc::Status UpdateThrough(int replica, double green_from, v1::Scorecard* out, const std::string& caller = "") {
    v1::UpdateScorecardRequest request;
    v1::Scorecard present;
    (void)GetCard(replica, 0, &present);
    request.mutable_scorecard()->set_name("scorecards/general");
    *request.mutable_scorecard()->mutable_bands() = present.bands();
    request.mutable_scorecard()->mutable_bands(1)->set_lower_bound(green_from / 2);
    request.mutable_scorecard()->mutable_bands(2)->set_lower_bound(green_from);
    request.mutable_update_mask()->add_paths("bands");
    if (caller.empty()) request.set_author("kim");
    request.set_note("because");
    v1::UpdateScorecardResponse response;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    if (!caller.empty()) context.AddMetadata(kCallerKey, caller);
    const grpc::Status status = Cards(replica)->UpdateScorecard(&context, request, &response);
    *out = response.scorecard();
    return status;
  }
  // Whether a replica scores by a revision and its own accounts of 30 points or more are green, and no others.
  bool ScoresBy(int replica, std::int64_t revision, double green_from) {
    v1::WatchHealthScoresRequest request;
    request.set_replica_only(true);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    const auto stub = Scores(replica);
    const auto reader = stub->WatchHealthScores(&context, request);
    v1::WatchHealthScoresResponse message;
    bool all = true;
    int seen = 0;
    while (reader->Read(&message)) {
      for (const auto& update : message.updates()) {
        const v1::HealthScore& score = update.health_score();
        all =
            all && score.scorecard_revision() == revision && (score.band() == "green") == (score.score() >= green_from);
        ++seen;
      }
      if (message.caught_up()) break;
    }
    context.TryCancel();
    (void)reader->Finish();
    return all && seen > 0;
  }
  std::vector<v1::Scorecard> RevisionsAt(int replica) {
    v1::ListScorecardRevisionsRequest request;
    request.set_name("scorecards/general");
    v1::ListScorecardRevisionsResponse response;
    const grpc::Status status =
        Call(&v1::ScorecardService::Stub::ListScorecardRevisions, Cards(replica), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return {response.revisions().begin(), response.revisions().end()};
  }
  void ExpectSameRevisions(std::size_t count) {
    const auto first = RevisionsAt(0);
    const auto second = RevisionsAt(1);
    ASSERT_EQ(first.size(), count);
    ASSERT_EQ(second.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_TRUE(MessageDifferencer::Equals(first[i], second[i])) << first[i].DebugString() << second[i].DebugString();
    }
  }
};

TEST_F(ShardConfigurationTest, AScorecardChangedThroughEitherScoresTheAccountsOfBoth) {
  for (int replica = 0; replica < kReplicas; ++replica) {
    v1::Scorecard stored;
    const double green_from = 30 + replica;
    const grpc::Status status = UpdateThrough(replica, green_from, &stored);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(stored.revision(), 2 + replica);
    EXPECT_EQ(stored.author(), "kim");
    for (int shard = 0; shard < kReplicas; ++shard) {
      EXPECT_TRUE(Eventually([&] { return ScoresBy(shard, 2 + replica, green_from); })) << "replica " << shard;
      v1::Scorecard read;
      EXPECT_TRUE(GetCard(shard, 0, &read).ok());
      EXPECT_TRUE(MessageDifferencer::Equals(read, stored)) << read.DebugString();
    }
  }
  ASSERT_NO_FATAL_FAILURE(ExpectSameRevisions(3));
  // What was before is read and compared alike at both.
  std::string differences[kReplicas];
  for (int replica = 0; replica < kReplicas; ++replica) {
    v1::Scorecard first;
    EXPECT_TRUE(GetCard(replica, 1, &first).ok());
    EXPECT_EQ(first.bands(2).lower_bound(), 75);
    v1::DiffScorecardRevisionsRequest request;
    request.set_name("scorecards/general");
    v1::DiffScorecardRevisionsResponse response;
    EXPECT_TRUE(Call(&v1::ScorecardService::Stub::DiffScorecardRevisions, Cards(replica), request, &response).ok());
    differences[replica] = response.DebugString();
  }
  EXPECT_THAT(differences[0], HasSubstr("lower_bound"));
  EXPECT_EQ(differences[0], differences[1]);
}

TEST_F(ShardConfigurationTest, FaultsAndStaleEtagsAreToldThroughEitherAlike) {
  for (int replica = 0; replica < kReplicas; ++replica) {
    v1::UpdateScorecardRequest request;
    request.mutable_scorecard()->set_name("scorecards/general");
    request.mutable_scorecard()->set_display_name("Other");
    request.mutable_scorecard()->set_etag("r77");
    request.set_author("kim");
    v1::UpdateScorecardResponse response;
    EXPECT_EQ(Call(&v1::ScorecardService::Stub::UpdateScorecard, Cards(replica), request, &response).error_code(),
              grpc::StatusCode::ABORTED);
    v1::CreateFlagRuleRequest rule;
    v1::CreateFlagRuleResponse created;
    const grpc::Status status = Call(&v1::FlagService::Stub::CreateFlagRule, Flags(replica), rule, &created);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), HasSubstr("flag_rule_id"));
  }
}

TEST_F(ShardConfigurationTest, ACallerWithoutAnAuthorIsTheAuthorThroughEither) {
  for (int replica = 0; replica < kReplicas; ++replica) {
    v1::Scorecard stored;
    const grpc::Status status = UpdateThrough(replica, 20 + replica, &stored, absl::StrCat("robot-", replica));
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(stored.author(), absl::StrCat("robot-", replica));
  }
}

TEST_F(ShardConfigurationTest, AFlagRuleIsMadeChangedAndDeletedThroughTheOtherReplica) {
  v1::CreateFlagRuleRequest create;
  create.set_flag_rule_id("low-use");
  create.set_author("kim");
  create.mutable_flag_rule()->set_filter("use < 5");
  create.mutable_flag_rule()->set_severity(v1::FLAG_SEVERITY_HIGH);
  create.mutable_flag_rule()->set_category(v1::FLAG_CATEGORY_RISK);
  v1::CreateFlagRuleResponse created;
  grpc::Status status = Call(&v1::FlagService::Stub::CreateFlagRule, Flags(1), create, &created);
  ASSERT_TRUE(status.ok()) << status.error_message();
  const auto raised = [&](int replica) {
    v1::ListFlagsRequest request;
    request.set_parent("accounts/-");
    request.add_rules("low-use");
    v1::ListFlagsResponse response;
    const grpc::Status listed = Call(&v1::FlagService::Stub::ListFlags, Flags(replica), request, &response);
    return listed.ok() ? response.total_size() : -1;
  };
  for (int replica = 0; replica < kReplicas; ++replica) {
    EXPECT_TRUE(Eventually([&] { return raised(replica) == 5; })) << raised(replica);
  }
  v1::UpdateFlagRuleRequest update;
  update.mutable_flag_rule()->set_name("flagRules/low-use");
  update.mutable_flag_rule()->set_filter("use < 9");
  update.set_author("kim");
  v1::UpdateFlagRuleResponse updated;
  status = Call(&v1::FlagService::Stub::UpdateFlagRule, Flags(1), update, &updated);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(Eventually([&] { return raised(0) == 9 && raised(1) == 9; })) << raised(0);
  v1::DeleteFlagRuleRequest gone;
  gone.set_name("flagRules/low-use");
  gone.set_author("kim");
  v1::DeleteFlagRuleResponse deleted;
  status = Call(&v1::FlagService::Stub::DeleteFlagRule, Flags(1), gone, &deleted);
  ASSERT_TRUE(status.ok()) << status.error_message();
  const auto known = [&](int replica) {
    v1::GetFlagRuleRequest request;
    request.set_name("flagRules/low-use");
    v1::GetFlagRuleResponse response;
    return Call(&v1::FlagService::Stub::GetFlagRule, Flags(replica), request, &response).ok();
  };
  EXPECT_TRUE(Eventually([&] { return !known(0) && !known(1); }));
}

TEST_F(ShardConfigurationTest, WhileTheKeeperIsAwayReadsGoOnAndChangesSayWhoIsMissing) {
  v1::Scorecard stored;
  ASSERT_TRUE(UpdateThrough(1, 30, &stored).ok());
  ASSERT_TRUE(Eventually([&] { return ScoresBy(1, 2, 30); }));
  EXPECT_TRUE(Eventually([&] { return Metric(1, "perennial_health_configuration_followed") == 1; }));
  Stop(0);
  EXPECT_TRUE(Eventually([&] { return Metric(1, "perennial_health_configuration_followed") == 0; }));
  v1::Scorecard read;
  EXPECT_TRUE(GetCard(1, 0, &read).ok());
  EXPECT_TRUE(MessageDifferencer::Equals(read, stored));
  EXPECT_TRUE(GetCard(1, 1, &read).ok());
  EXPECT_EQ(RevisionsAt(1).size(), 2U);
  const grpc::Status status = UpdateThrough(1, 35, &read);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("replica 0 of 2"));
  EXPECT_THAT(status.error_message(), HasSubstr("keeps the configuration"));
  // It starts without the keeper too, and follows it once it is back.
  Stop(1);
  ASSERT_NO_FATAL_FAILURE(Start(1));
  EXPECT_TRUE(Eventually([&] { return ScoresBy(1, 2, 30); }));
  ASSERT_NO_FATAL_FAILURE(Start(0));
  ASSERT_TRUE(Eventually([&] { return UpdateThrough(1, 36, &read).ok(); }));
  for (int shard = 0; shard < kReplicas; ++shard) {
    EXPECT_TRUE(Eventually([&] { return ScoresBy(shard, 3, 36); })) << shard;
  }
  ExpectSameRevisions(3);
}

TEST_F(ShardConfigurationTest, AReplicaThatWasAwayCatchesUp) {
  Stop(1);
  v1::Scorecard stored;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(UpdateThrough(0, 20 + 2 * i, &stored).ok());
  ASSERT_NO_FATAL_FAILURE(Start(1));
  EXPECT_TRUE(Eventually([&] { return ScoresBy(1, 4, 24); }));
  ExpectSameRevisions(4);
}

TEST_F(ShardConfigurationTest, AKeeperPutBackToAnEarlierStateIsFollowedThere) {
  v1::Scorecard stored;
  ASSERT_TRUE(UpdateThrough(0, 30, &stored).ok());
  ASSERT_TRUE(Eventually([&] { return ScoresBy(1, 2, 30); }));
  Stop(0);
  std::filesystem::remove_all(absl::StrCat(folder_.path(), "/0"));
  ASSERT_NO_FATAL_FAILURE(Start(0));
  EXPECT_TRUE(Eventually([&] { return ScoresBy(0, 1, 75) && ScoresBy(1, 1, 75); }));
  clock_.Advance(absl::Seconds(1));
  ASSERT_TRUE(UpdateThrough(0, 33, &stored).ok());
  EXPECT_TRUE(Eventually([&] { return ScoresBy(1, 2, 33); })) << "another revision 2 than it once had";
  ExpectSameRevisions(2);
}

TEST_F(ShardConfigurationTest, AReplicaThatNeverFollowedScoresNothingUntilItHas) {
  Stop(0);
  Stop(1);
  std::filesystem::remove_all(absl::StrCat(folder_.path(), "/1"));
  ASSERT_NO_FATAL_FAILURE(Start(1));
  v1::ExplainHealthScoreRequest request;
  request.set_name("accounts/" + AccountOf(1));
  v1::ExplainHealthScoreResponse response;
  EXPECT_FALSE(Call(&v1::HealthScoreService::Stub::ExplainHealthScore, Scores(1), request, &response).ok());
  EXPECT_EQ(Metric(1, "perennial_health_ready"), 0);
  ASSERT_NO_FATAL_FAILURE(Start(0));
  EXPECT_TRUE(Eventually([&] { return Metric(1, "perennial_health_ready") == 1; }));
  EXPECT_TRUE(Eventually([&] { return ScoresBy(1, 1, 75); }));
}

TEST_F(ShardConfigurationTest, OnlyTheKeeperTellsTheConfiguration) {
  const auto stub = v1::ReplicaService::NewStub(channels_[1]);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  const auto reader = stub->WatchConfiguration(&context, v1::WatchConfigurationRequest());
  v1::WatchConfigurationResponse message;
  EXPECT_FALSE(reader->Read(&message));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(ShardConfigurationTest, ChangesOfItsOwnAreNotThrownAwayWhenAReplicaBeginsToFollow) {
  Stop(0);
  Stop(1);
  // The keeper's database, with a change that somebody made, as that of a replica that never followed.
  ASSERT_NO_FATAL_FAILURE(Start(0));
  v1::Scorecard stored;
  ASSERT_TRUE(Eventually([&] { return UpdateThrough(0, 30, &stored).ok(); }));
  Stop(0);
  HealthProcessOptions options{.data = absl::StrCat(folder_.path(), "/0"),
                               .accounts = accounts_.channel(),
                               .scorecards = *ParseScorecards(kTestScorecards),
                               .flag_rules = *ParseFlagRules(kTestRules)};
  options.shard = {.index = 1, .count = 2, .replicas = {channels_[0], channels_[1]}};
  const auto process = HealthProcess::Start(std::move(options), clock_);
  ASSERT_EQ(process.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(process.status().message()), HasSubstr("'general' was changed by kim"));
}

// The feed by itself.
class ConfigurationFeedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string path = folder_.path() + "/health.db";
    health_ = *SqliteHealthStore::Open(path);
    store_ = *ConfigStore::Open(path);
  }
  static ConfigRevision Revision(std::int64_t number, const std::string& body, const char* kind = kScorecardKind) {
    return {.kind = kind, .id = "a", .revision = number, .time = absl::FromUnixSeconds(number), .body = body};
  }
  perennial::testing::TemporaryFolder folder_;
  std::unique_ptr<HealthStore> health_;
  std::unique_ptr<ConfigStore> store_;
};

TEST_F(ConfigurationFeedTest, SendsAllInOrderInPiecesAndThenWhatIsNew) {
  for (int i = 1; i <= 250; ++i) {
    ASSERT_TRUE(store_->Append({Revision(i, absl::StrCat(i), i % 2 == 0 ? kScorecardKind : kFlagRuleKind)}).ok());
    ASSERT_TRUE(store_->Append({Revision(i, "not for others", "value-model")}).ok());
  }
  ConfigurationFeed feed(*store_, "");
  std::vector<std::int64_t> seen;
  std::string position;
  bool caught_up = false;
  for (int messages = 0; !caught_up && messages < 10; ++messages) {
    const auto next = feed.Next();
    ASSERT_TRUE(next.ok() && next->has_value()) << next.status();
    EXPECT_EQ((*next)->from_start(), messages == 0);
    for (const auto& revision : (*next)->revisions()) {
      seen.push_back(revision.revision());
      EXPECT_EQ(revision.definition(), absl::StrCat(revision.revision()));
    }
    position = (*next)->position();
    caught_up = (*next)->caught_up();
  }
  ASSERT_EQ(seen.size(), 250U);
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], static_cast<std::int64_t>(i) + 1);
  EXPECT_FALSE(feed.Next()->has_value());
  ASSERT_TRUE(store_->Append({Revision(251, "251")}).ok());
  const auto fresh = feed.Next();
  ASSERT_TRUE(fresh.ok() && fresh->has_value());
  ASSERT_EQ((*fresh)->revisions_size(), 1);
  EXPECT_EQ(FromMessage((*fresh)->revisions(0)), Revision(251, "251"));
  // Resumed where it was.
  ConfigurationFeed resumed(*store_, position);
  const auto rest = resumed.Next();
  ASSERT_TRUE(rest.ok() && rest->has_value());
  EXPECT_FALSE((*rest)->from_start());
  EXPECT_EQ((*rest)->revisions_size(), 1);
  EXPECT_TRUE((*rest)->caught_up());
}

TEST_F(ConfigurationFeedTest, BeginsAnewAtAPositionOfAnotherHistoryAndRefusesWhatIsNone) {
  ASSERT_TRUE(store_->Append({Revision(1, "one"), Revision(2, "two")}).ok());
  ConfigurationFeed feed(*store_, "");
  const std::string position = (*feed.Next())->position();
  for (const std::string& other :
       {absl::StrCat(position.substr(0, position.size() - 1), "g"), "9-" + position.substr(2)}) {
    ConfigurationFeed again(*store_, other);
    const auto next = again.Next();
    ASSERT_TRUE(next.ok() && next->has_value()) << next.status();
    EXPECT_TRUE((*next)->from_start()) << other;
    EXPECT_EQ((*next)->revisions_size(), 2);
  }
  for (const char* bad : {"x", "0-aa", "-1-bb", "1", "1-2-3"}) {
    ConfigurationFeed refused(*store_, bad);
    EXPECT_EQ(refused.Next().status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

TEST_F(ConfigurationFeedTest, WhatIsFollowedTakesThePlaceOfAllOrIsAdded) {
  ASSERT_TRUE(store_->Append({Revision(1, "own"), Revision(7, "kept", "value-model")}).ok());
  ASSERT_TRUE(store_->AppendFollowed({Revision(1, "other"), Revision(2, "two")}, "p2", true).ok());
  EXPECT_EQ(store_->Get(kScorecardKind, "a", 1)->body, "other");
  EXPECT_EQ(store_->Get("value-model", "a", 7)->body, "kept");
  EXPECT_EQ(*store_->SourcePosition(), "p2");
  EXPECT_FALSE(store_->AppendFollowed({Revision(3, "three"), Revision(2, "again")}, "p3", false).ok());
  EXPECT_EQ(*store_->SourcePosition(), "p2") << "all or nothing";
  EXPECT_EQ(store_->Get(kScorecardKind, "a", 3).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(store_->AppendFollowed({Revision(3, "three")}, "p3", false).ok());
  EXPECT_EQ(store_->Log(0, 10)->size(), 3U);
  ASSERT_TRUE(store_->ForgetSource().ok());
  EXPECT_EQ(*store_->SourcePosition(), "");
}

}  // namespace
}  // namespace perennial::health
