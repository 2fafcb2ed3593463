// Corners of an account's history that random stories have found.
#include "tests/accounts/server_fixture.h"

namespace perennial::accounts::testing {
namespace {

class HistoryEdgesTest : public ServerTest {};

TEST_F(HistoryEdgesTest, AReportOfNoUseIsStillAReportWhenItIsOlderThanAllWindows) {
  CreateAccount("acme");
  CreateAccount("zeta");
  Write({Usage("acme", "1", "logins", 0), Usage("zeta", "1", "logins", 1)});
  EXPECT_EQ(Fact("acme", "usage.logins.sum_90d"), "number: 0");
  clock_.Advance(absl::Hours(24) * 200);
  EXPECT_EQ(Fact("acme", "usage.logins.sum_90d"), "number: 0");
  EXPECT_EQ(Fact("acme", "silent"), "flag: true");
  CreateAccount("beta");
  EXPECT_EQ(Fact("beta", "usage.logins.sum_90d"), "unknown");
}

TEST_F(HistoryEdgesTest, ATrialThatBecameAFreePlanBeforeItBeganWasNone) {
  CreateAccount("acme");
  v1::CreateSubscriptionRequest request = SubscriptionOf("acme", "s", "0");
  request.mutable_subscription()->set_trial(true);
  SetTimestamp(clock_.Now() + absl::Hours(48), request.mutable_subscription()->mutable_start_time());
  ASSERT_TRUE(Create(request).ok());
  clock_.Advance(absl::Hours(1));
  v1::UpdateSubscriptionRequest update;
  update.mutable_subscription()->set_name("accounts/acme/subscriptions/s");
  update.mutable_update_mask()->add_paths("trial");
  v1::UpdateSubscriptionResponse response;
  ASSERT_TRUE(Send(*subscriptions_, &v1::SubscriptionService::Stub::UpdateSubscription, update, &response).ok());
  clock_.Advance(absl::Hours(24) * 3);
  EXPECT_EQ(Fact("acme", "is_trial"), "flag: false");
  EXPECT_EQ(Fact("acme", "phase"), "unknown");
}

}  // namespace
}  // namespace perennial::accounts::testing
