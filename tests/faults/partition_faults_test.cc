// A network that is cut between the gateway and accounts-svc, in one direction or in both.
#include <grpcpp/grpcpp.h>

#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "perennial/accounts/v1/account_service.grpc.pb.h"
#include "tests/faults/matrix.h"
#include "tests/faults/tcp_proxy.h"
#include "tests/testing/process.h"

namespace perennial::testing {
namespace {

using std::chrono::milliseconds;

class PartitionFaults : public MatrixTest {
 protected:
  void SetUp() override {
    const std::string bin = PERENNIAL_BINARY_DIR "/";
    accounts_ = std::make_unique<Process>(
        std::vector<std::string>{bin + "accounts-svc", absl::StrCat("--port=", accounts_port_), "--metrics_port=-1",
                                 "--data=" + Path("data")},
        Path("accounts.log"));
    proxy_ = std::make_unique<TcpProxy>(accounts_port_);
    gateway_ = std::make_unique<Process>(
        std::vector<std::string>{bin + "gateway", "--port=0", "--http_port=-1", "--port_file=" + Path("port"),
                                 absl::StrCat("--accounts=127.0.0.1:", proxy_->port()), "--health=127.0.0.1:1",
                                 "--segments=127.0.0.1:1"},
        Path("gateway.log"));
    ASSERT_TRUE(Until([&] { return ReadFile(Path("port")).find('\n') != std::string::npos; }));
    const std::string address = ReadFile(Path("port"));
    stub_ = accounts::v1::AccountService::NewStub(
        grpc::CreateChannel(address.substr(0, address.find('\n')), grpc::InsecureChannelCredentials()));
    ASSERT_TRUE(Until([&] { return IsWell(); }));
  }
  std::string LogsOfTest() const override { return ReadFile(Path("accounts.log")) + ReadFile(Path("gateway.log")); }
  [[nodiscard]] std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }

  grpc::StatusCode Ask(milliseconds timeout) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout);
    accounts::v1::GetAccountRequest request;
    request.set_name("accounts/nobody");
    accounts::v1::GetAccountResponse response;
    return stub_->GetAccount(&context, request, &response).error_code();
  }
  // NOT_FOUND is the answer of a service that is well.
  bool IsWell() { return Ask(std::chrono::seconds(10)) == grpc::StatusCode::NOT_FOUND; }

  // Cuts, looks at what callers see, mends.
  void CutAndMend(const std::string& what, bool requests, bool responses) {
    proxy_->CutRequests(requests);
    proxy_->CutResponses(responses);
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_EQ(Ask(milliseconds(1200)), grpc::StatusCode::DEADLINE_EXCEEDED) << what;
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(20)) << "a call outlasts its deadline";
    EXPECT_TRUE(Until([&] {
      // As many at once as it takes until a service is left alone.
      std::vector<std::future<grpc::StatusCode>> calls;
      for (int i = 0; i < 10; ++i) calls.push_back(std::async(std::launch::async, [&] { return Ask(milliseconds(1200)); }));
      for (auto& call : calls) call.wait();
      return Ask(milliseconds(1200)) == grpc::StatusCode::UNAVAILABLE;
    })) << what;
    proxy_->CutRequests(false);
    proxy_->CutResponses(false);
    EXPECT_TRUE(Until([&] { return IsWell(); })) << what;
    Observe(what + ": DEADLINE_EXCEEDED, then UNAVAILABLE at once, heals without a restart");
  }

  const TemporaryFolder folder_;
  const int accounts_port_ = FreePort();
  std::unique_ptr<Process> accounts_;
  std::unique_ptr<TcpProxy> proxy_;
  std::unique_ptr<Process> gateway_;
  std::unique_ptr<accounts::v1::AccountService::Stub> stub_;
};

TEST_F(PartitionFaults, ACutHoldsNobodyLongerThanTheDeadlineAndHeals) {
  Row("F18");
  CutAndMend("requests cut", true, false);
  CutAndMend("responses cut", false, true);
  CutAndMend("both cut", true, true);
}

TEST_F(PartitionFaults, AConnectionThatSaysNothingIsClosed) {
  Row("F18");
  if (std::getenv("PERENNIAL_LONG") == nullptr) GTEST_SKIP() << "takes a minute; ./test --long runs it";
  const int before = proxy_->closed();
  proxy_->CutResponses(true);
  // Keep-alive: 30 s of silence, 10 s for an answer.
  EXPECT_TRUE(Until([&] {
    (void)Ask(milliseconds(1200));
    return proxy_->closed() > before;
  }, std::chrono::seconds(120)));
  proxy_->CutResponses(false);
  EXPECT_TRUE(Until([&] { return IsWell(); }));
  Observe("keep-alive closes the connection, another one is made");
}

}  // namespace
}  // namespace perennial::testing
