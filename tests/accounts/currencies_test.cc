// Exchange rates over the wire, and what they do to revenue.
#include "absl/strings/str_cat.h"
#include "perennial/accounts/v1/exchange_rate_service.grpc.pb.h"
#include "tests/accounts/server_fixture.h"

namespace perennial::accounts::testing {
namespace {

using Fields = std::vector<std::string>;

class CurrenciesTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    Connect();
    v1::CreateAccountRequest request;
    request.set_account_id("acme");
    request.mutable_account()->set_display_name("Acme");
    SetTimestamp(Ago(100), request.mutable_account()->mutable_customer_since());
    ASSERT_TRUE(ServerTest::Create(request).ok());
  }
  void Connect() { rates_ = v1::ExchangeRateService::NewStub(channel_); }
  [[nodiscard]] absl::Time Ago(int days) const { return clock_.Now() - absl::Hours(24) * days; }

  static v1::SetExchangeRateRequest RateOf(const std::string& currency, const std::string& rate, absl::Time effective) {
    v1::SetExchangeRateRequest request;
    request.mutable_exchange_rate()->set_currency_code(currency);
    request.mutable_exchange_rate()->set_rate(rate);
    SetTimestamp(effective, request.mutable_exchange_rate()->mutable_effective_time());
    return request;
  }
  grpc::Status Set(const v1::SetExchangeRateRequest& request, v1::SetExchangeRateResponse* response) {
    return Send(*rates_, &v1::ExchangeRateService::Stub::SetExchangeRate, request, response);
  }
  // Sets a rate; returns how many accounts it concerns.
  std::int64_t Set(const std::string& currency, const std::string& rate, absl::Time effective) {
    v1::SetExchangeRateResponse response;
    const grpc::Status status = Set(RateOf(currency, rate, effective), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.accounts_affected();
  }
  grpc::Status DeleteRate(const std::string& currency, absl::Time effective, const std::string& request_id = "") {
    v1::DeleteExchangeRateRequest request;
    request.set_currency_code(currency);
    request.set_request_id(request_id);
    SetTimestamp(effective, request.mutable_effective_time());
    v1::DeleteExchangeRateResponse response;
    return Send(*rates_, &v1::ExchangeRateService::Stub::DeleteExchangeRate, request, &response);
  }
  v1::ListExchangeRatesResponse ListRates(int page_size = 0, const std::string& token = "",
                                          const std::string& currency = "") {
    v1::ListExchangeRatesRequest request;
    request.set_page_size(page_size);
    request.set_page_token(token);
    request.set_currency_code(currency);
    v1::ListExchangeRatesResponse response;
    const grpc::Status status = Send(*rates_, &v1::ExchangeRateService::Stub::ListExchangeRates, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  // All rates as text.
  std::string Rates() {
    std::string text;
    const v1::ListExchangeRatesResponse listed = ListRates();
    for (const v1::ExchangeRate& rate : listed.exchange_rates()) {
      absl::StrAppend(&text, text.empty() ? "" : ", ", rate.currency_code(), " ", rate.rate(), " ",
                      (clock_.Now() - ToTime(rate.effective_time())) / absl::Hours(24));
    }
    return text;
  }

  v1::CreateSubscriptionRequest In(const std::string& currency, const std::string& id, const std::string& mrr,
                                   absl::Time start, const std::string& account = "acme") {
    v1::CreateSubscriptionRequest request = SubscriptionOf(account, id, mrr);
    request.mutable_subscription()->mutable_mrr()->set_currency_code(currency);
    SetTimestamp(start, request.mutable_subscription()->mutable_start_time());
    return request;
  }
  void Subscribe(const std::string& currency, const std::string& id, const std::string& mrr, absl::Time start,
                 const std::string& account = "acme") {
    const grpc::Status status = Create(In(currency, id, mrr, start, account));
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
  grpc::Status SetPrice(const std::string& currency, const std::string& id, const std::string& mrr,
                        std::optional<absl::Time> effective = {}) {
    v1::UpdateSubscriptionRequest request;
    request.mutable_subscription()->set_name("accounts/acme/subscriptions/" + id);
    request.mutable_update_mask()->add_paths("mrr");
    request.mutable_subscription()->mutable_mrr()->set_amount(mrr);
    request.mutable_subscription()->mutable_mrr()->set_currency_code(currency);
    if (effective.has_value()) SetTimestamp(*effective, request.mutable_effective_time());
    v1::UpdateSubscriptionResponse response;
    return Send(*subscriptions_, &v1::SubscriptionService::Stub::UpdateSubscription, request, &response);
  }
  // The ledger of acme as text.
  std::string Ledger() {
    v1::ListRevenueMovementsRequest request;
    request.set_parent("accounts/acme");
    v1::ListRevenueMovementsResponse response;
    EXPECT_TRUE(Send(*subscriptions_, &v1::SubscriptionService::Stub::ListRevenueMovements, request, &response).ok());
    std::string text;
    for (const auto& movement : response.movements()) {
      EXPECT_EQ(movement.amount().currency_code(), "USD");
      absl::StrAppend(&text, text.empty() ? "" : ", ", v1::MovementKind_Name(movement.kind()).substr(14), " ",
                      movement.amount().amount(), " = ", movement.mrr_after().amount());
    }
    return text;
  }

  std::unique_ptr<v1::ExchangeRateService::Stub> rates_;
};

TEST_F(CurrenciesTest, RatesAreListedByCurrencyThenTime) {
  Set("GBP", "1.25", Ago(10));
  Set("EUR", "1.0842", Ago(3));
  Set("EUR", "1.1", Ago(10));
  EXPECT_EQ(Rates(), "EUR 1.1 10, EUR 1.0842 3, GBP 1.25 10");
  EXPECT_EQ(ListRates().reporting_currency(), "USD");
  EXPECT_EQ(ListRates(0, "", "GBP").exchange_rates_size(), 1);
  const v1::ListExchangeRatesResponse first = ListRates(2);
  EXPECT_EQ(first.exchange_rates_size(), 2);
  const v1::ListExchangeRatesResponse second = ListRates(2, first.next_page_token());
  ASSERT_EQ(second.exchange_rates_size(), 1);
  EXPECT_EQ(second.exchange_rates(0).currency_code(), "GBP");
  EXPECT_EQ(second.next_page_token(), "");
}

TEST_F(CurrenciesTest, ARateOfTheSameMomentIsReplaced) {
  Set("EUR", "1.1", Ago(10));
  Set("EUR", "1.2", Ago(10));
  EXPECT_EQ(Rates(), "EUR 1.2 10");
}

TEST_F(CurrenciesTest, NamesEveryBadFieldOfARate) {
  v1::SetExchangeRateResponse response;
  EXPECT_EQ(BadFields(Set({}, &response)), (Fields{"exchange_rate", "exchange_rate.currency_code",
                                                   "exchange_rate.effective_time", "exchange_rate.rate"}));
  EXPECT_EQ(BadFields(Set(RateOf("USD", "1", Ago(1)), &response)), Fields{"exchange_rate.currency_code"});
  EXPECT_EQ(BadFields(Set(RateOf("eur", "-1", clock_.Now() + absl::Hours(25)), &response)),
            (Fields{"exchange_rate.currency_code", "exchange_rate.effective_time", "exchange_rate.rate"}));
  EXPECT_EQ(Rates(), "");
}

TEST_F(CurrenciesTest, ASubscriptionWithoutARateIsRefusedWithWhatToDo) {
  const grpc::Status status = Create(In("EUR", "s", "100", Ago(20)));
  EXPECT_EQ(BadFields(status), Fields{"subscription.mrr.currency_code"});
  EXPECT_NE(status.error_message().find("SetExchangeRate"), std::string::npos) << status.error_message();
  Set("EUR", "1.1", Ago(19));
  EXPECT_EQ(BadFields(Create(In("EUR", "s", "100", Ago(20)))), Fields{"subscription.mrr.currency_code"})
      << "the rate is of a later time";
  EXPECT_TRUE(Create(In("EUR", "s", "100", Ago(19))).ok());
}

TEST_F(CurrenciesTest, ARecordWithoutARateIsRefusedAlone) {
  v1::Record record = RecordOf("acme", "");
  record.mutable_subscription_state()->set_name("accounts/acme/subscriptions/s");
  *record.mutable_subscription_state() = In("EUR", "s", "100", Ago(20)).subscription();
  record.mutable_subscription_state()->set_name("accounts/acme/subscriptions/s");
  v1::BatchSummary summary;
  ASSERT_TRUE(Write({record, Usage("acme", "1", "logins")}, &summary).ok());
  ASSERT_EQ(summary.errors_size(), 1) << summary.ShortDebugString();
  EXPECT_EQ(summary.stored(), 1);
  EXPECT_NE(summary.ShortDebugString().find("subscription_state.mrr.currency_code"), std::string::npos);
  Set("EUR", "2", Ago(30));
  Write({record});
  EXPECT_EQ(Fact("acme", "mrr"), "number: 200");
}

TEST_F(CurrenciesTest, ASubscriptionShowsItsOwnCurrencyAndCountsInTheReportingOne) {
  Set("EUR", "1.0842", Ago(30));
  v1::Subscription subscription;
  ASSERT_TRUE(Create(In("EUR", "s", "100.5", Ago(20)), &subscription).ok());
  EXPECT_EQ(subscription.mrr().amount(), "100.5");
  EXPECT_EQ(subscription.mrr().currency_code(), "EUR");
  EXPECT_EQ(Ledger(), "NEW 108.9621 = 108.9621");
  EXPECT_EQ(Fact("acme", "mrr"), "number: 108.9621");
}

TEST_F(CurrenciesTest, ARateAloneMovesNoRevenue) {
  Set("EUR", "1.1", Ago(30));
  Subscribe("EUR", "s", "100", Ago(20));
  EXPECT_EQ(Set("EUR", "1.5", Ago(10)), 0);
  EXPECT_EQ(Ledger(), "NEW 110 = 110");
  v1::UpdateSubscriptionRequest seats;
  seats.mutable_subscription()->set_name("accounts/acme/subscriptions/s");
  seats.mutable_subscription()->set_seats(9);
  v1::UpdateSubscriptionResponse response;
  ASSERT_TRUE(Send(*subscriptions_, &v1::SubscriptionService::Stub::UpdateSubscription, seats, &response).ok());
  EXPECT_EQ(Ledger(), "NEW 110 = 110") << "more seats at the same price";
  EXPECT_EQ(response.subscription().mrr().currency_code(), "EUR");
}

TEST_F(CurrenciesTest, ANewPriceCountsAtTheRateOfItsMoment) {
  Set("EUR", "1.1", Ago(30));
  Set("EUR", "1.5", Ago(10));
  Subscribe("EUR", "s", "100", Ago(20));
  ASSERT_TRUE(SetPrice("EUR", "s", "120", Ago(5)).ok());
  EXPECT_EQ(Ledger(), "NEW 110 = 110, EXPANSION 70 = 180");
  ASSERT_TRUE(SetPrice("USD", "s", "150").ok());
  EXPECT_EQ(Ledger(), "NEW 110 = 110, EXPANSION 70 = 180, CONTRACTION -30 = 150");
  EXPECT_EQ(Fact("acme", "mrr", Ago(15)), "number: 110");
  EXPECT_EQ(BadFields(SetPrice("GBP", "s", "1")), Fields{"subscription.mrr.currency_code"});
}

TEST_F(CurrenciesTest, ARateOfThePastCorrectsTheLedgerOfAllWhomItConcerns) {
  Set("EUR", "1.1", Ago(30));
  Subscribe("EUR", "s", "100", Ago(20));
  for (int i = 0; i < 450; ++i) {
    const std::string id = absl::StrCat("a", i);
    CreateAccount(id);
    Subscribe("EUR", "s", "10", Ago(19), id);
  }
  CreateAccount("other");
  Subscribe("EUR", "s", "100", Ago(5), "other");
  EXPECT_EQ(Set("EUR", "1.3", Ago(10)), 1) << "the one that began after it";
  EXPECT_EQ(Set("EUR", "1.2", Ago(25)), 451);
  EXPECT_TRUE(Eventually([&] { return Ledger() == "NEW 120 = 120"; })) << Ledger();
  EXPECT_EQ(Fact("other", "mrr"), "number: 130");
  v1::ListAccountsRequest list;
  list.set_filter("mrr = 12");
  list.set_page_size(1000);
  v1::ListAccountsResponse response;
  EXPECT_TRUE(Eventually([&] {
    return Send(*accounts_, &v1::AccountService::Stub::ListAccounts, list, &response).ok() &&
           response.accounts_size() == 450;
  })) << response.accounts_size();
}

TEST_F(CurrenciesTest, ACorrectionThatARestartInterruptsGoesOnAfterIt) {
  Set("EUR", "1.1", Ago(30));
  Subscribe("EUR", "s", "100", Ago(20));
  Set("EUR", "1.2", Ago(25));
  server_ = nullptr;
  StartServer();
  EXPECT_TRUE(Eventually([&] { return Ledger() == "NEW 120 = 120"; })) << Ledger();
}

TEST_F(CurrenciesTest, ADeletedRateLeavesTheOneBeforeItInForce) {
  Set("EUR", "1.1", Ago(30));
  Set("EUR", "1.5", Ago(25));
  Subscribe("EUR", "s", "100", Ago(20));
  EXPECT_EQ(Ledger(), "NEW 150 = 150");
  ASSERT_TRUE(DeleteRate("EUR", Ago(25)).ok());
  EXPECT_TRUE(Eventually([&] { return Ledger() == "NEW 110 = 110"; })) << Ledger();
  EXPECT_EQ(DeleteRate("EUR", Ago(25)).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(CurrenciesTest, TheOnlyRateThatASubscriptionRestsOnStays) {
  Set("EUR", "1.1", Ago(30));
  Set("EUR", "1.5", Ago(10));
  Subscribe("EUR", "s", "100", Ago(20));
  EXPECT_EQ(DeleteRate("EUR", Ago(30)).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_TRUE(DeleteRate("EUR", Ago(10)).ok());
  EXPECT_EQ(DeleteRate("EUR", Ago(30)).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(Rates(), "EUR 1.1 30");
}

TEST_F(CurrenciesTest, TheFirstRateGoesWhenAllBeganAfterTheNext) {
  Set("EUR", "1.1", Ago(30));
  Set("EUR", "1.5", Ago(20));
  Subscribe("EUR", "s", "100", Ago(20));
  EXPECT_TRUE(DeleteRate("EUR", Ago(30)).ok());
  EXPECT_EQ(Ledger(), "NEW 150 = 150");
}

TEST_F(CurrenciesTest, AStateThatComesLateAsTheFirstCountsAtTheRateOfTheBeginning) {
  Set("EUR", "1.1", Ago(30));
  Set("EUR", "1.5", Ago(15));
  v1::Record record = RecordOf("acme", "");
  *record.mutable_subscription_state() = In("EUR", "s", "100", Ago(20)).subscription();
  record.mutable_subscription_state()->set_name("accounts/acme/subscriptions/s");
  SetTimestamp(Ago(5), record.mutable_event_time());
  Write({record});
  EXPECT_EQ(Ledger(), "NEW 110 = 110") << "it holds since the subscription began";
  EXPECT_EQ(DeleteRate("EUR", Ago(30)).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(CurrenciesTest, AChangeBeforeTheFirstStateKnownLeavesWhatWasBeforeIt) {
  v1::Record record = RecordOf("acme", "");
  *record.mutable_subscription_state() = In("USD", "s", "100", Ago(20)).subscription();
  record.mutable_subscription_state()->set_name("accounts/acme/subscriptions/s");
  SetTimestamp(Ago(5), record.mutable_event_time());
  Write({record});
  ASSERT_TRUE(SetPrice("USD", "s", "130", Ago(10)).ok());
  EXPECT_EQ(Ledger(), "NEW 100 = 100, EXPANSION 30 = 130");
}

TEST_F(CurrenciesTest, ARequestThatIsSentAgainTakesEffectOnce) {
  v1::SetExchangeRateRequest request = RateOf("EUR", "1.1", Ago(30));
  request.set_request_id("a");
  v1::SetExchangeRateResponse response;
  ASSERT_TRUE(Set(request, &response).ok());
  Set("EUR", "1.2", Ago(30));
  ASSERT_TRUE(Set(request, &response).ok());
  EXPECT_EQ(Rates(), "EUR 1.2 30");
  EXPECT_TRUE(DeleteRate("EUR", Ago(30), "b").ok());
  EXPECT_TRUE(DeleteRate("EUR", Ago(30), "b").ok());
}

TEST_F(CurrenciesTest, FactsOfThePastAreThoseOfTheRatesThatAreKnownNow) {
  Set("EUR", "1.1", Ago(30));
  Subscribe("EUR", "s", "100", Ago(20));
  Set("EUR", "2", Ago(25));
  EXPECT_EQ(Fact("acme", "mrr", Ago(15)), "number: 200");
  EXPECT_EQ(Fact("acme", "mrr", Ago(21)), "unknown");
}

}  // namespace
}  // namespace perennial::accounts::testing
