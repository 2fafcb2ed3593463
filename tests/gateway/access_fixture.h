#pragma once

#include <grpcpp/generic/generic_stub.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/sha256.h"
#include "gateway/api/api_descriptors.h"
#include "gateway/routes.h"
#include "tests/gateway/gateway_fixture.h"
#include "tests/gateway/token_maker.h"
#include "tests/testing/process.h"

namespace perennial::gateway::testing {

// A gateway that wants to know who calls: tokens "viewer", "editor" and "operator" of callers with these names.
class AccessTest : public GatewayTest {
 protected:
  AccessTest() {
    std::ofstream file(options_.identity.tokens = folder_.path() + "/tokens");
    for (const char* role : {"viewer", "editor", "operator"}) {
      file << role << " " << role << " " << Sha256().Add(role).HexDigest() << "\n";
    }
    file.close();
    options_.identity.key_set = folder_.path() + "/jwks";
    std::ofstream(options_.identity.key_set) << maker_.KeySet();
    options_.identity.web_tokens = {.issuer = "us", .audience = "perennial"};
    options_.http.emplace();
    options_.http->port = 0;
    StartGateway();
  }

  static void Add(grpc::ClientContext& context, const std::string& authorization) {
    SetTimeout(context);
    context.AddMetadata("authorization", authorization);
  }
  grpc::Status Get(const std::string& name, const std::vector<std::string>& authorization) {
    grpc::ClientContext context;
    for (const std::string& value : authorization) Add(context, value);
    SetTimeout(context);
    return GetAccount(context, name);
  }
  // Calls a method with an empty request.
  grpc::Status CallByPath(const std::string& path, const std::string& token) {
    return CallWith(path, token.empty() ? std::vector<std::string>() : std::vector<std::string>{"Bearer " + token});
  }
  // The same with these headers "authorization".
  grpc::Status CallWith(const std::string& path, const std::vector<std::string>& authorization) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    for (const std::string& value : authorization) Add(context, value);
    grpc::CompletionQueue queue;
    grpc::Status status;
    grpc::ByteBuffer response;
    context.set_wait_for_ready(true);
    const grpc::Slice nothing;
    const auto call = stub.PrepareUnaryCall(&context, path, grpc::ByteBuffer(&nothing, 1), &queue);
    call->StartCall();
    call->Finish(&response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return status;
  }
  // Of every service that there is a proto of, whether the gateway serves it or not.
  template <class Check>
  static void ForEachMethod(const Check& check) {
    static const auto& descriptors = *new api::ApiDescriptors();
    for (const auto* service : descriptors.services()) {
      for (int i = 0; i < service->method_count(); ++i) check(*service->method(i));
    }
  }
  static std::string PathOf(const google::protobuf::MethodDescriptor& method) {
    return absl::StrCat("/", method.service()->full_name(), "/", method.name());
  }
  // A token of the issuer and for the audience that the gateway knows, good for ten minutes, but for what `changed` says.
  [[nodiscard]] std::string WebToken(const TokenMaker& maker, const nlohmann::json& changed = nlohmann::json::object(),
                                     const nlohmann::json& header = nlohmann::json::object()) const {
    nlohmann::json claims = {{"iss", "us"}, {"aud", "perennial"}, {"sub", "eve"}, {"role", "operator"},
                             {"exp", absl::ToUnixSeconds(absl::Now()) + 600}};
    claims.update(changed);
    return maker.Sign(claims, header);
  }

  const perennial::testing::TemporaryFolder folder_;
  const TokenMaker maker_{TokenMaker::Kind::kEc, "k1"};
};

}  // namespace perennial::gateway::testing
