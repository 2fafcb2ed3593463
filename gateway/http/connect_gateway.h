#pragma once

#include <google/protobuf/descriptor.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gateway/call_limit.h"
#include "gateway/http/http_server.h"

namespace perennial::gateway::http {

// Answers HTTP requests by the Connect protocol: POST /package.Service/Method in JSON or binary protobuf, unary calls
// and server streams. Each becomes a call on a gRPC channel, so that all that holds for gRPC clients (routes, limits,
// identity) holds for these too.
class ConnectGateway {
 public:
  struct Options {
    // Full names of the services that are reachable.
    std::vector<std::string> services;
    std::size_t most_calls = 10000;
    // Pages of other origins that browsers may call from, for example "https://app.example"; "*" for all.
    std::vector<std::string> cors_origins;
    // Whether who sends these headers "authorization" may call the method, looked at before anything of the request is read.
    // The call itself is checked again, as that of any client.
    std::function<absl::Status(const google::protobuf::MethodDescriptor&, const std::vector<absl::string_view>&)> authorize;
  };
  // Where paths other than methods are answered, for example "/healthz": status, headers, body.
  struct Page {
    int status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
  };
  using Pages = absl::flat_hash_map<std::string, std::function<Page()>>;

  ConnectGateway(std::shared_ptr<grpc::Channel> channel, Options options, Pages pages);
  // Waits for the calls that are under way; whatever they need must live until then.
  ~ConnectGateway() = default;

  // Takes a request of the HTTP server. Never blocks.
  void Handle(const std::shared_ptr<HttpExchange>& exchange);

 private:
  struct Method {
    const google::protobuf::MethodDescriptor* descriptor;
    std::string path;
  };
  [[nodiscard]] Headers CommonHeaders(const HttpRequest& request) const;
  void AnswerPage(const std::shared_ptr<HttpExchange>& exchange, const std::function<Page()>& page);
  void AnswerPreflight(const std::shared_ptr<HttpExchange>& exchange);
  void Call(const std::shared_ptr<HttpExchange>& exchange, const Method& method);

  const std::shared_ptr<grpc::Channel> channel_;
  const Options options_;
  const Pages pages_;
  absl::flat_hash_map<std::string, Method> methods_;
  grpc::GenericStub stub_;
  CallLimit limit_;
};

}  // namespace perennial::gateway::http
