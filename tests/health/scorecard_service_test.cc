#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "perennial/health/v1/scorecard_service.grpc.pb.h"
#include "tests/health/health_fixture.h"

namespace perennial::health {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;

// A scorecard whose score is the fact "use".
constexpr const char* kUseOnly =
    "groups { id: 'g' weight: 1 } measures { id: 'use' group: 'g' fact: 'use' weight: 1 "
    "missing: MISSING_POLICY_REDISTRIBUTE curve { linear { points { value: 0 score: 0 } points { value: 100 score: 100 "
    "} } } } "
    "bands { id: 'red' } bands { id: 'green' lower_bound: 60 }";

v1::Scorecard CardFrom(const std::string& text) {
  v1::Scorecard card;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &card)) << text;
  return card;
}

std::set<std::string> BadFields(const grpc::Status& status) {
  google::rpc::Status details;
  details.ParseFromString(status.error_details());
  std::set<std::string> fields;
  for (const auto& detail : details.details()) {
    google::rpc::BadRequest bad;
    if (!detail.UnpackTo(&bad)) continue;
    for (const auto& violation : bad.field_violations()) fields.insert(violation.field());
  }
  return fields;
}

class ScorecardServiceTest : public HealthFixture {
 protected:
  void Begin() {
    accounts_.Put("acme", {{"use", 80.0}, {"said", 50.0}, {"urgent", 0.0}, {"phase", std::string("SUCCESS")}});
    StartReady();
    cards_ = v1::ScorecardService::NewStub(channel_);
  }
  void RestartAll() {
    cards_.reset();
    Restart();
    cards_ = v1::ScorecardService::NewStub(channel_);
  }
  void TearDown() override {
    cards_.reset();
    Stop();
  }
  grpc::Status Create(const std::string& id, const v1::Scorecard& card, v1::Scorecard* out = nullptr) {
    v1::CreateScorecardRequest request;
    request.set_scorecard_id(id);
    *request.mutable_scorecard() = card;
    request.set_author("ann");
    request.set_note("why not");
    v1::CreateScorecardResponse response;
    const grpc::Status status = Call(&v1::ScorecardService::Stub::CreateScorecard, *cards_, request, &response);
    if (out != nullptr) *out = response.scorecard();
    return status;
  }
  grpc::Status Update(v1::Scorecard card, const std::vector<std::string>& mask, v1::Scorecard* out = nullptr,
                      bool validate_only = false) {
    v1::UpdateScorecardRequest request;
    *request.mutable_scorecard() = std::move(card);
    for (const std::string& path : mask) request.mutable_update_mask()->add_paths(path);
    request.set_author("ben");
    request.set_validate_only(validate_only);
    v1::UpdateScorecardResponse response;
    const grpc::Status status = Call(&v1::ScorecardService::Stub::UpdateScorecard, *cards_, request, &response);
    if (out != nullptr) *out = response.scorecard();
    return status;
  }
  grpc::Status Delete(const std::string& id, const std::string& etag = "") {
    v1::DeleteScorecardRequest request;
    request.set_name("scorecards/" + id);
    request.set_author("cleo");
    request.set_etag(etag);
    v1::DeleteScorecardResponse response;
    return Call(&v1::ScorecardService::Stub::DeleteScorecard, *cards_, request, &response);
  }
  v1::Scorecard Read(const std::string& id, std::int64_t revision = 0) {
    v1::GetScorecardRequest request;
    request.set_name("scorecards/" + id);
    request.set_revision(revision);
    v1::GetScorecardResponse response;
    const grpc::Status status = Call(&v1::ScorecardService::Stub::GetScorecard, *cards_, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.scorecard();
  }
  std::vector<std::int64_t> Revisions(const std::string& id) {
    v1::ListScorecardRevisionsRequest request;
    request.set_name("scorecards/" + id);
    request.set_page_size(1);
    std::vector<std::int64_t> out;
    do {
      v1::ListScorecardRevisionsResponse response;
      EXPECT_TRUE(Call(&v1::ScorecardService::Stub::ListScorecardRevisions, *cards_, request, &response).ok());
      for (const auto& revision : response.revisions()) out.push_back(revision.revision());
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return out;
  }
  std::vector<std::string> Listed() {
    v1::ListScorecardsRequest request;
    request.set_page_size(1);
    std::vector<std::string> out;
    do {
      v1::ListScorecardsResponse response;
      EXPECT_TRUE(Call(&v1::ScorecardService::Stub::ListScorecards, *cards_, request, &response).ok());
      for (const auto& card : response.scorecards()) out.push_back(card.id());
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return out;
  }
  bool Becomes(const std::string& account, double score) {
    return Eventually([&] {
      v1::HealthScore out;
      return Get("accounts/" + account, 0, &out).ok() && out.has_score() && out.score() == score;
    });
  }

  std::unique_ptr<v1::ScorecardService::Stub> cards_;
};

TEST_F(ScorecardServiceTest, ShippedScorecardsAreKeptAsTheirFirstRevision) {
  Begin();
  const v1::Scorecard card = Read("general");
  EXPECT_EQ(card.name(), "scorecards/general");
  EXPECT_EQ(card.revision(), 1);
  EXPECT_EQ(card.author(), "perennial");
  EXPECT_TRUE(card.shipped());
  EXPECT_TRUE(card.has_revision_time());
  EXPECT_EQ(card.measures_size(), 2);
}

TEST_F(ScorecardServiceTest, ANewScorecardScoresTheAccountsItAppliesTo) {
  Begin();
  EXPECT_EQ(Current("acme").score(), 68);
  v1::Scorecard card = CardFrom(absl::StrCat("priority: -1 applies_to: 'use > 50' ", kUseOnly));
  v1::Scorecard stored;
  const grpc::Status status = Create("busy", card, &stored);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(stored.revision(), 1);
  EXPECT_EQ(stored.author(), "ann");
  EXPECT_EQ(stored.note(), "why not");
  EXPECT_THAT(Listed(), ElementsAre("busy", "general"));
  ASSERT_TRUE(Becomes("acme", 80));
  const v1::HealthScore score = Current("acme");
  EXPECT_EQ(score.scorecard(), "busy");
  EXPECT_EQ(score.band(), "green");
}

TEST_F(ScorecardServiceTest, HistorySaysThatTheConfigurationChangedAScore) {
  Begin();
  clock_.Advance(absl::Minutes(1));
  v1::Scorecard card = CardFrom(absl::StrCat("name: 'scorecards/general' ", kUseOnly));
  ASSERT_TRUE(Update(card, {"groups", "measures", "bands", "exceptions"}).ok());
  ASSERT_TRUE(Becomes("acme", 80));
  clock_.Advance(absl::Minutes(1));
  accounts_.Put("acme", {{"use", 70.0}, {"phase", std::string("SUCCESS")}});
  ASSERT_TRUE(Becomes("acme", 70));
  const auto history = History("acme");
  ASSERT_EQ(history.size(), 3U);
  EXPECT_EQ(history[0].cause(), v1::HEALTH_SCORE_CAUSE_DATA);
  EXPECT_EQ(history[1].cause(), v1::HEALTH_SCORE_CAUSE_CONFIGURATION);
  EXPECT_EQ(history[1].scorecard_revision(), 2);
  EXPECT_EQ(history[2].cause(), v1::HEALTH_SCORE_CAUSE_DATA);
}

TEST_F(ScorecardServiceTest, AnUpdateChangesWhatTheMaskNamesAndNothingElse) {
  Begin();
  v1::Scorecard card = CardFrom("name: 'scorecards/general' display_name: 'All' priority: 7");
  v1::Scorecard stored;
  ASSERT_TRUE(Update(card, {"display_name"}, &stored).ok());
  EXPECT_EQ(stored.display_name(), "All");
  EXPECT_EQ(stored.priority(), 0);
  EXPECT_EQ(stored.measures_size(), 2);
  EXPECT_EQ(stored.revision(), 2);
  EXPECT_FALSE(stored.shipped());
}

TEST_F(ScorecardServiceTest, AnUpdateThatChangesNothingMakesNoRevision) {
  Begin();
  v1::Scorecard stored;
  ASSERT_TRUE(Update(Read("general"), {"*"}, &stored).ok());
  EXPECT_EQ(stored.revision(), 1);
  EXPECT_THAT(Revisions("general"), ElementsAre(1));
}

TEST_F(ScorecardServiceTest, ValidateOnlyStoresNothing) {
  Begin();
  v1::Scorecard stored;
  ASSERT_TRUE(Update(CardFrom("name: 'scorecards/general' display_name: 'All'"), {}, &stored, true).ok());
  EXPECT_EQ(stored.display_name(), "All");
  EXPECT_THAT(Revisions("general"), ElementsAre(1));
  EXPECT_EQ(Read("general").display_name(), "");
}

TEST_F(ScorecardServiceTest, AStaleEtagAborts) {
  Begin();
  const v1::Scorecard before = Read("general");
  v1::Scorecard card = before;
  card.set_display_name("One");
  ASSERT_TRUE(Update(card, {"display_name"}).ok());
  card.set_display_name("Two");
  EXPECT_EQ(Update(card, {"display_name"}).error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(Delete("general", before.etag()).error_code(), grpc::StatusCode::ABORTED);
}

TEST_F(ScorecardServiceTest, EarlierRevisionsCanBeReadAndNeverChange) {
  Begin();
  const v1::Scorecard first = Read("general");
  ASSERT_TRUE(Update(CardFrom("name: 'scorecards/general' display_name: 'All'"), {}).ok());
  EXPECT_EQ(Read("general", 1).SerializeAsString(), first.SerializeAsString());
  EXPECT_EQ(Read("general", 2).display_name(), "All");
  EXPECT_THAT(Revisions("general"), ElementsAre(2, 1));
}

TEST_F(ScorecardServiceTest, EditsSurviveARestartAndAreNotOverwrittenByWhatIsShipped) {
  Begin();
  ASSERT_TRUE(Update(CardFrom("name: 'scorecards/general' display_name: 'Mine'"), {}).ok());
  ASSERT_TRUE(Create("more", CardFrom(absl::StrCat("priority: -5 applies_to: 'use > 90' ", kUseOnly))).ok());
  scorecards_ = absl::StrCat("scorecards { id: 'general' revision: 1 display_name: 'Shipped anew' ", kUseOnly, " }");
  RestartAll();
  EXPECT_EQ(Read("general").display_name(), "Mine");
  EXPECT_THAT(Listed(), ElementsAre("more", "general"));
}

TEST_F(ScorecardServiceTest, WhatNobodyChangedFollowsWhatIsShipped) {
  Begin();
  scorecards_ = absl::StrCat("scorecards { id: 'general' revision: 1 display_name: 'Shipped anew' ", kUseOnly, " }");
  RestartAll();
  const v1::Scorecard card = Read("general");
  EXPECT_EQ(card.display_name(), "Shipped anew");
  EXPECT_EQ(card.revision(), 2);
  EXPECT_TRUE(card.shipped());
  EXPECT_TRUE(Becomes("acme", 80));
  EXPECT_EQ(History("acme")[0].cause(), v1::HEALTH_SCORE_CAUSE_CONFIGURATION);
}

TEST_F(ScorecardServiceTest, ADeletedShippedScorecardDoesNotComeBack) {
  scorecards_ +=
      absl::StrCat(" scorecards { id: 'early' revision: 1 priority: -1 applies_to: 'use > 10' ", kUseOnly, " }");
  Begin();
  EXPECT_EQ(Current("acme").scorecard(), "early");
  ASSERT_TRUE(Delete("early").ok());
  EXPECT_TRUE(Becomes("acme", 68));
  RestartAll();
  EXPECT_THAT(Listed(), ElementsAre("general"));
  EXPECT_TRUE(Read("early", 2).deleted());
  EXPECT_THAT(Revisions("early"), ElementsAre(2, 1));
}

TEST_F(ScorecardServiceTest, AScorecardMadeAgainGoesOnCountingItsRevisions) {
  Begin();
  const v1::Scorecard card = CardFrom(absl::StrCat("priority: -1 applies_to: 'use > 50' ", kUseOnly));
  ASSERT_TRUE(Create("busy", card).ok());
  ASSERT_TRUE(Delete("busy").ok());
  v1::Scorecard stored;
  ASSERT_TRUE(Create("busy", card, &stored).ok());
  EXPECT_EQ(stored.revision(), 3);
  EXPECT_EQ(Create("busy", card).error_code(), grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(ScorecardServiceTest, TheLastScorecardForAllAccountsCannotGo) {
  Begin();
  EXPECT_EQ(Delete("general").error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  const grpc::Status status = Update(CardFrom("name: 'scorecards/general' applies_to: 'use > 1'"), {"applies_to"});
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(BadFields(status), ElementsAre("scorecard.applies_to"));
}

TEST_F(ScorecardServiceTest, EveryFaultIsNamedAtOnce) {
  Begin();
  const v1::Scorecard card = CardFrom(
      "applies_to: 'uze > 1' groups { id: 'g' weight: 0 } "
      "measures { id: 'a' group: 'g' fact: 'uze' weight: -1 curve { tiers { tiers { value: 2 score: 1 } "
      "  tiers { value: 2 score: 101 } } } } "
      "measures { id: 'b' group: 'h' fact: 'phase' weight: 1 missing: MISSING_POLICY_ZERO max_age_days: 3 "
      "  curve { linear { points { value: 0 score: 0 } points { value: 1 score: 1 } } } } "
      "exceptions { id: 'x' filter: 'nothing > 1' } "
      "bands { id: 'red' lower_bound: 1 } bands { id: 'green' lower_bound: 1 }");
  const grpc::Status status = Create("Bad Id", card);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(BadFields(status),
              IsSupersetOf({"scorecard_id", "scorecard.applies_to", "scorecard.groups[0].weight",
                            "scorecard.measures[0].weight", "scorecard.measures[0].fact",
                            "scorecard.measures[0].missing", "scorecard.measures[0].curve.tiers.tiers[1].value",
                            "scorecard.measures[0].curve.tiers.tiers[1].score", "scorecard.measures[1].group",
                            "scorecard.measures[1].curve", "scorecard.measures[1].max_age_days",
                            "scorecard.exceptions[0]", "scorecard.exceptions[0].filter",
                            "scorecard.bands[0].lower_bound", "scorecard.bands[1].lower_bound"}));
  EXPECT_NE(status.error_message().find("did you mean 'use'"), std::string::npos) << status.error_message();
  EXPECT_THAT(Listed(), ElementsAre("general"));
}

TEST_F(ScorecardServiceTest, FactsOfMetricsThatMayComeAreAllowed) {
  Begin();
  v1::Scorecard card = CardFrom(absl::StrCat("priority: -1 ", kUseOnly));
  card.mutable_measures(0)->set_fact("usage.exports.sum_30d");
  EXPECT_TRUE(Create("later", card).ok());
}

TEST_F(ScorecardServiceTest, MeasuresThatBecomeOneFactAreRefused) {
  Begin();
  v1::Scorecard card = CardFrom(absl::StrCat("priority: -1 ", kUseOnly));
  card.mutable_measures(0)->set_id("a-b");
  ASSERT_TRUE(Create("one", card).ok());
  card.mutable_measures(0)->set_id("a_b");
  EXPECT_EQ(Create("two", card).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ScorecardServiceTest, ADiffTellsEachFieldByItsId) {
  Begin();
  v1::Scorecard card = Read("general");
  card.mutable_measures(1)->set_weight(3);
  card.mutable_bands(1)->set_lower_bound(40);
  card.clear_exceptions();
  ASSERT_TRUE(Update(card, {"*"}).ok());
  v1::DiffScorecardRevisionsRequest request;
  request.set_name("scorecards/general");
  v1::DiffScorecardRevisionsResponse response;
  ASSERT_TRUE(Call(&v1::ScorecardService::Stub::DiffScorecardRevisions, *cards_, request, &response).ok());
  EXPECT_EQ(response.from_revision(), 1);
  EXPECT_EQ(response.to_revision(), 2);
  ASSERT_EQ(response.differences_size(), 3);
  EXPECT_EQ(response.differences(0).field(), "measures[said].weight");
  EXPECT_EQ(response.differences(0).before(), "1");
  EXPECT_EQ(response.differences(0).after(), "3");
  EXPECT_EQ(response.differences(1).field(), "exceptions[urgent]");
  EXPECT_EQ(response.differences(1).after(), "");
  EXPECT_EQ(response.differences(2).field(), "bands[yellow].lower_bound");
}

TEST_F(ScorecardServiceTest, UnknownScorecardsAndRevisionsAreNotFound) {
  Begin();
  v1::GetScorecardRequest get;
  v1::GetScorecardResponse got;
  get.set_name("scorecards/none");
  EXPECT_EQ(Call(&v1::ScorecardService::Stub::GetScorecard, *cards_, get, &got).error_code(),
            grpc::StatusCode::NOT_FOUND);
  get.set_name("scorecards/general");
  get.set_revision(9);
  EXPECT_EQ(Call(&v1::ScorecardService::Stub::GetScorecard, *cards_, get, &got).error_code(),
            grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Delete("none").error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Update(CardFrom("name: 'scorecards/none' display_name: 'x'"), {}).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(ScorecardServiceTest, AFrozenScoreIsExplainedByTheRevisionThatMadeItAlsoAfterARestart) {
  Begin();
  EXPECT_EQ(Current("acme").score(), 68);
  accounts_.Put("acme", {{"use", 1.0}, {"phase", std::string("CHURNED")}});
  EXPECT_TRUE(Current("acme").frozen());
  ASSERT_TRUE(Update(CardFrom(absl::StrCat("name: 'scorecards/general' ", kUseOnly)),
                     {"groups", "measures", "bands", "exceptions"})
                  .ok());
  EXPECT_DOUBLE_EQ(Explained("acme").computed_score(), 68);
  RestartAll();
  EXPECT_EQ(Current("acme").score(), 68);
  EXPECT_EQ(Current("acme").scorecard_revision(), 1);
}

}  // namespace
}  // namespace perennial::health
