// Requests that are no requests, or odd ones, on every method through the gateway.
#include <gmock/gmock.h>

#include <memory>
#include <random>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/faults/any_call.h"
#include "tests/faults/matrix.h"
#include "tests/integration/suite.h"

namespace perennial::testing {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using grpc::StatusCode;
using ::testing::AnyOf;

namespace v1 = perennial::accounts::v1;

// Five accounts a0 to a4, and a segment s0 of all of them.
class BadBytes : public MatrixTest {
 protected:
  static void SetUpTestSuite() {
    suite_ = new Suite();
    ASSERT_TRUE(suite_->WaitReady()) << suite_->Logs();
    channel_ = suite_->Channel();
    const Stubs stubs(channel_);
    for (int i = 0; i < 5; ++i) {
      v1::CreateAccountRequest request;
      request.set_account_id(absl::StrCat("a", i));
      request.mutable_account()->set_display_name(absl::StrCat("A", i));
      v1::CreateAccountResponse response;
      const auto status = Call(*stubs.accounts, &v1::AccountService::Stub::CreateAccount, request, &response);
      ASSERT_TRUE(status.ok()) << status.error_message();
    }
    segments::v1::CreateSegmentRequest create;
    create.set_segment_id("s0");
    create.mutable_segment()->set_display_name("all");
    create.mutable_segment()->set_kind(segments::v1::SEGMENT_KIND_STATIC);
    segments::v1::CreateSegmentResponse created;
    const auto status = Call(*stubs.segments, &segments::v1::SegmentService::Stub::CreateSegment, create, &created);
    ASSERT_TRUE(status.ok()) << status.error_message();
    methods_ = MethodsOfGateway(suite_->http_port());
  }
  static void TearDownTestSuite() {
    channel_ = nullptr;
    delete suite_;
  }
  std::string LogsOfTest() const override { return suite_->Logs(); }

  static bool IsStream(const MethodDescriptor& method) { return method.server_streaming() || method.client_streaming(); }
  static const FieldDescriptor* FieldOf(const MethodDescriptor& method, const std::string& name) {
    return method.input_type()->FindFieldByName(name);
  }
  // Whether "a.b[1].c" is a path of fields of the message, as far as it goes through messages.
  static bool Exists(const Descriptor& type, const std::string& path) {
    const Descriptor* at = &type;
    for (const absl::string_view part : absl::StrSplit(path, '.')) {
      if (at == nullptr) return true;  // beneath a map or a text
      const FieldDescriptor* field = at->FindFieldByName(std::string(part.substr(0, part.find('['))));
      if (field == nullptr) return false;
      at = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !field->is_map() ? field->message_type() : nullptr;
    }
    return true;
  }
  static void ExpectAllAlive() {
    EXPECT_TRUE(suite_->WaitReady(std::chrono::seconds(60)));
    for (const Part part : kServices) EXPECT_TRUE(suite_->process(part).running()) << NameOf(part);
  }

