#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/facts/bitmap.h"
#include "perennial/segments/v1/portfolio_service.pb.h"
#include "segment-svc/account_columns.h"
#include "segment-svc/money_total.h"
#include "segment-svc/segment_view.h"

namespace perennial::segments {

// Computes a portfolio report over some rows of a view, one method a part; docs/metrics.md defines each number. Uses
// the view until it is destroyed.
class PortfolioReport {
 public:
  struct Options {
    std::string currency;
    std::size_t list_size = 10;
  };
  // `rows` must be live.
  PortfolioReport(const SegmentView& view, facts::Bitmap rows, Options options);

  void AddTotals(v1::GetPortfolioReportResponse& report) const;
  void AddHealth(v1::GetPortfolioReportResponse& report) const;
  void AddPhases(v1::GetPortfolioReportResponse& report) const;
  void AddFlags(v1::GetPortfolioReportResponse& report) const;
  void AddSegments(v1::GetPortfolioReportResponse& report) const;
  void AddRevenue(v1::GetPortfolioReportResponse& report) const;
  void AddWorstAccounts(v1::GetPortfolioReportResponse& report) const;
  void AddRenewals(v1::GetPortfolioReportResponse& report) const;

 private:
  // How many accounts, and their MRR.
  struct Share {
    std::int64_t accounts = 0;
    MoneyTotal mrr;
  };
  void Count(facts::RowId row, Share& share) const;
  template <class Message>
  void Fill(const Share& share, Message* message) const;
  // The account is a customer or may become one: it has not churned, and its trial has not ended without a purchase.
  [[nodiscard]] bool IsLive(facts::RowId row) const;
  // Names of the bands there are, lowest first.
  [[nodiscard]] std::vector<std::string> Bands() const;
  [[nodiscard]] v1::ReportAccount AccountOf(facts::RowId row) const;
  // Whether `a` goes before `b` where all else is equal: by MRR, highest first, then by id.
  [[nodiscard]] bool WeighsMore(facts::RowId a, facts::RowId b) const;
  [[nodiscard]] perennial::type::v1::Money Money(const MoneyTotal& total) const {
    return total.ToProto(options_.currency);
  }

  const SegmentView& view_;
  const facts::Bitmap rows_;
  const Options options_;
  const NumberFact mrr_, score_, coverage_, renewal_days_, is_trial_;
  const TextFact band_, phase_, name_, owner_;
  const std::uint32_t trial_, churned_;  // codes of phases
};

}  // namespace perennial::segments
