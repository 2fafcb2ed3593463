#include "common/server/reflection_service.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "grpc/health/v1/health.pb.h"
#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"

namespace perennial {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

// Linked from a static library, a proto file has descriptors only where something of it is used.
std::vector<std::string> WithOwnServices(std::vector<std::string> services) {
  for (const FileDescriptor* file : {grpc::health::v1::HealthCheckRequest::descriptor()->file(),
                                     grpc::reflection::v1::ServerReflectionRequest::descriptor()->file(),
                                     grpc::reflection::v1alpha::ServerReflectionRequest::descriptor()->file()}) {
    for (int i = 0; i < file->service_count(); ++i) services.push_back(file->service(i)->full_name());
  }
  std::sort(services.begin(), services.end());
  services.erase(std::unique(services.begin(), services.end()), services.end());
  return services;
}

// One reflection call: it reads a question, writes the answer and reads the next, so nothing runs in parallel.
template <class Request, class Response>
class ReflectionCall final : public grpc::ServerBidiReactor<Request, Response> {
 public:
  explicit ReflectionCall(const std::vector<std::string>& services) : services_(services) {
    this->StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return this->Finish(grpc::Status::OK);
    response_.Clear();
    response_.set_valid_host(request_.host());
    *response_.mutable_original_request() = request_;
    Answer();
    this->StartWrite(&response_);
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return this->Finish(grpc::Status::CANCELLED);
    this->StartRead(&request_);
  }

  void OnDone() override { delete this; }

 private:
  void Answer() {
    const DescriptorPool& pool = *DescriptorPool::generated_pool();
    switch (request_.message_request_case()) {
      case Request::kFileByFilename:
        return AnswerFile(pool.FindFileByName(request_.file_by_filename()), "file", request_.file_by_filename());
      case Request::kFileContainingSymbol:
        return AnswerFile(pool.FindFileContainingSymbol(request_.file_containing_symbol()), "symbol",
                          request_.file_containing_symbol());
      case Request::kFileContainingExtension: return AnswerExtension(pool);
      case Request::kAllExtensionNumbersOfType: return AnswerExtensionNumbers(pool);
      case Request::kListServices:
        for (const std::string& service : services_) {
          response_.mutable_list_services_response()->add_service()->set_name(service);
        }
        return;
      default: return Refuse(grpc::StatusCode::INVALID_ARGUMENT, "message_request must be set");
    }
  }

  // The file, and those it depends on that this call has not sent yet. Asked for again, a file is sent again.
  void AnswerFile(const FileDescriptor* file, absl::string_view kind, absl::string_view name) {
    if (file == nullptr) return Refuse(grpc::StatusCode::NOT_FOUND, absl::StrCat("no such ", kind, ": ", name));
    sent_.insert(file);
    std::deque<const FileDescriptor*> queue = {file};
    for (; !queue.empty(); queue.pop_front()) {
      google::protobuf::FileDescriptorProto proto;
      queue.front()->CopyTo(&proto);
      response_.mutable_file_descriptor_response()->add_file_descriptor_proto(proto.SerializeAsString());
      for (int i = 0; i < queue.front()->dependency_count(); ++i) {
        const FileDescriptor* dependency = queue.front()->dependency(i);
        if (sent_.insert(dependency).second) queue.push_back(dependency);
      }
    }
  }

  void AnswerExtension(const DescriptorPool& pool) {
    const auto& wanted = request_.file_containing_extension();
    const Descriptor* type = pool.FindMessageTypeByName(wanted.containing_type());
    const FieldDescriptor* extension =
        type == nullptr ? nullptr : pool.FindExtensionByNumber(type, wanted.extension_number());
    AnswerFile(extension == nullptr ? nullptr : extension->file(), "extension",
               absl::StrCat(wanted.containing_type(), " ", wanted.extension_number()));
  }

  void AnswerExtensionNumbers(const DescriptorPool& pool) {
    const std::string& name = request_.all_extension_numbers_of_type();
    const Descriptor* type = pool.FindMessageTypeByName(name);
    if (type == nullptr) return Refuse(grpc::StatusCode::NOT_FOUND, absl::StrCat("no such message type: ", name));
    std::vector<const FieldDescriptor*> extensions;
    pool.FindAllExtensions(type, &extensions);
    auto* answer = response_.mutable_all_extension_numbers_response();
    answer->set_base_type_name(name);
    for (const FieldDescriptor* extension : extensions) answer->add_extension_number(extension->number());
  }

  void Refuse(grpc::StatusCode code, const std::string& message) {
    response_.mutable_error_response()->set_error_code(code);
    response_.mutable_error_response()->set_error_message(message);
  }

  const std::vector<std::string>& services_;
  Request request_;
  Response response_;
  std::set<const FileDescriptor*> sent_;
};

// `Base` is the generated CallbackService of one version of the protocol.
template <class Base, class Request, class Response>
class Reflection final : public Base {
 public:
  explicit Reflection(const std::vector<std::string>& services) : services_(services) {}

  grpc::ServerBidiReactor<Request, Response>* ServerReflectionInfo(grpc::CallbackServerContext* /*context*/) override {
    return new ReflectionCall<Request, Response>(services_);
  }

 private:
  const std::vector<std::string>& services_;
};

using V1 = Reflection<grpc::reflection::v1::ServerReflection::CallbackService,
                      grpc::reflection::v1::ServerReflectionRequest, grpc::reflection::v1::ServerReflectionResponse>;
using V1Alpha = Reflection<grpc::reflection::v1alpha::ServerReflection::CallbackService,
                           grpc::reflection::v1alpha::ServerReflectionRequest,
                           grpc::reflection::v1alpha::ServerReflectionResponse>;

}  // namespace

ReflectionService::ReflectionService(std::vector<std::string> services)
    : names_(WithOwnServices(std::move(services))),
      v1_(std::make_unique<V1>(names_)),
      v1alpha_(std::make_unique<V1Alpha>(names_)) {}

ReflectionService::~ReflectionService() = default;

}  // namespace perennial
