#include "segment-svc/segment_metrics.h"

#include <cstdint>
#include <vector>

#include "absl/time/civil_time.h"
#include "common/base/error_details.h"
#include "common/base/page_token.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "segment-svc/account_columns.h"
#include "segment-svc/portfolio_report.h"
#include "segment-svc/segment_checks.h"
#include "segment-svc/segments.h"

namespace perennial::segments {
namespace {

constexpr int kStandardDays = 30;
constexpr int kMostDays = 400;

v1::SegmentMetrics FromReport(v1::GetPortfolioReportResponse& report) {
  v1::SegmentMetrics metrics;
  metrics.set_accounts(report.accounts());
  metrics.set_paying_accounts(report.paying_accounts());
  *metrics.mutable_mrr() = report.mrr();
  *metrics.mutable_average_mrr() = report.average_mrr();
  if (report.has_mean_score()) metrics.set_mean_score(report.mean_score());
  metrics.set_score_coverage(report.score_coverage());
  metrics.mutable_bands()->Swap(report.mutable_bands());
  *metrics.mutable_mrr_at_risk() = report.mrr_at_risk();
  metrics.mutable_flags()->Swap(report.mutable_flags());
  metrics.mutable_revenue()->Swap(report.mutable_revenue());
  return metrics;
}

// The part of a report that metrics are made of.
v1::GetPortfolioReportResponse ReportOf(const SegmentView& view, facts::Bitmap rows, const std::string& currency) {
  const PortfolioReport report(view, std::move(rows), {.currency = currency, .list_size = 0});
  v1::GetPortfolioReportResponse response;
  report.AddTotals(response);
  report.AddHealth(response);
  report.AddFlags(response);
  for (const int days : {30, 90, 365}) report.AddRevenue(days, response);
  return response;
}

template <class List>
void AddHistory(const std::vector<SnapshotRecord>& stored, std::int64_t today, const v1::SegmentMetrics& now,
                List* history) {
  const auto add = [&](std::int64_t day, const v1::SegmentMetrics& metrics) {
    v1::SegmentSnapshot* snapshot = history->Add();
    snapshot->set_date(absl::FormatCivilTime(absl::CivilDay(1970, 1, 1) + day));
    *snapshot->mutable_metrics() = metrics;
  };
  for (const SnapshotRecord& snapshot : stored) add(snapshot.day, snapshot.metrics);
  add(today, now);
}

}  // namespace

v1::SegmentMetrics MetricsOf(const SegmentView& view, facts::Bitmap rows, const std::string& currency) {
  v1::GetPortfolioReportResponse report = ReportOf(view, std::move(rows), currency);
  return FromReport(report);
}

absl::StatusOr<v1::GetSegmentMetricsResponse> SegmentMetricsReader::Get(
    const v1::GetSegmentMetricsRequest& request) const {
  BadRequest bad;
  const auto id = CheckSegmentName(request.name());
  bad.AddIfError("name", id.status());
  const auto days = PageSize(request.history_days(), kStandardDays, kMostDays);
  bad.AddIfError("history_days", days.status());
  if (request.min_facts_revision() < 0) bad.Add("min_facts_revision", "must not be negative");
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  v1::GetSegmentMetricsResponse response;
  std::int64_t uid = 0;
  std::int64_t today = 0;
  PERENNIAL_RETURN_IF_ERROR(engine_.Read([&](const SegmentView& view) -> absl::Status {
    const auto found = view.segments.find(*id);
    if (found == view.segments.end()) return NoSuchSegment(*id);
    if (!view.ready) return NotReadyStatus();
    uid = found->second.record.uid;
    today = DayOf(view.now);
    *response.mutable_metrics() = MetricsOf(view, LiveRows(view.facts, found->second.members), currency_);
    v1::GetPortfolioReportResponse all = ReportOf(view, view.facts.table().live_rows(), currency_);
    *response.mutable_as_of() = all.as_of();
    *response.mutable_portfolio() = FromReport(all);
    response.set_facts_revision(view.facts_revision);
    return absl::OkStatus();
  }));
  const std::int64_t first = today - *days + 1;
  PERENNIAL_ASSIGN_OR_RETURN(const auto history, store_.Read(uid, first, today - 1));
  PERENNIAL_ASSIGN_OR_RETURN(const auto portfolio_history, store_.Read(0, first, today - 1));
  AddHistory(history, today, response.metrics(), response.mutable_history());
  AddHistory(portfolio_history, today, response.portfolio(), response.mutable_portfolio_history());
  return response;
}

}  // namespace perennial::segments
