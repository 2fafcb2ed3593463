#include "gateway/http/connect_gateway.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/server/grpc_status.h"
#include "common/server/serve_unary.h"
#include "gateway/forwarded_metadata.h"
#include "gateway/http/connect_call.h"
#include "gateway/http/connect_protocol.h"
#include "gateway/http/json_codec.h"

namespace perennial::gateway::http {
namespace {

constexpr char kAcceptPost[] =
    "application/json, application/proto, application/connect+json, application/connect+proto";
constexpr char kAuthorization[] = "authorization";

grpc::Status Refused(grpc::StatusCode code, const std::string& message) { return {code, message}; }

absl::StatusOr<std::unique_ptr<grpc::ClientContext>> ContextOf(const HttpRequest& request) {
  auto context = std::make_unique<grpc::ClientContext>();
  const std::string timeout = request.Header("connect-timeout-ms");
  if (!timeout.empty()) {
    const auto parsed = ParseTimeout(timeout);
    if (!parsed.ok()) return parsed.status();
    context->set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(*parsed));
  }
  for (const auto& [name, value] : request.headers) {
    if (IsForwarded(name, value) || (name == kAuthorization && IsPrintable(value))) context->AddMetadata(name, value);
  }
  return context;
}

std::vector<absl::string_view> AuthorizationOf(const HttpRequest& request) {
  std::vector<absl::string_view> values;
  const auto [begin, end] = request.headers.equal_range(kAuthorization);
  for (auto header = begin; header != end; ++header) values.emplace_back(header->second);
  return values;
}

absl::StatusOr<std::string> BinaryRequest(const google::protobuf::MethodDescriptor& method, ContentType type,
                                          absl::string_view message) {
  if (type.codec == Codec::kProto) return std::string(message);
  return JsonToBinary(*method.input_type(), message);
}

}  // namespace

ConnectGateway::ConnectGateway(std::shared_ptr<grpc::Channel> channel, Options options, Pages pages)
    : channel_(std::move(channel)),
      options_(std::move(options)),
      pages_(std::move(pages)),
      stub_(channel_),
      limit_(options_.most_calls) {
  for (const std::string& name : options_.services) {
    const auto* service = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    if (service == nullptr) continue;
    for (int i = 0; i < service->method_count(); ++i) {
      const std::string path = absl::StrCat("/", name, "/", service->method(i)->name());
      methods_.emplace(path, Method{service->method(i), path});
    }
  }
}

Headers ConnectGateway::CommonHeaders(const HttpRequest& request) const {
  Headers headers = {{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}};
  const std::string origin = request.Header("origin");
  const auto& allowed = options_.cors_origins;
  const bool any = std::find(allowed.begin(), allowed.end(), "*") != allowed.end();
  if (!origin.empty() && (any || std::find(allowed.begin(), allowed.end(), origin) != allowed.end())) {
    headers.emplace_back("Access-Control-Allow-Origin", any ? "*" : origin);
    headers.emplace_back("Vary", "Origin");
  }
  return headers;
}

void ConnectGateway::AnswerPreflight(const std::shared_ptr<HttpExchange>& exchange) {
  Headers headers = CommonHeaders(exchange->request());
  headers.emplace_back("Allow", "POST, OPTIONS");
  headers.emplace_back("Access-Control-Allow-Methods", "POST");
  headers.emplace_back(
      "Access-Control-Allow-Headers",
      "Content-Type, Connect-Protocol-Version, Connect-Timeout-Ms, Authorization, X-Request-Id, Traceparent");
  headers.emplace_back("Access-Control-Max-Age", "7200");
  exchange->Respond(204, std::move(headers), "");
}

