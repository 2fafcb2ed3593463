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
  SpanOfCall(std::shared_ptr<SpanExporter> exporter, const char* path) : exporter_(std::move(exporter)), path_(path) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_INITIAL_METADATA)) {
      Begin(*methods->GetRecvInitialMetadata());
    }
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      End(methods->GetSendStatus().error_code());
    }
    methods->Proceed();
  }

 private:
  // Handlers read the metadata afterwards. What is put there lives as long as the call's context, as this does.
  void Begin(Metadata& metadata) {
    const auto [begin, end] = metadata.equal_range(kTraceparentKey);
    const bool continues = begin != end && std::next(begin) == end && IsTraceparent(MetadataText(begin->second));
    if (continues) {
      const std::string parent(MetadataText(begin->second));
      if (exporter_ != nullptr) parent_id_ = parent.substr(36, 16);
      traceparent_ = ChildOf(parent);
      begin->second = traceparent_;
    } else {
      traceparent_ = ChildOf("", exporter_ == nullptr || exporter_->SamplesNew());
      metadata.erase(kTraceparentKey);
      metadata.erase(kTracestateKey);  // of a trace that is not continued
      metadata.emplace(kTraceparentKey, traceparent_);
    }
    if (exporter_ == nullptr || !IsSampled(traceparent_)) return;
    start_ = absl::Now();
    const auto state = metadata.find(kTracestateKey);
    if (state != metadata.end()) tracestate_ = std::string(MetadataText(state->second));
  }

  void End(int code) {
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
                      .grpc_code = code});
  }

  const std::shared_ptr<SpanExporter> exporter_;
  const absl::string_view path_;
  std::string traceparent_;
  std::string parent_id_;
  std::string tracestate_;
  absl::Time start_ = absl::InfinitePast();  // where it is recorded, when it began
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

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> TraceCalls(
    std::shared_ptr<SpanExporter> exporter) {
  return std::make_unique<SpanFactory>(std::move(exporter));
}

}  // namespace perennial
