#include "gateway/gateway.h"

#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "common/base/status_macros.h"
#include "common/server/process_flags.h"
#include "gateway/api/openapi.h"
#include "perennial/gateway/v1/customer_service.pb.h"

namespace perennial::gateway {

namespace {

// A token of the largest size that is taken, and what else goes with a call.
constexpr int kMostMetadata = 16 << 10;
constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";

Backend::Options BackendOptions(const GatewayOptions& options, std::string name, std::string target) {
  return {.name = std::move(name),
          .target = std::move(target),
          .max_streams = options.max_streams,
          .tls = options.tls,
          .breaker = options.breaker};
}

}  // namespace

Gateway::Gateway(const GatewayOptions& options, std::unique_ptr<Authenticator> authenticator)
    : accounts_(BackendOptions(options, "accounts-svc", options.accounts)),
      health_(BackendOptions(options, "health-svc", options.health)),
      segments_(BackendOptions(options, "segment-svc", options.segments)),
      gatekeeper_(std::move(authenticator), options.caller_limits),
      forwarder_(routes_, gatekeeper_, limit_),
      customers_(accounts_, health_, segments_, gatekeeper_, limit_),
      limit_(options.max_calls) {}

void Gateway::Measure() {
  const auto count = [this](const char* name, const char* help, const Metrics::Labels& labels, Metrics::Read read) {
    metrics_.CounterFrom(name, help, labels, std::move(read));
  };
  for (Backend* backend : {&accounts_, &health_, &segments_}) {
    metrics_.GaugeFrom("perennial_gateway_breaker_open", "1 while a service is not asked as it does not answer.",
                       {{"service", backend->name()}}, [backend] { return backend->breaker().open() ? 1 : 0; });
  }
  metrics_.GaugeFrom("perennial_gateway_calls_under_way", "Calls that have not ended.", {},
                     [this] { return static_cast<double>(limit_.under_way()); });
  constexpr char kShed[] = "perennial_gateway_shed_total";
  constexpr char kShedHelp[] = "Calls refused as there were too many, by kind.";
  count(kShed, kShedHelp, {{"kind", "bulk"}}, [this] { return static_cast<double>(limit_.refused(Priority::kBulk)); });
  count(kShed, kShedHelp, {{"kind", "read"}}, [this] { return static_cast<double>(limit_.refused(Priority::kRead)); });
  count(kShed, kShedHelp, {{"kind", "write"}}, [this] { return static_cast<double>(limit_.refused(Priority::kWrite)); });
  constexpr char kRefused[] = "perennial_gateway_refused_total";
  constexpr char kRefusedHelp[] = "Calls refused because of their caller, by reason.";
  count(kRefused, kRefusedHelp, {{"reason", "unauthenticated"}},
        [this] { return static_cast<double>(gatekeeper_.unauthenticated()); });
  count(kRefused, kRefusedHelp, {{"reason", "role"}}, [this] { return static_cast<double>(gatekeeper_.denied()); });
  count(kRefused, kRefusedHelp, {{"reason", "limit"}}, [this] { return static_cast<double>(gatekeeper_.limited()); });
  count("perennial_gateway_identity_files_refused_total", "Changed files of tokens and keys that did not do.", {},
        [this] { return static_cast<double>(gatekeeper_.refused_files()); });
}

absl::StatusOr<std::unique_ptr<Gateway>> Gateway::Start(const GatewayOptions& options) {
  std::unique_ptr<Authenticator> authenticator;
  if (options.identity.required()) {
    PERENNIAL_ASSIGN_OR_RETURN(authenticator, Authenticator::Load(options.identity));
  }
  auto gateway = absl::WrapUnique(new Gateway(options, std::move(authenticator)));
  const std::string own_package = v1::GetCustomer360Request::descriptor()->file()->package();
  PERENNIAL_ASSIGN_OR_RETURN(gateway->routes_, Routes::Make({{"perennial.accounts.v1", &gateway->accounts_},
                                                             {"perennial.health.v1", &gateway->health_},
                                                             {"perennial.segments.v1", &gateway->segments_}},
                                                            own_package));
  ServerOptions server = options.server;
  server.metrics = &gateway->metrics_;
  server.max_metadata_bytes = kMostMetadata;
  gateway->Measure();
  PERENNIAL_ASSIGN_OR_RETURN(gateway->server_,
                             Server::Start(server, {&gateway->customers_}, gateway->routes_.services(),
                                           [&gateway](grpc::ServerBuilder& builder) {
                                             builder.RegisterCallbackGenericService(&gateway->forwarder_);
                                           }));
  // A customer's picture can be had while the accounts can.
  std::vector<std::string> with_accounts = gateway->routes_.ServicesOf(gateway->accounts_);
  with_accounts.emplace_back(v1::CustomerService::service_full_name());
  gateway->monitor_ = std::make_unique<BackendMonitor>(
      std::vector<BackendMonitor::Watched>{
          {&gateway->accounts_, std::move(with_accounts)},
          {&gateway->health_, gateway->routes_.ServicesOf(gateway->health_)},
          {&gateway->segments_, gateway->routes_.ServicesOf(gateway->segments_)}},
      gateway->server_->health(), options.monitor_interval);
  PERENNIAL_RETURN_IF_ERROR(ServeMetrics(gateway->metrics_, server.host, options.metrics_port, options.tls));
  if (options.http.has_value()) PERENNIAL_RETURN_IF_ERROR(gateway->StartHttp(options));
  gateway->server_->SetReady(true);
  gateway->ready_ = true;
  return gateway;
}

http::ConnectGateway::Pages Gateway::PagesOf(const GatewayOptions& options) {
  using Page = http::ConnectGateway::Page;
  http::ConnectGateway::Pages pages{
      {"/healthz", [] { return Page{.body = "ok\n"}; }},
      {"/openapi.json",
       [document = api::OpenApiJson(api::ApiDescriptors())] {
         return Page{.content_type = "application/json", .body = document};
       }},
      {"/readyz", [this] { return ready_ ? Page{.body = "ok\n"} : Page{.status = 503, .body = "not ready\n"}; }}};
  if (options.metrics_port < 0) {
    pages.emplace("/metrics", [this] { return Page{.content_type = kMetricsType, .body = metrics_.Text()}; });
  }
  return pages;
}

absl::Status Gateway::StartHttp(const GatewayOptions& options) {
  connect_ = std::make_unique<http::ConnectGateway>(
      server_->InProcessChannel(),
      http::ConnectGateway::Options{
          .services = routes_.services(),
          .most_calls = options.max_calls,
          .cors_origins = options.cors_origins,
          .authorize =
              [this](const google::protobuf::MethodDescriptor& method, const auto& authorization) -> absl::Status {
            PERENNIAL_ASSIGN_OR_RETURN(const Caller caller, gatekeeper_.Identify(authorization));
            return gatekeeper_.Authorize(caller, PolicyOf(method.service()->full_name(), method.name()));
          }},
      PagesOf(options));
  PERENNIAL_ASSIGN_OR_RETURN(http_, http::HttpServer::Start(*options.http, [this](std::shared_ptr<http::HttpExchange> exchange) {
                               connect_->Handle(exchange);
                             }));
  return absl::OkStatus();
}

Gateway::~Gateway() { Stop(); }

void Gateway::Stop() {
  ready_ = false;
  monitor_ = nullptr;
  if (server_ != nullptr) {
    server_->Stop([this] {
      forwarder_.Drain();
      if (http_ != nullptr) http_->Stop();
    });
  }
}

}  // namespace perennial::gateway
