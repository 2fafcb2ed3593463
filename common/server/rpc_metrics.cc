#include "common/server/rpc_metrics.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace perennial {
namespace {

using grpc::experimental::InterceptionHookPoints;
using Labels = std::vector<prometheus::ClientMetric::Label>;

// As the exporters of other languages spell them.
constexpr const char* kCodeNames[RpcMetrics::kCodes] = {
    "OK",           "Canceled",      "Unknown",          "InvalidArgument",   "DeadlineExceeded", "NotFound",
    "AlreadyExists", "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted",       "OutOfRange",
    "Unimplemented", "Internal",      "Unavailable",      "DataLoss",          "Unauthenticated"};

const char* TypeOf(const google::protobuf::MethodDescriptor& method) {
  if (method.client_streaming()) return method.server_streaming() ? "bidi_stream" : "client_stream";
  return method.server_streaming() ? "server_stream" : "unary";
}

class Interceptor final : public grpc::experimental::Interceptor {
 public:
  Interceptor(std::shared_ptr<RpcMetrics> metrics, RpcMetrics::Method& method)
      : metrics_(std::move(metrics)), method_(method), start_(std::chrono::steady_clock::now()) {
    ++method_.started;
  }
  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      method_.Handled(methods->GetSendStatus().error_code(), std::chrono::steady_clock::now() - start_);
    }
    methods->Proceed();
  }

 private:
  const std::shared_ptr<RpcMetrics> metrics_;
  RpcMetrics::Method& method_;
  const std::chrono::steady_clock::time_point start_;
};

class Factory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit Factory(std::shared_ptr<RpcMetrics> metrics) : metrics_(std::move(metrics)) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* info) override {
    return new Interceptor(metrics_, metrics_->Of(info->method()));
  }

 private:
  const std::shared_ptr<RpcMetrics> metrics_;
};

}  // namespace

void RpcMetrics::Method::Handled(int code, std::chrono::steady_clock::duration took) {
  ++handled[code < 0 || code >= kCodes ? static_cast<int>(grpc::StatusCode::UNKNOWN) : code];
  const double seconds = std::chrono::duration<double>(took).count();
  ++buckets[static_cast<std::size_t>(std::lower_bound(kBounds.begin(), kBounds.end(), seconds) - kBounds.begin())];
  microseconds += static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
}

RpcMetrics::RpcMetrics(const std::vector<std::string>& services) {
  for (const std::string& name : services) {
    const auto* service = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    for (int i = 0; service != nullptr && i < service->method_count(); ++i) {
      auto method = std::make_unique<Method>();
      method->service = name;
      method->name = service->method(i)->name();
      method->type = TypeOf(*service->method(i));
      by_path_.emplace(absl::StrCat("/", name, "/", method->name), method.get());
      methods_.push_back(std::move(method));
    }
  }
  auto unknown = std::make_unique<Method>();
  unknown->service = unknown->name = "unknown";
  unknown->type = "unary";
  methods_.push_back(std::move(unknown));
}

RpcMetrics::Method& RpcMetrics::Of(absl::string_view path) {
  const auto found = by_path_.find(path);
  return found == by_path_.end() ? *methods_.back() : *found->second;
}

std::vector<prometheus::MetricFamily> RpcMetrics::Collect() const {
  std::vector<prometheus::MetricFamily> out(3);
  out[0] = {"grpc_server_started_total", "Calls that were begun.", prometheus::MetricType::Counter, {}};
  out[1] = {"grpc_server_handled_total", "Calls that ended, by code.", prometheus::MetricType::Counter, {}};
  out[2] = {"grpc_server_handling_seconds", "How long calls took.", prometheus::MetricType::Histogram, {}};
  for (const auto& method : methods_) {
    const Labels labels = {{"grpc_method", method->name}, {"grpc_service", method->service}, {"grpc_type", method->type}};
    prometheus::ClientMetric started;
    started.label = labels;
    started.counter.value = static_cast<double>(method->started);
    out[0].metric.push_back(std::move(started));
    for (int code = 0; code < kCodes; ++code) {
      prometheus::ClientMetric handled;
      handled.label = labels;
      handled.label.push_back({"grpc_code", kCodeNames[code]});
      handled.counter.value = static_cast<double>(method->handled[code]);
      out[1].metric.push_back(std::move(handled));
    }
    prometheus::ClientMetric took;
    took.label = labels;
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < kBounds.size(); ++i) {
      count += method->buckets[i];
      took.histogram.bucket.push_back({count, kBounds[i]});
    }
    took.histogram.sample_count = count + method->buckets.back();
    took.histogram.bucket.push_back({took.histogram.sample_count, std::numeric_limits<double>::infinity()});
    took.histogram.sample_sum = static_cast<double>(method->microseconds) / 1e6;
    out[2].metric.push_back(std::move(took));
  }
  return out;
}

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> RpcMetrics::Interceptor(
    std::shared_ptr<RpcMetrics> metrics) {
  return std::make_unique<Factory>(std::move(metrics));
}

}  // namespace perennial
