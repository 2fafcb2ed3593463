#include "segment-svc/portfolio.h"

#include <cstddef>
#include <initializer_list>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "common/base/page_token.h"
#include "common/base/status_macros.h"
#include "segment-svc/ledger/periods.h"
#include "segment-svc/portfolio_checks.h"
#include "segment-svc/portfolio_report.h"
#include "segment-svc/selected_rows.h"

namespace perennial::segments {
namespace {

constexpr int kQuarters = 8;

// A request, checked.
struct Asked {
  v1::ReportAudience audience = v1::REPORT_AUDIENCE_SUCCESS;
  std::string segment;  // id
  std::size_t list_size = 0;
  std::optional<Micros> cost;
};

absl::StatusOr<Asked> Check(const v1::GetPortfolioReportRequest& request, const std::string& currency) {
  BadRequest bad;
  Asked asked;
  if (!v1::ReportAudience_IsValid(request.audience())) {
    bad.Add("audience", "is not an audience that reports are made for");
  } else if (request.audience() != v1::REPORT_AUDIENCE_UNSPECIFIED) {
    asked.audience = request.audience();
  }
  if (!request.segment().empty()) {
    auto checked = CheckSegmentName(request.segment());
    bad.AddIfError("segment", checked.status());
    if (checked.ok()) asked.segment = *std::move(checked);
  }
  const auto list_size = PageSize(request.list_size(), 10, 100);
  bad.AddIfError("list_size", list_size.status());
  CheckAwaited(request, bad);
  if (request.has_success_cost_365d()) {
    asked.cost = CheckAmount(request.success_cost_365d(), currency, "success_cost_365d", bad);
  }
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  asked.list_size = static_cast<std::size_t>(*list_size);
  return asked;
}

std::string QuarterName(absl::Time start) {
  const absl::CivilMonth month(absl::ToCivilSecond(start, absl::UTCTimeZone()));
  return absl::StrCat(month.year(), " Q", (month.month() + 2) / 3);
}

// Runs the steps of a report, each at a moment of its own: what it shows is at least as new as its facts_revision.
class ReportSteps {
 public:
  // All must outlive this. `rows` were live when they were selected.
  ReportSteps(const SegmentEngine& engine, const facts::Bitmap& rows, const PortfolioReport::Options& options,
              v1::GetPortfolioReportResponse& response)
      : engine_(engine), rows_(rows), options_(options), response_(response) {}

  template <class Step>
  void Run(Step step) const {
    engine_.Read([&](const SegmentView& view) { step(PortfolioReport(view, rows_, options_)); });
  }
  void RunForAudience(ReportStep step) const {
    Run([&](const PortfolioReport& report) {
      AudienceReport audience(report.accounts(), response_);
      step(audience);
    });
  }
  // Methods of PortfolioReport.
  void Add(std::initializer_list<void (PortfolioReport::*)(v1::GetPortfolioReportResponse&) const> parts) const {
    for (const auto part : parts) {
      Run([&](const PortfolioReport& report) { (report.*part)(response_); });
    }
  }
  void AddRevenue() const {
    for (const int days : {30, 90, 365}) {
      Run([&](const PortfolioReport& report) { report.AddRevenue(days, response_); });
    }
  }

 private:
  const SegmentEngine& engine_;
  const facts::Bitmap& rows_;
  const PortfolioReport::Options& options_;
  v1::GetPortfolioReportResponse& response_;
};

void AddParts(const Asked& asked, const ReportSteps& steps, const std::optional<LedgerFigures>& ledger) {
  const auto run = [&](ReportStep step) { steps.RunForAudience(step); };
  switch (asked.audience) {
    case v1::REPORT_AUDIENCE_PRODUCT:
      return AddProductParts(run);
    case v1::REPORT_AUDIENCE_SALES:
      steps.AddRevenue();
      steps.Add({&PortfolioReport::AddRenewals});
      return AddSalesParts(run);
    case v1::REPORT_AUDIENCE_SUPPORT:
      return AddSupportParts(run);
    case v1::REPORT_AUDIENCE_FINANCE:
      steps.AddRevenue();
      return AddFinanceParts(run, ledger, asked.cost);
    default:
      steps.Add({&PortfolioReport::AddHealth, &PortfolioReport::AddPhases, &PortfolioReport::AddFlags,
                 &PortfolioReport::AddSegments});
      steps.AddRevenue();
      steps.Add({&PortfolioReport::AddWorstAccounts, &PortfolioReport::AddRenewals});
      return AddSuccessParts(run);
  }
}

}  // namespace

absl::StatusOr<std::optional<LedgerFigures>> Portfolio::ReadLedger(const std::string& segment) const {
  if (ledger_ == nullptr) return std::optional<LedgerFigures>();
  absl::Time now;
  PERENNIAL_ASSIGN_OR_RETURN(const SelectedRows selected, engine_.Read([&](const SegmentView& view) {
    now = view.now;
    return SelectRows(view, {.filter = {}, .segment = segment});
  }));
  const absl::CivilMonth first = absl::ToCivilMonth(now, absl::UTCTimeZone()) - 3 * (kQuarters - 1);
  const Periods quarters =
      PeriodsFrom(v1::RETENTION_PERIOD_QUARTER, absl::FromCivil(first, absl::UTCTimeZone()), now, now);
  const std::vector<std::int64_t> bounds = quarters.StepBounds(now);
  auto read = ledger_->Read([&](const RevenueLedger& ledger, std::int64_t revision) -> absl::StatusOr<LedgerFigures> {
    LedgerFigures figures{.revision = revision};
    figures.quarters = ComputeRetention(ledger, selected.rows, bounds, false).periods;
    figures.revenue_365d =
        RevenueBetween(ledger, selected.rows, StepTime(now - absl::Hours(24 * 365)), StepTime(now));
    return figures;
  });
  // A report that lacks it beats none.
  if (!read.ok()) return std::optional<LedgerFigures>();
  for (int i = 0; i < quarters.count(); ++i) {
    read->names.push_back(QuarterName(quarters.bounds[static_cast<std::size_t>(i)]));
  }
  return std::optional(*std::move(read));
}

absl::StatusOr<v1::GetPortfolioReportResponse> Portfolio::GetReport(
    const v1::GetPortfolioReportRequest& request) const {
  PERENNIAL_ASSIGN_OR_RETURN(const Asked asked, Check(request, currency_));
  std::optional<LedgerFigures> ledger;
  if (asked.audience == v1::REPORT_AUDIENCE_FINANCE) {
    PERENNIAL_ASSIGN_OR_RETURN(ledger, ReadLedger(asked.segment));
  }
  PERENNIAL_ASSIGN_OR_RETURN(const SelectedRows selected, engine_.Read([&](const SegmentView& view) {
    return SelectRows(view, {.filter = {}, .segment = asked.segment});
  }));
  v1::GetPortfolioReportResponse response;
  response.set_segment(request.segment());
  response.set_audience(asked.audience);
  if (ledger.has_value()) response.set_ledger_revision(ledger->revision);
  const PortfolioReport::Options options{.currency = currency_, .list_size = asked.list_size};
  const ReportSteps steps(engine_, selected.rows, options, response);
  steps.Add({&PortfolioReport::AddTotals});
  AddParts(asked, steps, ledger);
  return response;
}

}  // namespace perennial::segments