  static Suite* suite_;
  static std::shared_ptr<grpc::Channel> channel_;
  static std::vector<const MethodDescriptor*> methods_;
};
Suite* BadBytes::suite_ = nullptr;
std::shared_ptr<grpc::Channel> BadBytes::channel_;
std::vector<const MethodDescriptor*> BadBytes::methods_;

TEST_F(BadBytes, AnEmptyRequestNamesItsBadFieldsOrIsServed) {
  Row("B1");
  int refused = 0;
  int served = 0;
  for (const MethodDescriptor* method : methods_) {
    const grpc::Status status = CallBytes(channel_, *method, "").status;
    SCOPED_TRACE(absl::StrCat(PathOf(*method), ": ", status.error_message()));
    // Some need what a young store does not have.
    EXPECT_THAT(status.error_code(), AnyOf(StatusCode::OK, StatusCode::INVALID_ARGUMENT, StatusCode::FAILED_PRECONDITION));
    ++(status.ok() ? served : refused);
    if (status.error_code() != StatusCode::INVALID_ARGUMENT) continue;
    const std::set<std::string> fields = BadFieldsOf(status);
    EXPECT_FALSE(fields.empty()) << "which field?";
    for (const std::string& field : fields) EXPECT_TRUE(Exists(*method->input_type(), field)) << field;
  }
  EXPECT_GT(refused, 60);
  Observe(absl::StrCat(methods_.size(), " methods: ", refused, " refused by field, ", served, " served"));
}

TEST_F(BadBytes, WhatIsNoMessageIsRefusedAndHurtsNobody) {
  Row("B2");
  std::mt19937 random(7);
  std::string nested(150, '\x0b');  // a group in a group, deeper than is read
  nested.append(150, '\x0c');
  int calls = 0;
  int refused = 0;
  const double handled = MetricOf(suite_->http_port(), "grpc_server_handled_total");
  for (const MethodDescriptor* method : methods_) {
    SCOPED_TRACE(PathOf(*method));
    std::vector<std::string> bad = {std::string("\x0a\x05" "ab"), std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), nested};
    for (int i = 0; i < method->input_type()->field_count(); ++i) {
      const FieldDescriptor* field = method->input_type()->field(i);
      if (field->type() != FieldDescriptor::TYPE_STRING || field->number() > 15) continue;
      bad.push_back(std::string{static_cast<char>(field->number() << 3 | 2), 2, '\xc3', '\x28'});  // no UTF-8
      break;
    }
    for (const std::string& bytes : bad) {
      const auto [status, response] = CallBytes(channel_, *method, bytes);
      ++calls;
      if (!status.ok()) ++refused;
      EXPECT_EQ(response, "");
      EXPECT_THAT(status.error_code(), AnyOf(StatusCode::INTERNAL, StatusCode::UNIMPLEMENTED, StatusCode::INVALID_ARGUMENT))
          << status.error_message();
    }
    for (int i = 0; i < 3; ++i) {
      std::string bytes(1 + random() % 60, '\0');
      for (char& byte : bytes) byte = static_cast<char>(random());
      const grpc::Status status = CallBytes(channel_, *method, bytes).status;
      ++calls;
      EXPECT_THAT(status.error_code(), AnyOf(StatusCode::OK, StatusCode::INTERNAL, StatusCode::UNIMPLEMENTED,
                                             StatusCode::INVALID_ARGUMENT, StatusCode::FAILED_PRECONDITION,
                                             StatusCode::NOT_FOUND, StatusCode::OUT_OF_RANGE))
          << status.error_message();
    }
  }
  EXPECT_GE(refused, calls - 3 * static_cast<int>(methods_.size()));
  // CustomerService is the gateway's own: what does not parse never gets to where its calls are counted by their end.
  EXPECT_TRUE(Until([&] { return MetricOf(suite_->http_port(), "grpc_server_handled_total") - handled >= calls - 20; }));
  ExpectAllAlive();
  Observe(absl::StrCat(calls, " calls of bytes that are no message: INTERNAL, UNIMPLEMENTED or INVALID_ARGUMENT, counted, all alive"));
}

TEST_F(BadBytes, UnknownFieldsAreIgnoredAndUnknownNumbersOfEnumsRefused) {
  Row("B3");
  const std::string unknown = "\x80\xb5\x18\x01";  // field 50,000, the number 1
  int enums = 0;
  for (const MethodDescriptor* method : methods_) {
    if (IsStream(*method)) continue;
    SCOPED_TRACE(PathOf(*method));
    AnyAnswer plain;
    AnyAnswer odd;
    // What a young store does not have may come between the two.
    EXPECT_TRUE(Until([&] {
      plain = CallBytes(channel_, *method, "");
      odd = CallBytes(channel_, *method, unknown);
      return odd.status.error_code() == plain.status.error_code() && BadFieldsOf(odd.status) == BadFieldsOf(plain.status);
    }, std::chrono::seconds(20))) << plain.status.error_message() << " / " << odd.status.error_message();
    const Descriptor& type = *method->input_type();
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor* field = type.field(i);
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_ENUM) continue;
      ++enums;
      AnyMessage request(type);
      const auto* reflection = (*request).GetReflection();
      if (field->is_repeated()) {
        reflection->AddEnumValue(&*request, field, 77);
      } else {
        reflection->SetEnumValue(&*request, field, 77);
      }
      const grpc::Status status = CallBytes(channel_, *method, request->SerializeAsString()).status;
      EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT) << field->name() << ": " << status.error_message();
      const std::string named = field->is_repeated() ? field->name() + "[0]" : field->name();
      EXPECT_TRUE(BadFieldsOf(status).contains(named)) << absl::StrJoin(BadFieldsOf(status), " ");
    }
  }
  EXPECT_GT(enums, 5);
  // Both alternatives of one record: the last in the bytes is meant.
  v1::Record first;
  first.set_account("accounts/a0");
  first.set_record_id("b3");
  first.mutable_event_time()->set_seconds(time(nullptr) - 60);
  first.mutable_account_state()->set_display_name("not meant");
  v1::Record second;
  second.mutable_usage()->set_metric("logins");
  const std::string record = first.SerializeAsString() + second.SerializeAsString();
  std::string bytes = "\x0a";
  bytes.push_back(static_cast<char>(record.size()));
  ASSERT_LT(record.size(), 128U);
  const AnyAnswer answer = CallBytes(
      channel_, *google::protobuf::DescriptorPool::generated_pool()->FindMethodByName("perennial.accounts.v1.IngestService.WriteRecords"),
      bytes + record);
  v1::WriteRecordsResponse written;
  ASSERT_TRUE(answer.status.ok() && written.ParseFromString(answer.response)) << answer.status.error_message();
  EXPECT_EQ(written.summary().stored(), 1) << written.ShortDebugString();
  v1::GetAccountRequest get;
  get.set_name("accounts/a0");
  v1::GetAccountResponse account;
  ASSERT_TRUE(Call(*Stubs(channel_).accounts, &v1::AccountService::Stub::GetAccount, get, &account).ok());
  EXPECT_EQ(account.account().display_name(), "A0");
  Observe(absl::StrCat("unknown fields change no answer, ", enums, " enums refuse 77 by field, the last of two alternatives counts"));
}

