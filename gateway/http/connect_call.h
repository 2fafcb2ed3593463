#pragma once

#include <google/protobuf/descriptor.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "gateway/http/connect_protocol.h"
#include "gateway/http/http_server.h"

namespace perennial::gateway::http {

// What a call is made of.
struct CallParts {
  std::shared_ptr<HttpExchange> exchange;
  const google::protobuf::MethodDescriptor* method = nullptr;
  std::string path = {};  // "/package.Service/Method"
  ContentType type = {};
  Headers headers = {};             // of the answer
  std::string request = {};         // binary protobuf
  std::function<void()> done = {};  // called last, when gRPC has forgotten the call
};

// Starts the call and answers the exchange with its outcome. `context` carries deadline and metadata.
void StartUnaryCall(grpc::GenericStub& stub, std::unique_ptr<grpc::ClientContext> context, CallParts parts);
// The same for a server stream: each message is read when the one before has been written.
void StartStreamCall(grpc::GenericStub& stub, std::unique_ptr<grpc::ClientContext> context, CallParts parts);

// Answers a unary call that failed.
void RespondError(HttpExchange& exchange, Headers headers, const grpc::Status& status);

}  // namespace perennial::gateway::http
