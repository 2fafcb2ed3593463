#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/health/health_fixture.h"

namespace perennial::health {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class HealthScoresTest : public HealthFixture {
 protected:
  grpc::Status List(const v1::ListHealthScoresRequest& request, v1::ListHealthScoresResponse* response) {
    return Call(&v1::HealthScoreService::Stub::ListHealthScores, *scores_, request, response);
  }
  // Names of all pages.
  std::vector<std::string> Names(v1::ListHealthScoresRequest request) {
    request.set_min_facts_revision(accounts_.revision());
    std::vector<std::string> names;
    do {
      v1::ListHealthScoresResponse response;
      const grpc::Status status = List(request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      if (!status.ok()) break;
      for (const auto& score : response.health_scores()) {
        names.push_back(score.name().substr(9, score.name().rfind('/') - 9));
      }
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return names;
  }
  v1::ListHealthScoresRequest OrderedBy(const std::string& order_by, int page_size = 2) {
    v1::ListHealthScoresRequest request;
    request.set_order_by(order_by);
    request.set_page_size(page_size);
    return request;
  }
  v1::ListHealthScoresRequest Filtered(const std::string& filter) {
    v1::ListHealthScoresRequest request;
    request.set_filter(filter);
    return request;
  }
};

TEST_F(HealthScoresTest, ScoresWhatTheFeedBrings) {
  accounts_.Put("acme", {{"use", 80.0}, {"said", 30.0}});
  StartReady();
  const v1::HealthScore score = Current("acme");
  EXPECT_EQ(score.name(), "accounts/acme/healthScore");
  EXPECT_DOUBLE_EQ(score.score(), 0.6 * 80 + 0.4 * 30);
  EXPECT_EQ(score.band(), "yellow");
  EXPECT_EQ(score.coverage(), 1);
  EXPECT_EQ(score.scorecard(), "general");
  EXPECT_EQ(score.scorecard_revision(), 1);
  EXPECT_EQ(score.facts_revision(), 1);
  EXPECT_GT(score.revision(), 0);
  ASSERT_EQ(score.measures_size(), 2);
  EXPECT_EQ(score.measures(0).measure(), "use");
  EXPECT_DOUBLE_EQ(score.measures(0).score(), 80);
}

TEST_F(HealthScoresTest, ScoresAnewWhenFactsChange) {
  StartReady();
  accounts_.Put("acme", {{"use", 80.0}});
  EXPECT_DOUBLE_EQ(Current("acme").score(), 80);
  accounts_.Put("acme", {{"use", 20.0}});
  EXPECT_DOUBLE_EQ(Current("acme").score(), 20);
  EXPECT_EQ(Current("acme").band(), "red");
}

TEST_F(HealthScoresTest, KeepsAnUnknownScoreUnknown) {
  accounts_.Put("new", {{"phase", std::string("TRIAL")}});
  StartReady();
  EXPECT_FALSE(Current("new").has_score());
  EXPECT_EQ(Current("new").band(), "");
  EXPECT_EQ(Current("new").coverage(), 0);
}

TEST_F(HealthScoresTest, GivesNoNewRevisionWhenTheScoreIsTheSame) {
  StartReady();
  accounts_.Put("acme", {{"use", 80.0}, {"other", 1.0}});
  const std::int64_t revision = Current("acme").revision();
  accounts_.Put("acme", {{"use", 80.0}, {"other", 2.0}});
  EXPECT_EQ(Current("acme").revision(), revision);
  EXPECT_EQ(Current("acme").facts_revision(), 2);
}

TEST_F(HealthScoresTest, AnswersByEitherFormOfTheName) {
  accounts_.Put("acme", {{"use", 80.0}});
  StartReady();
  v1::HealthScore score;
  EXPECT_TRUE(Get("accounts/acme/healthScore", 0, &score).ok());
  EXPECT_DOUBLE_EQ(score.score(), 80);
}

TEST_F(HealthScoresTest, KnowsNoScoreOfAnAccountThatDoesNotExist) {
  StartReady();
  v1::HealthScore score;
  EXPECT_EQ(Get("accounts/nobody", 0, &score).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(HealthScoresTest, NamesEveryBadFieldOfGet) {
  StartReady();
  v1::HealthScore score;
  const grpc::Status status = Get("customers/acme", -1, &score);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("name must look like accounts/{id}/healthScore"));
  EXPECT_THAT(status.error_message(), HasSubstr("min_facts_revision must not be negative"));
}

TEST_F(HealthScoresTest, WaitsForTheFactsRevision) {
  StartReady();
  accounts_.Interrupt();
  const std::int64_t revision = accounts_.Put("acme", {{"use", 80.0}});
  v1::HealthScore score;
  EXPECT_EQ(Get("accounts/acme", revision, &score, 300).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  accounts_.Resume();
  EXPECT_TRUE(Get("accounts/acme", revision, &score).ok());
  EXPECT_DOUBLE_EQ(score.score(), 80);
}

TEST_F(HealthScoresTest, GetsABatchInTheOrderOfTheRequest) {
  accounts_.Put("a", {{"use", 10.0}});
  accounts_.Put("b", {{"use", 20.0}});
  StartReady();
  v1::BatchGetHealthScoresRequest request;
  for (const char* name : {"accounts/b", "accounts/a/healthScore", "accounts/b"}) request.add_names(name);
  v1::BatchGetHealthScoresResponse response;
  ASSERT_TRUE(Call(&v1::HealthScoreService::Stub::BatchGetHealthScores, *scores_, request, &response).ok());
  ASSERT_EQ(response.health_scores_size(), 3);
  EXPECT_DOUBLE_EQ(response.health_scores(0).score(), 20);
  EXPECT_DOUBLE_EQ(response.health_scores(1).score(), 10);
}

TEST_F(HealthScoresTest, NamesEveryAccountOfABatchThatIsAbsent) {
  accounts_.Put("a", {{"use", 10.0}});
  StartReady();
  v1::BatchGetHealthScoresRequest request;
  for (const char* name : {"accounts/x", "accounts/a", "accounts/y"}) request.add_names(name);
  v1::BatchGetHealthScoresResponse response;
  const grpc::Status status = Call(&v1::HealthScoreService::Stub::BatchGetHealthScores, *scores_, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("accounts/x, accounts/y"));
}

TEST_F(HealthScoresTest, NamesEveryBadFieldOfABatch) {
  StartReady();
  v1::BatchGetHealthScoresRequest request;
  request.add_names("");
  request.add_names("accounts/ok");
  request.add_names("accounts/a/b/c");
  request.set_min_facts_revision(-5);
  v1::BatchGetHealthScoresResponse response;
  grpc::Status status = Call(&v1::HealthScoreService::Stub::BatchGetHealthScores, *scores_, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("names[0] is required"));
  EXPECT_THAT(status.error_message(), HasSubstr("names[2] must look like"));
  EXPECT_THAT(status.error_message(), HasSubstr("min_facts_revision"));
  status =
      Call(&v1::HealthScoreService::Stub::BatchGetHealthScores, *scores_, v1::BatchGetHealthScoresRequest(), &response);
  EXPECT_THAT(status.error_message(), HasSubstr("names is required"));
  for (int i = 0; i < 1001; ++i) request.add_names("accounts/a");
  status = Call(&v1::HealthScoreService::Stub::BatchGetHealthScores, *scores_, request, &response);
  EXPECT_THAT(status.error_message(), HasSubstr("names must be at most 1000"));
}

TEST_F(HealthScoresTest, ListsInEveryOrderOverPages) {
  accounts_.Put("c", {{"use", 10.0}});
  accounts_.Put("a", {{"use", 90.0}});
  accounts_.Put("d", {{"use", 90.0}, {"said", 90.0}});
  accounts_.Put("b", {});
  accounts_.Put("e", {{"said", 50.0}});
  StartReady();
  EXPECT_THAT(Names(OrderedBy("")), ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_THAT(Names(OrderedBy("name desc")), ElementsAre("e", "d", "c", "b", "a"));
  EXPECT_THAT(Names(OrderedBy("score")), ElementsAre("c", "e", "a", "d", "b"));
  EXPECT_THAT(Names(OrderedBy("score desc")), ElementsAre("a", "d", "e", "c", "b"))
      << "unknown last, equal ones by name";
  EXPECT_THAT(Names(OrderedBy("coverage")), ElementsAre("b", "e", "a", "c", "d"));
  EXPECT_THAT(Names(OrderedBy("coverage desc", 1)), ElementsAre("d", "a", "c", "e", "b"));
}

TEST_F(HealthScoresTest, FiltersByFactsScoresAndFlags) {
  accounts_.Put("a", {{"use", 90.0}, {"owner", std::string("ann")}});
  accounts_.Put("b", {{"use", 30.0}, {"owner", std::string("ann")}, {"urgent", 1.0}});
  accounts_.Put("c", {{"use", 20.0}, {"owner", std::string("bob")}});
  StartReady();
  EXPECT_THAT(Names(Filtered("owner = ann")), ElementsAre("a", "b"));
  EXPECT_THAT(Names(Filtered("health.score < 50 AND owner = ann")), ElementsAre("b"));
  EXPECT_THAT(Names(Filtered("health.band = red")), ElementsAre("b", "c"));
  EXPECT_THAT(Names(Filtered("health.measure.use >= 90")), ElementsAre("a"));
  EXPECT_THAT(Names(Filtered("flags.not_green = true AND flags.urgent = false")), ElementsAre("c"));
  EXPECT_THAT(Names(Filtered("flags.open = 2")), ElementsAre("b"));
}

TEST_F(HealthScoresTest, CountsAllMatchesAndTellsHowTheFilterWasRead) {
  for (int i = 0; i < 7; ++i) accounts_.Put(absl::StrCat("a", i), {{"use", 10.0 * i}});
  StartReady();
  v1::ListHealthScoresRequest request;
  request.set_filter("use >= 20");
  request.set_page_size(2);
  v1::ListHealthScoresResponse response;
  ASSERT_TRUE(List(request, &response).ok());
  EXPECT_EQ(response.total_size(), 5);
  EXPECT_EQ(response.health_scores_size(), 2);
  EXPECT_THAT(response.filter_reading().facts(), ElementsAre("use"));
}

TEST_F(HealthScoresTest, NamesEveryBadFieldOfAList) {
  StartReady();
  v1::ListHealthScoresRequest request;
  request.set_page_size(-1);
  request.set_page_token("nonsense");
  request.set_filter("use >");
  request.set_order_by("band");
  request.set_min_facts_revision(-1);
  v1::ListHealthScoresResponse response;
  const grpc::Status status = List(request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  for (const char* field : {"page_size", "page_token", "filter", "order_by", "min_facts_revision"}) {
    EXPECT_THAT(status.error_message(), HasSubstr(field));
  }
}

TEST_F(HealthScoresTest, RefusesAFilterOverFactsThatDoNotExist) {
  StartReady();
  v1::ListHealthScoresResponse response;
  const grpc::Status status = List(Filtered("helth.score < 5"), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("health.score"));
}

TEST_F(HealthScoresTest, RefusesATokenOfAnotherList) {
  for (const char* id : {"a", "b", "c"}) accounts_.Put(id, {{"use", 1.0}});
  StartReady();
  v1::ListHealthScoresResponse response;
  ASSERT_TRUE(List(OrderedBy("score"), &response).ok());
  v1::ListHealthScoresRequest request = OrderedBy("name");
  request.set_page_token(response.next_page_token());
  EXPECT_EQ(List(request, &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(HealthScoresTest, ExplainsWithContributionsThatAddUp) {
  accounts_.Put("acme", {{"use", 80.0}, {"said", 30.0}, {"urgent", 1.0}});
  StartReady();
  const v1::HealthScoreExplanation explanation = Explained("acme");
  double sum = 0;
  for (const auto& measure : explanation.measures()) sum += measure.contribution();
  EXPECT_NEAR(sum, explanation.computed_score(), 1e-9);
  EXPECT_DOUBLE_EQ(explanation.computed_score(), 60);
  EXPECT_DOUBLE_EQ(explanation.score().score(), 40);
  ASSERT_EQ(explanation.exceptions_size(), 1);
  EXPECT_EQ(explanation.exceptions(0).reason(), "capped at 40: open urgent ticket");
}

TEST_F(HealthScoresTest, NamesEveryBadFieldOfExplain) {
  StartReady();
  v1::ExplainHealthScoreRequest request;
  request.set_min_facts_revision(-1);
  v1::ExplainHealthScoreResponse response;
  const grpc::Status status = Call(&v1::HealthScoreService::Stub::ExplainHealthScore, *scores_, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("name is required"));
  EXPECT_THAT(status.error_message(), HasSubstr("min_facts_revision"));
}

TEST_F(HealthScoresTest, KeepsHistoryNewestFirst) {
  StartReady();
  for (const double use : {10.0, 20.0, 20.0, 30.0}) {
    accounts_.Put("acme", {{"use", use}});
    (void)Current("acme");
    clock_.Advance(absl::Hours(1));
  }
  const auto changes = History("acme");
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_DOUBLE_EQ(changes[0].score(), 30);
  EXPECT_DOUBLE_EQ(changes[1].score(), 20);
  EXPECT_DOUBLE_EQ(changes[2].score(), 10);
  EXPECT_EQ(changes[2].facts_revision(), 1);
  EXPECT_EQ(changes[0].band(), "red");
}

TEST_F(HealthScoresTest, ListsHistoryOverPages) {
  StartReady();
  for (int i = 0; i < 5; ++i) {
    accounts_.Put("acme", {{"use", 10.0 * i}});
    (void)Current("acme");
    clock_.Advance(absl::Hours(1));
  }
  v1::ListHealthScoreHistoryRequest request;
  request.set_parent("accounts/acme");
  request.set_page_size(2);
  std::vector<double> scores;
  do {
    v1::ListHealthScoreHistoryResponse response;
    ASSERT_TRUE(Call(&v1::HealthScoreService::Stub::ListHealthScoreHistory, *scores_, request, &response).ok());
    for (const auto& change : response.changes()) scores.push_back(change.score());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(scores, ElementsAre(40, 30, 20, 10, 0));
}

TEST_F(HealthScoresTest, NamesEveryBadFieldOfHistory) {
  StartReady();
  v1::ListHealthScoreHistoryRequest request;
  request.set_parent("acme");
  request.set_page_size(-1);
  request.set_page_token("x");
  request.mutable_start_time()->set_nanos(-1);
  request.mutable_end_time()->set_seconds(1LL << 60);
  v1::ListHealthScoreHistoryResponse response;
  grpc::Status status = Call(&v1::HealthScoreService::Stub::ListHealthScoreHistory, *scores_, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  for (const char* field : {"parent", "page_size", "page_token", "start_time", "end_time"}) {
    EXPECT_THAT(status.error_message(), HasSubstr(field));
  }
  request.Clear();
  request.set_parent("accounts/nobody");
  status = Call(&v1::HealthScoreService::Stub::ListHealthScoreHistory, *scores_, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(HealthScoresTest, TellsTheChangeAgainstThirtyDaysBefore) {
  accounts_.Put("acme", {{"use", 50.0}});
  StartReady();
  EXPECT_FALSE(Current("acme").has_change_30d());
  clock_.Advance(absl::Hours(24 * 10));
  accounts_.Put("acme", {{"use", 80.0}});
  EXPECT_FALSE(Current("acme").has_change_30d());
  clock_.Advance(absl::Hours(24 * 20));
  ASSERT_TRUE(Eventually([&] { return Current("acme").has_change_30d(); }));
  EXPECT_DOUBLE_EQ(Current("acme").change_30d(), 30);
  clock_.Advance(absl::Hours(24 * 10));
  ASSERT_TRUE(Eventually([&] { return Current("acme").change_30d() == 0; })) << "80 held 30 days before";
  EXPECT_EQ(History("acme").size(), 2U) << "the score itself has not changed";
}

}  // namespace
}  // namespace perennial::health
