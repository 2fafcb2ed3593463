#include "gateway/gateway.h"

#include <google/protobuf/descriptor.h>
#include <grpcpp/create_channel_posix.h>

#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/server/call_spans.h"
#include "common/server/exit_code.h"
#include "common/server/port_file.h"
#include "common/server/process_flags.h"
#include "common/server/rpc_metrics.h"
#include "gateway/api/openapi.h"
#include "gateway/http2/sockets.h"
#include "perennial/gateway/v1/customer_service.pb.h"

namespace perennial::gateway {

namespace {

// A token of the largest size that is taken, and what else goes with a call.
constexpr int kMostMetadata = 16 << 10;
// What the front adds to it for the gateway's own services.
constexpr int kMoreMetadata = 2 << 10;
constexpr const char* kOwnServices[] = {"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                                        "grpc.reflection.v1alpha.ServerReflection"};
constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";

Backend::Options BackendOptions(const GatewayOptions& options, std::string name, std::string target) {
  return {.name = std::move(name),
          .target = std::move(target),
          .max_streams = options.max_streams,
          .tls = options.tls,
          .breaker = options.breaker};
}

// The paths of all methods of these services.
absl::flat_hash_set<std::string> MethodsOf(const std::vector<std::string>& services) {
  absl::flat_hash_set<std::string> paths;
  for (const std::string& name : services) {
    const auto* service = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    for (int i = 0; service != nullptr && i < service->method_count(); ++i) {
      paths.insert(absl::StrCat("/", name, "/", service->method(i)->name()));
    }
  }
  return paths;
}

ServerOptions OwnServer(const ServerOptions& options) {
  ServerOptions own = options;
  own.listens = false;
  own.tls = nullptr;
  own.self_check = false;
  own.port_file.clear();
  own.spans.reset();  // the front has a span of each call
  own.max_metadata_bytes = kMostMetadata + kMoreMetadata;
  return own;
}

}  // namespace

Gateway::Gateway(const GatewayOptions& options, std::unique_ptr<Authenticator> authenticator)
    : accounts_(BackendOptions(options, "accounts-svc", options.accounts)),
      health_(BackendOptions(options, "health-svc", options.health)),
      segments_(BackendOptions(options, "segment-svc", options.segments)),
      gatekeeper_(std::move(authenticator), options.caller_limits),
      customers_(accounts_, health_, segments_, gatekeeper_, limit_),
      memory_(options.max_message_memory),
      grace_(options.server.grace),
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
  gateway->Measure();
  PERENNIAL_ASSIGN_OR_RETURN(gateway->server_,
                             Server::Start(OwnServer(options.server), {&gateway->customers_}, gateway->routes_.services()));
  PERENNIAL_RETURN_IF_ERROR(gateway->StartFront(options));
  gateway->StartMonitor(options);
  PERENNIAL_RETURN_IF_ERROR(ServeMetrics(gateway->metrics_, options.server.host, options.metrics_port, options.tls));
  if (options.http.has_value()) PERENNIAL_RETURN_IF_ERROR(gateway->StartHttp(options));
  gateway->server_->SetReady(true);
  gateway->ready_ = true;
  return gateway;
}

http2::CallGates Gateway::Gates(const GatewayOptions& options) {
  std::vector<std::string> counted = routes_.services();
  counted.insert(counted.end(), std::begin(kOwnServices), std::end(kOwnServices));
  std::vector<std::string> own = {v1::CustomerService::service_full_name()};
  own.insert(own.end(), std::begin(kOwnServices), std::end(kOwnServices));
  own_methods_ = MethodsOf(own);
  http2::CallGates gates{.routes = routes_, .gatekeeper = gatekeeper_, .limit = limit_, .memory = memory_, .own = own_methods_,
                         .counts = std::make_shared<RpcMetrics>(counted), .spans = nullptr,
                         .most_request_bytes = static_cast<std::size_t>(options.server.max_message_bytes)};
  metrics_.Add(gates.counts);
  if (options.server.spans.has_value()) {
    gates.spans = std::make_shared<SpanExporter>(*options.server.spans);
    MeasureSpans(gates.spans, metrics_);
  }
  return gates;
}

absl::Status Gateway::StartFront(const GatewayOptions& options) {
  gates_ = std::make_unique<http2::CallGates>(Gates(options));
  const http2::FrontOptions front{.host = options.server.host,
                                  .port = options.server.port,
                                  .most_metadata_bytes = kMostMetadata,
                                  .setup_timeout = options.setup_timeout,
                                  .tls = options.server.tls,
                                  .services_tls = options.tls};
  const auto connect_own = [this](boost::asio::io_context& context) -> std::optional<http2::Transport::Socket> {
    const auto ends = http2::SocketPair();
    if (!ends.has_value()) return std::nullopt;
    server_->Adopt(ends->first);
    return http2::SocketOf(context, ends->second);
  };
  std::vector<http2::Front::Service> services;
  for (const Backend* backend : {&accounts_, &health_, &segments_}) services.push_back({backend, backend->target()});
  PERENNIAL_ASSIGN_OR_RETURN(front_, http2::Front::Start(front, *gates_, services, connect_own));
  MeasureFront();
  if (options.server.self_check) StartSelfCheck(options);
  // Who waits for the file notices that it does not come.
  WritePortFile(options.server.port_file, options.server.host, port()).IgnoreError();
  Log(LogLevel::kInfo, "listening", {{"address", absl::StrCat(options.server.host, ":", port())}});
  return absl::OkStatus();
}

void Gateway::StartSelfCheck(const GatewayOptions& options) {
  const std::string& host = options.server.host;
  const std::string reached = host == "0.0.0.0" ? "127.0.0.1" : host == "[::]" ? "[::1]" : host;
  self_check_ = std::make_unique<SelfCheck>(
      SelfCheck::Options{.address = absl::StrCat(reached, ":", port()),
                         .credentials = options.server.tls == nullptr ? grpc::InsecureChannelCredentials()
                                                                      : options.server.tls->ForSelf()},
      [] {
        Log(LogLevel::kError, "ending, as new connections are not answered");
        StopWith(kExitUnavailable);
      });
}

void Gateway::StartMonitor(const GatewayOptions& options) {
  // A customer's picture can be had while the accounts can.
  std::vector<std::string> with_accounts = routes_.ServicesOf(accounts_);
  with_accounts.emplace_back(v1::CustomerService::service_full_name());
  monitor_ = std::make_unique<BackendMonitor>(
      std::vector<BackendMonitor::Watched>{{&accounts_, std::move(with_accounts)},
                                           {&health_, routes_.ServicesOf(health_)},
                                           {&segments_, routes_.ServicesOf(segments_)}},
      server_->health(), options.monitor_interval);
}

void Gateway::MeasureFront() {
  metrics_.GaugeFrom("perennial_gateway_connections", "Connections of gRPC clients.", {},
                     [this] { return static_cast<double>(front_->connections()); });
  metrics_.GaugeFrom("perennial_gateway_message_bytes", "Bytes of requests and answers that are kept until they are whole.", {},
                     [this] { return static_cast<double>(memory_.taken()); });
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
  const auto ends = http2::SocketPair();
  if (!ends.has_value()) return absl::UnavailableError("no file descriptor is left");
  front_->Adopt(ends->first);
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(static_cast<int>(gates_->most_response_bytes));
  connect_ = std::make_unique<http::ConnectGateway>(
      grpc::CreateCustomInsecureChannelFromFd("gateway", ends->second, arguments),
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
  self_check_ = nullptr;
  if (server_ == nullptr) return;
  server_->Stop([this] {
    if (front_ == nullptr) return;
    front_->Drain();
    if (http_ != nullptr) http_->Stop();
    front_->Stop(grace_);
  });
}

}  // namespace perennial::gateway
