// Callers whose HTTP or whose metadata is wrong, at the real gateway.
#include <gmock/gmock.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "perennial/accounts/v1/audit_service.grpc.pb.h"
#include "tests/faults/matrix.h"
#include "tests/integration/suite.h"

namespace perennial::testing {
namespace {

namespace v1 = perennial::accounts::v1;

constexpr char kGet[] = "/perennial.accounts.v1.AccountService/GetAccount";
constexpr char kScore[] = "/perennial.health.v1.HealthScoreService/GetHealthScore";

std::string Post(const std::string& path, const std::string& body, const std::string& type = "application/json") {
  return absl::StrCat("POST ", path, " HTTP/1.1\r\nHost: localhost\r\nContent-Type: ", type,
                      "\r\nContent-Length: ", body.size(), "\r\nConnection: close\r\n\r\n", body);
}

class BadCallers : public MatrixTest {
 protected:
  static void SetUpTestSuite() {
    suite_ = new Suite();
    ASSERT_TRUE(suite_->WaitReady()) << suite_->Logs();
    v1::CreateAccountRequest request;
    request.set_account_id("acme");
    request.mutable_account()->set_display_name("Acme");
    v1::CreateAccountResponse response;
    const Stubs stubs(suite_->Channel());
    ASSERT_TRUE(Call(*stubs.accounts, &v1::AccountService::Stub::CreateAccount, request, &response).ok());
    ASSERT_TRUE(Until([] {
      return SendHttp(suite_->http_port(), Post(kScore, R"({"name":"accounts/acme/healthScore"})")).status == 200;
    }));
  }
  static void TearDownTestSuite() { delete suite_; }
  std::string LogsOfTest() const override { return suite_->Logs(); }
  static bool IsWell() { return SendHttp(suite_->http_port(), Post(kGet, R"({"name":"accounts/acme"})")).status == 200; }

