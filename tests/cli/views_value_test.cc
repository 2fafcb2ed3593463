#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "cli/value_view.h"

namespace perennial::cli {
namespace {

namespace health = perennial::health::v1;

health::CustomerValue Value() {
  health::CustomerValue value;
  value.set_name("accounts/acme/value");
  value.set_churn_probability_12m(0.123);
  value.set_expected_lifetime_months(61.4);
  value.mutable_clv()->set_amount("48213.456789");
  value.mutable_clv()->set_currency_code("USD");
  value.mutable_monthly_margin()->set_amount("800");
  value.mutable_monthly_margin()->set_currency_code("USD");
  value.set_margin_rate(0.8);
  value.set_basis(health::VALUE_BASIS_CHURN_MODEL);
  value.set_value_model("valueModels/churn");
  value.set_value_model_revision(4);
  value.set_coverage(0.93);
  for (int i = 0; i < 20; ++i) {
    health::ValueReason* reason = value.add_reasons();
    reason->set_fact("usage.change_30d");
    reason->set_value("-0.4");
    reason->set_log_odds(i % 2 == 0 ? 0.8 : -0.3);
  }
  return value;
}

health::ValueModel Churn() {
  health::ValueModel model;
  model.set_name("valueModels/churn");
  model.set_revision(4);
  model.set_kind(health::VALUE_MODEL_KIND_CHURN);
  model.set_customers(5274);
  health::ChurnEvaluation* told = model.mutable_churn()->mutable_evaluation();
  told->set_rows(1758);
  told->set_churned(467);
  told->mutable_auc()->set_value(0.8441);
  told->mutable_auc()->set_low(0.8252);
  told->mutable_auc()->set_high(0.863);
  told->set_top_decile_lift(2.8);
  for (int i = 0; i < 10; ++i) {
    health::CalibrationBin* bin = told->add_calibration();
    bin->set_rows(175);
    bin->set_predicted(0.07 * i);
    bin->mutable_observed()->set_value(0.08 * i);
  }
  for (int i = 0; i < 60; ++i) {
    health::ChurnCoefficient* coefficient = model.mutable_churn()->add_coefficients();
    coefficient->set_term("attributes.contract=Month-to-month and a value that is rather long");
    coefficient->set_standardised(0.5);
  }
  return model;
}

health::ValueModel Retention() {
  health::ValueModel model;
  model.set_name("valueModels/retention");
  model.set_kind(health::VALUE_MODEL_KIND_RETENTION);
  model.mutable_retention()->set_family(health::RETENTION_FAMILY_BETA_DISCRETE_WEIBULL);
  for (const char* name : {"alpha", "beta", "c"}) {
    model.mutable_retention()->mutable_report()->add_parameters()->set_name(name);
  }
  for (int t = 0; t < 9; ++t) {
    health::SurvivalPoint* point = model.mutable_retention()->add_survival();
    point->set_period(t);
    point->mutable_expected()->set_value(1 - 0.05 * t);
    if (t < 5) point->set_observed(1 - 0.06 * t);
  }
  return model;
}

TEST(ValueViewTest, TellsTheWorthAndWhatItRestsOn) {
  const std::string shown = Render(RenderValue(Value(), 100), false);
  for (const char* part : {"accounts/acme", "USD 48,213.46", "USD 800", "80.0%", "12.3%", "61.4 months", "its own chance",
                           "valueModels/churn revision 4", "93.0%", "+0.80", "-0.30"}) {
    EXPECT_TRUE(absl::StrContains(shown, part)) << part << "\n" << shown;
  }
}

TEST(ValueViewTest, SaysWhyAValueIsUnknown) {
  health::CustomerValue value;
  value.set_name("accounts/acme/value");
  value.set_fallback_reason("no churn model is in use");
  const std::string shown = Render(RenderValue(value, 100), false);
  EXPECT_TRUE(absl::StrContains(shown, "no churn model is in use")) << shown;
  EXPECT_TRUE(absl::StrContains(shown, "its value is unknown")) << shown;
}

TEST(ValueViewTest, TellsHowWellAModelKnewWhatItHadNotSeen) {
  const std::string shown = Render(RenderModel(Churn(), 100), false);
  for (const char* part : {"0.844 (0.825 to 0.863)", "1,758 rows, 467 churned", "and 35 more"}) {
    EXPECT_TRUE(absl::StrContains(shown, part)) << part << "\n" << shown;
  }
  EXPECT_TRUE(absl::StrContains(Render(RenderModel(Retention(), 100), false), "beta-discrete-Weibull"));
}

TEST(ValueViewTest, FitsEightyColumns) {
  health::ListValueModelsResponse models;
  *models.add_value_models() = Churn();
  models.mutable_value_models(0)->set_filter("plan = enterprise AND attributes.country = DE AND mrr > 1000");
  for (const Page& page : {RenderValue(Value(), 80), RenderModel(Churn(), 80), RenderModel(Retention(), 80),
                           RenderModels(models, 80), RenderModels({}, 80)}) {
    for (const Text& line : page) EXPECT_LE(line.width(), 80) << line.Render(false);
  }
}

}  // namespace
}  // namespace perennial::cli
