#include "health-svc/store/health_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/time_util.h"
#include "health-svc/store/sqlite_health_store.h"
#include "tests/testing/process.h"
#include "tests/testing/status_matchers.h"

namespace perennial::health {
namespace {

using ::perennial::testing::HasCode;
using ::perennial::testing::IsOk;
using ::testing::ElementsAre;

// A kind of store; `open` opens the one in a folder, anew each time.
struct Backend {
  const char* name;
  std::function<absl::StatusOr<std::unique_ptr<HealthStore>>(const std::string& folder)> open;
};
void PrintTo(const Backend& backend, std::ostream* out) { *out << backend.name; }

absl::Time At(int hour) { return absl::FromUnixSeconds(1700000000) + absl::Hours(hour); }

StoredScore Score(const std::string& account, std::int64_t revision, double score) {
  StoredScore out{.account_id = account, .revision = revision};
  out.score.set_name("accounts/" + account + "/healthScore");
  out.score.set_score(score);
  return out;
}

StoredChange Change(const std::string& account, absl::Time start, std::optional<double> score) {
  StoredChange out{.account_id = account};
  *out.change.mutable_start_time() = ToTimestamp(start);
  if (score.has_value()) out.change.set_score(*score);
  out.change.set_band("green");
  out.change.set_coverage(0.5);
  out.change.set_scorecard("general");
  out.change.set_scorecard_revision(3);
  out.change.set_facts_revision(17);
  out.change.set_frozen(true);
  return out;
}

class HealthStoreTest : public ::testing::TestWithParam<Backend> {
 protected:
  void SetUp() override { Open(); }
  // Closes the store and opens it again.
  void Open() {
    store_.reset();
    auto store = GetParam().open(folder_.path());
    ASSERT_THAT(store, IsOk());
    store_ = *std::move(store);
  }
  std::map<std::string, StoredScore> Scores() {
    std::map<std::string, StoredScore> out;
    EXPECT_THAT(store_->VisitScores([&](StoredScore score) {
      out[score.account_id] = score;
      return absl::OkStatus();
    }),
                IsOk());
    return out;
  }
  std::vector<StoredFlag> StoredFlags() {
    std::vector<StoredFlag> out;
    EXPECT_THAT(store_->VisitFlags([&](StoredFlag flag) {
      out.push_back(std::move(flag));
      return absl::OkStatus();
    }),
                IsOk());
    return out;
  }
  std::vector<double> History(HistoryQuery query) {
    std::vector<double> out;
    const auto changes = store_->ListHistory(query);
    EXPECT_THAT(changes, IsOk());
    for (const auto& change : *changes) out.push_back(change.has_score() ? change.score() : -1);
    return out;
  }

