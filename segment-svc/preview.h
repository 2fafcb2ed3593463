#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "perennial/segments/v1/segment_service.pb.h"
#include "segment-svc/segment_engine.h"

namespace perennial::segments {

// The rules of PreviewSegment; errors as its proto says. Safe to use from many threads.
class Preview {
 public:
  // `engine` must outlive this. Facts carry money in `currency`.
  Preview(const SegmentEngine& engine, std::string currency) : engine_(engine), currency_(std::move(currency)) {}

  absl::StatusOr<v1::PreviewSegmentResponse> Run(const v1::PreviewSegmentRequest& request) const;

 private:
  const SegmentEngine& engine_;
  const std::string currency_;
};

}  // namespace perennial::segments