// What a list method needs besides its page, as JSON.
std::string ListRequest(const MethodDescriptor& method) {
  const std::string name = absl::StrCat(method.service()->name(), ".", method.name());
  if (name == "PortfolioService.ListRevenueRetentionAccounts") return R"({"start_time":"2024-01-01T00:00:00Z","figure":1})";
  if (name == "SegmentService.ListAccountSegments") return R"({"account":"accounts/a0"})";
  if (name == "ScorecardService.ListScorecardRevisions") return R"({"name":"scorecards/lapsed-trial"})";
  if (method.input_type()->FindFieldByName("parent") == nullptr) return "{}";
  return absl::StrContains(method.service()->full_name(), "segments") ? R"({"parent":"segments/s0"})"
                                                                       : R"({"parent":"accounts/a0"})";
}

TEST_F(BadBytes, PagesAreBoundedAndTokensBelongToTheirRequest) {
  Row("B6");
  int lists = 0;
  int tokens = 0;
  for (const MethodDescriptor* method : methods_) {
    const FieldDescriptor* size = FieldOf(*method, "page_size");
    const FieldDescriptor* token = FieldOf(*method, "page_token");
    if (size == nullptr || token == nullptr) continue;
    ++lists;
    SCOPED_TRACE(PathOf(*method));
    const auto ask = [&](int page_size, const std::string& page_token, const std::string& json) {
      AnyMessage request(*method->input_type());
      request.ParseJson(json);
      (*request).GetReflection()->SetInt32(&*request, size, page_size);
      (*request).GetReflection()->SetString(&*request, token, page_token);
      return CallBytes(channel_, *method, request->SerializeAsString());
    };
    const std::string json = ListRequest(*method);
    const auto expect_refused = [&](int page_size, const std::string& page_token, const std::string& named) {
      const grpc::Status refused = ask(page_size, page_token, json).status;
      EXPECT_EQ(refused.error_code(), StatusCode::INVALID_ARGUMENT) << named << " " << refused.error_message();
      EXPECT_TRUE(BadFieldsOf(refused).contains(named)) << absl::StrJoin(BadFieldsOf(refused), " ");
    };
    for (const int page_size : {0, 1'000'000'000}) {
      const grpc::Status served = ask(page_size, "", json).status;
      EXPECT_TRUE(served.ok()) << page_size << ": " << served.error_message();
    }
    expect_refused(-1, "", "page_size");
    for (const std::string& garbage : {std::string("garbage"), std::string("AAAA"), std::string(5000, 'A'), std::string("\0", 1)}) {
      expect_refused(0, garbage, "page_token");
    }
    const AnyAnswer first = ask(1, "", json);
    AnyMessage page(*method->output_type());
    ASSERT_TRUE(page->ParseFromString(first.response));
    const FieldDescriptor* next = method->output_type()->FindFieldByName("next_page_token");
    ASSERT_NE(next, nullptr);
    std::string good = (*page).GetReflection()->GetString(*page, next);
    if (good.empty()) continue;
    ++tokens;
    const AnyAnswer second = ask(1, good, json);
    EXPECT_TRUE(second.status.ok()) << second.status.error_message();
    EXPECT_NE(second.response, first.response);
    std::string changed = good;
    changed[changed.size() / 2] = changed[changed.size() / 2] == 'A' ? 'B' : 'A';
    expect_refused(1, changed, "page_token");
    if (FieldOf(*method, "show_deleted") == nullptr) continue;
    std::string other = json;
    other.insert(1, other == "{}" ? R"("show_deleted":true)" : R"("show_deleted":true,)");
    EXPECT_EQ(ask(1, good, other).status.error_code(), StatusCode::INVALID_ARGUMENT) << "a token of another request";
  }
  EXPECT_GT(lists, 20);
  EXPECT_GT(tokens, 2);
  Observe(absl::StrCat(lists, " lists: 0 and 10^9 served, -1 and four garbage tokens refused by field; ", tokens,
                       " with several pages: a changed token, or another request's, refused"));
}

TEST_F(BadBytes, ATokenOutlivesTheRowThatItStandsAt) {
  Row("B6");
  const Stubs stubs(channel_);
  v1::ListAccountsRequest request;
  request.set_page_size(2);
  v1::ListAccountsResponse first;
  ASSERT_TRUE(Call(*stubs.accounts, &v1::AccountService::Stub::ListAccounts, request, &first).ok());
  ASSERT_FALSE(first.next_page_token().empty());
  v1::DeleteAccountRequest remove;
  remove.set_name(first.accounts(1).name());
  v1::DeleteAccountResponse removed;
  ASSERT_TRUE(Call(*stubs.accounts, &v1::AccountService::Stub::DeleteAccount, remove, &removed).ok());
  request.set_page_token(first.next_page_token());
  request.set_page_size(1000);
  v1::ListAccountsResponse rest;
  ASSERT_TRUE(Call(*stubs.accounts, &v1::AccountService::Stub::ListAccounts, request, &rest).ok());
  EXPECT_EQ(rest.accounts_size(), 3);
  Observe("the row before the next page deleted: the rest follows");
}

TEST_F(BadBytes, ABatchIsAllOrNothingAndNamesWhatIsBad) {
  Row("B9");
  const auto names = [](int count, const std::string& last) {
    std::vector<std::string> all;
    for (int i = 0; i < count; ++i) all.push_back(absl::StrCat("\"accounts/x", i, "\""));
    if (!last.empty()) all.push_back(absl::StrCat("\"", last, "\""));
    return absl::StrCat("[", absl::StrJoin(all, ","), "]");
  };
  struct Batch {
    const char* method;
    const char* field;
    const char* rest;
    int most;
  };
  const Batch batches[] = {{"accounts.v1.AccountService.BatchGetAccounts", "names", "", 1000},
                           {"health.v1.HealthScoreService.BatchGetHealthScores", "names", "", 1000},
                           {"health.v1.ValueService.BatchGetValue", "names", "", 1000},
                           {"gateway.v1.CustomerService.BatchGetCustomer360", "names", "", 100},
                           {"segments.v1.SegmentService.AddMember", "accounts", R"("parent":"segments/s0",)", 1000}};
  for (const Batch& batch : batches) {
    SCOPED_TRACE(batch.method);
    const auto* method = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
        absl::StrCat("perennial.", batch.method));
    ASSERT_NE(method, nullptr);
    const auto call = [&](const std::string& list) {
      AnyMessage request(*method->input_type());
      request.ParseJson(absl::StrCat("{", batch.rest, "\"", batch.field, "\":", list, "}"));
      return CallBytes(channel_, *method, request->SerializeAsString()).status;
    };
    for (const auto& [list, named] : {std::pair<std::string, std::string>{"[]", batch.field},
                                      {names(batch.most + 1, ""), batch.field},
                                      {names(2, "no name"), absl::StrCat(batch.field, "[2]")}}) {
      const grpc::Status status = call(list);
      EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT) << status.error_message();
      EXPECT_THAT(BadFieldsOf(status), ::testing::ElementsAre(named)) << status.error_message();
    }
    EXPECT_THAT(call(names(2, "accounts/a0")).error_code(), AnyOf(StatusCode::NOT_FOUND, StatusCode::INVALID_ARGUMENT))
        << "one that is there does not help";
    EXPECT_THAT(call(R"(["accounts/a0","accounts/a0"])").error_code(), AnyOf(StatusCode::OK, StatusCode::INVALID_ARGUMENT));
  }
  segments::v1::ListMembersRequest members;
  members.set_parent("segments/s0");
  segments::v1::ListMembersResponse listed;
  (void)Call(*Stubs(channel_).segments, &segments::v1::SegmentService::Stub::ListMembers, members, &listed);
  EXPECT_LE(listed.members_size(), 1) << "nothing of a batch that was refused";
  Observe("5 batches: none, one too many and a bad name refused by field and index, one absent: refused as a whole");
}

}  // namespace
}  // namespace perennial::testing
