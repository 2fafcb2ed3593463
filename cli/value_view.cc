#include "cli/value_view.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/bars.h"
#include "cli/format.h"
#include "cli/table.h"

namespace perennial::cli {
namespace {

namespace v1 = perennial::health::v1;

constexpr int kBarWidth = 20;
constexpr int kMostReasons = 12;
constexpr int kMostCoefficients = 25;
constexpr int kMostPeriods = 24;

std::string BasisText(v1::ValueBasis basis) {
  switch (basis) {
    case v1::VALUE_BASIS_CHURN_MODEL: return "its own chance to churn";
    case v1::VALUE_BASIS_SEGMENT_RETENTION_MODEL: return "how long customers like it stay";
    case v1::VALUE_BASIS_PORTFOLIO_RETENTION_MODEL: return "how long customers stay";
    case v1::VALUE_BASIS_PURCHASE_MODEL: return "what it has bought";
    default: return "nothing: its value is unknown";
  }
}

std::string KindText(const v1::ValueModel& model) {
  switch (model.kind()) {
    case v1::VALUE_MODEL_KIND_RETENTION:
      return model.retention().family() == v1::RETENTION_FAMILY_BETA_DISCRETE_WEIBULL
                 ? "retention, beta-discrete-Weibull"
                 : "retention, shifted beta-geometric";
    case v1::VALUE_MODEL_KIND_PURCHASE:
      return model.purchase().family() == v1::PURCHASE_FAMILY_PARETO_NBD ? "purchases, Pareto/NBD"
                                                                         : "purchases, BG/NBD";
    case v1::VALUE_MODEL_KIND_CHURN: return "churn, logistic regression";
    default: return std::string(kUnknown);
  }
}

// "0.412 (0.380 to 0.444)".
std::string EstimateText(const v1::Estimate& estimate) {
  return absl::StrFormat("%.3f (%.3f to %.3f)", estimate.value(), estimate.low(), estimate.high());
}

void AddFact(Table& table, absl::string_view label, const Text& value) {
  table.AddRow({Text(label, Style::kDim), value});
}

void AddReport(Page& page, absl::string_view title, const v1::FitReport& report, int width) {
  page.emplace_back();
  page.push_back(SectionHead(
      title, absl::StrFormat("log-likelihood %.4f, AIC %.2f", report.log_likelihood(), report.aic()), width));
  Table table({{"parameter"}, {"estimate", Align::kRight}, {"standard error", Align::kRight}});
  for (const v1::ModelParameter& parameter : report.parameters()) {
    table.AddRow(
        {parameter.name(), absl::StrFormat("%.5f", parameter.value()),
         parameter.has_standard_error() ? absl::StrFormat("%.5f", parameter.standard_error()) : std::string(kUnknown)});
  }
  Append(page, table.Render(width));
}

void AddRetention(Page& page, const v1::RetentionFit& fit, int width) {
  AddReport(page, "Parameters", fit.report(), width);
  page.emplace_back();
  page.push_back(SectionHead("Who is still there", "by the data and by the model, with its interval of 95%", width));
  Table table(
      {{"renewals", Align::kRight}, {"observed", Align::kRight}, {"expected", Align::kRight}, {"interval"}, {""}});
  for (const v1::SurvivalPoint& point : fit.survival()) {
    if (point.period() > kMostPeriods) break;
    table.AddRow({absl::StrCat(point.period()),
                  point.has_observed() ? FormatPercent(point.observed()) : std::string(kUnknown),
                  FormatPercent(point.expected().value()),
                  absl::StrCat(FormatPercent(point.expected().low()), " to ", FormatPercent(point.expected().high())),
                  Bar(point.expected().value(), kBarWidth, Style::kGreen)});
  }
  Append(page, table.Render(width));
}

void AddPurchase(Page& page, const v1::PurchaseFit& fit, int width) {
  AddReport(page, "Purchases", fit.purchases(), width);
  Append(page, Wrap(absl::StrCat(FormatCount(std::llround(fit.repeats_observed())), " repeat purchases, ",
                                 FormatCount(std::llround(fit.repeats_expected())),
                                 " expected by the model; a unit of time is ", CountOf(fit.unit_days(), "day")),
                    width, 2));
  if (fit.has_spend()) {
    AddReport(page, "What is spent (gamma-gamma)", fit.spend(), width);
  } else {
    Append(page,
           Wrap("No model of what is spent: purchases have no values, or too few customers bought again.", width, 2));
  }
}

void AddChurn(Page& page, const v1::ChurnFit& fit, int width) {
  const v1::ChurnEvaluation& told = fit.evaluation();
  page.emplace_back();
  page.push_back(
      SectionHead("On accounts that it had not seen", told.out_of_time() ? "a later date" : "other accounts", width));
  page.push_back(Text("  AUC ", Style::kPlain).Add(EstimateText(told.auc()), Style::kBold));
  Append(page,
         Wrap(absl::StrFormat("Brier %.4f, %.4f for the mean rate; the tenth with the highest chances churned %.1f "
                              "times as often as all",
                              told.brier(), told.brier_of_mean(), told.top_decile_lift()),
              width, 2));
  Append(page,
         Wrap(absl::StrCat(FormatCount(told.rows()), " rows, ", FormatCount(told.churned()), " churned; fitted on ",
                           FormatCount(fit.rows()), ", ", FormatCount(fit.churned()), " churned"),
              width, 2));
  Table bins({{"tenth", Align::kRight}, {"rows", Align::kRight}, {"predicted", Align::kRight}, {"observed"}, {""}});
  int tenth = 0;
  for (const v1::CalibrationBin& bin : told.calibration()) {
    bins.AddRow({Text(absl::StrCat(++tenth), Style::kDim), FormatCount(bin.rows()), FormatPercent(bin.predicted()),
                 absl::StrCat(FormatPercent(bin.observed().value()), " (", FormatPercent(bin.observed().low()), " to ",
                              FormatPercent(bin.observed().high()), ")"),
                 Bar(bin.observed().value(), kBarWidth, Style::kRed)});
  }
  Append(page, bins.Render(width));
  page.emplace_back();
  page.push_back(SectionHead("What raises (+) and lowers (-) the chance to churn", "log odds", width));
  Table table({{"fact", Align::kLeft, true},
               {"a standard deviation", Align::kRight},
               {"a unit", Align::kRight},
               {"mean", Align::kRight}});
  int shown = 0;
  for (const v1::ChurnCoefficient& coefficient : fit.coefficients()) {
    if (shown++ == kMostCoefficients) break;
    table.AddRow({coefficient.term(), absl::StrFormat("%+.3f", coefficient.standardised()),
                  absl::StrFormat("%+.4g", coefficient.coefficient()), absl::StrFormat("%.4g", coefficient.mean())});
  }
  if (fit.coefficients_size() > kMostCoefficients) {
    table.AddLine(Text(absl::StrCat("and ", fit.coefficients_size() - kMostCoefficients, " more: --json tells them"),
                       Style::kDim));
  }
  Append(page, table.Render(width));
}

}  // namespace

Page RenderValue(const v1::CustomerValue& value, int width) {
  const std::string account = value.name().substr(0, value.name().rfind('/'));
  Page page = {SectionHead(absl::StrCat("What ", account, " is worth"), FormatTime(value.as_of()), width)};
  Table table({{""}, {"", Align::kLeft, true}});
  AddFact(table, "lifetime value", Text(FormatRoundedMoney(value.clv()), Style::kBold));
  AddFact(table, "margin a month",
          absl::StrCat(FormatRoundedMoney(value.monthly_margin()), " at ", FormatPercent(value.margin_rate())));
  if (value.has_churn_probability_12m()) {
    AddFact(table, "chance to churn in 12 months", FormatPercent(value.churn_probability_12m()));
  }
  if (value.has_expected_lifetime_months()) {
    AddFact(table, "expected to stay", absl::StrCat(FormatNumber(value.expected_lifetime_months(), 1), " months"));
  }
  if (value.has_probability_alive()) AddFact(table, "still a customer", FormatPercent(value.probability_alive()));
  if (value.has_expected_purchases()) AddFact(table, "purchases expected", FormatNumber(value.expected_purchases(), 1));
  AddFact(table, "rests on", BasisText(value.basis()));
  if (!value.value_model().empty()) {
    AddFact(table, "model",
            absl::StrCat(value.value_model(), " revision ", value.value_model_revision(), ", knows ",
                         FormatPercent(value.coverage()), " of what it asks for"));
  }
  if (!value.fallback_reason().empty()) AddFact(table, "no better basis", value.fallback_reason());
  Append(page, table.Render(width));
  if (value.reasons().empty()) return page;
  page.emplace_back();
  page.push_back(
      SectionHead("What raises (+) and lowers (-) its chance to churn", "log odds, against mean facts", width));
  Table reasons({{"fact", Align::kLeft, true}, {"value"}, {"adds", Align::kRight}});
  for (int i = 0; i < std::min(value.reasons_size(), kMostReasons); ++i) {
    const v1::ValueReason& reason = value.reasons(i);
    reasons.AddRow(
        {reason.fact(), reason.value().empty() ? std::string(kUnknown) : reason.value(),
         Text(absl::StrFormat("%+.2f", reason.log_odds()), reason.log_odds() > 0 ? Style::kRed : Style::kGreen)});
  }
  Append(page, reasons.Render(width));
  return page;
}

Page RenderModels(const v1::ListValueModelsResponse& answer, int width) {
  if (answer.value_models().empty()) {
    return Wrap(
        "No value models yet: perennial fit retention, perennial fit churn or perennial fit purchase makes one.", width,
        0);
  }
  Page page = {SectionHead("Value models", CountOf(answer.value_models_size(), "model"), width)};
  Table table({{"model"},
               {"revision", Align::kRight},
               {"kind", Align::kLeft, true},
               {"for", Align::kLeft, true},
               {"customers", Align::kRight},
               {"made"},
               {"by", Align::kLeft, true}});
  for (const v1::ValueModel& model : answer.value_models()) {
    table.AddRow({LastPart(model.name()),
                  Text(absl::StrCat(model.revision()), model.in_use() ? Style::kBold : Style::kDim), KindText(model),
                  model.filter().empty() ? "all" : model.filter(), FormatCount(model.customers()),
                  FormatDate(model.create_time()), model.author()});
  }
  Append(page, table.Render(width));
  return page;
}

Page RenderModel(const v1::ValueModel& model, int width) {
  Page page = {SectionHead(absl::StrCat(model.name(), " revision ", model.revision()), KindText(model), width)};
  Append(page, Wrap(absl::StrCat(CountOf(model.customers(), model.has_churn() ? "row" : "customer"), " of ",
                                 model.filter().empty() ? "all accounts" : model.filter(),
                                 model.has_data_end_time() ? absl::StrCat(", ", FormatDate(model.data_start_time()),
                                                                          " to ", FormatDate(model.data_end_time()))
                                                           : ""),
                    width, 2));
  if (model.has_retention()) AddRetention(page, model.retention(), width);
  if (model.has_purchase()) AddPurchase(page, model.purchase(), width);
  if (model.has_churn()) AddChurn(page, model.churn(), width);
  return page;
}

}  // namespace perennial::cli
