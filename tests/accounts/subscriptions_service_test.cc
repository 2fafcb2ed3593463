// SubscriptionService over the wire.
#include "absl/strings/str_cat.h"
#include "tests/accounts/server_fixture.h"

namespace perennial::accounts::testing {
namespace {

using Fields = std::vector<std::string>;

class SubscriptionsServiceTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    v1::CreateAccountRequest request;
    request.set_account_id("acme");
    request.mutable_account()->set_display_name("Acme");
    SetTimestamp(Ago(100), request.mutable_account()->mutable_customer_since());
    ASSERT_TRUE(ServerTest::Create(request).ok());
  }
  v1::Subscription Subscribe(const std::string& id, const std::string& mrr, absl::Time start) {
    v1::CreateSubscriptionRequest request = SubscriptionOf("acme", id, mrr);
    SetTimestamp(start, request.mutable_subscription()->mutable_start_time());
    v1::Subscription subscription;
    const grpc::Status status = Create(request, &subscription);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return subscription;
  }
  static v1::UpdateSubscriptionRequest UpdateOf(const std::string& id, const std::vector<std::string>& paths) {
    v1::UpdateSubscriptionRequest request;
    request.mutable_subscription()->set_name("accounts/acme/subscriptions/" + id);
    for (const std::string& path : paths) request.mutable_update_mask()->add_paths(path);
    return request;
  }
  static v1::UpdateSubscriptionRequest PriceOf(const std::string& id, const std::string& mrr) {
    v1::UpdateSubscriptionRequest request = UpdateOf(id, {"mrr"});
    request.mutable_subscription()->mutable_mrr()->set_amount(mrr);
    request.mutable_subscription()->mutable_mrr()->set_currency_code("USD");
    return request;
  }
  grpc::Status Update(const v1::UpdateSubscriptionRequest& request, v1::Subscription* subscription = nullptr) {
    v1::UpdateSubscriptionResponse response;
    const grpc::Status status =
        Send(*subscriptions_, &v1::SubscriptionService::Stub::UpdateSubscription, request, &response);
    if (subscription != nullptr) *subscription = response.subscription();
    return status;
  }
  grpc::Status Cancel(const std::string& id, std::optional<absl::Time> end = {}, const std::string& etag = "") {
    v1::CancelSubscriptionRequest request;
    request.set_name("accounts/acme/subscriptions/" + id);
    request.set_etag(etag);
    if (end.has_value()) SetTimestamp(*end, request.mutable_end_time());
    v1::CancelSubscriptionResponse response;
    return Send(*subscriptions_, &v1::SubscriptionService::Stub::CancelSubscription, request, &response);
  }
  v1::Subscription Get(const std::string& id) {
    v1::GetSubscriptionRequest request;
    request.set_name("accounts/acme/subscriptions/" + id);
    v1::GetSubscriptionResponse response;
    EXPECT_TRUE(Send(*subscriptions_, &v1::SubscriptionService::Stub::GetSubscription, request, &response).ok());
    return response.subscription();
  }
  grpc::Status List(const v1::ListRevenueMovementsRequest& request) {
    movements_.Clear();
    return Send(*subscriptions_, &v1::SubscriptionService::Stub::ListRevenueMovements, request, &movements_);
  }
  // The ledger of a parent as text.
  std::string Ledger(const std::string& parent = "accounts/acme") {
    v1::ListRevenueMovementsRequest request;
    request.set_parent(parent);
    EXPECT_TRUE(List(request).ok());
    std::string text;
    for (const auto& movement : movements_.movements()) {
      absl::StrAppend(&text, text.empty() ? "" : ", ", v1::MovementKind_Name(movement.kind()).substr(14), " ",
                      movement.amount().amount(), " = ", movement.mrr_after().amount());
    }
    return text;
  }
  [[nodiscard]] absl::Time Ago(int days) const { return clock_.Now() - absl::Hours(24) * days; }

  v1::ListRevenueMovementsResponse movements_;
};

