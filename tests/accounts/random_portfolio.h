#pragma once

#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/accounts/feed_follower.h"

namespace perennial::accounts::testing {

// A service to which random things happen at the time of its clock, with a reader of its feed.
class RandomPortfolioTest : public ServerTest, public ::testing::WithParamInterface<unsigned> {
 protected:
  void SetUp() override;

  // One random operation, now. All that it carries happens now or is known now to lie ahead.
  void Operate();
  // Lets random time pass, from seconds to days.
  void LetTimePass();
  // Reads the feed until the facts of every account in it are those that GetFacts gives now; false when they never are.
  bool FeedShowsNow();
  // Facts of all live accounts, as of a moment.
  std::map<std::string, Facts> AllFacts(std::optional<absl::Time> as_of = {});

  std::unique_ptr<FeedFollower> follower_;
  std::vector<std::string> ids_;

 private:
  int UpTo(int most) { return static_cast<int>(random_() % static_cast<unsigned>(most + 1)); }
  // A moment ahead: within the day, or days away.
  absl::Time Ahead();
  std::string NewId(const std::string& prefix);
  void OperateOnSubscriptions(const std::string& id);
  void ChangeSubscription(const std::string& id, const std::string& subscription);
  void OperateOnAccount(const std::string& id);
  // A new rate of the euro, from now on.
  void SetEuroRate();
  void MovePhase(const std::string& id);
  v1::Record RandomRecord(const std::string& id);
  v1::Record RandomTicket(const std::string& id);

  std::mt19937 random_;
  int counter_ = 0;
  std::map<std::string, std::vector<std::string>> subscriptions_of_;
  std::map<std::string, std::vector<v1::Record>> tickets_of_;
  std::set<std::string> deleted_;
};

}  // namespace perennial::accounts::testing
