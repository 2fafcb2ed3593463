// Whatever happens in whatever order, the members are those that the filters select, and the events tell how they
// came to be.

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/segments/engine_fixture.h"
#include "tests/testing/status_matchers.h"

namespace perennial::segments {
namespace {

using perennial::testing::IsOk;
using testing::EngineTest;
using testing::Members;
using testing::MembersBySegment;
using testing::TestTime;

// A segment as the model knows it: mrr above, or score below, a bound; perhaps only who is in, or not in, another
// segment.
struct ModelSegment {
  bool by_score = false;
  int bound = 0;
  std::string called;
  bool negated = false;

  [[nodiscard]] std::string Filter() const {
    std::string filter = by_score ? absl::StrCat("health.score < ", bound) : absl::StrCat("mrr > ", bound);
    if (!called.empty()) absl::StrAppend(&filter, " AND ", negated ? "NOT " : "", "segment(\"", called, "\")");
    return filter;
  }
};

struct ModelAccount {
  bool live = false;
  std::optional<double> mrr;
  std::optional<double> score;
};

class MembershipPropertyTest : public EngineTest, public ::testing::WithParamInterface<int> {
 protected:
  int Random(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

  [[nodiscard]] bool Selects(const ModelSegment& segment, const ModelAccount& account) const {
    const std::optional<double>& value = segment.by_score ? account.score : account.mrr;
    if (!account.live || !value.has_value()) return false;
    if (segment.by_score ? *value >= segment.bound : *value <= segment.bound) return false;
    return segment.called.empty() || Selects(model_segments_.at(segment.called), account) != segment.negated;
  }
  [[nodiscard]] MembersBySegment Expected() const {
    MembersBySegment expected;
    for (const auto& [id, segment] : model_segments_) {
      for (const auto& [account, state] : model_accounts_) {
        if (Selects(segment, state)) expected[id].insert(account);
      }
    }
    return expected;
  }
  [[nodiscard]] bool IsCalled(const std::string& id) const {
    return std::any_of(model_segments_.begin(), model_segments_.end(),
                       [&](const auto& segment) { return segment.second.called == id; });
  }

  void ChangeAccount() {
    const std::string id = absl::StrCat("account-", Random(40));
    ModelAccount& account = model_accounts_[id];
    if (account.live && Random(6) == 0) {
      account = {};
      accounts.Delete(id);
      scores.Delete(id);
      return;
    }
    account.live = true;
    account.mrr = Random(5) == 0 ? std::nullopt : std::optional<double>(Random(100));
    accounts.Put(id, account.mrr.has_value() ? testing::Values{{"mrr", *account.mrr}} : testing::Values{});
  }
  void ChangeScore() {
    const std::string id = absl::StrCat("account-", Random(40));
    ModelAccount& account = model_accounts_[id];
    if (!account.live) return;
    account.score = Random(5) == 0 ? std::nullopt : std::optional<double>(Random(100));
    scores.Put(id, {.score = account.score, .facts_revision = accounts.revision()});
  }
  // Segments call only those with a smaller number, so that there is no cycle.
  ModelSegment RandomSegment(int number) {
    ModelSegment segment{.by_score = Random(2) == 0, .bound = Random(100), .called = {}, .negated = Random(2) == 0};
    const std::string called = absl::StrCat("segment-", Random(number + 1));
    if (called != absl::StrCat("segment-", number) && model_segments_.contains(called)) segment.called = called;
    return segment;
  }
  void ChangeDefinition() {
    const int number = Random(8);
    const std::string id = absl::StrCat("segment-", number);
    if (!model_segments_.contains(id)) {
      model_segments_[id] = RandomSegment(number);
      Create(id, model_segments_[id].Filter());
    } else if (Random(3) == 0 && !IsCalled(id)) {
      model_segments_.erase(id);
      ASSERT_THAT(Delete(id), IsOk());
    } else {
      const ModelSegment segment = RandomSegment(number);
      model_segments_[id] = segment;
      ASSERT_THAT(SetFilter(id, segment.Filter()), IsOk());
    }
  }
  void Step() {
    switch (Random(12)) {
      case 0: return Restart();
      case 1: ASSERT_THAT(engine->Sweep(), IsOk()); return;
      case 2:
        store->failing = true;
        // Fails when there is something to store; that is what this is about.
        SyncFacts().IgnoreError();
        SyncScores().IgnoreError();
        store->failing = false;
        return;
      case 3:
      case 4:
        Sync();
        return ChangeDefinition();
      case 5: ASSERT_THAT(SyncScores(), IsOk()); return;
      case 6:
      case 7:
      case 8: return ChangeScore();
      default: return ChangeAccount();
    }
  }

 private:
  std::mt19937 random_{static_cast<std::mt19937::result_type>(GetParam())};
  std::map<std::string, ModelSegment> model_segments_;
  std::map<std::string, ModelAccount> model_accounts_;
};

TEST_P(MembershipPropertyTest, EventsAddUpToWhatTheFiltersSelect) {
  accounts.Define("mrr", facts::FactType::kNumber);
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 10; ++i) Step();
    Sync();
    ASSERT_EQ(AllMembers(), Expected()) << "round " << round;
    ASSERT_EQ(Replayed(), Expected()) << "round " << round;
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GT(Events().size(), 100U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, MembershipPropertyTest, ::testing::Range(1, 9));

}  // namespace
}  // namespace perennial::segments