TEST_F(SubscriptionsServiceTest, CreatesASubscriptionAndReadsItBack) {
  v1::CreateSubscriptionRequest request = SubscriptionOf("acme", "s", "19.95");
  request.mutable_subscription()->set_seats(5);
  request.mutable_subscription()->set_auto_renew(true);
  SetTimestamp(At("2025-01-01T00:00:00.123456Z"), request.mutable_subscription()->mutable_renewal_time());
  v1::Subscription created;
  ASSERT_TRUE(Create(request, &created).ok());
  EXPECT_EQ(created.name(), "accounts/acme/subscriptions/s");
  EXPECT_EQ(created.mrr().amount(), "19.95");
  EXPECT_EQ(created.seats(), 5);
  EXPECT_EQ(ToTime(created.renewal_time()), At("2025-01-01T00:00:00.123456Z"));
  EXPECT_EQ(ToTime(created.create_time()), clock_.Now());
  EXPECT_EQ(Get("s").SerializeAsString(), created.SerializeAsString());
  EXPECT_EQ(Create(request).error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(Fact("acme", "mrr"), "number: 19.95");
  EXPECT_EQ(Fact("acme", "phase"), "text: \"ONBOARDING\"");
}

TEST_F(SubscriptionsServiceTest, NamesEveryBadFieldOfANewSubscriptionAndStoresNothing) {
  v1::CreateSubscriptionRequest request;
  request.set_parent("acme");
  request.set_subscription_id("-");
  v1::Subscription& subscription = *request.mutable_subscription();
  subscription.set_seats(-1);
  subscription.mutable_mrr()->set_amount("-5");
  subscription.mutable_mrr()->set_currency_code("euro");
  SetTimestamp(clock_.Now(), subscription.mutable_trial_end_time());
  subscription.mutable_end_time()->set_nanos(-1);
  EXPECT_EQ(BadFields(Create(request)),
            (Fields{"parent", "subscription.end_time", "subscription.mrr.amount", "subscription.mrr.currency_code",
                    "subscription.plan", "subscription.seats", "subscription.start_time", "subscription.trial_end_time",
                    "subscription_id"}));
  request = SubscriptionOf("acme", "s", "1");
  SetTimestamp(clock_.Now() - absl::Seconds(1), request.mutable_subscription()->mutable_end_time());
  EXPECT_EQ(BadFields(Create(request)), Fields{"subscription.end_time"});
  EXPECT_EQ(Fact("acme", "mrr"), "unknown");
  EXPECT_EQ(Create(SubscriptionOf("nobody", "s", "1")).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(SubscriptionsServiceTest, ValidateOnlyStoresNothing) {
  v1::CreateSubscriptionRequest request = SubscriptionOf("acme", "s", "1");
  request.set_validate_only(true);
  ASSERT_TRUE(Create(request).ok());
  EXPECT_EQ(Fact("acme", "mrr"), "unknown");
  Subscribe("s", "1", clock_.Now());
  v1::UpdateSubscriptionRequest update = PriceOf("s", "2");
  update.set_validate_only(true);
  v1::Subscription answer;
  ASSERT_TRUE(Update(update, &answer).ok());
  EXPECT_EQ(answer.mrr().amount(), "2");
  EXPECT_EQ(Get("s").mrr().amount(), "1");
}

TEST_F(SubscriptionsServiceTest, ListsPagesById) {
  for (const char* id : {"c", "a", "b"}) Subscribe(id, "1", clock_.Now());
  v1::ListSubscriptionsRequest request;
  request.set_parent("accounts/acme");
  request.set_page_size(2);
  v1::ListSubscriptionsResponse response;
  ASSERT_TRUE(Send(*subscriptions_, &v1::SubscriptionService::Stub::ListSubscriptions, request, &response).ok());
  ASSERT_EQ(response.subscriptions_size(), 2);
  EXPECT_EQ(response.subscriptions(1).name(), "accounts/acme/subscriptions/b");
  request.set_page_token(response.next_page_token());
  ASSERT_TRUE(Send(*subscriptions_, &v1::SubscriptionService::Stub::ListSubscriptions, request, &response).ok());
  ASSERT_EQ(response.subscriptions_size(), 1);
  EXPECT_EQ(response.next_page_token(), "");
  request.set_parent("accounts/-x");
  request.set_page_size(-1);
  EXPECT_EQ(BadFields(Send(*subscriptions_, &v1::SubscriptionService::Stub::ListSubscriptions, request, &response)),
            (Fields{"page_size", "page_token", "parent"}));
}

TEST_F(SubscriptionsServiceTest, UpdatesChangeTheRevenueFromNowOn) {
  Subscribe("s", "100", Ago(50));
  v1::Subscription after;
  ASSERT_TRUE(Update(PriceOf("s", "150"), &after).ok());
  EXPECT_EQ(after.mrr().amount(), "150");
  EXPECT_EQ(after.plan(), "plan-s");
  EXPECT_EQ(Ledger(), "NEW 100 = 100, EXPANSION 50 = 150");
  EXPECT_EQ(ToTime(movements_.movements(1).effective_time()), clock_.Now());
}

TEST_F(SubscriptionsServiceTest, ABackdatedPriceHoldsFromThenOnThroughLaterChanges) {
  Subscribe("s", "100", Ago(50));
  v1::UpdateSubscriptionRequest seats = UpdateOf("s", {"seats"});
  seats.mutable_subscription()->set_seats(7);
  SetTimestamp(Ago(10), seats.mutable_effective_time());
  ASSERT_TRUE(Update(seats).ok());
  v1::UpdateSubscriptionRequest price = PriceOf("s", "80");
  SetTimestamp(Ago(20), price.mutable_effective_time());
  v1::Subscription after;
  ASSERT_TRUE(Update(price, &after).ok());
  EXPECT_EQ(after.mrr().amount(), "80");
  EXPECT_EQ(after.seats(), 7);
  EXPECT_EQ(Ledger(), "NEW 100 = 100, CONTRACTION -20 = 80");
  EXPECT_EQ(Fact("acme", "seats", Ago(15)), "number: 0");
  EXPECT_EQ(Fact("acme", "mrr", Ago(21)), "number: 100");
  EXPECT_EQ(Fact("acme", "mrr"), "number: 80");
}

TEST_F(SubscriptionsServiceTest, NamesEveryBadFieldOfAnUpdateAndChangesNothing) {
  const std::string before = Subscribe("s", "100", Ago(50)).SerializeAsString();
  v1::UpdateSubscriptionRequest update = UpdateOf("s", {"plan", "seats", "start_time", "mrr"});
  update.mutable_subscription()->set_seats(100'000'001);
  SetTimestamp(clock_.Now() + absl::Seconds(1), update.mutable_effective_time());
  EXPECT_EQ(BadFields(Update(update)),
            (Fields{"effective_time", "subscription.mrr", "subscription.plan", "subscription.seats", "update_mask"}));
  update = UpdateOf("s", {"trial_end_time", "end_time"});
  SetTimestamp(clock_.Now(), update.mutable_subscription()->mutable_trial_end_time());
  SetTimestamp(Ago(51), update.mutable_subscription()->mutable_end_time());
  EXPECT_EQ(BadFields(Update(update)), (Fields{"subscription.end_time", "subscription.trial_end_time"}));
  update = PriceOf("s", "1");
  SetTimestamp(Ago(51), update.mutable_effective_time());
  EXPECT_EQ(BadFields(Update(update)), Fields{"effective_time"});
  EXPECT_EQ(BadFields(Update(v1::UpdateSubscriptionRequest())), (Fields{"subscription", "subscription.name"}));
  EXPECT_EQ(Get("s").SerializeAsString(), before);
  EXPECT_EQ(Update(PriceOf("other", "1")).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(SubscriptionsServiceTest, AStaleEtagAborts) {
  const std::string etag = Subscribe("s", "100", Ago(50)).etag();
  v1::UpdateSubscriptionRequest update = PriceOf("s", "1");
  update.mutable_subscription()->set_etag(etag);
  ASSERT_TRUE(Update(update).ok());
  update.mutable_subscription()->mutable_mrr()->set_amount("2");
  EXPECT_EQ(Update(update).error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(Cancel("s", {}, etag).error_code(), grpc::StatusCode::ABORTED);
  EXPECT_TRUE(Cancel("s", {}, Get("s").etag()).ok());
}

TEST_F(SubscriptionsServiceTest, CancellingNowIsChurn) {
  Subscribe("s", "100", Ago(50));
  ASSERT_TRUE(Cancel("s").ok());
  EXPECT_EQ(Ledger(), "NEW 100 = 100, CHURN -100 = 0");
  EXPECT_EQ(Fact("acme", "phase"), "text: \"CHURNED\"");
  const std::string etag = Get("s").etag();
  clock_.Advance(absl::Hours(1));
  ASSERT_TRUE(Cancel("s").ok());
  EXPECT_EQ(Get("s").etag(), etag) << "it has ended when it has";
  ASSERT_TRUE(Cancel("s", clock_.Now() - absl::Hours(1)).ok());
  EXPECT_EQ(Get("s").etag(), etag);
}

TEST_F(SubscriptionsServiceTest, CancellingInThePastAlsoEndsWhatWasChangedSince) {
  Subscribe("s", "100", Ago(50));
  v1::UpdateSubscriptionRequest price = PriceOf("s", "150");
  SetTimestamp(Ago(10), price.mutable_effective_time());
  ASSERT_TRUE(Update(price).ok());
  ASSERT_TRUE(Cancel("s", Ago(20)).ok());
  EXPECT_EQ(Ledger(), "NEW 100 = 100, CHURN -100 = 0");
  EXPECT_EQ(Fact("acme", "mrr"), "number: 0");
  EXPECT_EQ(ToTime(Get("s").end_time()), Ago(20));
}

TEST_F(SubscriptionsServiceTest, CancellingLaterThanItHadEndedFillsTheTimeBetween) {
  Subscribe("s", "100", Ago(50));
  ASSERT_TRUE(Cancel("s", Ago(20)).ok());
  ASSERT_TRUE(Cancel("s", Ago(10)).ok());
  EXPECT_EQ(Ledger(), "NEW 100 = 100, CHURN -100 = 0");
  EXPECT_EQ(ToTime(movements_.movements(1).effective_time()), Ago(10));
}

TEST_F(SubscriptionsServiceTest, CancellingAheadCountsWhenTheTimeHasComeWithoutAnyWrite) {
  Subscribe("s", "100", Ago(50));
  const absl::Time end = clock_.Now() + absl::Hours(3);
  ASSERT_TRUE(Cancel("s", end).ok());
  EXPECT_EQ(Ledger(), "NEW 100 = 100");
  const std::int64_t revision = GetAccount("acme").revision();
  clock_.Set(end);  // the same day: no midnight in between
  EXPECT_TRUE(Eventually([&] { return GetAccount("acme").phase() == v1::LIFECYCLE_PHASE_CHURNED; }));
  EXPECT_EQ(Ledger(), "NEW 100 = 100, CHURN -100 = 0");
  EXPECT_GT(GetAccount("acme").revision(), revision);
}

TEST_F(SubscriptionsServiceTest, ASubscriptionNeverEndsBeforeItsStart) {
  Subscribe("s", "100", Ago(5));
  EXPECT_EQ(BadFields(Cancel("s", Ago(6))), Fields{"end_time"});
  EXPECT_EQ(Cancel("nobody").error_code(), grpc::StatusCode::NOT_FOUND);
  ASSERT_TRUE(Cancel("s", Ago(5)).ok());
  EXPECT_EQ(Ledger(), "");
}

TEST_F(SubscriptionsServiceTest, ASubscriptionThatStartsLaterTodayCountsThen) {
  Subscribe("s", "100", clock_.Now() + absl::Hours(2));
  EXPECT_EQ(Fact("acme", "mrr"), "unknown");
  clock_.Advance(absl::Hours(2));
  EXPECT_TRUE(Eventually([&] { return GetAccount("acme").phase() == v1::LIFECYCLE_PHASE_ONBOARDING; }));
}

TEST_F(SubscriptionsServiceTest, TheLedgerOfAllIsPagedByTimeThenAccount) {
  CreateAccount("beta");
  Subscribe("s", "100", Ago(50));
  Subscribe("t", "7", Ago(40));
  v1::CreateSubscriptionRequest other = SubscriptionOf("beta", "s", "5");
  SetTimestamp(Ago(50), other.mutable_subscription()->mutable_start_time());
  ASSERT_TRUE(Create(other).ok());
  v1::ListRevenueMovementsRequest request;
  request.set_parent("accounts/-");
  request.set_page_size(1);
  Fields amounts;
  do {
    ASSERT_TRUE(List(request).ok());
    ASSERT_EQ(movements_.movements_size(), 1);
    amounts.push_back(movements_.movements(0).account() + " " + movements_.movements(0).amount().amount());
    request.set_page_token(movements_.next_page_token());
  } while (!movements_.next_page_token().empty());
  EXPECT_EQ(amounts, (Fields{"accounts/acme 100", "accounts/beta 5", "accounts/acme 7"}));
}

TEST_F(SubscriptionsServiceTest, TheLedgerIsLimitedInTimeAndTellsBadFields) {
  Subscribe("s", "100", Ago(50));
  Subscribe("t", "7", Ago(40));
  v1::ListRevenueMovementsRequest request;
  request.set_parent("accounts/acme");
  SetTimestamp(Ago(40), request.mutable_start_time());
  ASSERT_TRUE(List(request).ok());
  EXPECT_EQ(movements_.movements_size(), 1);
  request.clear_start_time();
  SetTimestamp(Ago(40), request.mutable_end_time());
  ASSERT_TRUE(List(request).ok());
  EXPECT_EQ(movements_.movements_size(), 1);
  request.mutable_start_time()->set_nanos(-1);
  request.mutable_end_time()->set_nanos(-1);
  request.set_parent("x");
  request.set_page_size(-1);
  request.set_page_token("x");
  EXPECT_EQ(BadFields(List(request)), (Fields{"end_time", "page_size", "page_token", "parent", "start_time"}));
  request = {};
  request.set_parent("accounts/nobody");
  EXPECT_EQ(List(request).error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace perennial::accounts::testing
