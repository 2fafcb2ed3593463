#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/time_util.h"
#include "google/protobuf/text_format.h"
#include "tests/health/health_fixture.h"

namespace perennial::health {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class FlagLifecycleTest : public HealthFixture {
 protected:
  void SetUp() override {
    accounts_.Put("acme", {{"use", 90.0}, {"said", 90.0}, {"urgent", 1.0}, {"trend", 0.0}});
    StartReady();
    ASSERT_THAT(Open(), Contains("urgent"));
  }
  std::vector<std::string> Open() {
    std::vector<std::string> out;
    const v1::ListFlagsResponse listed = ListFlags({});
    for (const v1::Flag& flag : listed.flags()) out.push_back(flag.rule());
    return out;
  }
  v1::Flag Only(const std::string& rule) {
    v1::ListFlagsRequest request;
    request.set_show_cleared(true);
    request.add_rules(rule);
    const v1::ListFlagsResponse response = ListFlags(request);
    EXPECT_EQ(response.flags_size(), 1) << rule;
    return response.flags_size() == 1 ? response.flags(0) : v1::Flag();
  }
  grpc::Status Acknowledge(const std::string& rule, v1::Flag* out = nullptr) {
    v1::AcknowledgeFlagRequest request;
    request.set_name("accounts/acme/flags/" + rule);
    request.set_actor("ann");
    request.set_note("I call them");
    v1::AcknowledgeFlagResponse response;
    const grpc::Status status = Call(&v1::FlagService::Stub::AcknowledgeFlag, *flags_, request, &response);
    if (out != nullptr) *out = response.flag();
    return status;
  }
  grpc::Status Snooze(const std::string& rule, absl::Time until) {
    v1::SnoozeFlagRequest request;
    request.set_name("accounts/acme/flags/" + rule);
    request.set_actor("ben");
    *request.mutable_until() = ToTimestamp(until);
    v1::SnoozeFlagResponse response;
    return Call(&v1::FlagService::Stub::SnoozeFlag, *flags_, request, &response);
  }
  grpc::Status Resolve(const std::string& rule) {
    v1::ResolveFlagRequest request;
    request.set_name("accounts/acme/flags/" + rule);
    request.set_actor("cleo");
    v1::ResolveFlagResponse response;
    return Call(&v1::FlagService::Stub::ResolveFlag, *flags_, request, &response);
  }
  void PutUrgent(double urgent) {
    accounts_.Put("acme", {{"use", 90.0}, {"said", 90.0}, {"urgent", urgent}, {"trend", 0.0}});
    (void)Current("acme");
  }
  grpc::Status CreateRule(const std::string& id, const std::string& text) {
    v1::CreateFlagRuleRequest request;
    request.set_flag_rule_id(id);
    request.set_author("ann");
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        text + " severity: FLAG_SEVERITY_LOW category: FLAG_CATEGORY_RISK", request.mutable_flag_rule()));
    v1::CreateFlagRuleResponse response;
    return Call(&v1::FlagService::Stub::CreateFlagRule, *flags_, request, &response);
  }
};

TEST_F(FlagLifecycleTest, AnAcknowledgedFlagStaysRaisedAndSaysWhoLooksAfterIt) {
  v1::Flag flag;
  const grpc::Status status = Acknowledge("urgent", &flag);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(flag.state(), v1::FLAG_STATE_ACKNOWLEDGED);
  EXPECT_THAT(Open(), Contains("urgent"));
  EXPECT_THAT(Current("acme").open_flags(), Contains("urgent"));
  ASSERT_EQ(flag.transitions_size(), 2);
  EXPECT_EQ(flag.transitions(0).state(), v1::FLAG_STATE_OPEN);
  EXPECT_EQ(flag.transitions(0).actor(), "health-svc");
  EXPECT_EQ(flag.transitions(1).actor(), "ann");
  EXPECT_EQ(flag.transitions(1).note(), "I call them");
  ASSERT_EQ(flag.transitions(1).causes_size(), 1);
  EXPECT_EQ(flag.transitions(1).causes(0).value(), "1");
}

TEST_F(FlagLifecycleTest, ASnoozedFlagIsAwayUntilItsTimeAlsoAcrossARestart) {
  ASSERT_TRUE(Snooze("urgent", clock_.Now() + absl::Hours(2)).ok());
  EXPECT_THAT(Open(), Not(Contains("urgent")));
  EXPECT_THAT(Current("acme").open_flags(), Not(Contains("urgent")));
  EXPECT_EQ(Only("urgent").state(), v1::FLAG_STATE_SNOOZED);
  Restart();
  EXPECT_THAT(Open(), Not(Contains("urgent")));
  clock_.Advance(absl::Hours(2));
  ASSERT_TRUE(Eventually([&] { return Only("urgent").state() == v1::FLAG_STATE_OPEN; }));
  ASSERT_TRUE(Eventually([&] { return Current("acme").open_flags_size() == 2; }));
  const v1::Flag flag = Only("urgent");
  EXPECT_EQ(flag.transitions().rbegin()->note(), "the time it was put off until has come");
}