void ConnectGateway::AnswerPage(const std::shared_ptr<HttpExchange>& exchange, const std::function<Page()>& page) {
  Headers headers = CommonHeaders(exchange->request());
  if (exchange->request().method != "GET" && exchange->request().method != "HEAD") {
    headers.emplace_back("Allow", "GET, HEAD");
    return exchange->Respond(405, std::move(headers), "");
  }
  Page answer = page();
  headers.emplace_back("Content-Type", answer.content_type);
  exchange->Respond(answer.status, std::move(headers),
                    exchange->request().method == "HEAD" ? "" : std::move(answer.body));
}

void ConnectGateway::Handle(const std::shared_ptr<HttpExchange>& exchange) {
  const HttpRequest& request = exchange->request();
  if (const auto page = pages_.find(request.path); page != pages_.end()) return AnswerPage(exchange, page->second);
  Headers headers = CommonHeaders(request);
  const auto method = methods_.find(request.path);
  if (method == methods_.end()) {
    headers.emplace_back("Content-Type", "application/json");
    return exchange->Respond(
        404, std::move(headers),
        ErrorJson(Refused(grpc::StatusCode::UNIMPLEMENTED, "no such method; /openapi.json lists them all")));
  }
  if (request.method == "OPTIONS") return AnswerPreflight(exchange);
  if (request.method != "POST") {
    headers.emplace_back("Allow", "POST, OPTIONS");
    return exchange->Respond(405, std::move(headers), "");
  }
  Call(exchange, method->second);
}

void ConnectGateway::Call(const std::shared_ptr<HttpExchange>& exchange, const Method& method) {
  const HttpRequest& request = exchange->request();
  Headers headers = CommonHeaders(request);
  const auto type = ParseContentType(request.Header("content-type"));
  const bool streams = method.descriptor->server_streaming();
  if (!type.has_value() || type->streaming != streams) {
    headers.emplace_back("Accept-Post", kAcceptPost);
    return exchange->Respond(415, std::move(headers), "");
  }
  const auto refuse = [&](const grpc::Status& status) {
    if (!type->streaming) return RespondError(*exchange, std::move(headers), status);
    headers.emplace_back("Content-Type", ToString(*type));
    exchange->Respond(200, std::move(headers), EndOfStream(status));
  };
  if (options_.authorize != nullptr) {
    const absl::Status allowed = options_.authorize(*method.descriptor, AuthorizationOf(request));
    if (!allowed.ok()) return refuse(ToGrpcStatus(allowed));
  }
  if (method.descriptor->client_streaming()) {
    headers.emplace_back("Content-Type", "application/json");
    return exchange->Respond(
        505, std::move(headers),
        ErrorJson(Refused(grpc::StatusCode::UNIMPLEMENTED,
                          "a stream in both directions needs gRPC; there is a unary method beside it")));
  }
  const std::string encoding = request.Header(streams ? "connect-content-encoding" : "content-encoding");
  if (!encoding.empty() && encoding != "identity") {
    return refuse(Refused(grpc::StatusCode::UNIMPLEMENTED, "compressed requests are not taken; supported: identity"));
  }
  absl::StatusOr<absl::string_view> message = absl::string_view(request.body);
  if (streams) message = OnlyMessageOf(request.body);
  if (!message.ok()) return refuse(ToGrpcStatus(message.status()));
  auto binary = BinaryRequest(*method.descriptor, *type, *message);
  if (!binary.ok()) return refuse(ToGrpcStatus(binary.status()));
  auto context = ContextOf(request);
  if (!context.ok()) return refuse(ToGrpcStatus(context.status()));
  if (!limit_.TryAdmit()) return refuse(ToGrpcStatus(BusyStatus()));
  CallParts parts{.exchange = exchange,
                  .method = method.descriptor,
                  .path = method.path,
                  .type = *type,
                  .headers = std::move(headers),
                  .request = *std::move(binary),
                  .done = [this] { limit_.Release(); }};
  if (streams) return StartStreamCall(stub_, *std::move(context), std::move(parts));
  StartUnaryCall(stub_, *std::move(context), std::move(parts));
}

}  // namespace perennial::gateway::http
