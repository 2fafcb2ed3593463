// Bad input on every method through the gateway: INVALID_ARGUMENT, every bad field named, nothing changed.
#include <google/protobuf/util/json_util.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/dynamic_message.h"
#include "tests/integration/suite.h"

namespace perennial::testing {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::MethodDescriptor;

struct BadCall {
  const char* method;  // "AccountService.GetAccount"
  const char* json;
  const char* fields;  // every field that must be named, separated by spaces, sorted
};

constexpr BadCall kBadCalls[] = {
    {"AccountService.CreateAccount", "{}", "account account.display_name account_id"},
    {"AccountService.CreateAccount",
     R"({"account_id":"a b","account":{"display_name":"x","tags":["t","t"],"attributes":{"Bad":{"number":1},"n":{}}}})",
     "account.attributes.Bad account.attributes.n account.tags[1] account_id"},
    {"AccountService.CreateAccount", R"({"account_id":"x","account":{"display_name":"x","parent":"accounts/none"}})",
     "account.parent"},
    {"AccountService.GetAccount", "{}", "name"},
    {"AccountService.GetAccount", R"({"name":"segments/x"})", "name"},
    {"AccountService.BatchGetAccounts", "{}", "names"},
    {"AccountService.BatchGetAccounts", R"({"names":["accounts/a0","x","y"]})", "names[1] names[2]"},
    {"AccountService.ListAccounts", R"({"page_size":-1,"page_token":"x","filter":"helth = 1","order_by":"mrr"})",
     "filter order_by page_size page_token"},
    {"AccountService.UpdateAccount", "{}", "account account.name"},
    {"AccountService.UpdateAccount",
     R"({"account":{"name":"accounts/a0","display_name":""},"update_mask":"display_name,size","effective_time":"2999-01-01T00:00:00Z"})",
     "account.display_name effective_time update_mask"},
    {"AccountService.DeleteAccount", R"({"name":"accounts/"})", "name"},
    {"AccountService.UndeleteAccount", "{}", "name"},
    {"AccountService.ListPhaseChanges", R"({"parent":"a0"})", "parent"},
    {"SubscriptionService.CreateSubscription", "{}",
     "parent subscription subscription.mrr subscription.plan subscription.start_time subscription_id"},
    {"SubscriptionService.CreateSubscription",
     R"({"parent":"accounts/a0","subscription_id":"s","subscription":{"plan":"p","seats":-1,"mrr":{"amount":"1.1234567","currency_code":"EUR"},"start_time":"2024-02-01T00:00:00Z","end_time":"2024-01-01T00:00:00Z","trial_end_time":"2024-01-01T00:00:00Z"}})",
     "subscription.end_time subscription.mrr.amount subscription.mrr.currency_code subscription.seats "
     "subscription.trial_end_time"},
    {"SubscriptionService.GetSubscription", R"({"name":"accounts/a0"})", "name"},
    {"SubscriptionService.ListSubscriptions", R"({"page_size":-2,"page_token":"?"})", "page_size page_token parent"},
    {"SubscriptionService.UpdateSubscription",
     R"({"subscription":{"name":"x","mrr":{"amount":"-1","currency_code":"USD"}},"update_mask":"mrr,start_time"})",
     "subscription.mrr.amount subscription.name update_mask"},
    {"SubscriptionService.CancelSubscription", "{}", "name"},
    {"SubscriptionService.ListRevenueMovements", R"({"parent":"x","page_size":-1,"page_token":"x"})",
     "page_size page_token parent"},
    {"IngestService.WriteRecords", "{}", "records"},
    {"FactService.GetFacts", R"({"name":"a0","as_of":"2999-01-01T00:00:00Z"})", "as_of name"},
    {"FactService.WatchFacts", R"({"start_revision":-1,"shard_index":3,"shard_count":2})", "shard_index start_revision"},
    {"FactService.ExportFacts", R"({"as_of":"2999-01-01T00:00:00Z","filter":"helth = 1"})", "as_of filter"},
    {"FactService.ListFactDefinitions", R"({"page_size":-1,"page_token":"x"})", "page_size page_token"},
    {"FactService.ValidateFilter", "{}", "filter"},
    {"HealthScoreService.GetHealthScore", R"({"name":"x","min_facts_revision":-1})", "min_facts_revision name"},
    {"HealthScoreService.BatchGetHealthScores", "{}", "names"},
    {"HealthScoreService.BatchGetHealthScores", R"({"names":["accounts/a0","x"]})", "names[1]"},
    {"HealthScoreService.ListHealthScores", R"({"page_size":-1,"page_token":"x","filter":"helth = 1","order_by":"mrr"})",
     "filter order_by page_size page_token"},
    {"HealthScoreService.ExplainHealthScore", "{}", "name"},
    {"HealthScoreService.ListHealthScoreHistory", R"({"page_size":-1,"page_token":"x"})", "page_size page_token parent"},
    {"HealthScoreService.WatchHealthScores", R"({"start_revision":-1})", "start_revision"},
    {"FlagService.ListFlags", R"({"parent":"x","page_size":-1,"page_token":"x","filter":"("})",
     "filter page_size page_token parent"},
    {"FlagService.ListFlagRules", R"({"page_size":-1,"page_token":"x"})", "page_size page_token"},
    {"SegmentService.CreateSegment", "{}", "segment.display_name segment.filter segment_id"},
    {"SegmentService.CreateSegment", R"({"segment_id":"Bad","segment":{"filter":"helth.score > 1"}})",
     "segment.display_name segment.filter segment_id"},
    {"SegmentService.GetSegment", "{}", "name"},
    {"SegmentService.ListSegments", R"({"page_size":-1,"page_token":"x"})", "page_size page_token"},
    {"SegmentService.UpdateSegment", R"({"segment":{"name":"x","filter":"("},"update_mask":"filter,size"})",
     "segment.filter segment.name update_mask"},
    {"SegmentService.DeleteSegment", R"({"name":"segments/Bad!"})", "name"},
    {"SegmentService.PreviewSegment", R"({"compare_to":"x","sample_size":-1})", "compare_to filter sample_size"},
    {"SegmentService.ListMembers", R"({"page_size":-1,"page_token":"x"})", "page_size page_token parent"},
    {"SegmentService.ListAccountSegments", R"({"page_size":-1,"page_token":"x"})", "account page_size page_token"},
    {"SegmentService.WatchMembership", R"({"start_revision":-1,"segment":"x"})", "segment start_revision"},
    {"PortfolioService.GetPortfolioReport", R"({"audience":99,"segment":"x","list_size":-1})", "audience list_size segment"},
    {"CustomerService.GetCustomer360", R"({"name":"x"})", "name"},
};

const std::vector<std::string>& ServicePrefixes() {
  static const auto& prefixes = *new std::vector<std::string>{"perennial.accounts.v1.", "perennial.health.v1.",
                                                              "perennial.segments.v1.", "perennial.gateway.v1."};
  return prefixes;
}

const MethodDescriptor* Find(const std::string& method) {
  for (const std::string& prefix : ServicePrefixes()) {
    if (const auto* found = DescriptorPool::generated_pool()->FindMethodByName(prefix + method)) return found;
  }
  return nullptr;
}

// Calls a method with a request in JSON, reads what comes, and returns how it ended.
grpc::Status CallJson(const std::shared_ptr<grpc::Channel>& channel, const MethodDescriptor& method, const std::string& json) {
  google::protobuf::DynamicMessageFactory factory;
  const std::unique_ptr<google::protobuf::Message> request(factory.GetPrototype(method.input_type())->New());
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, request.get());
  EXPECT_TRUE(parsed.ok()) << json << ": " << parsed.ToString();
  const grpc::Slice slice(request->SerializeAsString());
  grpc::ByteBuffer bytes(&slice, 1);

  struct Reader final : grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
    void OnReadDone(bool ok) override {
      if (ok) StartRead(&answer);
    }
    void OnDone(const grpc::Status& status) override { done.set_value(status); }
    grpc::ByteBuffer answer;
    std::promise<grpc::Status> done;
  } reader;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  grpc::GenericStub stub(channel);
  stub.PrepareBidiStreamingCall(&context, absl::StrCat("/", method.service()->full_name(), "/", method.name()),
                                grpc::StubOptions(), &reader);
  reader.StartWriteLast(&bytes, grpc::WriteOptions());
  reader.StartRead(&reader.answer);
  reader.StartCall();
  return reader.done.get_future().get();
}

// Names of the bad fields in the details of an error, sorted and joined.
std::string BadFields(const grpc::Status& status) {
  google::rpc::Status details;
  details.ParseFromString(status.error_details());
  std::set<std::string> fields;
  for (const auto& detail : details.details()) {
    google::rpc::BadRequest bad;
    if (!detail.UnpackTo(&bad)) continue;
    for (const auto& violation : bad.field_violations()) fields.insert(violation.field());
  }
  return absl::StrJoin(fields, " ");
}

class BadInput : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    suite_ = new Suite("2024-12-31T12:00:00Z");
    ASSERT_TRUE(suite_->WaitReady()) << suite_->Logs();
    const Stubs stubs(suite_->Channel());
    perennial::accounts::v1::CreateAccountRequest request;
    request.set_account_id("a0");
    request.mutable_account()->set_display_name("A0");
    perennial::accounts::v1::CreateAccountResponse response;
    const auto status =
        Call(*stubs.accounts, &perennial::accounts::v1::AccountService::Stub::CreateAccount, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  static void TearDownTestSuite() { delete suite_; }
  static Suite* suite_;
};
Suite* BadInput::suite_ = nullptr;

std::string StateOf(const Stubs& stubs) {
  perennial::accounts::v1::ListAccountsResponse accounts;
  perennial::segments::v1::ListSegmentsResponse segments;
  EXPECT_TRUE(Call(*stubs.accounts, &perennial::accounts::v1::AccountService::Stub::ListAccounts,
                   perennial::accounts::v1::ListAccountsRequest(), &accounts)
                  .ok());
  EXPECT_TRUE(Call(*stubs.segments, &perennial::segments::v1::SegmentService::Stub::ListSegments,
                   perennial::segments::v1::ListSegmentsRequest(), &segments)
                  .ok());
  return accounts.DebugString() + segments.DebugString();
}

TEST_F(BadInput, IsRefusedWithEveryBadFieldNamedAndChangesNothing) {
  const auto channel = suite_->Channel();
  const Stubs stubs(channel);
  const std::string before = StateOf(stubs);
  for (const BadCall& call : kBadCalls) {
    SCOPED_TRACE(absl::StrCat(call.method, " ", call.json));
    const MethodDescriptor* method = Find(call.method);
    ASSERT_NE(method, nullptr);
    const grpc::Status status = CallJson(channel, *method, call.json);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    EXPECT_EQ(BadFields(status), call.fields) << status.error_message();
  }
  EXPECT_EQ(StateOf(stubs), before);
}

TEST_F(BadInput, IsTriedOnEveryMethod) {
  std::set<std::string> tried = {
      // Refuses each record alone, in the answer; tested with accounts-svc.
      "IngestService.StreamRecords"};
  for (const BadCall& call : kBadCalls) tried.insert(call.method);
  for (const char* file :
       {"perennial/accounts/v1/account_service.proto", "perennial/accounts/v1/fact_service.proto",
        "perennial/accounts/v1/ingest_service.proto", "perennial/accounts/v1/subscription_service.proto",
        "perennial/health/v1/flag_service.proto", "perennial/health/v1/health_score_service.proto",
        "perennial/segments/v1/portfolio_service.proto", "perennial/segments/v1/segment_service.proto",
        "perennial/gateway/v1/customer_service.proto"}) {
    const auto* descriptor = DescriptorPool::generated_pool()->FindFileByName(file);
    ASSERT_NE(descriptor, nullptr) << file;
    for (int s = 0; s < descriptor->service_count(); ++s) {
      for (int m = 0; m < descriptor->service(s)->method_count(); ++m) {
        const std::string name =
            absl::StrCat(descriptor->service(s)->name(), ".", descriptor->service(s)->method(m)->name());
        EXPECT_TRUE(tried.contains(name)) << name << " has no bad input in this test";
      }
    }
  }
}

TEST_F(BadInput, UnknownResourcesAreNotFound) {
  const auto channel = suite_->Channel();
  const std::pair<const char*, const char*> calls[] = {
      {"AccountService.GetAccount", R"({"name":"accounts/none"})"},
      {"AccountService.DeleteAccount", R"({"name":"accounts/none"})"},
      {"SubscriptionService.GetSubscription", R"({"name":"accounts/a0/subscriptions/none"})"},
      {"FactService.GetFacts", R"({"name":"accounts/none"})"},
      {"HealthScoreService.GetHealthScore", R"({"name":"accounts/none"})"},
      {"HealthScoreService.ExplainHealthScore", R"({"name":"accounts/none"})"},
      {"HealthScoreService.ListHealthScoreHistory", R"({"parent":"accounts/none"})"},
      {"FlagService.ListFlags", R"({"parent":"accounts/none"})"},
      {"SegmentService.GetSegment", R"({"name":"segments/none"})"},
      {"SegmentService.ListMembers", R"({"parent":"segments/none"})"},
      {"SegmentService.WatchMembership", R"({"segment":"segments/none"})"},
      {"PortfolioService.GetPortfolioReport", R"({"segment":"segments/none"})"},
      {"CustomerService.GetCustomer360", R"({"name":"accounts/none"})"},
  };
  for (const auto& [method, json] : calls) {
    const grpc::Status status = CallJson(channel, *Find(method), json);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND) << method << ": " << status.error_message();
  }
}

TEST_F(BadInput, RevisionsNeverGivenOutAreOutOfRange) {
  const auto channel = suite_->Channel();
  for (const char* method :
       {"FactService.WatchFacts", "HealthScoreService.WatchHealthScores", "SegmentService.WatchMembership"}) {
    const grpc::Status status = CallJson(channel, *Find(method), R"({"start_revision":999999999})");
    EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE) << method << ": " << status.error_message();
  }
}

}  // namespace
}  // namespace perennial::testing