TEST_F(FlagLifecycleTest, AResolvedFlagComesAgainOnlyAfterItsRuleStoppedToHold) {
  ASSERT_TRUE(Resolve("urgent").ok());
  EXPECT_THAT(Open(), Not(Contains("urgent")));
  PutUrgent(2);
  EXPECT_EQ(Only("urgent").state(), v1::FLAG_STATE_RESOLVED);
  PutUrgent(0);
  EXPECT_EQ(Only("urgent").state(), v1::FLAG_STATE_CLEARED);
  PutUrgent(3);
  const v1::Flag flag = Only("urgent");
  EXPECT_EQ(flag.state(), v1::FLAG_STATE_OPEN);
  EXPECT_EQ(flag.causes(0).value(), "3");
  EXPECT_THAT(Current("acme").open_flags(), Contains("urgent"));
}

TEST_F(FlagLifecycleTest, AnAcknowledgementEndsWithTheFlag) {
  ASSERT_TRUE(Acknowledge("urgent").ok());
  PutUrgent(0);
  PutUrgent(1);
  EXPECT_EQ(Only("urgent").state(), v1::FLAG_STATE_OPEN);
}

TEST_F(FlagLifecycleTest, WhatIsNotRaisedCannotBeHandled) {
  ASSERT_TRUE(Resolve("urgent").ok());
  EXPECT_EQ(Acknowledge("urgent").error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(Acknowledge("not-green").error_code(), grpc::StatusCode::OK);
  EXPECT_EQ(Acknowledge("unused").error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Acknowledge("nothing").error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Snooze("not-green", clock_.Now()).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(FlagLifecycleTest, OnlyTheLastStepsAreKept) {
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(Acknowledge("urgent").ok());
  EXPECT_EQ(Only("urgent").transitions_size(), 20);
}

TEST_F(FlagLifecycleTest, ANewRuleIsEvaluatedOverAllAccounts) {
  ASSERT_TRUE(CreateRule("busy", "filter: 'use > 80' display_name: 'Busy'").ok());
  ASSERT_TRUE(Eventually([&] { return Current("acme").open_flags_size() == 3; }));
  EXPECT_THAT(Open(), Contains("busy"));
  v1::ListHealthScoresRequest request;
  request.set_filter("flags.busy = true");
  v1::ListHealthScoresResponse response;
  ASSERT_TRUE(Call(&v1::HealthScoreService::Stub::ListHealthScores, *scores_, request, &response).ok());
  EXPECT_EQ(response.total_size(), 1);
}

TEST_F(FlagLifecycleTest, AFlagDoesNotFlapBetweenItsTwoEdges) {
  ASSERT_TRUE(CreateRule("falling", "filter: 'trend <= -0.3' clear_filter: 'trend > -0.2'").ok());
  const auto put = [&](const FactMap& facts) {
    accounts_.Put("acme", facts);
    (void)Current("acme");
  };
  put({{"trend", -0.25}});
  EXPECT_THAT(Open(), Not(Contains("falling")));
  put({{"trend", -0.3}});
  EXPECT_THAT(Open(), Contains("falling"));
  put({{"trend", -0.25}});
  EXPECT_THAT(Open(), Contains("falling"));
  put({});
  EXPECT_THAT(Open(), Contains("falling")) << "unknown does not clear what has an edge of its own";
  put({{"trend", -0.1}});
  EXPECT_THAT(Open(), Not(Contains("falling")));
}

TEST_F(FlagLifecycleTest, ADeletedRuleTakesItsFlagsAndDoesNotComeBack) {
  v1::DeleteFlagRuleRequest request;
  request.set_name("flagRules/urgent");
  request.set_author("ann");
  v1::DeleteFlagRuleResponse response;
  ASSERT_TRUE(Call(&v1::FlagService::Stub::DeleteFlagRule, *flags_, request, &response).ok());
  ASSERT_TRUE(Eventually([&] {
    v1::HealthScore score;
    return Get("accounts/acme", 0, &score).ok() && score.open_flags_size() == 1;
  }));
  EXPECT_THAT(Open(), ElementsAre("not-green"));
  Restart();
  EXPECT_THAT(Open(), ElementsAre("not-green"));
  ASSERT_TRUE(CreateRule("urgent", "filter: 'urgent > 5'").ok());
  EXPECT_THAT(Open(), ElementsAre("not-green")) << "flags of the rule that was deleted are gone";
}

TEST_F(FlagLifecycleTest, RulesAreReadChangedAndAbortedWhenStale) {
  v1::GetFlagRuleRequest get;
  get.set_name("flagRules/urgent");
  v1::GetFlagRuleResponse got;
  ASSERT_TRUE(Call(&v1::FlagService::Stub::GetFlagRule, *flags_, get, &got).ok());
  EXPECT_EQ(got.flag_rule().name(), "flagRules/urgent");
  EXPECT_TRUE(got.flag_rule().shipped());
  v1::UpdateFlagRuleRequest update;
  *update.mutable_flag_rule() = got.flag_rule();
  update.mutable_flag_rule()->set_filter("urgent > 1");
  update.mutable_update_mask()->add_paths("filter");
  update.set_author("ann");
  v1::UpdateFlagRuleResponse updated;
  ASSERT_TRUE(Call(&v1::FlagService::Stub::UpdateFlagRule, *flags_, update, &updated).ok());
  EXPECT_EQ(updated.flag_rule().advice(), "answer it");
  EXPECT_FALSE(updated.flag_rule().shipped());
  ASSERT_TRUE(Eventually([&] { return Only("urgent").state() == v1::FLAG_STATE_CLEARED; }));
  EXPECT_EQ(Call(&v1::FlagService::Stub::UpdateFlagRule, *flags_, update, &updated).error_code(),
            grpc::StatusCode::ABORTED);
}

class FlagWatchTest : public FlagLifecycleTest {
 protected:
  // Updates after `start` until the server says that there are no more.
  std::vector<v1::FlagUpdate> Watch(std::int64_t start, std::int64_t* progress = nullptr) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    v1::WatchFlagsRequest request;
    request.set_start_revision(start);
    const auto reader = flags_->WatchFlags(&context, request);
    std::vector<v1::FlagUpdate> out;
    v1::WatchFlagsResponse response;
    while (reader->Read(&response)) {
      out.insert(out.end(), response.updates().begin(), response.updates().end());
      if (progress != nullptr) *progress = response.progress_revision();
      if (response.caught_up()) break;
    }
    context.TryCancel();
    (void)reader->Finish();
    return out;
  }
  static std::vector<std::string> Told(const std::vector<v1::FlagUpdate>& updates) {
    std::vector<std::string> out;
    for (const v1::FlagUpdate& update : updates) {
      out.push_back(absl::StrCat(update.flag().name(), " ",
                                 update.deleted() ? "gone" : v1::FlagState_Name(update.flag().state())));
    }
    return out;
  }
};

TEST_F(FlagWatchTest, TellsTheNewestStateOfEachFlagThenWhatChanged) {
  std::int64_t progress = 0;
  EXPECT_THAT(Told(Watch(0, &progress)),
              ::testing::UnorderedElementsAre("accounts/acme/flags/not-green FLAG_STATE_OPEN",
                                              "accounts/acme/flags/urgent FLAG_STATE_OPEN"));
  ASSERT_TRUE(Acknowledge("urgent").ok());
  PutUrgent(0);
  EXPECT_THAT(Told(Watch(progress)),
              ::testing::UnorderedElementsAre("accounts/acme/flags/urgent FLAG_STATE_CLEARED",
                                              "accounts/acme/flags/not-green FLAG_STATE_CLEARED"))
      << "compacted";
}

TEST_F(FlagWatchTest, TellsOfFlagsThatGoWithTheirAccountAlsoAfterARestart) {
  std::int64_t progress = 0;
  (void)Watch(0, &progress);
  accounts_.Delete("acme");
  ASSERT_TRUE(Eventually([&] { return Watch(progress).size() == 2; }));
  EXPECT_THAT(Told(Watch(progress)),
              ::testing::UnorderedElementsAre("accounts/acme/flags/not-green gone", "accounts/acme/flags/urgent gone"));
  Restart();
  EXPECT_THAT(Told(Watch(progress)),
              ::testing::UnorderedElementsAre("accounts/acme/flags/not-green gone", "accounts/acme/flags/urgent gone"));
}

TEST_F(FlagWatchTest, RevisionsSurviveARestart) {
  std::int64_t progress = 0;
  (void)Watch(0, &progress);
  Restart();
  EXPECT_THAT(Watch(progress), IsEmpty());
  ASSERT_TRUE(Acknowledge("urgent").ok());
  const auto updates = Watch(progress);
  ASSERT_EQ(updates.size(), 1U);
  EXPECT_GT(updates[0].revision(), progress);
}

}  // namespace
}  // namespace perennial::health
