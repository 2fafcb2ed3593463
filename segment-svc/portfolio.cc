#include "segment-svc/portfolio.h"

#include "common/base/error_details.h"
#include "common/base/page_token.h"
#include "common/base/status_macros.h"
#include "segment-svc/portfolio_report.h"
#include "segment-svc/segment_checks.h"
#include "segment-svc/segments.h"

namespace perennial::segments {

absl::StatusOr<v1::GetPortfolioReportResponse> Portfolio::GetReport(
    const v1::GetPortfolioReportRequest& request) const {
  BadRequest bad;
  if (request.audience() != v1::REPORT_AUDIENCE_UNSPECIFIED && request.audience() != v1::REPORT_AUDIENCE_SUCCESS) {
    bad.Add("audience", "is not an audience that reports are made for");
  }
  std::string id;
  if (!request.segment().empty()) {
    auto checked = CheckSegmentName(request.segment());
    bad.AddIfError("segment", checked.status());
    if (checked.ok()) id = *std::move(checked);
  }
  const auto list_size = PageSize(request.list_size(), 10, 100);
  bad.AddIfError("list_size", list_size.status());
  if (request.min_facts_revision() < 0) bad.Add("min_facts_revision", "must not be negative");
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  return engine_.Read([&](const SegmentView& view) -> absl::StatusOr<v1::GetPortfolioReportResponse> {
    facts::Bitmap rows = view.facts.table().live_rows();
    if (!id.empty()) {
      const auto found = view.segments.find(id);
      if (found == view.segments.end()) return NoSuchSegment(id);
      rows = LiveRows(view.facts, found->second.members);
    }
    if (!view.ready) return NotReadyStatus();
    const PortfolioReport report(view, std::move(rows),
                                 {.currency = currency_, .list_size = static_cast<std::size_t>(*list_size)});
    v1::GetPortfolioReportResponse response;
    response.set_segment(request.segment());
    report.AddTotals(response);
    report.AddHealth(response);
    report.AddPhases(response);
    report.AddFlags(response);
    report.AddSegments(response);
    report.AddRevenue(response);
    report.AddWorstAccounts(response);
    report.AddRenewals(response);
    return response;
  });
}

}  // namespace perennial::segments
