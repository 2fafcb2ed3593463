#include "tests/cli/views_sample.h"

#include "common/base/time_util.h"

namespace perennial::cli::testing {
namespace {

using perennial::health::v1::HealthScoreExplanation;
using perennial::segments::v1::ReportAccount;
using perennial::segments::v1::RevenueWindow;

void AddMeasure(HealthScoreExplanation& health, absl::string_view id, absl::string_view name, absl::string_view value,
                std::optional<double> points, double weight, absl::string_view reason) {
  auto* measure = health.add_measures();
  measure->set_measure(std::string(id));
  measure->set_display_name(std::string(name));
  measure->set_fact_value(std::string(value));
  measure->set_state(points.has_value() ? perennial::health::v1::MEASURE_STATE_KNOWN
                                        : perennial::health::v1::MEASURE_STATE_UNKNOWN);
  measure->set_effective_weight(weight);
  if (points.has_value()) {
    measure->set_score(*points);
    measure->set_contribution(weight * *points);
  }
  measure->set_reason(std::string(reason));
}

HealthScoreExplanation Explanation() {
  HealthScoreExplanation health;
  auto* score = health.mutable_score();
  score->set_name("accounts/nw-1/healthScore");
  score->set_score(31.5);
  score->set_band("red");
  score->set_coverage(0.85);
  score->set_scorecard("default");
  score->set_scorecard_revision(1);
  *score->mutable_as_of() = Moment();
  score->set_facts_revision(34112);
  score->set_change_30d(-22.4);
  score->add_open_flags("usage-falling");
  health.set_computed_score(41.5);
  AddMeasure(health, "logins", "Logins", "3", 10, 0.5, "logins of 3 in 30 days give 10 points, 5.0 of the score");
  AddMeasure(health, "tickets", "Open tickets", "2", 60, 0.3, "2 open tickets give 60 points, 18.0 of the score");
  AddMeasure(health, "tenure", "Tenure", "700", 92.5, 0.2, "a tenure of 700 days gives 92.5 points, 18.5 of the score");
  AddMeasure(health, "nps", "NPS", "", std::nullopt, 0, "");
  auto* exception = health.add_exceptions();
  exception->set_exception("urgent");
  exception->set_score_before(41.5);
  exception->set_score_after(31.5);
  exception->set_reason("lowered by 10: urgent ticket open");
  health.set_summary("Few logins weigh most: 3 in 30 days cost 45.0 points.");
  return health;
}

void AddBand(ReportData& data, absl::string_view band, std::int64_t accounts, absl::string_view mrr) {
  auto* share = data.report.add_bands();
  share->set_band(std::string(band));
  share->set_accounts(accounts);
  *share->mutable_mrr() = Usd(mrr);
}

void AddPhase(ReportData& data, absl::string_view phase, std::int64_t accounts, absl::string_view mrr) {
  auto* share = data.report.add_phases();
  share->set_phase(std::string(phase));
  share->set_accounts(accounts);
  *share->mutable_mrr() = Usd(mrr);
}

void AddFlag(ReportData& data, absl::string_view rule, absl::string_view name, bool opportunity, std::int64_t accounts,
             absl::string_view mrr) {
  auto* share = data.report.add_flags();
  share->set_rule(std::string(rule));
  share->set_accounts(accounts);
  *share->mutable_mrr() = Usd(mrr);
  auto& definition = data.rules[std::string(rule)];
  definition.set_id(std::string(rule));
  definition.set_display_name(std::string(name));
  definition.set_severity(opportunity ? perennial::health::v1::FLAG_SEVERITY_LOW
                                      : perennial::health::v1::FLAG_SEVERITY_HIGH);
  definition.set_category(opportunity ? perennial::health::v1::FLAG_CATEGORY_OPPORTUNITY
                                      : perennial::health::v1::FLAG_CATEGORY_RISK);
}

void AddSegment(ReportData& data, absl::string_view id, absl::string_view name, std::int64_t accounts,
                absl::string_view mrr) {
  auto* share = data.report.add_segments();
  share->set_segment("segments/" + std::string(id));
  share->set_display_name(std::string(name));
  share->set_accounts(accounts);
  *share->mutable_mrr() = Usd(mrr);
}

ReportAccount MakeAccount(absl::string_view id, absl::string_view name, double score, absl::string_view band,
                          absl::string_view mrr, std::optional<double> renewal) {
  ReportAccount account;
  account.set_account("accounts/" + std::string(id));
  account.set_display_name(std::string(name));
  account.set_score(score);
  account.set_band(std::string(band));
  *account.mutable_mrr() = Usd(mrr);
  if (renewal.has_value()) account.set_renewal_days(*renewal);
  account.add_open_flags("usage-falling");
  account.set_owner("kim@example.com");
  return account;
}

void AddWindow(ReportData& data, int days, std::optional<double> nrr, std::optional<double> grr) {
  RevenueWindow& window = *data.report.add_revenue();
  window.set_days(days);
  *window.mutable_start_mrr() = Usd("1000000");
  *window.mutable_new_mrr() = Usd("12000");
  *window.mutable_expansion_mrr() = Usd("150000.5");
  *window.mutable_contraction_mrr() = Usd("25000");
  *window.mutable_churned_mrr() = Usd("25000");
  *window.mutable_reactivated_mrr() = Usd("0");
  window.set_start_accounts(480);
  window.set_lost_accounts(6);
  if (nrr.has_value()) window.set_nrr(*nrr);
  if (grr.has_value()) window.set_grr(*grr);
  if (grr.has_value()) window.set_logo_churn_rate(0.0125);
}

perennial::accounts::v1::Subscription MakeSubscription(absl::string_view id, absl::string_view plan,
                                                       absl::string_view mrr, absl::string_view start,
                                                       absl::string_view end) {
  perennial::accounts::v1::Subscription subscription;
  subscription.set_name("accounts/nw-1/subscriptions/" + std::string(id));
  subscription.set_plan(std::string(plan));
  subscription.set_seats(40);
  *subscription.mutable_mrr() = Usd(mrr);
  *subscription.mutable_start_time() = At(start);
  if (!end.empty()) *subscription.mutable_end_time() = At(end);
  return subscription;
}

void AddNumber(AccountData& data, absl::string_view name, double value) {
  auto* fact = data.customer.add_facts();
  fact->set_name(std::string(name));
  fact->set_number(value);
}

void AddFlagOf(AccountData& data) {
  auto* flag = data.customer.add_flags();
  flag->set_name("accounts/nw-1/flags/usage-falling");
  flag->set_rule("usage-falling");
  flag->set_display_name("Usage falling");
  flag->set_severity(perennial::health::v1::FLAG_SEVERITY_HIGH);
  flag->set_category(perennial::health::v1::FLAG_CATEGORY_RISK);
  *flag->mutable_raise_time() = At("2024-12-20T08:00:00Z");
  flag->set_advice("Call the champion and ask what changed.");
  auto* cause = flag->add_causes();
  cause->set_fact("usage.change_30d");
  cause->set_value("-0.62");
}

}  // namespace

google::protobuf::Timestamp At(absl::string_view text) {
  absl::Time time;
  std::string error;
  return absl::ParseTime(absl::RFC3339_full, text, &time, &error) ? ToTimestamp(time) : google::protobuf::Timestamp();
}

google::protobuf::Timestamp Moment() { return At("2024-12-31T23:59:59Z"); }

perennial::type::v1::Money Usd(absl::string_view amount) {
  perennial::type::v1::Money money;
  money.set_amount(std::string(amount));
  money.set_currency_code("USD");
  return money;
}

ReportData SampleReport() {
  ReportData data;
  auto& report = data.report;
  *report.mutable_as_of() = Moment();
  report.set_facts_revision(34112);
  report.set_accounts(500);
  report.set_paying_accounts(478);
  *report.mutable_mrr() = Usd("10159608");
  *report.mutable_arr() = Usd("121915296");
  *report.mutable_average_mrr() = Usd("21254.41");
  *report.mutable_mrr_at_risk() = Usd("1204500");
  report.set_mean_score(61.44);
  report.set_score_coverage(0.96);
  AddBand(data, "red", 60, "1204500");
  AddBand(data, "yellow", 180, "4000000");
  AddBand(data, "green", 230, "4900000");
  AddBand(data, "", 10, "55108");
  AddPhase(data, "TRIAL", 12, "0");
  AddPhase(data, "ONBOARDING", 48, "800000");
  AddPhase(data, "ADOPTION", 220, "5000000");
  AddPhase(data, "SUCCESS", 200, "4359608");
  AddPhase(data, "CHURNED", 20, "0");
  AddFlag(data, "usage-falling", "Usage falling", false, 41, "900000");
  AddFlag(data, "seats-full", "Seats filling up", true, 9, "310000");
  AddSegment(data, "at-risk", "At risk", 64, "1300000");
  AddSegment(data, "silent", "Silent", 7, "20000");
  AddWindow(data, 30, 1.1, 0.95);
  AddWindow(data, 90, 0.987654, 0.9);
  AddWindow(data, 365, std::nullopt, std::nullopt);
  *report.add_worst_accounts() = MakeAccount("nw-1", "Northwind Traders", 31.5, "red", "2786.5", 12.4);
  *report.add_worst_accounts() = MakeAccount("a-2", "株式会社サンプル", 38, "red", "120000", std::nullopt);
  *report.add_next_renewals() = MakeAccount("g-7", "Gamma GmbH", 81.25, "green", "64000", 0.5);
  *report.add_next_renewals() = MakeAccount("nw-1", "Northwind Traders", 31.5, "red", "2786.5", 12.4);
  report.set_renewals_90d(37);
  *report.mutable_renewals_90d_mrr() = Usd("812345");
  data.explanations["accounts/nw-1"] = Explanation();
  return data;
}

AccountData SampleAccount() {
  AccountData data;
  auto& customer = data.customer;
  auto& account = *customer.mutable_account();
  account.set_name("accounts/nw-1");
  account.set_display_name("Northwind Traders");
  account.set_owner("kim@example.com");
  account.set_phase(perennial::accounts::v1::LIFECYCLE_PHASE_ADOPTION);
  *account.mutable_phase_start_time() = At("2023-06-01T00:00:00Z");
  *account.mutable_customer_since() = At("2023-01-31T00:00:00Z");
  *customer.mutable_health() = Explanation();
  *customer.add_subscriptions() =
      MakeSubscription("s1", "Starter", "900", "2023-01-31T00:00:00Z", "2023-06-01T00:00:00Z");
  *customer.add_subscriptions() = MakeSubscription("s2", "Team", "2786.5", "2023-06-01T00:00:00Z", "");
  AddNumber(data, "mrr", 2786.5);
  AddNumber(data, "renewal_days", 12.4);
  AddNumber(data, "support.open", 2);
  AddNumber(data, "support.on_time_rate_90d", 0.5);
  AddNumber(data, "usage.days_since_last", 4);
  AddNumber(data, "usage.logins.sum_30d", 3);
  AddNumber(data, "usage.logins.change_30d", -0.62);
  auto* plan = customer.add_facts();
  plan->set_name("plan");
  plan->set_text("Team");
  AddFlagOf(data);
  auto* membership = customer.add_segments();
  membership->set_segment("segments/at-risk");
  membership->set_account("accounts/nw-1");
  *membership->mutable_enter_time() = At("2024-12-20T08:00:01Z");
  for (const auto& [time, score] :
       {std::pair{"2024-12-20T00:00:00Z", 31.5}, {"2024-06-01T00:00:00Z", 54.0}, {"2024-01-01T00:00:00Z", 80.0}}) {
    auto& change = data.history.emplace_back();
    *change.mutable_start_time() = At(time);
    change.set_score(score);
  }
  return data;
}

}  // namespace perennial::cli::testing
