#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "perennial/segments/v1/portfolio_service.pb.h"
#include "segment-svc/segment_engine.h"

namespace perennial::segments {

// The rules of GetCustomerEquity, from the fact `value.clv`; errors as the proto says. Safe to use from many threads.
class CustomerEquity {
 public:
  // `engine` must outlive this. Facts carry money in `currency`.
  CustomerEquity(const SegmentEngine& engine, std::string currency) : engine_(engine), currency_(std::move(currency)) {}

  absl::StatusOr<v1::GetCustomerEquityResponse> Get(const v1::GetCustomerEquityRequest& request) const;

 private:
  const SegmentEngine& engine_;
  const std::string currency_;
};

}  // namespace perennial::segments
