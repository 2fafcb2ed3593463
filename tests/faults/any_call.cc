#include "tests/faults/any_call.h"

#include <google/protobuf/util/json_util.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/faults/matrix.h"

namespace perennial::testing {

using google::protobuf::DescriptorPool;
using google::protobuf::MethodDescriptor;

std::string PathOf(const MethodDescriptor& method) {
  return absl::StrCat("/", method.service()->full_name(), "/", method.name());
}

AnyAnswer CallBytes(const std::shared_ptr<grpc::Channel>& channel, const MethodDescriptor& method, const std::string& request,
                    const std::vector<std::pair<std::string, std::string>>& metadata) {
  struct Reader final : grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
    void OnReadDone(bool ok) override {
      if (!ok) return;
      read = true;
      // What a watch says after its first message is of no interest.
      if (watch) return context.TryCancel();
      StartRead(&next);
    }
    void OnDone(const grpc::Status& status) override { done.set_value(status); }
    grpc::ClientContext context;
    grpc::ByteBuffer answer;
    grpc::ByteBuffer next;
    bool watch = false;
    bool read = false;
    std::promise<grpc::Status> done;
  } reader;
  reader.watch = method.server_streaming();
  reader.context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  for (const auto& [key, value] : metadata) reader.context.AddMetadata(key, value);
  const grpc::Slice slice(request);
  grpc::ByteBuffer bytes(&slice, 1);
  grpc::GenericStub stub(channel);
  stub.PrepareBidiStreamingCall(&reader.context, PathOf(method), grpc::StubOptions(), &reader);
  reader.StartWriteLast(&bytes, grpc::WriteOptions());
  reader.StartRead(&reader.answer);
  reader.StartCall();
  AnyAnswer answer;
  answer.status = reader.done.get_future().get();
  if (reader.read && reader.watch) answer.status = grpc::Status::OK;
  std::vector<grpc::Slice> slices;
  (void)reader.answer.Dump(&slices);
  for (const grpc::Slice& part : slices) answer.response.append(reinterpret_cast<const char*>(part.begin()), part.size());
  return answer;
}

std::vector<const MethodDescriptor*> MethodsOfGateway(int http_port) {
  const auto document = nlohmann::json::parse(GetPage(http_port, "/openapi.json").body, nullptr, false);
  std::vector<std::string> names = {"perennial.accounts.v1.IngestService.StreamRecords"};
  if (document.contains("paths")) {
    for (const auto& [path, what] : document["paths"].items()) {
      names.push_back(absl::StrReplaceAll(path.substr(1), {{"/", "."}}));
    }
  }
  std::vector<const MethodDescriptor*> methods;
  for (const std::string& name : names) {
    const MethodDescriptor* method = DescriptorPool::generated_pool()->FindMethodByName(name);
    EXPECT_NE(method, nullptr) << name;
    if (method != nullptr) methods.push_back(method);
  }
  EXPECT_GT(methods.size(), 100U);
  return methods;
}

std::set<std::string> BadFieldsOf(const grpc::Status& status) {
  google::rpc::Status details;
  details.ParseFromString(status.error_details());
  std::set<std::string> fields;
  for (const auto& detail : details.details()) {
    google::rpc::BadRequest bad;
    if (!detail.UnpackTo(&bad)) continue;
    for (const auto& violation : bad.field_violations()) fields.insert(violation.field());
  }
  return fields;
}

google::protobuf::DynamicMessageFactory& AnyMessage::Factory() {
  static auto& factory = *new google::protobuf::DynamicMessageFactory();
  return factory;
}

void AnyMessage::ParseJson(const std::string& json) {
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, message_.get());
  EXPECT_TRUE(parsed.ok()) << json << ": " << parsed.ToString();
}

}  // namespace perennial::testing
