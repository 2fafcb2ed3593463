#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "perennial/segments/v1/portfolio_service.pb.h"
#include "segment-svc/ledger/live_ledger.h"
#include "segment-svc/segment_engine.h"

namespace perennial::segments {

// The rules of GetRevenueRetention and ListRevenueRetentionAccounts; errors as the proto says. Safe to use from many
// threads.
class RevenueRetention {
 public:
  // Both must outlive this. Amounts are in `currency`.
  RevenueRetention(const SegmentEngine& engine, const LiveLedger& ledger, std::string currency)
      : engine_(engine), ledger_(ledger), currency_(std::move(currency)) {}

  absl::StatusOr<v1::GetRevenueRetentionResponse> Get(const v1::GetRevenueRetentionRequest& request) const;
  absl::StatusOr<v1::ListRevenueRetentionAccountsResponse> List(
      const v1::ListRevenueRetentionAccountsRequest& request) const;

 private:
  const SegmentEngine& engine_;
  const LiveLedger& ledger_;
  const std::string currency_;
};

}  // namespace perennial::segments
