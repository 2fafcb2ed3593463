#pragma once

#include <cstddef>
#include <string>

#include "common/facts/bitmap.h"
#include "perennial/segments/v1/portfolio_service.pb.h"
#include "segment-svc/account_columns.h"
#include "segment-svc/report/report_accounts.h"
#include "segment-svc/segment_view.h"

namespace perennial::segments {

// Computes parts of a portfolio report over some rows of a view, one method a part; docs/metrics.md defines each number.
// Uses the view until it is destroyed.
class PortfolioReport {
 public:
  struct Options {
    std::string currency;
    std::size_t list_size = 10;
  };
  // `rows` must be live.
  PortfolioReport(const SegmentView& view, facts::Bitmap rows, Options options);
  PortfolioReport(const PortfolioReport&) = delete;

  [[nodiscard]] const ReportAccounts& accounts() const { return accounts_; }

  void AddTotals(v1::GetPortfolioReportResponse& report) const;
  void AddHealth(v1::GetPortfolioReportResponse& report) const;
  void AddPhases(v1::GetPortfolioReportResponse& report) const;
  void AddFlags(v1::GetPortfolioReportResponse& report) const;
  void AddSegments(v1::GetPortfolioReportResponse& report) const;
  // Over a window that ends with now.
  void AddRevenue(int days, v1::GetPortfolioReportResponse& report) const;
  void AddWorstAccounts(v1::GetPortfolioReportResponse& report) const;
  void AddRenewals(v1::GetPortfolioReportResponse& report) const;

 private:
  const ReportAccounts accounts_;
  const SegmentView& view_;
  const facts::Bitmap& rows_;
  const NumberFact mrr_, score_, renewal_days_;
  const TextFact band_, phase_;
};

}  // namespace perennial::segments
