// GetCustomerEquity from the fact value.clv.

#include "segment-svc/customer_equity.h"

#include <gmock/gmock.h>

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/segments/engine_fixture.h"
#include "tests/testing/status_matchers.h"

namespace perennial::segments {
namespace {

using perennial::testing::HasCode;
using perennial::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::EngineTest;

std::string Text(const perennial::type::v1::Money& money) { return money.amount() + " " + money.currency_code(); }

class CustomerEquityTest : public EngineTest {
 protected:
  CustomerEquityTest() {
    accounts.Put("acme", {{"mrr", 100.0}, {"value.clv", 1000.1}, {"name", std::string("Acme")}});
    accounts.Put("beta", {{"mrr", 200.0}, {"value.clv", 500.2}});
    accounts.Put("core", {{"mrr", 300.0}});
    accounts.Put("dusk", {{"mrr", 0.0}, {"value.clv", 0.0}});
    Sync();
    Create("large", "mrr >= 200");
    Create("nobody", "mrr > 1000");
    Create("valued", "value.clv > 0");
  }
  absl::StatusOr<v1::GetCustomerEquityResponse> Get(const v1::GetCustomerEquityRequest& request = {}) {
    return CustomerEquity(*engine, "USD").Get(request);
  }
};

TEST_F(CustomerEquityTest, AddsUpWhatIsKnown) {
  const auto equity = Get();
  ASSERT_THAT(equity, IsOk()) << equity.status();
  EXPECT_EQ(equity->accounts(), 4);
  EXPECT_EQ(equity->known_accounts(), 3);
  EXPECT_EQ(Text(equity->customer_equity()), "1500.3 USD");
  EXPECT_EQ(Text(equity->mean_clv()), "500.1 USD");
  EXPECT_EQ(Text(equity->expected_equity()), "0 USD");
  EXPECT_FALSE(equity->has_equity_share());
  EXPECT_EQ(equity->facts_revision(), accounts.revision());
  ASSERT_EQ(equity->top_accounts_size(), 3);
  EXPECT_EQ(equity->top_accounts(0).account(), "accounts/acme");
  EXPECT_EQ(equity->top_accounts(0).display_name(), "Acme");
  EXPECT_EQ(Text(equity->top_accounts(0).clv()), "1000.1 USD");
  EXPECT_EQ(Text(equity->top_accounts(0).mrr()), "100 USD");
}

TEST_F(CustomerEquityTest, ValuesASegmentAsItsMeanTimesItsAccounts) {
  const auto equity = Get();
  ASSERT_THAT(equity, IsOk());
  ASSERT_EQ(equity->segments_size(), 3);
  const v1::SegmentEquity& large = equity->segments(0);
  EXPECT_EQ(large.segment(), "segments/large");
  EXPECT_EQ(large.display_name(), "The large");
  EXPECT_EQ(large.accounts(), 2);
  EXPECT_EQ(large.known_accounts(), 1);
  EXPECT_EQ(Text(large.mean_clv()), "500.2 USD");
  EXPECT_EQ(Text(large.segment_lifetime_value()), "1000.4 USD");
  EXPECT_FALSE(equity->segments(1).has_mean_clv());
  EXPECT_FALSE(equity->segments(1).has_segment_lifetime_value());
  EXPECT_EQ(Text(equity->segments(2).segment_lifetime_value()), "1500.3 USD");
}

TEST_F(CustomerEquityTest, ShowsExpectedCustomersApart) {
  v1::GetCustomerEquityRequest request;
  request.set_expected_new_customers(2.5);
  auto equity = Get(request);
  ASSERT_THAT(equity, IsOk());
  // The mean of those that pay: acme and beta.
  EXPECT_EQ(Text(equity->expected_equity()), "1875.375 USD");
  EXPECT_EQ(Text(equity->customer_equity()), "1500.3 USD");
  request.mutable_expected_new_customer_clv()->set_amount("10");
  request.mutable_expected_new_customer_clv()->set_currency_code("USD");
  request.mutable_market_equity()->set_amount("6001.2");
  request.mutable_market_equity()->set_currency_code("USD");
  equity = Get(request);
  ASSERT_THAT(equity, IsOk());
  EXPECT_EQ(Text(equity->expected_equity()), "25 USD");
  EXPECT_DOUBLE_EQ(equity->equity_share(), 0.25);
}

TEST_F(CustomerEquityTest, LooksAtWhatIsAskedFor) {
  v1::GetCustomerEquityRequest request;
  request.set_filter("mrr > 0 AND mrr < 300");
  request.add_segments("segments/valued");
  request.add_segments("segments/large");
  request.add_segments("segments/large");
  const auto equity = Get(request);
  ASSERT_THAT(equity, IsOk());
  EXPECT_EQ(equity->accounts(), 2);
  EXPECT_EQ(equity->filter_reading().canonical(), "mrr > 0 AND mrr < 300");
  ASSERT_EQ(equity->segments_size(), 2);
  EXPECT_EQ(equity->segments(0).accounts(), 1);
  EXPECT_EQ(equity->segments(1).accounts(), 2);
}

TEST_F(CustomerEquityTest, IsUnknownWhereNoValueIs) {
  v1::GetCustomerEquityRequest request;
  request.set_filter("mrr = 300");
  request.set_expected_new_customers(1);
  request.mutable_market_equity()->set_amount("1");
  request.mutable_market_equity()->set_currency_code("USD");
  const auto equity = Get(request);
  ASSERT_THAT(equity, IsOk());
  EXPECT_EQ(equity->known_accounts(), 0);
  EXPECT_EQ(Text(equity->customer_equity()), "0 USD");
  EXPECT_FALSE(equity->has_mean_clv());
  EXPECT_FALSE(equity->has_expected_equity());
  EXPECT_FALSE(equity->has_equity_share());
  EXPECT_EQ(equity->top_accounts_size(), 0);
}

TEST_F(CustomerEquityTest, NamesWhatIsWrongWithARequest) {
  v1::GetCustomerEquityRequest request;
  request.set_filter(" ");
  request.add_segments("segments/large");
  request.add_segments("large");
  request.set_expected_new_customers(std::numeric_limits<double>::quiet_NaN());
  request.mutable_expected_new_customer_clv()->set_amount("-1");
  request.mutable_expected_new_customer_clv()->set_currency_code("EUR");
  request.mutable_market_equity()->set_amount("0");
  request.mutable_market_equity()->set_currency_code("USD");
  request.set_min_facts_revision(-1);
  const absl::Status status = Get(request).status();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kInvalidArgument));
  for (const char* field :
       {"filter", "segments[1]", "expected_new_customers", "expected_new_customer_clv.amount",
        "expected_new_customer_clv.currency_code", "market_equity.amount", "min_facts_revision"}) {
    EXPECT_THAT(std::string(status.message()), HasSubstr(field));
  }
  v1::GetCustomerEquityRequest many;
  for (int i = 0; i < 101; ++i) many.add_segments(absl::StrCat("segments/s", i));
  EXPECT_THAT(std::string(Get(many).status().message()), HasSubstr("segments has 101"));
  v1::GetCustomerEquityRequest none;
  none.add_segments("segments/none");
  EXPECT_THAT(Get(none), HasCode(absl::StatusCode::kNotFound));
  Restart();
  EXPECT_THAT(Get(), HasCode(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace perennial::segments