  static Suite* suite_;
};
Suite* BadCallers::suite_ = nullptr;

TEST_F(BadCallers, HttpThatIsWrongIsRefusedWithItsStatus) {
  Row("B13");
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  struct Bad {
    std::string request;
    int status;
    const char* what;
  };
  const std::string get = absl::StrCat(" ", kGet, " HTTP/1.1\r\nHost: x\r\n");
  const std::vector<Bad> all = {
      {Post(kGet, R"({"name":)"), 400, "half JSON"},
      {Post(kGet, R"({"name":"accounts/a","name":"accounts/b"})"), 400, "a name twice"},
      {Post(kGet, R"({"name":"accounts/acme",})"), 400, "trailing comma"},
      {Post(kGet, deep), 400, "100,000 deep"},
      {Post(kGet, absl::StrCat("{\"name\":", deep, "}")), 400, "100,000 deep beneath a field"},
      {Post(kGet, "{\"name\":\"\xc0\xaf\"}"), 400, "overlong UTF-8"},
      {Post(kGet, R"({"name":"accounts/acme"})", "text/plain"), 415, "another type"},
      {Post(kGet, R"({"nmae":"accounts/acme"})"), 400, "unknown field"},
      {Post("/perennial.accounts.v1.AccountService/Get", "{}"), 404, "unknown method"},
      {Post("/perennial.accounts.v1.AccountService%2FGetAccount", "{}"), 404, "%2F"},
      {Post("/perennial.accounts.v1.AccountService/GetAccount%00", "{}"), 404, "%00"},
      {Post(std::string(kGet) + "/../GetAccount", "{}"), 404, "dots"},
      {Post(kScore, R"({"name":"accounts/acme/healthScore","minFactsRevision":NaN})"), 400, "NaN"},
      {Post(kScore, R"({"name":"accounts/acme/healthScore","minFactsRevision":1.5})"), 400, "a fraction"},
      {Post(kScore, R"({"name":"accounts/acme/healthScore","minFactsRevision":"9223372036854775808"})"), 400, "beyond 64 bits"},
      {absl::StrCat("GET", get, "Connection: close\r\n\r\n"), 405, "GET"},
      {absl::StrCat("POST", get, "Content-Type: application/json\r\nContent-Length: 104857600\r\n\r\n{"), 413, "100 MB"},
      {absl::StrCat("POST", get, "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n",
                    std::string(0x200000, ' '), "\r\n0\r\n\r\n"),
       413, "2 MiB in one chunk"},
      {absl::StrCat("POST", get, "X-Much: ", std::string(17000, 'x'), "\r\n\r\n"), 431, "17,000 bytes of headers"},
  };
  for (const Bad& bad : all) {
    const HttpReply reply = SendHttp(suite_->http_port(), bad.request);
    EXPECT_EQ(reply.status, bad.status) << bad.what << ": " << reply.body;
    if (bad.status == 400) {
      EXPECT_TRUE(absl::StrContains(reply.body, "invalid_argument")) << bad.what << reply.body;
    }
  }
  EXPECT_TRUE(suite_->process(Part::kGateway).running());
  // Numbers of 64 bits are texts in JSON; numbers are taken too.
  for (const char* revision : {"1", "\"1\"", "1.0", "\"0\""}) {
    const std::string body = absl::StrCat(R"({"name":"accounts/acme/healthScore","minFactsRevision":)", revision, "}");
    EXPECT_EQ(SendHttp(suite_->http_port(), Post(kScore, body)).status, 200) << revision;
  }
  EXPECT_EQ(SendHttp(suite_->http_port(), Post(std::string(kGet) + "?name=x", R"({"name":"accounts/acme"})")).status, 200)
      << "the request is the body; a query says nothing";
  EXPECT_TRUE(IsWell());
  Observe(absl::StrCat(all.size(), " wrong requests: 400, 404, 405, 413, 415, 431 as documented"));
}

TEST_F(BadCallers, ARequestThatDoesNotArriveIsGivenUp) {
  Row("B13");
  if (std::getenv("PERENNIAL_LONG") == nullptr) GTEST_SKIP() << "takes 10 s; ./test --long runs it";
  const HttpReply reply = SendHttp(
      suite_->http_port(),
      absl::StrCat("POST ", kGet, " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"),
      std::chrono::seconds(60));
  EXPECT_TRUE(reply.status == 0 || reply.status == 408) << reply.status;
  EXPECT_TRUE(IsWell());
  Observe("half a body: closed after the time for a request's arrival");
}

TEST_F(BadCallers, ATraceparentThatIsNoneStartsATraceOfItsOwn) {
  Row("B14");
  constexpr char kTrace[] = "4bf92f3577b34da6a3ce929d0e0e4736";
  const std::string good = absl::StrCat("00-", kTrace, "-00f067aa0ba902b7-01");
  const std::vector<std::string> bad = {"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                                        absl::StrCat("00-", kTrace, "-0000000000000000-01"),
                                        absl::AsciiStrToUpper(good),
                                        absl::StrCat("ff-", kTrace, "-00f067aa0ba902b7-01"),
                                        absl::StrCat("00-", kTrace, "-00f067aa0ba902b7"),
                                        absl::StrCat(good, "-more"),
                                        absl::StrCat("00-", kTrace, "x-00f067aa0ba902b7-01"),
                                        "nonsense",
                                        std::string(3000, 'a')};
  const Stubs stubs(suite_->Channel());
  const auto audit = v1::AuditService::NewStub(suite_->Channel());
  int change = 0;
  // Changes the account with this traceparent: the trace that the change belongs to.
  const auto trace_of = [&](const std::string& traceparent) -> std::string {
    v1::UpdateAccountRequest update;
    update.mutable_account()->set_name("accounts/acme");
    update.mutable_account()->set_display_name(absl::StrCat("Acme ", ++change));
    update.mutable_update_mask()->add_paths("display_name");
    v1::UpdateAccountResponse updated;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    context.AddMetadata("traceparent", traceparent);
    const grpc::Status status = stubs.accounts->UpdateAccount(&context, update, &updated);
    EXPECT_TRUE(status.ok()) << traceparent << ": " << status.error_message();
    v1::ListAuditEntriesRequest list;
    list.set_resource("accounts/acme");
    list.set_page_size(1);
    v1::ListAuditEntriesResponse entries;
    EXPECT_TRUE(Call(*audit, &v1::AuditService::Stub::ListAuditEntries, list, &entries).ok());
    if (entries.entries_size() == 0) return "";
    EXPECT_TRUE(absl::StrContains(entries.entries(0).new_value(), absl::StrCat("Acme ", change)));
    return entries.entries(0).trace_id();
  };
  EXPECT_EQ(trace_of(good), kTrace);
  for (const std::string& traceparent : bad) {
    const std::string trace = trace_of(traceparent);
    EXPECT_THAT(trace, ::testing::MatchesRegex("[0-9a-f]{32}")) << traceparent;
    EXPECT_NE(trace, kTrace) << traceparent;
    EXPECT_NE(trace, std::string(32, '0')) << traceparent;
  }
  Observe(absl::StrCat("a good one is continued into the audit trail, ", bad.size(), " bad ones: served, a new trace"));
}

}  // namespace
}  // namespace perennial::testing
