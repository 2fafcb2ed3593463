#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace perennial::testing {

// How a call of any method ended. Of a stream only the first message is waited for; one that has come counts as OK.
struct AnyAnswer {
  grpc::Status status;
  std::string response;
};

// Calls "/package.Service/Method" with these bytes as its request, within 20 s.
AnyAnswer CallBytes(const std::shared_ptr<grpc::Channel>& channel, const google::protobuf::MethodDescriptor& method,
                    const std::string& request,
                    const std::vector<std::pair<std::string, std::string>>& metadata = {});

std::string PathOf(const google::protobuf::MethodDescriptor& method);

// All methods that the gateway serves, as /openapi.json of its HTTP port says, and StreamRecords, which HTTP cannot call.
std::vector<const google::protobuf::MethodDescriptor*> MethodsOfGateway(int http_port);

// Fields that the details of an error name.
std::set<std::string> BadFieldsOf(const grpc::Status& status);

// A message of any type.
class AnyMessage {
 public:
  explicit AnyMessage(const google::protobuf::Descriptor& type)
      : message_(Factory().GetPrototype(&type)->New()) {}
  google::protobuf::Message& operator*() { return *message_; }
  google::protobuf::Message* operator->() { return message_.get(); }
  // From protobuf's JSON; fails the test when it does not fit.
  void ParseJson(const std::string& json);

 private:
  static google::protobuf::DynamicMessageFactory& Factory();
  std::unique_ptr<google::protobuf::Message> message_;
};

}  // namespace perennial::testing
