// How values follow facts, models and settings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/time_util.h"
#include "health-svc/churn_rows.h"
#include "tests/health/value_fixture.h"

namespace perennial::health {
namespace {

using ::testing::HasSubstr;

// 400 accounts as of 400 days ago, of which those with little use churned soon; now all is different.
class ValueFollowTest : public ValueFixture {
 protected:
  void SetUp() override {
    date_ = clock_.Now() - absl::Hours(24 * 400);
    for (int i = 0; i < 400; ++i) {
      const bool churns = FractionOf(Id(i), "outcome") < (i % 10 < 4 ? 0.7 : 0.1);
      accounts_.PutPast(Id(i), Facts(i % 10), date_ - absl::Hours(24));
      if (churns) accounts_.Churn(Id(i), date_ + absl::Hours(24 * (i % 300) + 12));
    }
    for (int i = 0; i < 40; ++i) accounts_.Put(Id(i), Facts(i % 10));
    accounts_.Put("unknown", Paying(100, 400));
    ValueFixture::SetUp();
  }
  static std::string Id(int i) { return absl::StrCat("a", i); }
  static FactMap Facts(double use) {
    FactMap facts = Paying(100, 400);
    facts["use"] = use;
    facts["plan"] = std::string(use < 5 ? "basic" : "pro");
    return facts;
  }
  void FitChurn(const std::string& filter = "") {
    v1::FitChurnModelRequest request;
    request.set_value_model_id("churn");
    request.set_author("test");
    request.set_filter(filter);
    *request.add_as_of() = ToTimestamp(date_);
    v1::FitChurnModelResponse out;
    const grpc::Status status = Fit(request, &out);
    ASSERT_TRUE(status.ok()) << status.error_message();
    model_ = out.value_model();
  }
  void FitRetention(const std::string& id, const std::string& filter) {
    v1::FitRetentionModelRequest request;
    request.set_value_model_id(id);
    request.set_author("test");
    request.set_filter(filter);
    v1::CohortSurvivors* cohort = request.add_cohorts();
    for (const double number : {1000, 869, 743, 653, 593, 551, 517}) cohort->add_survivors(number);
    v1::FitRetentionModelResponse out;
    const grpc::Status status = Fit(request, &out);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  std::map<std::string, std::string> All() {
    v1::ListValuesRequest request;
    request.set_page_size(1000);
    request.set_min_facts_revision(accounts_.revision());
    v1::ListValuesResponse page;
    const grpc::Status status = Call(&v1::ValueService::Stub::ListValues, *values_, request, &page);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::map<std::string, std::string> out;
    for (v1::CustomerValue& value : *page.mutable_values()) {
      value.clear_facts_revision();
      out[value.name()] = value.ShortDebugString();
    }
    return out;
  }
  absl::Time date_;
  v1::ValueModel model_;
};

TEST_F(ValueFollowTest, FitsChurnFromFactsAsOfAPastDate) {
  FitChurn();
  const v1::ChurnFit& fit = model_.churn();
  EXPECT_EQ(fit.rows() + fit.evaluation().rows(), 400);
  EXPECT_EQ(fit.horizon_days(), 365);
  EXPECT_GT(fit.evaluation().auc().value(), 0.65);
  EXPECT_LT(fit.evaluation().auc().value(), 0.95);
  EXPECT_FALSE(fit.evaluation().out_of_time());
  ASSERT_EQ(fit.as_of_size(), 1);
  const v1::CustomerValue idle = Value("a0");
  const v1::CustomerValue busy = Value("a9");
  EXPECT_EQ(idle.basis(), v1::VALUE_BASIS_CHURN_MODEL);
  EXPECT_EQ(idle.fallback_reason(), "");
  EXPECT_EQ(idle.coverage(), 1);
  EXPECT_GT(idle.churn_probability_12m(), busy.churn_probability_12m());
  EXPECT_LT(AmountOf(idle.clv()), AmountOf(busy.clv()));
  ASSERT_GT(idle.reasons_size(), 0);
  double sum = 0;
  for (const v1::ValueReason& reason : idle.reasons()) sum += reason.log_odds();
  EXPECT_GT(sum, 0) << "what is known of it raises its chance to churn";
  // Margin x constant monthly retention, discounted: docs/value.md.
  const double r = std::pow(1 - busy.churn_probability_12m(), 1.0 / 12);
  const double i = std::pow(1.1, 1.0 / 12) - 1;
  EXPECT_NEAR(AmountOf(busy.clv()), 80 * r / (1 + i - r), 1e-4);
}

TEST_F(ValueFollowTest, TestsOnTheLastDateWhereItsOutcomesLieAfterTheOthers) {
  for (int i = 0; i < 400; ++i) {
    accounts_.PutPast(Id(i), Facts(i % 10), date_ - absl::Hours(24 * 400));
    if (FractionOf(Id(i), "earlier") < (i % 10 < 4 ? 0.6 : 0.1)) {
      accounts_.Churn(Id(i), date_ - absl::Hours(24 * 300));
    }
  }
  v1::FitChurnModelRequest request;
  request.set_value_model_id("churn");
  request.set_author("test");
  *request.add_as_of() = ToTimestamp(date_ - absl::Hours(24 * 390));
  *request.add_as_of() = ToTimestamp(date_);
  v1::FitChurnModelResponse out;
  const grpc::Status status = Fit(request, &out);
  ASSERT_TRUE(status.ok()) << status.error_message();
  const v1::ChurnFit& fit = out.value_model().churn();
  EXPECT_TRUE(fit.evaluation().out_of_time());
  EXPECT_EQ(fit.rows(), 400);
  EXPECT_EQ(fit.evaluation().rows(), 400);
  EXPECT_EQ(fit.as_of_size(), 1) << "the last date is no part of the fit";
}

TEST_F(ValueFollowTest, FallsBackFromModelToModelAndSaysWhy) {
  EXPECT_EQ(Value("a1").basis(), v1::VALUE_BASIS_UNSPECIFIED);
  EXPECT_THAT(Value("a1").fallback_reason(), HasSubstr("no retention model of the whole portfolio is in use"));
  FitRetention("all", "");
  EXPECT_EQ(Value("a1").basis(), v1::VALUE_BASIS_PORTFOLIO_RETENTION_MODEL);
  FitRetention("basic", "plan = basic");
  EXPECT_EQ(Value("a1").basis(), v1::VALUE_BASIS_SEGMENT_RETENTION_MODEL);
  EXPECT_EQ(Value("a1").value_model(), "valueModels/basic");
  EXPECT_EQ(Value("a9").basis(), v1::VALUE_BASIS_PORTFOLIO_RETENTION_MODEL);
  EXPECT_THAT(Value("a9").fallback_reason(),
              HasSubstr("no retention model of a part of the portfolio is for this account"));
  FitChurn("use >= 0");
  EXPECT_EQ(Value("a1").basis(), v1::VALUE_BASIS_CHURN_MODEL);
  // Nothing that the model looks at is known of it: its filter is not true.
  EXPECT_EQ(Value("unknown").basis(), v1::VALUE_BASIS_PORTFOLIO_RETENTION_MODEL);
  EXPECT_THAT(Value("unknown").fallback_reason(), HasSubstr("no churn model is for this account"));
  FitChurn();
  EXPECT_EQ(Value("unknown").basis(), v1::VALUE_BASIS_PORTFOLIO_RETENTION_MODEL);
  EXPECT_THAT(Value("unknown").fallback_reason(),
              HasSubstr("less than half of what the churn model looks at is known"));
}

TEST_F(ValueFollowTest, TooLittleHistoryIsSaid) {
  v1::FitChurnModelRequest request;
  request.set_value_model_id("churn");
  request.set_author("test");
  request.set_filter("use > 8");
  *request.add_as_of() = ToTimestamp(date_ - absl::Hours(24 * 2000));
  v1::FitChurnModelResponse out;
  const grpc::Status status = Fit(request, &out);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_details(), HasSubstr("TOO_LITTLE_HISTORY"));
}

TEST_F(ValueFollowTest, HonoursTheDeadline) {
  v1::FitChurnModelRequest request;
  request.set_value_model_id("churn");
  request.set_author("test");
  *request.add_as_of() = ToTimestamp(date_);
  v1::FitChurnModelResponse out;
  EXPECT_EQ(Call(&v1::ValueService::Stub::FitChurnModel, *values_, request, &out, 1).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
}

// Whatever happened, values are those that one who begins anew would compute.
TEST_F(ValueFollowTest, OneByOneIsAsAllAtOnce) {
  FitRetention("all", "");
  FitRetention("basic", "plan = basic");
  FitChurn("use >= 2");
  std::mt19937 random(5);
  const auto number = [&](int below) { return static_cast<int>(random() % static_cast<unsigned>(below)); };
  for (int step = 0; step < 300; ++step) {
    const std::string id = absl::StrCat("p", number(60));
    FactMap facts = {{"tenure_days", number(3000) * 1.0}};
    if (number(5) > 0) facts["mrr"] = std::pow(10, number(14)) * (number(9) - 1);
    if (number(5) > 0) facts["use"] = number(3) == 0 ? 1e300 : number(10) * 1.0;
    if (number(3) > 0) facts["plan"] = std::string(number(2) == 0 ? "basic" : "pro");
    facts["phase"] = std::string(number(6) == 0 ? "CHURNED" : "SUCCESS");
    if (number(12) == 0) {
      accounts_.Delete(id);
    } else {
      accounts_.Put(id, facts);
    }
    if (step % 100 != 50) continue;
    v1::UpdateValueSettingsRequest update;
    update.set_author("test");
    update.mutable_settings()->set_margin_rate(0.1 + step / 1000.0);
    v1::UpdateValueSettingsResponse updated;
    ASSERT_TRUE(Call(&v1::ValueService::Stub::UpdateValueSettings, *values_, update, &updated).ok());
  }
  const auto followed = All();
  RestartValues();
  EXPECT_EQ(All(), followed);
  for (const auto& [name, value] : followed) {
    EXPECT_THAT(value, ::testing::Not(HasSubstr("nan"))) << name;
    EXPECT_THAT(value, ::testing::Not(HasSubstr("inf"))) << name;
  }
}

TEST_F(ValueFollowTest, IsWatchedCompactedAndResumable) {
  FitRetention("all", "");
  (void)Value("a1");
  const auto read = [&](std::int64_t from, const std::string& feed, v1::WatchValuesResponse* all) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    v1::WatchValuesRequest request;
    request.set_start_revision(from);
    request.set_feed_id(feed);
    const auto stream = values_->WatchValues(&context, request);
    v1::WatchValuesResponse message;
    while (stream->Read(&message)) {
      all->MergeFrom(message);
      if (message.caught_up() && message.facts_revision() >= accounts_.revision()) {
        context.TryCancel();
        (void)stream->Finish();
        return grpc::Status::OK;
      }
    }
    return stream->Finish();
  };
  v1::WatchValuesResponse all;
  ASSERT_TRUE(read(0, "", &all).ok());
  EXPECT_EQ(all.updates_size(), 41) << "the newest of each account";
  EXPECT_FALSE(all.feed_id().empty());
  std::int64_t last = 0;
  for (const v1::ValueUpdate& update : all.updates()) {
    EXPECT_GT(update.revision(), last);
    last = update.revision();
    EXPECT_EQ(update.value().reasons_size(), 0);
  }
  accounts_.Put("a1", Paying(5, 10));
  accounts_.Put("a1", Paying(7, 10));
  accounts_.Delete("a2");
  // The same facts again change nothing.
  accounts_.Put("a3", Facts(3));
  v1::WatchValuesResponse more;
  ASSERT_TRUE(read(all.progress_revision(), all.feed_id(), &more).ok());
  std::map<std::string, bool> deleted;
  for (const v1::ValueUpdate& update : more.updates()) deleted[update.account_id()] = update.deleted();
  EXPECT_EQ(deleted, (std::map<std::string, bool>{{"a1", false}, {"a2", true}}));
  v1::WatchValuesResponse none;
  EXPECT_EQ(read(1'000'000, "", &none).error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(read(1, "another", &none).error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(read(-1, "", &none).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ValueFollowTest, ValuesCustomersWithoutContractByWhatTheyBought) {
  const std::int64_t today = DayOf(clock_.Now());
  std::mt19937 random(11);
  for (int i = 0; i < 300; ++i) {
    const std::string id = absl::StrCat("buyer", i);
    const int every = 10 + static_cast<int>(random() % 60);
    const std::int64_t until = i % 2 == 0 ? today : today - 250;
    for (std::int64_t day = today - 365 + i % 40; day <= until; day += every) {
      accounts_.PutUsage("purchase", id, day, 20 + static_cast<double>(random() % 40));
    }
    accounts_.Put(id, {{"tenure_days", 300.0}});
  }
  v1::FitPurchaseModelRequest request;
  request.set_value_model_id("bought");
  request.set_author("test");
  request.set_metric("purchase");
  v1::FitPurchaseModelResponse fitted;
  const grpc::Status status = Fit(request, &fitted);
  ASSERT_TRUE(status.ok()) << status.error_message();
  const v1::PurchaseFit& fit = fitted.value_model().purchase();
  EXPECT_EQ(fitted.value_model().customers(), 300);
  EXPECT_EQ(fit.unit_days(), 7);
  EXPECT_TRUE(fit.has_spend());
  EXPECT_GT(fit.repeats_observed(), 300);
  ASSERT_TRUE(Eventually([&] { return Value("buyer0").basis() == v1::VALUE_BASIS_PURCHASE_MODEL; }));
  const v1::CustomerValue goes_on = Value("buyer0");
  const v1::CustomerValue left = Value("buyer1");
  EXPECT_GT(goes_on.probability_alive(), left.probability_alive());
  EXPECT_GT(goes_on.expected_purchases(), left.expected_purchases());
  EXPECT_GT(AmountOf(goes_on.clv()), AmountOf(left.clv()));
  EXPECT_FALSE(goes_on.has_churn_probability_12m());
  accounts_.Put("stranger", {{"tenure_days", 1.0}});
  EXPECT_THAT(Value("stranger").fallback_reason(), HasSubstr("no purchases of it are known"));
}

TEST_F(ValueFollowTest, FitsPurchasesThatTheRequestBrings) {
  v1::FitPurchaseModelRequest request;
  request.set_value_model_id("brought");
  request.set_author("test");
  for (int i = 0; i < 200; ++i) {
    v1::PurchaseHistory* history = request.add_histories();
    history->set_repeats(i % 5);
    history->set_age(40);
    history->set_last(i % 5 == 0 ? 0 : 10 + i % 29);
    if (i % 5 > 0) history->set_mean_value(10 + i % 50);
  }
  for (const auto family : {v1::PURCHASE_FAMILY_UNSPECIFIED, v1::PURCHASE_FAMILY_PARETO_NBD}) {
    request.set_family(family);
    v1::FitPurchaseModelResponse out;
    const grpc::Status status = Fit(request, &out);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(out.value_model().purchase().repeats_observed(), 400);
    EXPECT_NEAR(out.value_model().purchase().repeats_expected(), 400, 80);
  }
  request.mutable_histories(3)->set_last(50);
  request.mutable_histories(4)->set_repeats(-1);
  request.set_metric("purchase");
  v1::FitPurchaseModelResponse none;
  const grpc::Status status = Fit(request, &none);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  for (const char* field : {"histories[3].age", "histories[4].repeats", "metric"}) {
    EXPECT_THAT(status.error_message(), HasSubstr(field));
  }
  // Nobody bought again.
  request.clear_metric();
  for (v1::PurchaseHistory& history : *request.mutable_histories()) {
    history.Clear();
    history.set_age(40);
  }
  EXPECT_EQ(Fit(request, &none).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

}  // namespace
}  // namespace perennial::health
