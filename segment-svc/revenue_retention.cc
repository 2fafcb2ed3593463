#include "segment-svc/revenue_retention.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "segment-svc/ledger/periods.h"
#include "segment-svc/ledger/retention.h"
#include "segment-svc/portfolio_checks.h"

namespace perennial::segments {
namespace {

absl::Time CheckEnd(const v1::GetRevenueRetentionRequest& request, absl::Time start, absl::Time now, BadRequest& bad) {
  if (!request.has_end_time()) return now;
  if (!IsValidTimestamp(request.end_time())) {
    bad.Add("end_time", "must be a time of the years 1 to 9999");
  } else if (request.has_start_time() && ToTime(request.end_time()) <= start) {
    bad.Add("end_time", "must be later than start_time");
  }
  return ToTime(request.end_time());
}

void AddWindow(const RetentionTotals& totals, const std::string& currency, v1::RetentionWindow* window) {
  const RevenueTotals& revenue = totals.revenue;
  *window->mutable_start_mrr() = revenue.start.ToProto(currency);
  *window->mutable_new_mrr() = revenue.won.ToProto(currency);
  *window->mutable_expansion_mrr() = revenue.expansion.ToProto(currency);
  *window->mutable_contraction_mrr() = revenue.contraction.ToProto(currency);
  *window->mutable_churned_mrr() = revenue.churned.ToProto(currency);
  *window->mutable_reactivated_mrr() = revenue.reactivated.ToProto(currency);
  *window->mutable_end_mrr() = totals.end.ToProto(currency);
  if (const auto nrr = revenue.NetRetention()) window->set_nrr(*nrr);
  if (const auto grr = revenue.GrossRetention()) window->set_grr(*grr);
  if (const auto rate = revenue.LogoChurn()) window->set_logo_churn_rate(*rate);
  if (const auto rate = revenue.ExpansionRate()) window->set_expansion_rate(*rate);
  if (totals.end_accounts > 0)
    *window->mutable_average_mrr() = totals.end.DividedBy(totals.end_accounts).ToProto(currency);
  window->set_start_accounts(revenue.start_accounts);
  window->set_won_accounts(totals.won_accounts);
  window->set_lost_accounts(revenue.lost_accounts);
  window->set_end_accounts(totals.end_accounts);
}

void AddCohort(const CohortTotals& totals, const std::string& currency, v1::RevenueCohort* cohort) {
  cohort->set_accounts(totals.accounts);
  *cohort->mutable_mrr() = totals.mrr.front().ToProto(currency);
  if (totals.accounts == 0) return;
  for (const std::int64_t paying : totals.paying) {
    cohort->add_logo_retention(static_cast<double>(paying) / static_cast<double>(totals.accounts));
  }
  if (totals.mrr.front() == MoneyTotal()) return;
  for (const MoneyTotal& mrr : totals.mrr) cohort->add_revenue_retention(mrr.Over(totals.mrr.front()));
}

void Fill(const Periods& periods, const Retention& retention, const std::string& currency,
          v1::GetRevenueRetentionResponse& response) {
  for (int i = 0; i < periods.count(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    v1::RetentionWindow* window = response.add_windows();
    SetTimestamp(periods.bounds[at], window->mutable_start_time());
    SetTimestamp(periods.bounds[at + 1], window->mutable_end_time());
    window->set_unfinished(periods.unfinished && i + 1 == periods.count());
    AddWindow(retention.periods[at], currency, window);
    if (retention.cohorts.empty()) continue;
    v1::RevenueCohort* cohort = response.add_cohorts();
    SetTimestamp(periods.bounds[at], cohort->mutable_start_time());
    AddCohort(retention.cohorts[at], currency, cohort);
  }
}

}  // namespace

absl::StatusOr<v1::GetRevenueRetentionResponse> RevenueRetention::Get(
    const v1::GetRevenueRetentionRequest& request) const {
  const absl::Time now = engine_.Read([](const SegmentView& view) { return view.now; });
  BadRequest bad;
  const Selection selection = CheckSelection(request, bad);
  CheckPeriodLength(request.period(), bad);
  const absl::Time start = CheckStart(request, now, bad);
  const absl::Time end = CheckEnd(request, start, now, bad);
  CheckAwaited(request, bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  const Periods periods = PeriodsFrom(request.period(), start, end, now);
  if (periods.count() > kMostPeriods) {
    return BadField("start_time",
                    absl::StrCat("makes more than ", kMostPeriods, " periods; begin later or take longer ones"));
  }
  PERENNIAL_ASSIGN_OR_RETURN(SelectedRows selected,
                             engine_.Read([&](const SegmentView& view) { return SelectRows(view, selection); }));

  v1::GetRevenueRetentionResponse response;
  const std::vector<std::int64_t> bounds = periods.StepBounds(now);
  PERENNIAL_ASSIGN_OR_RETURN(
      const Retention retention,
      ledger_.Read([&](const RevenueLedger& ledger, std::int64_t revision) -> absl::StatusOr<Retention> {
        response.set_ledger_revision(revision);
        return ComputeRetention(ledger, selected.rows, bounds, request.cohorts());
      }));
  Fill(periods, retention, currency_, response);
  SetTimestamp(now, response.mutable_as_of());
  if (selected.filter_reading) *response.mutable_filter_reading() = *std::move(selected.filter_reading);
  response.set_accounts(static_cast<std::int64_t>(selected.rows.Count()));
  return response;
}

}  // namespace perennial::segments
