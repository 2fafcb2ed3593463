// WatchRevenueMovements over the wire.
#include "absl/strings/str_cat.h"
#include "perennial/accounts/v1/exchange_rate_service.grpc.pb.h"
#include "tests/accounts/ledger_follower.h"
#include "tests/accounts/purge_fixture.h"

namespace perennial::accounts::testing {
namespace {

using Lines = std::vector<std::string>;

class LedgerFeedTest : public PurgeTest {
 protected:
  grpc::Status Cancel(const std::string& name, std::optional<absl::Time> end = {}) {
    v1::CancelSubscriptionRequest request;
    request.set_name(name);
    if (end.has_value()) SetTimestamp(*end, request.mutable_end_time());
    v1::CancelSubscriptionResponse response;
    return Send(*subscriptions_, &v1::SubscriptionService::Stub::CancelSubscription, request, &response);
  }
  grpc::Status Reprice(const std::string& name, const std::string& mrr) {
    v1::UpdateSubscriptionRequest request;
    request.mutable_subscription()->set_name(name);
    request.mutable_subscription()->mutable_mrr()->set_amount(mrr);
    request.mutable_subscription()->mutable_mrr()->set_currency_code("USD");
    request.mutable_update_mask()->add_paths("mrr");
    v1::UpdateSubscriptionResponse response;
    return Send(*subscriptions_, &v1::SubscriptionService::Stub::UpdateSubscription, request, &response);
  }
  void SetRate(const std::string& rate, absl::Time since) {
    v1::SetExchangeRateRequest request;
    v1::ExchangeRate& out = *request.mutable_exchange_rate();
    out.set_currency_code("EUR");
    out.set_rate(rate);
    SetTimestamp(since, out.mutable_effective_time());
    v1::SetExchangeRateResponse response;
    const auto rates = v1::ExchangeRateService::NewStub(channel_);
    const grpc::Status status = Send(*rates, &v1::ExchangeRateService::Stub::SetExchangeRate, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
};

TEST_F(LedgerFeedTest, SendsTheWholeLedgerOfEachAccountAndThenEachChangeOfOne) {
  CreateAccount("beta");
  CreateAccount("none");
  ASSERT_TRUE(Create(SubscriptionOf("acme", "s", "100")).ok());
  clock_.Advance(absl::Hours(1));
  ASSERT_TRUE(Reprice("accounts/acme/subscriptions/s", "150").ok());
  ASSERT_TRUE(Create(SubscriptionOf("beta", "s", "7.5")).ok());
  LedgerFollower follower(*subscriptions_, 0);
  follower.CatchUp();
  EXPECT_EQ(follower.messages_, 1);
  EXPECT_EQ(follower.ledgers_.size(), 2U) << "an account that never had a subscription is not there";
  EXPECT_EQ(follower.ledgers_["accounts/acme"], (Lines{"NEW 100 100", "EXPANSION 50 150"}));
  EXPECT_EQ(follower.ledgers_["accounts/beta"], (Lines{"NEW 7.5 7.5"}));
  Write({Usage("acme", "1", "logins")});
  clock_.Advance(absl::Hours(1));
  ASSERT_TRUE(Cancel("accounts/beta/subscriptions/s").ok());
  follower.ReadUntil([&] { return follower.ledgers_["accounts/beta"].size() == 2; });
  EXPECT_EQ(follower.ledgers_["accounts/beta"], (Lines{"NEW 7.5 7.5", "CHURN -7.5 0"}));
  EXPECT_EQ(follower.messages_, 2) << "use of the product is no change of a ledger";
}

TEST_F(LedgerFeedTest, IsCompactedAndGoesOnFromAnyRevisionAfterARestart) {
  CreateAccount("beta");
  ASSERT_TRUE(Create(SubscriptionOf("acme", "s", "100")).ok());
  ASSERT_TRUE(Create(SubscriptionOf("beta", "s", "7")).ok());
  std::int64_t before = 0;
  std::string feed_id;
  {
    LedgerFollower follower(*subscriptions_, 0);
    follower.CatchUp();
    before = follower.revision_;
    feed_id = follower.feed_id_;
  }
  EXPECT_FALSE(feed_id.empty());
  for (const char* mrr : {"200", "300", "400"}) {
    clock_.Advance(absl::Hours(1));
    ASSERT_TRUE(Reprice("accounts/acme/subscriptions/s", mrr).ok());
  }
  Restart();
  LedgerFollower later(*subscriptions_, before, feed_id);
  later.CatchUp();
  EXPECT_EQ(later.messages_, 1);
  EXPECT_EQ(later.ledgers_.size(), 1U);
  EXPECT_EQ(later.ledgers_["accounts/acme"].size(), 4U);
  EXPECT_EQ(later.revision_, before + 3);
}

TEST_F(LedgerFeedTest, AnEndThatLiesAheadComesWhenItTakesEffect) {
  ASSERT_TRUE(Create(SubscriptionOf("acme", "s", "100")).ok());
  ASSERT_TRUE(Cancel("accounts/acme/subscriptions/s", clock_.Now() + absl::Hours(1)).ok());
  LedgerFollower follower(*subscriptions_, 0);
  follower.CatchUp();
  EXPECT_EQ(follower.ledgers_["accounts/acme"], (Lines{"NEW 100 100"}));
  clock_.Advance(absl::Hours(2));
  follower.ReadUntil([&] { return follower.ledgers_["accounts/acme"].size() == 2; });
  EXPECT_EQ(follower.ledgers_["accounts/acme"].back(), "CHURN -100 0");
}

TEST_F(LedgerFeedTest, SubscriptionsFromRecordsAndCorrectedRatesChangeLedgersToo) {
  SetRate("1.5", clock_.Now() - absl::Hours(1000));
  v1::Record state = RecordOf("acme", "");
  v1::Subscription& subscription = *state.mutable_subscription_state();
  subscription.set_name("accounts/acme/subscriptions/s");
  subscription.set_plan("basic");
  subscription.mutable_mrr()->set_amount("100");
  subscription.mutable_mrr()->set_currency_code("EUR");
  SetTimestamp(clock_.Now() - absl::Hours(10), subscription.mutable_start_time());
  Write({state});
  LedgerFollower follower(*subscriptions_, 0);
  follower.CatchUp();
  EXPECT_EQ(follower.ledgers_["accounts/acme"], (Lines{"NEW 150 150"}));
  SetRate("2", clock_.Now() - absl::Hours(1000));
  follower.ReadUntil([&] { return follower.ledgers_["accounts/acme"] == (Lines{"NEW 200 200"}); });
}

TEST_F(LedgerFeedTest, ALedgerThatWasCorrectedAwayIsSentEmpty) {
  ASSERT_TRUE(Create(SubscriptionOf("acme", "s", "100")).ok());
  LedgerFollower follower(*subscriptions_, 0);
  follower.CatchUp();
  v1::UpdateSubscriptionRequest trial;
  trial.mutable_subscription()->set_name("accounts/acme/subscriptions/s");
  trial.mutable_subscription()->set_trial(true);
  trial.mutable_update_mask()->add_paths("trial");
  SetTimestamp(clock_.Now(), trial.mutable_effective_time());
  v1::UpdateSubscriptionResponse response;
  ASSERT_TRUE(Send(*subscriptions_, &v1::SubscriptionService::Stub::UpdateSubscription, trial, &response).ok());
  follower.ReadUntil([&] { return follower.ledgers_["accounts/acme"].empty(); });
  EXPECT_TRUE(follower.tombstones_.empty());
}

TEST_F(LedgerFeedTest, DeletedAccountsLeaveATombstoneAndComeBackWhole) {
  ASSERT_TRUE(Create(SubscriptionOf("acme", "s", "100")).ok());
  CreateAccount("none");
  LedgerFollower follower(*subscriptions_, 0);
  follower.CatchUp();
  ASSERT_TRUE(Delete("none").ok());
  ASSERT_TRUE(Delete("acme").ok());
  follower.ReadUntil([&] { return !follower.tombstones_.empty(); });
  EXPECT_TRUE(follower.ledgers_.empty());
  ASSERT_TRUE(Undelete("acme").ok());
  follower.ReadUntil([&] { return !follower.ledgers_.empty(); });
  EXPECT_EQ(follower.ledgers_["accounts/acme"], (Lines{"NEW 100 100"}));
  ASSERT_TRUE(Delete("acme").ok());
  follower.ReadUntil([&] { return follower.ledgers_.empty(); });
  ASSERT_TRUE(Purge("acme").ok());
  CreateAccount("acme");
  ASSERT_TRUE(Create(SubscriptionOf("acme", "other", "3")).ok());
  follower.ReadUntil([&] { return !follower.ledgers_.empty(); });
  EXPECT_EQ(follower.ledgers_["accounts/acme"], (Lines{"NEW 3 3"}));
  EXPECT_EQ(follower.tombstones_, (std::map<std::string, int>{{"accounts/acme", 2}}));
  LedgerFollower anew(*subscriptions_, 0);
  anew.CatchUp();
  EXPECT_EQ(anew.ledgers_, follower.ledgers_);
  EXPECT_EQ(anew.revision_, follower.revision_);
}

TEST_F(LedgerFeedTest, ManyLedgersComeInSeveralMessagesWithoutAGap) {
  std::vector<v1::Record> states;
  for (int i = 0; i < 1201; ++i) {
    const std::string id = absl::StrCat("account-", i);
    CreateAccount(id);
    v1::Record& state = states.emplace_back(RecordOf(id, ""));
    v1::Subscription& subscription = *state.mutable_subscription_state();
    subscription.set_name(absl::StrCat("accounts/", id, "/subscriptions/s"));
    subscription.set_plan("basic");
    subscription.mutable_mrr()->set_amount(absl::StrCat(i + 1));
    subscription.mutable_mrr()->set_currency_code("USD");
    SetTimestamp(clock_.Now(), subscription.mutable_start_time());
  }
  Write(states);
  LedgerFollower follower(*subscriptions_, 0);
  follower.CatchUp();
  EXPECT_EQ(follower.messages_, 3);
  EXPECT_EQ(follower.ledgers_.size(), 1201U);
  for (int i = 0; i < 1201; ++i) {
    const std::string mrr = absl::StrCat(i + 1);
    EXPECT_EQ(follower.ledgers_[absl::StrCat("accounts/account-", i)], (Lines{absl::StrCat("NEW ", mrr, " ", mrr)}));
  }
}

TEST_F(LedgerFeedTest, RevisionsAndFeedsThatAreNotItsOwnAreRefused) {
  ASSERT_TRUE(Create(SubscriptionOf("acme", "s", "100")).ok());
  EXPECT_EQ(BadFields(LedgerFollower(*subscriptions_, -1).Finish()), (Fields{"start_revision"}));
  EXPECT_EQ(LedgerFollower(*subscriptions_, 2).Finish().error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(LedgerFollower(*subscriptions_, 1, "another").Finish().error_code(), grpc::StatusCode::OUT_OF_RANGE);
}

TEST_F(LedgerFeedTest, EndsWhenTheServerStops) {
  LedgerFollower follower(*subscriptions_, 0);
  follower.CatchUp();
  server_->Stop();
  EXPECT_EQ(follower.Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace perennial::accounts::testing
