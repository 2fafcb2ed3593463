#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/observability/span.h"

namespace perennial {

// Which process tells its spans.
struct SpanSource {
  std::string service_name;  // "health-svc"
  std::string version;
  std::string instance;  // tells replicas apart
};

// An ExportTraceServiceRequest of OpenTelemetry's protocol in its JSON encoding, by the semantic conventions for RPC: spans of kind
// SERVER with rpc.system, rpc.service, rpc.method and rpc.grpc.status_code. Codes that are the server's fault make the status of a
// span ERROR.
std::string OtlpJson(const SpanSource& source, const std::vector<Span>& spans);

// How many spans the collector says it has not taken, of the body of its answer; 0 when it says nothing of the kind.
std::int64_t RejectedSpans(absl::string_view answer);

}  // namespace perennial
