#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/observability/span_exporter.h"
#include "common/server/metrics.h"

namespace perennial {

// The span of one call in this process.
class CallSpan {
 public:
  // Without an exporter it only names the call.
  CallSpan(std::shared_ptr<SpanExporter> exporter, absl::string_view path) : exporter_(std::move(exporter)), path_(path) {}

  // Continues the trace of `parent` when that is a valid traceparent, else begins one. `tracestate` is looked at in the first case.
  void Begin(absl::string_view parent, absl::string_view tracestate);
  // Sends it to the exporter where its trace is recorded, once.
  void End(int grpc_code);

  // Names this span, for what the call leads to.
  [[nodiscard]] const std::string& traceparent() const { return traceparent_; }
  // Whether Begin() continued the caller's trace.
  [[nodiscard]] bool continues() const { return continues_; }

 private:
  const std::shared_ptr<SpanExporter> exporter_;
  const std::string path_;
  std::string traceparent_;
  std::string parent_id_;
  std::string tracestate_;
  bool continues_ = false;
  absl::Time start_ = absl::InfinitePast();  // when it began, where it is recorded
};

// Numbers of the exporter for operators.
void MeasureSpans(const std::shared_ptr<SpanExporter>& spans, Metrics& metrics);

// What a server is built with so that each call has a span of this process: it continues the caller's trace, or begins one where the
// caller has none that is valid, and the call's metadata name this span from there on, so that what the call leads to is a child of
// it. With an exporter, spans of recorded traces go there once the call has ended. Health probes and reflection have none.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> TraceCalls(
    std::shared_ptr<SpanExporter> exporter);

}  // namespace perennial
