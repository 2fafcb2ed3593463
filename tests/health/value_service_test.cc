#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/money.h"
#include "common/base/time_util.h"
#include "health-svc/value/retention.h"
#include "perennial/health/v1/value_service.grpc.pb.h"
#include "tests/health/value_fixture.h"

namespace perennial::health {
namespace {

using ::testing::HasSubstr;

// Fader & Hardie (2007), Table 1: % of customers that were still there after 0 to 12 renewals.
constexpr double kHighEnd[] = {100, 86.9, 74.3, 65.3, 59.3, 55.1, 51.7, 49.1, 46.8, 44.5, 42.7, 40.9, 39.4};
constexpr double kRegular[] = {100, 63.1, 46.8, 38.2, 32.6, 28.9, 26.2, 24.1, 22.3, 20.7, 19.4, 18.3, 17.3};

v1::FitRetentionModelRequest Cohort(const double* percent, int renewals, v1::RetentionFamily family) {
  v1::FitRetentionModelRequest request;
  request.set_value_model_id("cohort");
  request.set_author("test");
  request.set_family(family);
  request.set_period_months(12);
  v1::CohortSurvivors* cohort = request.add_cohorts();
  for (int t = 0; t <= renewals; ++t) cohort->add_survivors(percent[t] * 10);
  return request;
}

class ValueServiceTest : public ValueFixture {
 protected:
  void SetUp() override {
    accounts_.Put("acme", Paying(100, 400));
    ValueFixture::SetUp();
  }
};

struct Published {
  const double* cohort;
  int renewals;
  v1::RetentionFamily family;
  std::vector<double> parameters;
  double log_likelihood;
};

TEST_F(ValueServiceTest, FitsThePublishedRetentionModelsFromCohorts) {
  const Published all[] = {
      {kHighEnd, 7, v1::RETENTION_FAMILY_SHIFTED_BETA_GEOMETRIC, {0.668088, 3.806095}, -1611.1581},
      {kRegular, 7, v1::RETENTION_FAMILY_SHIFTED_BETA_GEOMETRIC, {0.704077, 1.182043}, -1680.2652},
      {kHighEnd, 4, v1::RETENTION_FAMILY_BETA_DISCRETE_WEIBULL, {0.259336, 1.722551, 1.584362}, -1222.7493},
      {kRegular, 4, v1::RETENTION_FAMILY_BETA_DISCRETE_WEIBULL, {0.523029, 0.894283, 1.196399}, -1401.3831}};
  for (const Published& published : all) {
    v1::FitRetentionModelResponse fitted;
    const grpc::Status status = Fit(Cohort(published.cohort, published.renewals, published.family), &fitted);
    ASSERT_TRUE(status.ok()) << status.error_message();
    const v1::RetentionFit& fit = fitted.value_model().retention();
    EXPECT_EQ(fit.family(), published.family);
    ASSERT_EQ(fit.report().parameters_size(), static_cast<int>(published.parameters.size()));
    for (std::size_t i = 0; i < published.parameters.size(); ++i) {
      const auto& parameter = fit.report().parameters(static_cast<int>(i));
      EXPECT_NEAR(parameter.value(), published.parameters[i], 5e-5 * published.parameters[i]) << parameter.name();
      EXPECT_GT(parameter.standard_error(), 0);
    }
    EXPECT_NEAR(fit.report().log_likelihood(), published.log_likelihood, 1e-3);
    EXPECT_NEAR(fit.report().aic(),
                2.0 * static_cast<double>(published.parameters.size()) - 2 * published.log_likelihood, 2e-3);
    ASSERT_EQ(fit.survival_size(), published.renewals + 1);
    for (int t = 0; t <= published.renewals; ++t) {
      EXPECT_NEAR(fit.survival(t).observed(), published.cohort[t] / 100, 1e-9);
      EXPECT_NEAR(fit.survival(t).expected().value(), published.cohort[t] / 100, 0.02);
      EXPECT_LE(fit.survival(t).expected().low(), fit.survival(t).expected().value());
      EXPECT_GE(fit.survival(t).expected().high(), fit.survival(t).expected().value());
    }
    EXPECT_EQ(fitted.value_model().customers(), 1000);
  }
}

TEST_F(ValueServiceTest, TakesTheFamilyWithTheLowerAic) {
  v1::FitRetentionModelResponse fitted;
  ASSERT_TRUE(Fit(Cohort(kHighEnd, 7, v1::RETENTION_FAMILY_UNSPECIFIED), &fitted).ok());
  ASSERT_TRUE(fitted.has_alternative());
  EXPECT_LT(fitted.value_model().retention().report().aic(), fitted.alternative().report().aic());
  EXPECT_NE(fitted.value_model().retention().family(), fitted.alternative().family());
}

TEST_F(ValueServiceTest, ProjectsThePublishedResidualLifetimes) {
  v1::FitRetentionModelResponse fitted;
  ASSERT_TRUE(Fit(Cohort(kHighEnd, 7, v1::RETENTION_FAMILY_SHIFTED_BETA_GEOMETRIC), &fitted).ok());
  const double derl[] = {5.4145, 5.9014, 6.2939, 6.6199, 6.8967, 7.1357, 7.3447, 7.5296};
  for (int renewals = 0; renewals < 8; ++renewals) {
    v1::ProjectRetentionRequest request;
    request.set_name("valueModels/cohort");
    request.set_renewals(renewals);
    request.set_discount_rate(0.1);
    request.set_periods(12);
    v1::ProjectRetentionResponse out;
    const grpc::Status status = Call(&v1::ValueService::Stub::ProjectRetention, *values_, request, &out);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_NEAR(out.discounted_residual_lifetime(), derl[renewals], 1e-4);
    EXPECT_NEAR(out.discounted_residual_lifetime_by_series(), out.discounted_residual_lifetime(), 1e-8);
    ASSERT_EQ(out.survival_size(), 13);
    EXPECT_EQ(out.survival(0).expected().value(), 1);
    EXPECT_LT(out.survival(12).expected().low(), out.survival(12).expected().value());
    // Customers differ, so that one who is still there stays longer than the mean churn rate says.
    EXPECT_GT(out.residual_lifetime(), out.naive_lifetime());
    EXPECT_GT(out.naive_lifetime(), 1);
  }
}

TEST_F(ValueServiceTest, KeepsFitsAsRevisionsThatSurviveARestart) {
  v1::FitRetentionModelResponse first;
  v1::FitRetentionModelResponse second;
  ASSERT_TRUE(Fit(Cohort(kHighEnd, 7, v1::RETENTION_FAMILY_SHIFTED_BETA_GEOMETRIC), &first).ok());
  ASSERT_TRUE(Fit(Cohort(kRegular, 7, v1::RETENTION_FAMILY_SHIFTED_BETA_GEOMETRIC), &second).ok());
  EXPECT_EQ(second.value_model().revision(), 2);
  auto dry = Cohort(kHighEnd, 7, v1::RETENTION_FAMILY_SHIFTED_BETA_GEOMETRIC);
  dry.set_validate_only(true);
  v1::FitRetentionModelResponse third;
  ASSERT_TRUE(Fit(dry, &third).ok());
  EXPECT_EQ(third.value_model().revision(), 3);
  EXPECT_FALSE(third.value_model().in_use());
  RestartValues();
  EXPECT_EQ(Model("cohort", 0).SerializeAsString(), second.value_model().SerializeAsString());
  v1::ValueModel old = first.value_model();
  old.clear_in_use();
  EXPECT_EQ(Model("cohort", 1).SerializeAsString(), old.SerializeAsString());
  v1::ListValueModelsRequest list;
  list.set_name("valueModels/cohort");
  list.set_page_size(1);
  v1::ListValueModelsResponse page;
  ASSERT_TRUE(Call(&v1::ValueService::Stub::ListValueModels, *values_, list, &page).ok());
  ASSERT_EQ(page.value_models_size(), 1);
  EXPECT_EQ(page.value_models(0).revision(), 2);
  list.set_page_token(page.next_page_token());
  ASSERT_TRUE(Call(&v1::ValueService::Stub::ListValueModels, *values_, list, &page).ok());
  EXPECT_EQ(page.value_models(0).revision(), 1);
  EXPECT_TRUE(page.next_page_token().empty());
}

TEST_F(ValueServiceTest, TakesADeletedModelOutOfUseAndKeepsItsRevisions) {
  v1::FitRetentionModelResponse fitted;
  ASSERT_TRUE(Fit(Cohort(kHighEnd, 7, v1::RETENTION_FAMILY_SHIFTED_BETA_GEOMETRIC), &fitted).ok());
  EXPECT_EQ(Value("acme").basis(), v1::VALUE_BASIS_PORTFOLIO_RETENTION_MODEL);
  v1::DeleteValueModelRequest request;
  request.set_name("valueModels/cohort");
  v1::DeleteValueModelResponse none;
  ASSERT_TRUE(Call(&v1::ValueService::Stub::DeleteValueModel, *values_, request, &none).ok());
  EXPECT_EQ(Value("acme").basis(), v1::VALUE_BASIS_UNSPECIFIED);
  EXPECT_FALSE(Value("acme").has_clv());
  EXPECT_EQ(Call(&v1::ValueService::Stub::DeleteValueModel, *values_, request, &none).error_code(),
            grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Model("cohort", 1).revision(), 1);
  v1::ListValueModelsResponse all;
  ASSERT_TRUE(Call(&v1::ValueService::Stub::ListValueModels, *values_, {}, &all).ok());
  EXPECT_EQ(all.value_models_size(), 0);
  ASSERT_TRUE(Fit(Cohort(kHighEnd, 7, v1::RETENTION_FAMILY_SHIFTED_BETA_GEOMETRIC), &fitted).ok());
  EXPECT_EQ(fitted.value_model().revision(), 3);
}

TEST_F(ValueServiceTest, WorthIsMarginTimesTheDiscountedResidualLifetime) {
  v1::FitRetentionModelResponse fitted;
  ASSERT_TRUE(Fit(Cohort(kHighEnd, 7, v1::RETENTION_FAMILY_SHIFTED_BETA_GEOMETRIC), &fitted).ok());
  // A customer of 400 days has made one yearly renewal; 10 % a year; MRR 100 with a margin of 80 %.
  const v1::CustomerValue value = Value("acme");
  EXPECT_NEAR(AmountOf(value.clv()), 100 * 0.8 * 12 * 5.9014, 0.1);
  EXPECT_EQ(value.monthly_margin().amount(), "80");
  EXPECT_EQ(value.margin_rate(), 0.8);
  EXPECT_EQ(value.value_model(), "valueModels/cohort");
  EXPECT_EQ(value.value_model_revision(), 1);
  EXPECT_THAT(value.fallback_reason(), HasSubstr("no churn model is in use"));
  const value::RetentionModel model{.alpha = fitted.value_model().retention().report().parameters(0).value(),
                                    .beta = fitted.value_model().retention().report().parameters(1).value()};
  EXPECT_NEAR(value.churn_probability_12m(), 1 - model.Survival(2) / model.Survival(1), 1e-9);
}

TEST_F(ValueServiceTest, FollowsFactsAndSettingsAndTellsOnlyWhatChanges) {
  v1::FitRetentionModelResponse fitted;
  ASSERT_TRUE(Fit(Cohort(kHighEnd, 7, v1::RETENTION_FAMILY_SHIFTED_BETA_GEOMETRIC), &fitted).ok());
  accounts_.Put("beta", Paying(50, 10));
  accounts_.Put("gone", {{"mrr", 0.0}, {"tenure_days", 100.0}, {"phase", std::string("CHURNED")}});
  accounts_.Put("free", {{"tenure_days", 100.0}});
  const double before = AmountOf(Value("acme").clv());
  EXPECT_EQ(Value("gone").clv().amount(), "0");
  EXPECT_EQ(Value("gone").fallback_reason(), "the account has churned");
  EXPECT_FALSE(Value("free").has_clv());
  EXPECT_THAT(Value("free").fallback_reason(), HasSubstr("no subscription"));
  accounts_.Put("acme", Paying(200, 400));
  EXPECT_NEAR(AmountOf(Value("acme").clv()), 2 * before, 1e-3);
  v1::UpdateValueSettingsRequest update;
  update.set_author("test");
  v1::MarginRule* rule = update.mutable_settings()->add_margin_rules();
  rule->set_filter("mrr >= 100");
  rule->set_margin_rate(0.4);
  v1::UpdateValueSettingsResponse updated;
  ASSERT_TRUE(Call(&v1::ValueService::Stub::UpdateValueSettings, *values_, update, &updated).ok());
  EXPECT_EQ(updated.settings().revision(), 2);
  EXPECT_NEAR(AmountOf(Value("acme").clv()), before, 1e-3);
  EXPECT_EQ(Value("acme").settings_revision(), 2);
  EXPECT_EQ(Value("beta").margin_rate(), 0.8);
}

TEST_F(ValueServiceTest, ListsByWorthWithASumAndFiltersByValue) {
  v1::FitRetentionModelResponse fitted;
  ASSERT_TRUE(Fit(Cohort(kHighEnd, 7, v1::RETENTION_FAMILY_SHIFTED_BETA_GEOMETRIC), &fitted).ok());
  for (int i = 0; i < 25; ++i) accounts_.Put(absl::StrCat("a", i), Paying(10 + i, 100));
  accounts_.Put("free", {{"tenure_days", 100.0}});
  v1::ListValuesRequest request;
  request.set_order_by("clv desc");
  request.set_page_size(10);
  request.set_min_facts_revision(accounts_.revision());
  std::vector<std::string> names;
  double sum = 0;
  double last = 1e18;
  v1::ListValuesResponse page;
  do {
    page.Clear();
    const grpc::Status status = Call(&v1::ValueService::Stub::ListValues, *values_, request, &page);
    ASSERT_TRUE(status.ok()) << status.error_message();
    for (const v1::CustomerValue& value : page.values()) {
      names.push_back(value.name());
      if (!value.has_clv()) continue;
      EXPECT_LE(AmountOf(value.clv()), last);
      last = AmountOf(value.clv());
      sum += last;
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  ASSERT_EQ(names.size(), 27u);
  EXPECT_EQ(names.front(), "accounts/acme/value");
  EXPECT_EQ(names.back(), "accounts/free/value") << "unknown comes last";
  EXPECT_EQ(page.total_size(), 27);
  EXPECT_EQ(page.known_size(), 26);
  EXPECT_NEAR(AmountOf(page.total_clv()), sum, 1e-3);
  request.clear_page_token();
  request.clear_order_by();
  request.set_filter(absl::StrCat("value.clv >= ", last + 1, " AND value.churn_probability_12m > 0"));
  ASSERT_TRUE(Call(&v1::ValueService::Stub::ListValues, *values_, request, &page).ok());
  EXPECT_EQ(page.total_size(), 25);
}

TEST_F(ValueServiceTest, ForbidsFiltersThatFollowFromValues) {
  auto request = Cohort(kHighEnd, 7, v1::RETENTION_FAMILY_SHIFTED_BETA_GEOMETRIC);
  request.set_filter("value.clv > 3");
  v1::FitRetentionModelResponse none;
  const grpc::Status status = Fit(request, &none);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("filter"));
}

TEST_F(ValueServiceTest, NamesEveryBadFieldOfAFit) {
  v1::FitRetentionModelRequest request;
  request.set_value_model_id("Not An Id");
  request.set_period_months(13);
  request.add_cohorts()->add_survivors(3);
  v1::CohortSurvivors* growing = request.add_cohorts();
  growing->add_survivors(3);
  growing->add_survivors(4);
  v1::FitRetentionModelResponse none;
  const grpc::Status status = Fit(request, &none);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  for (const char* field :
       {"value_model_id", "period_months", "cohorts[0].survivors", "cohorts[1].survivors[1]", "author"}) {
    EXPECT_THAT(status.error_message(), HasSubstr(field));
  }
}

TEST_F(ValueServiceTest, SaysWhatIsWrongWithDegenerateCohorts) {
  const std::vector<std::vector<double>> all = {
      {1, 1, 1},   {1000, 1000, 1000, 1000}, {1000, 0}, {1000, 0, 0, 0}, {0, 0, 0}, {1, 0},
      {1e9, 1, 0}, {1e9, 1e9, 1e9 - 1}};
  for (const auto& survivors : all) {
    v1::FitRetentionModelRequest request;
    request.set_value_model_id("degenerate");
    request.set_author("test");
    for (const double number : survivors) {
      if (request.cohorts().empty()) request.add_cohorts();
      request.mutable_cohorts(0)->add_survivors(number);
    }
    v1::FitRetentionModelResponse out;
    const grpc::Status status = Fit(request, &out);
    if (!status.ok()) {
      EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION) << status.error_message();
      EXPECT_THAT(status.error_details(), HasSubstr("TOO_LITTLE_HISTORY"));
      continue;
    }
    for (const auto& parameter : out.value_model().retention().report().parameters()) {
      EXPECT_TRUE(std::isfinite(parameter.value()));
    }
    const v1::CustomerValue value = Value("acme");
    EXPECT_TRUE(value.has_clv());
    EXPECT_TRUE(std::isfinite(value.expected_lifetime_months()));
  }
}

TEST_F(ValueServiceTest, FitsTheRelationshipsOfTheLedger) {
  // Of 100 that began 10 months before, 10 left at each of the first five renewals; the rest stays.
  const absl::Time now = clock_.Now();
  const absl::CivilDay today = absl::ToCivilDay(now, absl::UTCTimeZone());
  const auto months_before = [&](int months) {
    const absl::CivilMonth month = absl::CivilMonth(today) - months;
    return absl::FromCivil(absl::CivilDay(month) + 9, absl::UTCTimeZone());
  };
  for (int i = 0; i < 100; ++i) {
    const int left = i / 10 + 1;
    accounts_.PutRelationship(absl::StrCat("l", i), months_before(10),
                              left <= 5 ? std::optional<absl::Time>(months_before(10 - left)) : std::nullopt);
  }
  v1::FitRetentionModelRequest request;
  request.set_value_model_id("ledger");
  request.set_author("test");
  v1::FitRetentionModelResponse out;
  const grpc::Status status = Fit(request, &out);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(out.value_model().customers(), 100);
  EXPECT_EQ(out.value_model().period_months(), 1);
  const v1::RetentionFit& fit = out.value_model().retention();
  ASSERT_GT(fit.survival_size(), 6);
  for (int t = 0; t <= 5; ++t) EXPECT_NEAR(fit.survival(t).observed(), 1 - 0.1 * t, 1e-9) << t;
  EXPECT_NEAR(fit.survival(6).observed(), 0.5, 1e-9);
}

TEST_F(ValueServiceTest, AnswersAreNotFoundOrInvalidAsTheyShould) {
  v1::GetValueRequest get;
  v1::GetValueResponse got;
  get.set_name("accounts/nobody/value");
  EXPECT_EQ(Call(&v1::ValueService::Stub::GetValue, *values_, get, &got).error_code(), grpc::StatusCode::NOT_FOUND);
  get.set_name("nobody");
  EXPECT_EQ(Call(&v1::ValueService::Stub::GetValue, *values_, get, &got).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  v1::BatchGetValueRequest batch;
  v1::BatchGetValueResponse several;
  batch.add_names("accounts/acme/value");
  batch.add_names("accounts/nobody/value");
  EXPECT_EQ(Call(&v1::ValueService::Stub::BatchGetValue, *values_, batch, &several).error_code(),
            grpc::StatusCode::NOT_FOUND);
  v1::UpdateValueSettingsRequest update;
  update.set_author("test");
  update.mutable_settings()->set_discount_rate(2);
  update.mutable_settings()->add_margin_rules()->set_margin_rate(3);
  v1::UpdateValueSettingsResponse none;
  const grpc::Status status = Call(&v1::ValueService::Stub::UpdateValueSettings, *values_, update, &none);
  EXPECT_THAT(status.error_message(), HasSubstr("settings.discount_rate"));
  EXPECT_THAT(status.error_message(), HasSubstr("settings.margin_rules[0].filter"));
  update.mutable_settings()->Clear();
  update.mutable_settings()->set_etag("r9");
  update.mutable_settings()->set_discount_rate(0.2);
  EXPECT_EQ(Call(&v1::ValueService::Stub::UpdateValueSettings, *values_, update, &none).error_code(),
            grpc::StatusCode::ABORTED);
}

}  // namespace
}  // namespace perennial::health
