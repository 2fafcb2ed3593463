#include "common/server/call_spans.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/server/call_metadata.h"

namespace perennial {
namespace {

using grpc::experimental::InterceptionHookPoints;
using Metadata = std::multimap<grpc::string_ref, grpc::string_ref>;

absl::string_view MetadataText(grpc::string_ref text) { return {text.data(), text.size()}; }

bool IsSampled(absl::string_view traceparent) {
  const char digit = traceparent[54];  // of 55 characters
  return ((digit <= '9' ? digit - '0' : digit - 'a' + 10) & 1) != 0;
}

class SpanOfCall final : public grpc::experimental::Interceptor {
 public:
  SpanOfCall(std::shared_ptr<SpanExporter> exporter, const char* path) : span_(std::move(exporter), path) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_INITIAL_METADATA)) {
      Begin(*methods->GetRecvInitialMetadata());
    }
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      span_.End(methods->GetSendStatus().error_code());
    }
    methods->Proceed();
  }

 private:
  // Handlers read the metadata afterwards. What is put there lives as long as the call's context, as this does.
  void Begin(Metadata& metadata) {
    const auto [begin, end] = metadata.equal_range(kTraceparentKey);
    const bool once = begin != end && std::next(begin) == end;
    const auto state = metadata.find(kTracestateKey);
    span_.Begin(once ? MetadataText(begin->second) : absl::string_view(),
                state == metadata.end() ? absl::string_view() : MetadataText(state->second));
    metadata.erase(kTraceparentKey);
    metadata.emplace(kTraceparentKey, span_.traceparent());
    if (!span_.continues()) metadata.erase(kTracestateKey);  // of a trace that is not continued
  }

  CallSpan span_;
};

class SpanFactory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit SpanFactory(std::shared_ptr<SpanExporter> exporter) : exporter_(std::move(exporter)) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* info) override {
    const absl::string_view path = info->method();
    return absl::StartsWith(path, "/grpc.") ? nullptr : new SpanOfCall(exporter_, info->method());
  }

 private:
  const std::shared_ptr<SpanExporter> exporter_;
};

}  // namespace

void CallSpan::Begin(absl::string_view parent, absl::string_view tracestate) {
  continues_ = IsTraceparent(parent);
  traceparent_ = continues_ ? ChildOf(parent) : ChildOf("", exporter_ == nullptr || exporter_->SamplesNew());
  if (exporter_ == nullptr || !IsSampled(traceparent_)) return;
  start_ = absl::Now();
  if (!continues_) return;
  parent_id_ = std::string(parent.substr(36, 16));
  tracestate_ = std::string(tracestate);
}

void CallSpan::End(int grpc_code) {
  if (start_ == absl::InfinitePast()) return;
  const absl::string_view path = absl::StripPrefix(path_, "/");
  const std::size_t slash = std::min(path.rfind('/'), path.size());
  exporter_->Offer({.trace_id = traceparent_.substr(3, 32),
                    .span_id = traceparent_.substr(36, 16),
                    .parent_id = std::move(parent_id_),
                    .tracestate = std::move(tracestate_),
                    .service = std::string(path.substr(0, slash)),
                    .method = std::string(path.substr(std::min(slash + 1, path.size()))),
                    .start = std::exchange(start_, absl::InfinitePast()),
                    .end = absl::Now(),
                    .grpc_code = grpc_code});
}

void MeasureSpans(const std::shared_ptr<SpanExporter>& spans, Metrics& metrics) {
  const auto count = [&](const char* name, const char* help, const Metrics::Labels& labels,
                         std::int64_t (SpanExporter::*read)() const) {
    metrics.CounterFrom(name, help, labels, [spans, read] { return static_cast<double>(((*spans).*read)()); });
  };
  count("perennial_spans_exported_total", "Spans that the collector took.", {}, &SpanExporter::sent);
  constexpr char kLost[] = "perennial_spans_lost_total";
  constexpr char kLostHelp[] = "Spans that never reach the collector: too many waited (full), or it refused them.";
  count(kLost, kLostHelp, {{"reason", "full"}}, &SpanExporter::dropped);
  count(kLost, kLostHelp, {{"reason", "refused"}}, &SpanExporter::refused);
  count("perennial_spans_export_failures_total", "Attempts to send spans that failed and are repeated.", {},
        &SpanExporter::failures);
  metrics.GaugeFrom("perennial_spans_waiting", "Spans that are not sent yet.", {},
                    [spans] { return static_cast<double>(spans->waiting()); });
}

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> TraceCalls(
    std::shared_ptr<SpanExporter> exporter) {
  return std::make_unique<SpanFactory>(std::move(exporter));
}

}  // namespace perennial
