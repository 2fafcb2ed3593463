#include "gateway/gateway.h"

#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "common/base/status_macros.h"
#include "gateway/api/openapi.h"
#include "perennial/gateway/v1/customer_service.pb.h"

namespace perennial::gateway {

Gateway::Gateway(const GatewayOptions& options)
    : accounts_({.name = "accounts-svc", .target = options.accounts, .max_streams = options.max_streams}),
      health_({.name = "health-svc", .target = options.health, .max_streams = options.max_streams}),
      segments_({.name = "segment-svc", .target = options.segments, .max_streams = options.max_streams}),
      forwarder_(routes_, limit_),
      customers_(accounts_, health_, segments_, limit_),
      limit_(options.max_calls) {}

absl::StatusOr<std::unique_ptr<Gateway>> Gateway::Start(const GatewayOptions& options) {
  auto gateway = absl::WrapUnique(new Gateway(options));
  const std::string own_package = v1::GetCustomer360Request::descriptor()->file()->package();
  PERENNIAL_ASSIGN_OR_RETURN(gateway->routes_, Routes::Make({{"perennial.accounts.v1", &gateway->accounts_},
                                                             {"perennial.health.v1", &gateway->health_},
                                                             {"perennial.segments.v1", &gateway->segments_}},
                                                            own_package));
  PERENNIAL_ASSIGN_OR_RETURN(gateway->server_,
                             Server::Start(options.server, {&gateway->customers_}, gateway->routes_.services(),
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
  if (options.http.has_value()) PERENNIAL_RETURN_IF_ERROR(gateway->StartHttp(options));
  gateway->server_->SetReady(true);
  gateway->ready_ = true;
  return gateway;
}

absl::Status Gateway::StartHttp(const GatewayOptions& options) {
  using Page = http::ConnectGateway::Page;
  connect_ = std::make_unique<http::ConnectGateway>(
      server_->InProcessChannel(),
      http::ConnectGateway::Options{
          .services = routes_.services(), .most_calls = options.max_calls, .cors_origins = options.cors_origins},
      http::ConnectGateway::Pages{
          {"/healthz", [] { return Page{.body = "ok\n"}; }},
          {"/openapi.json",
           [document = api::OpenApiJson(api::ApiDescriptors())] {
             return Page{.content_type = "application/json", .body = document};
           }},
          {"/readyz", [this] { return ready_ ? Page{.body = "ok\n"} : Page{.status = 503, .body = "not ready\n"}; }}});
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
