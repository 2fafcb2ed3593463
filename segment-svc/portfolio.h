#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "perennial/segments/v1/portfolio_service.pb.h"
#include "segment-svc/ledger/live_ledger.h"
#include "segment-svc/report/audience_report.h"
#include "segment-svc/segment_engine.h"

namespace perennial::segments {

// The rules of GetPortfolioReport; errors as the proto says. Safe to use from many threads.
class Portfolio {
 public:
  // Both must outlive this; without a ledger, what rests on it is unknown. Facts carry money in `currency`.
  Portfolio(const SegmentEngine& engine, std::string currency, const LiveLedger* ledger = nullptr)
      : engine_(engine), currency_(std::move(currency)), ledger_(ledger) {}

  absl::StatusOr<v1::GetPortfolioReportResponse> GetReport(const v1::GetPortfolioReportRequest& request) const;

 private:
  // Of the members of a segment, or of all. Nothing while there is no ledger; NOT_FOUND (segment) and UNAVAILABLE as
  // GetReport().
  absl::StatusOr<std::optional<LedgerFigures>> ReadLedger(const std::string& segment) const;

  const SegmentEngine& engine_;
  const std::string currency_;
  const LiveLedger* const ledger_;
};

}  // namespace perennial::segments
