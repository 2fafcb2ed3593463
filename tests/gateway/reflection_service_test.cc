#include "common/server/reflection_service.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <map>
#include <set>
#include <string>

#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "tests/gateway/gateway_fixture.h"

namespace perennial::gateway::testing {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptorProto;
using ::testing::IsSupersetOf;

struct V1 {
  using Service = grpc::reflection::v1::ServerReflection;
  using Request = grpc::reflection::v1::ServerReflectionRequest;
  using Response = grpc::reflection::v1::ServerReflectionResponse;
};
struct V1Alpha {
  using Service = grpc::reflection::v1alpha::ServerReflection;
  using Request = grpc::reflection::v1alpha::ServerReflectionRequest;
  using Response = grpc::reflection::v1alpha::ServerReflectionResponse;
};

// Both versions of the protocol, asked of the gateway in one call.
template <class Version>
class ReflectionTest : public GatewayTest {
 protected:
  using Request = typename Version::Request;
  using Response = typename Version::Response;

  ReflectionTest() : stub_(Version::Service::NewStub(channel_)), call_(stub_->ServerReflectionInfo(&context_)) {}
  ~ReflectionTest() override {
    call_->WritesDone();
    EXPECT_TRUE(call_->Finish().ok());
  }

  Response Ask(const Request& request) {
    Response response;
    EXPECT_TRUE(call_->Write(request));
    EXPECT_TRUE(call_->Read(&response));
    return response;
  }
  Response AskSymbol(const std::string& symbol) {
    Request request;
    request.set_file_containing_symbol(symbol);
    return Ask(request);
  }
  std::set<std::string> Services() {
    Request request;
    request.set_list_services("*");
    std::set<std::string> names;
    const Response response = Ask(request);
    for (const auto& service : response.list_services_response().service()) names.insert(service.name());
    return names;
  }

  grpc::ClientContext context_;
  std::unique_ptr<typename Version::Service::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<Request, Response>> call_;
};
using Versions = ::testing::Types<V1, V1Alpha>;
TYPED_TEST_SUITE(ReflectionTest, Versions);

TYPED_TEST(ReflectionTest, ListsEveryService) {
  EXPECT_THAT(this->Services(),
              IsSupersetOf({"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                            "grpc.reflection.v1alpha.ServerReflection", "perennial.accounts.v1.AccountService",
                            "perennial.accounts.v1.FactService", "perennial.accounts.v1.IngestService",
                            "perennial.accounts.v1.SubscriptionService", "perennial.gateway.v1.CustomerService",
                            "perennial.health.v1.FlagService", "perennial.health.v1.HealthScoreService",
                            "perennial.segments.v1.PortfolioService", "perennial.segments.v1.SegmentService"}));
}

// A client that knows nothing beforehand can build every service from the answers alone.
TYPED_TEST(ReflectionTest, DescribesEveryServiceWithItsDependencies) {
  std::map<std::string, FileDescriptorProto> files;
  const std::set<std::string> services = this->Services();
  for (const std::string& service : services) {
    const auto response = this->AskSymbol(service);
    ASSERT_TRUE(response.has_file_descriptor_response()) << service;
    for (const std::string& bytes : response.file_descriptor_response().file_descriptor_proto()) {
      FileDescriptorProto file;
      ASSERT_TRUE(file.ParseFromString(bytes));
      files[file.name()] = file;
    }
  }
  DescriptorPool pool;
  std::function<void(const std::string&)> build = [&](const std::string& name) {
    if (pool.FindFileByName(name) != nullptr) return;
    ASSERT_TRUE(files.contains(name)) << name;
    for (const std::string& dependency : files[name].dependency()) build(dependency);
    ASSERT_NE(pool.BuildFile(files[name]), nullptr) << name;
  };
  for (const auto& [name, file] : files) build(name);
  for (const std::string& service : services) {
    const auto* descriptor = pool.FindServiceByName(service);
    ASSERT_NE(descriptor, nullptr) << service;
    EXPECT_GT(descriptor->method_count(), 0) << service;
  }
}

TYPED_TEST(ReflectionTest, FindsFilesBySymbolAndByName) {
  for (const char* symbol : {"perennial.accounts.v1.FactService.WatchFacts", "perennial.accounts.v1.Fact.number",
                             "perennial.accounts.v1.FACT_TYPE_TIME"}) {
    EXPECT_TRUE(this->AskSymbol(symbol).has_file_descriptor_response()) << symbol;
  }
  typename TypeParam::Request request;
  request.set_host("here");
  request.set_file_by_filename("google/rpc/status.proto");
  const auto response = this->Ask(request);
  FileDescriptorProto file;
  ASSERT_TRUE(file.ParseFromString(response.file_descriptor_response().file_descriptor_proto(0)));
  EXPECT_EQ(file.name(), "google/rpc/status.proto");
  EXPECT_EQ(response.valid_host(), "here");
  EXPECT_EQ(response.original_request().file_by_filename(), "google/rpc/status.proto");
}

TYPED_TEST(ReflectionTest, SendsAFileAgainButItsDependenciesOnce) {
  const auto first = this->AskSymbol("perennial.accounts.v1.FactService").file_descriptor_response();
  EXPECT_GT(first.file_descriptor_proto_size(), 1);
  const auto second = this->AskSymbol("perennial.accounts.v1.FactService").file_descriptor_response();
  ASSERT_EQ(second.file_descriptor_proto_size(), 1);
  EXPECT_EQ(second.file_descriptor_proto(0), first.file_descriptor_proto(0));
}

TYPED_TEST(ReflectionTest, AnswersAboutExtensions) {
  typename TypeParam::Request request;
  request.set_all_extension_numbers_of_type("perennial.accounts.v1.Account");
  const auto none = this->Ask(request);
  EXPECT_EQ(none.all_extension_numbers_response().base_type_name(), "perennial.accounts.v1.Account");
  EXPECT_EQ(none.all_extension_numbers_response().extension_number_size(), 0);
  request.mutable_file_containing_extension()->set_containing_type("perennial.accounts.v1.Account");
  request.mutable_file_containing_extension()->set_extension_number(1000);
  EXPECT_EQ(this->Ask(request).error_response().error_code(), grpc::StatusCode::NOT_FOUND);
}

TYPED_TEST(ReflectionTest, GoesOnAfterAQuestionThatHasNoAnswer) {
  EXPECT_EQ(this->AskSymbol("no.such.Thing").error_response().error_code(), grpc::StatusCode::NOT_FOUND);
  typename TypeParam::Request request;
  EXPECT_EQ(this->Ask(request).error_response().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request.set_file_by_filename("no/such.proto");
  EXPECT_EQ(this->Ask(request).error_response().error_code(), grpc::StatusCode::NOT_FOUND);
  request.set_all_extension_numbers_of_type("no.such.Thing");
  EXPECT_EQ(this->Ask(request).error_response().error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_TRUE(this->AskSymbol("grpc.health.v1.Health").has_file_descriptor_response());
}

}  // namespace
}  // namespace perennial::gateway::testing