  perennial::testing::TemporaryFolder folder_;
  std::unique_ptr<HealthStore> store_;
};

TEST_P(HealthStoreTest, KeepsScoresAfterItIsClosed) {
  ASSERT_THAT(store_->Commit({.scores = {Score("a", 1, 41.25), Score("b", 2, 0.1 + 0.2)}, .facts_revision = 9}),
              IsOk());
  Open();
  EXPECT_EQ(Scores()["a"].score.score(), 41.25);
  EXPECT_EQ(Scores()["b"].score.score(), 0.1 + 0.2);
  EXPECT_EQ(store_->Progress()->revision, 2);
  EXPECT_EQ(store_->Progress()->facts_revision, 9);
}

TEST_P(HealthStoreTest, ReplacesTheScoreOfAnAccount) {
  ASSERT_THAT(store_->Commit({.scores = {Score("a", 1, 10)}}), IsOk());
  ASSERT_THAT(store_->Commit({.scores = {Score("a", 2, 20)}}), IsOk());
  EXPECT_EQ(Scores().size(), 1U);
  EXPECT_EQ(store_->GetScore("a")->revision, 2);
  EXPECT_EQ(store_->GetScore("a")->score.score(), 20);
}

TEST_P(HealthStoreTest, KeepsTombstones) {
  ASSERT_THAT(store_->Commit({.scores = {Score("a", 1, 10)}}), IsOk());
  ASSERT_THAT(store_->Commit({.scores = {{.account_id = "a", .revision = 2, .deleted = true}}}), IsOk());
  EXPECT_TRUE(store_->GetScore("a")->deleted);
  EXPECT_FALSE(store_->GetScore("a")->score.has_score());
}

TEST_P(HealthStoreTest, KnowsNoScoreOfAnAccountThatHasNone) {
  EXPECT_THAT(store_->GetScore("nobody"), HasCode(absl::StatusCode::kNotFound));
}

TEST_P(HealthStoreTest, TellsAccountsApartThatDifferByCase) {
  ASSERT_THAT(store_->Commit({.scores = {Score("acme", 1, 10), Score("ACME", 2, 20)}}), IsOk());
  EXPECT_EQ(store_->GetScore("acme")->score.score(), 10);
  EXPECT_EQ(store_->GetScore("ACME")->score.score(), 20);
}

TEST_P(HealthStoreTest, TakesIdsThatLookLikeSql) {
  const std::string id = "x'); DROP TABLE scores; --";
  ASSERT_THAT(store_->Commit({.scores = {Score(id, 1, 10)}}), IsOk());
  EXPECT_EQ(store_->GetScore(id)->score.score(), 10);
}

TEST_P(HealthStoreTest, WritesNothingOfABatchThatFails) {
  ASSERT_THAT(store_->Commit({.scores = {Score("a", 1, 10)}}), IsOk());
  // Two accounts cannot have one revision.
  EXPECT_FALSE(
      store_->Commit({.scores = {Score("b", 2, 10), Score("c", 2, 10)}, .changes = {Change("b", At(0), 1)}}).ok());
  EXPECT_EQ(Scores().size(), 1U);
  EXPECT_TRUE(History({.account_id = "b"}).empty());
  EXPECT_EQ(store_->Progress()->revision, 1);
}

TEST_P(HealthStoreTest, NeverForgetsTheGreatestRevision) {
  ASSERT_THAT(store_->Commit({.scores = {Score("a", 7, 10)}}), IsOk());
  ASSERT_THAT(store_->Commit({.changes = {Change("a", At(0), 1)}}), IsOk());
  EXPECT_EQ(store_->Progress()->revision, 7);
}

TEST_P(HealthStoreTest, KeepsItsGeneration) {
  const std::string generation = store_->Progress()->generation;
  EXPECT_EQ(generation.size(), 16U);
  Open();
  EXPECT_EQ(store_->Progress()->generation, generation);
}

TEST_P(HealthStoreTest, ListsHistoryNewestFirst) {
  ASSERT_THAT(store_->Commit({.changes = {Change("a", At(1), 1), Change("a", At(2), std::nullopt),
                                          Change("a", At(3), 3), Change("b", At(2), 9)}}),
              IsOk());
  EXPECT_THAT(History({.account_id = "a"}), ElementsAre(3, -1, 1));
  EXPECT_THAT(History({.account_id = "a", .limit = 2}), ElementsAre(3, -1));
}

TEST_P(HealthStoreTest, KeepsAllOfAnEntry) {
  const StoredChange change = Change("a", At(1), 12.5);
  ASSERT_THAT(store_->Commit({.changes = {change}}), IsOk());
  const auto changes = store_->ListHistory({.account_id = "a"});
  ASSERT_EQ(changes->size(), 1U);
  EXPECT_EQ(changes->front().SerializeAsString(), change.change.SerializeAsString());
}

TEST_P(HealthStoreTest, ListsWhatHeldWithinAWindow) {
  ASSERT_THAT(store_->Commit({.changes = {Change("a", At(10), 1), Change("a", At(20), 2), Change("a", At(30), 3)}}),
              IsOk());
  EXPECT_THAT(History({.account_id = "a", .start = At(20)}), ElementsAre(3, 2));
  EXPECT_THAT(History({.account_id = "a", .start = At(25)}), ElementsAre(3, 2)) << "2 still held at the start";
  EXPECT_THAT(History({.account_id = "a", .start = At(5)}), ElementsAre(3, 2, 1));
  EXPECT_THAT(History({.account_id = "a", .end = At(30)}), ElementsAre(2, 1));
  EXPECT_THAT(History({.account_id = "a", .start = At(12), .end = At(15)}), ElementsAre(1));
}

TEST_P(HealthStoreTest, ReplacesAnEntryOfTheSameTime) {
  ASSERT_THAT(store_->Commit({.changes = {Change("a", At(1), 1)}}), IsOk());
  ASSERT_THAT(store_->Commit({.changes = {Change("a", At(1), 2)}}), IsOk());
  EXPECT_THAT(History({.account_id = "a"}), ElementsAre(2));
}

TEST_P(HealthStoreTest, NeverBeginsAnEntryBeforeTheLast) {
  ASSERT_THAT(store_->Commit({.changes = {Change("a", At(5), 1)}}), IsOk());
  ASSERT_THAT(store_->Commit({.changes = {Change("a", At(1), 2)}}), IsOk());
  EXPECT_THAT(History({.account_id = "a"}), ElementsAre(2));
}

TEST_P(HealthStoreTest, TellsTheScoresThatHeldAtATime) {
  ASSERT_THAT(store_->Commit({.changes = {Change("a", At(10), 1), Change("a", At(20), 2), Change("b", At(15), 5),
                                          Change("c", At(10), std::nullopt)}}),
              IsOk());
  std::map<std::string, double> held;
  ASSERT_THAT(store_->VisitScoresAt(At(19), [&](absl::string_view id, double score) { held[std::string(id)] = score; }),
              IsOk());
  EXPECT_EQ(held, (std::map<std::string, double>{{"a", 1}, {"b", 5}}));
}

TEST_P(HealthStoreTest, KeepsFlags) {
  StoredFlag flag{.account_id = "a", .rule = "falling"};
  flag.standing = {.open = true, .raised = At(1), .cleared = std::nullopt, .pending_since = At(2)};
  flag.causes.emplace_back();
  flag.causes.back().set_fact("usage.change_30d");
  flag.causes.back().set_value("-0.4");
  ASSERT_THAT(store_->Commit({.flags = {flag}}), IsOk());
  Open();
  const auto flags = StoredFlags();
  ASSERT_EQ(flags.size(), 1U);
  EXPECT_EQ(flags[0].standing, flag.standing);
  ASSERT_EQ(flags[0].causes.size(), 1U);
  EXPECT_EQ(flags[0].causes[0].SerializeAsString(), flag.causes[0].SerializeAsString());
}

TEST_P(HealthStoreTest, KeepsCarriedValues) {
  const CarriedFacts values = {{.name = "csat.avg_90d", .value = 4.25, .day = 19000},
                               {.name = "nps.latest", .max_age_days = 90, .value = 9.0, .day = 19010},
                               {.name = "plan", .value = std::string("gold"), .day = 19020}};
  ASSERT_THAT(
      store_->Commit({.carried = {{.account_id = "a", .facts = values}, {.account_id = "b", .facts = {values[0]}}}}),
      IsOk());
  ASSERT_THAT(store_->Commit({.carried = {{.account_id = "b"}}}), IsOk());
  Open();
  int visited = 0;
  ASSERT_THAT(store_->VisitCarried([&](const StoredCarried& carried) {
    ++visited;
    EXPECT_EQ(carried.account_id, "a");
    EXPECT_EQ(carried.facts, values);
    return absl::OkStatus();
  }),
              IsOk());
  EXPECT_EQ(visited, 1);
}

TEST_P(HealthStoreTest, ForgetsTheFlagsOfAnAccountOnly) {
  ASSERT_THAT(store_->Commit({.flags = {{.account_id = "a", .rule = "x"}, {.account_id = "b", .rule = "x"}}}), IsOk());
  ASSERT_THAT(store_->Commit({.unflagged = {"a"}}), IsOk());
  ASSERT_EQ(StoredFlags().size(), 1U);
  EXPECT_EQ(StoredFlags()[0].account_id, "b");
}

TEST_P(HealthStoreTest, EndsAVisitWithTheVisitorsError) {
  ASSERT_THAT(store_->Commit({.scores = {Score("a", 1, 10), Score("b", 2, 10)}}), IsOk());
  int visited = 0;
  EXPECT_THAT(store_->VisitScores([&](const StoredScore&) {
    ++visited;
    return absl::AbortedError("enough");
  }),
              HasCode(absl::StatusCode::kAborted));
  EXPECT_EQ(visited, 1);
}

INSTANTIATE_TEST_SUITE_P(All, HealthStoreTest,
                         ::testing::Values(Backend{
                             "Sqlite", [](const std::string& folder) -> absl::StatusOr<std::unique_ptr<HealthStore>> {
                               return SqliteHealthStore::Open(absl::StrCat(folder, "/health.db"));
                             }}));

}  // namespace
}  // namespace perennial::health
