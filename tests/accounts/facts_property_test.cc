// Facts over time: what the feed shows is what GetFacts says now, what GetFacts says of the past is what the feed
// showed then, and a reader may stop and resume wherever it likes.
#include "absl/strings/str_cat.h"
#include "tests/accounts/random_portfolio.h"

namespace perennial::accounts::testing {
namespace {

constexpr int kMoments = 25;
constexpr int kOperations = 12;

// What differs between two sets of facts, for people.
std::string Difference(const std::map<std::string, Facts>& a, const std::map<std::string, Facts>& b) {
  std::string text;
  const auto value = [](const std::map<std::string, Facts>& all, const std::string& id, const std::string& name) {
    const auto account = all.find(id);
    if (account == all.end()) return std::string("no account");
    const auto fact = account->second.find(name);
    return fact == account->second.end() ? std::string("unknown") : fact->second;
  };
  std::set<std::pair<std::string, std::string>> keys;
  for (const auto* all : {&a, &b}) {
    for (const auto& [id, facts] : *all) {
      for (const auto& [name, ignored] : facts) keys.emplace(id, name);
    }
  }
  for (const auto& [id, name] : keys) {
    if (value(a, id, name) == value(b, id, name)) continue;
    absl::StrAppend(&text, id, " ", name, ": ", value(a, id, name), " but ", value(b, id, name), "\n");
  }
  return text;
}

class FactsPropertyTest : public RandomPortfolioTest {
 protected:
  struct Moment {
    absl::Time time;
    std::int64_t revision = 0;
    std::map<std::string, Facts> facts;
  };
  // Lets things happen and time pass, and keeps what the feed shows at several moments.
  void Live() {
    for (int moment = 0; moment < kMoments; ++moment) {
      for (int i = 0; i < kOperations; ++i) {
        Operate();
        if (i % 3 == 0) LetTimePass();
      }
      ASSERT_TRUE(FeedShowsNow()) << "moment " << moment << "\n" << Difference(follower_->rows_, AllFacts());
      moments_.push_back({clock_.Now(), follower_->revision_, follower_->rows_});
      LetTimePass();
    }
    ASSERT_TRUE(FeedShowsNow()) << Difference(follower_->rows_, AllFacts());
    ASSERT_GE(ids_.size(), 3U);
    ASSERT_GE(follower_->definitions_.size(), 70U) << "use of no metric was reported";
  }
  std::vector<Moment> moments_;
};

TEST_P(FactsPropertyTest, TheFeedShowsWhatGetFactsSaysAndThePastStaysAsTheFeedShowedIt) {
  Live();
  // Deleted accounts have no facts now, whatever moment is asked for.
  const std::map<std::string, Facts> live = AllFacts();
  for (const Moment& moment : moments_) {
    std::map<std::string, Facts> then = moment.facts;
    std::erase_if(then, [&](const auto& entry) { return !live.contains(entry.first); });
    std::map<std::string, Facts> asked = AllFacts(moment.time);
    std::erase_if(asked, [&](const auto& entry) { return !moment.facts.contains(entry.first); });  // deleted then
    EXPECT_EQ(Difference(then, asked), "") << "at " << absl::FormatTime(moment.time, absl::UTCTimeZone());
  }
}

TEST_P(FactsPropertyTest, ResumingFromAnyRevisionEndsInTheSameState) {
  Live();
  for (const Moment& moment : moments_) {
    v1::WatchFactsRequest request;
    request.set_start_revision(moment.revision);
    FeedFollower resumed(*facts_, request);
    resumed.rows_ = moment.facts;
    resumed.ReadUntil(follower_->revision_);
    EXPECT_EQ(Difference(resumed.rows_, follower_->rows_), "") << "from " << moment.revision;
  }
}

TEST_P(FactsPropertyTest, ARestartChangesNoFacts) {
  Live();
  const std::map<std::string, Facts> before = AllFacts();
  follower_ = nullptr;
  StartServer();
  EXPECT_EQ(Difference(before, AllFacts()), "");
  follower_ = std::make_unique<FeedFollower>(*facts_);
  EXPECT_TRUE(FeedShowsNow());
  EXPECT_EQ(Difference(before, follower_->rows_), "");
}

INSTANTIATE_TEST_SUITE_P(Seeds, FactsPropertyTest, ::testing::Range(1U, 5U));

}  // namespace
}  // namespace perennial::accounts::testing
