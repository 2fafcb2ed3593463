// Faults of processes and of the connections between them, met by the real accounts-svc and gateway.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "perennial/accounts/v1/account_service.grpc.pb.h"
#include "tests/testing/certificates.h"
#include "tests/testing/process.h"

namespace perennial::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr int kExitUnavailable = 69;
constexpr int kExitConfig = 78;

bool Eventually(const std::function<bool()>& condition, seconds within = seconds(60)) {
  const auto deadline = steady_clock::now() + within;
  while (!condition()) {
    if (steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return true;
}

std::string Binary(const std::string& name) { return absl::StrCat(PERENNIAL_BINARY_DIR, "/", name); }

class ProcessFaults : public ::testing::Test {
 protected:
  // Says which row it is, and what was seen.
  void Row(const std::string& row) { row_ = row; }
  void Observe(const std::string& what) { observed_ += (observed_.empty() ? "" : "; ") + what; }
  void TearDown() override {
    std::printf("#%s %s %s\n", row_.c_str(), HasFailure() ? "FAIL" : "PASS", observed_.c_str());
    if (HasFailure()) std::printf("%s\n%s\n", ReadFile(Path("accounts.log")).c_str(), ReadFile(Path("gateway.log")).c_str());
  }
  [[nodiscard]] std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }

  void StartAccounts(std::vector<std::string> more = {}) {
    std::remove(Path("accounts.port").c_str());
    std::vector<std::string> line = {Binary("accounts-svc"), absl::StrCat("--port=", accounts_port_), "--metrics_port=-1",
                                     "--data=" + Path("data"), "--port_file=" + Path("accounts.port")};
    line.insert(line.end(), more.begin(), more.end());
    accounts_ = std::make_unique<Process>(line, Path("accounts.log"));
    ASSERT_TRUE(Eventually([&] { return !ReadFile(Path("accounts.port")).empty(); }));
  }
  void StartGateway(std::vector<std::string> more = {}) {
    std::vector<std::string> line = {Binary("gateway"), "--port=0", "--http_port=-1", "--port_file=" + Path("gateway.port"),
                                     absl::StrCat("--accounts=localhost:", accounts_port_), "--health=localhost:1",
                                     "--segments=localhost:1"};
    line.insert(line.end(), more.begin(), more.end());
    gateway_ = std::make_unique<Process>(line, Path("gateway.log"));
    ASSERT_TRUE(Eventually([&] { return !ReadFile(Path("gateway.port")).empty(); }));
  }
  // A connection of its own.
  std::shared_ptr<grpc::Channel> Connect() {
    const std::vector<std::string> address = absl::StrSplit(ReadFile(Path("gateway.port")), '\n');
    grpc::ChannelArguments alone;
    alone.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(address[0], grpc::InsecureChannelCredentials(), alone);
  }
  // A call that asks for an account that there is not: NOT_FOUND is the answer of a service that is well.
  grpc::StatusCode Ask(milliseconds timeout = seconds(60)) {
    if (channel_ == nullptr) channel_ = Connect();
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout);
    accounts::v1::GetAccountRequest request;
    request.set_name("accounts/nobody");
    accounts::v1::GetAccountResponse response;
    return accounts::v1::AccountService::NewStub(channel_)->GetAccount(&context, request, &response).error_code();
  }
  bool IsWell() { return Ask() == grpc::StatusCode::NOT_FOUND; }

  const TemporaryFolder folder_;
  const int accounts_port_ = FreePort();
  std::unique_ptr<Process> accounts_;
  std::unique_ptr<Process> gateway_;
  std::shared_ptr<grpc::Channel> channel_;

 private:
  std::string row_;
  std::string observed_;
};

TEST_F(ProcessFaults, AServiceThatStopsHoldsNobodyLongerThanTheDeadline) {
  Row("F2");
  StartAccounts();
  StartGateway();
  ASSERT_TRUE(Eventually([&] { return IsWell(); }));
  accounts_->Freeze();
  const auto before = steady_clock::now();
  EXPECT_EQ(Ask(milliseconds(1500)), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_LT(steady_clock::now() - before, seconds(20)) << "it waited for more than the deadline";
  // The gateway's breaker: after some calls in vain it answers without asking.
  EXPECT_TRUE(Eventually([&] { return Ask(milliseconds(1500)) == grpc::StatusCode::UNAVAILABLE; }));
  Observe("DEADLINE_EXCEEDED at the deadline, then UNAVAILABLE at once");
  accounts_->Thaw();
  EXPECT_TRUE(Eventually([&] { return IsWell(); }));
  Observe("answers after SIGCONT");
}

TEST_F(ProcessFaults, AServerThatRanOutOfDescriptorsEndsAndAnswersAgainAfterItsRestart) {
  Row("F21");
  StartAccounts();
  StartGateway();
  ASSERT_TRUE(Eventually([&] { return IsWell(); }));
  const rlimit few{64, 64};
  ASSERT_EQ(prlimit(accounts_->pid(), RLIMIT_NOFILE, &few, nullptr), 0);
  std::vector<int> idle;
  for (int i = 0; i < 150; ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(accounts_port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    idle.push_back(fd);
  }
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(ReadFile(Path("accounts.log")), "does not answer a new connection"); }));
  for (const int fd : idle) close(fd);
  EXPECT_EQ(accounts_->Wait(), kExitUnavailable);
  Observe("ended by itself with 69");
  StartAccounts();
  EXPECT_TRUE(Eventually([&] { return IsWell(); }));
  Observe("answers after its restart");
}

TEST_F(ProcessFaults, NewCertificatesAreUsedAndBadOnesAreNot) {
  Row("F28");
  const Authority authority(folder_.path(), "ca");
  for (const char* name : {"a", "b"}) authority.Sign(Path(name));
  const auto install = [&](const std::string& certificate, const std::string& key) {
    for (const auto& [from, to] : {std::pair(key + ".key", "tls.key"), std::pair(certificate + ".pem", "tls.crt")}) {
      std::filesystem::copy_file(Path(from), Path("next"));
      std::filesystem::rename(Path("next"), Path(to));
    }
  };
  install("a", "a");
  const std::vector<std::string> tls = {"--tls_cert=" + Path("tls.crt"), "--tls_key=" + Path("tls.key"),
                                        "--tls_ca=" + authority.certificate()};
  StartAccounts(tls);
  StartGateway(tls);
  ASSERT_TRUE(Eventually([&] { return IsWell(); }));
  const auto fresh_gateway_is_well = [&] {
    gateway_ = nullptr;
    channel_ = nullptr;
    std::remove(Path("gateway.port").c_str());
    StartGateway({"--tls_cert=" + Path("a.pem"), "--tls_key=" + Path("a.key"), "--tls_ca=" + authority.certificate()});
    return Eventually([&] { return IsWell(); });
  };
  install("a", "b");
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(ReadFile(Path("accounts.log")), "keeping what was read before"); }));
  EXPECT_TRUE(fresh_gateway_is_well());
  Observe("a mismatched pair: logged, new connections go on with the old one");
  install("b", "b");
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(ReadFile(Path("accounts.log")), "read anew"); }));
  EXPECT_TRUE(fresh_gateway_is_well());
  Observe("a good pair: used without a restart");
}

TEST_F(ProcessFaults, ASecondProcessDoesNotShareAPort) {
  Row("F29");
  StartAccounts();
  const Finished second = RunToEnd({Binary("accounts-svc"), absl::StrCat("--port=", accounts_port_), "--metrics_port=-1",
                                    "--data=" + Path("other")});
  EXPECT_EQ(second.exit_code, kExitUnavailable) << second.err;
  EXPECT_THAT(second.err, ::testing::HasSubstr(absl::StrCat(accounts_port_)));
  Observe("the second ended with 69 and names the port");
}

TEST_F(ProcessFaults, BadConfigurationIsRefusedByName) {
  Row("F30");
  std::ofstream(Path("flags")) << "# of a test\n--prot=1\n";
  std::ofstream(Path("tokens")) << "ada king x\n";
  const std::vector<std::pair<std::vector<std::string>, std::string>> bad = {
      {{"--prot=1"}, "--prot"},
      {{"--port=x"}, "--port"},
      {{"--port=99999"}, "--port"},
      {{"--host"}, "--host"},
      {{"stray"}, "stray"},
      {{"--flagfile=" + Path("flags")}, "--prot"},
      {{"--flagfile=" + Path("absent")}, "absent"},
      {{"--tls_cert=" + Path("absent")}, "--tls_key"},
      {{"--tls_cert=" + Path("flags"), "--tls_key=" + Path("flags"), "--tls_ca=" + Path("flags")}, "--tls_cert"},
      {{"--host=0.0.0.0"}, "--host"},
      {{"--metrics_port=99999"}, "--metrics_port"},
  };
  for (const char* address : {"accounts", "accounts:", ":50051", "accounts:0", "accounts:99999", "dns:///accounts", "acc ounts:1", "a:1,b"}) {
    const Finished refused = RunToEnd({Binary("gateway"), "--check-config", absl::StrCat("--accounts=", address)});
    EXPECT_EQ(refused.exit_code, kExitConfig) << address << refused.err;
    EXPECT_THAT(refused.err, ::testing::HasSubstr("--accounts")) << address;
  }
  for (const char* address : {"accounts:1", "dns:///accounts-svc:50051", "ipv4:127.0.0.1:1,127.0.0.2:1", "[::1]:50051"}) {
    EXPECT_EQ(RunToEnd({Binary("gateway"), "--check-config", absl::StrCat("--accounts=", address)}).exit_code, 0) << address;
  }
  for (const char* process : {"accounts-svc", "health-svc", "segment-svc", "gateway"}) {
    std::vector<std::string> line = {Binary(process), "--check-config"};
    if (std::string(process) != "gateway") line.push_back("--data=" + Path("unused"));
    const Finished good = RunToEnd(line);
    EXPECT_EQ(good.exit_code, 0) << process << good.err;
    EXPECT_FALSE(std::filesystem::exists(Path("unused"))) << process << " has begun something";
    for (const auto& [flags, named] : bad) {
      std::vector<std::string> whole = line;
      whole.insert(whole.end(), flags.begin(), flags.end());
      const Finished refused = RunToEnd(whole);
      EXPECT_EQ(refused.exit_code, kExitConfig) << process << " " << flags[0] << refused.err;
      EXPECT_THAT(refused.err, ::testing::HasSubstr(named)) << process;
    }
    const Finished version = RunToEnd({Binary(process), "--version"});
    EXPECT_EQ(version.exit_code, 0);
    EXPECT_THAT(version.out, ::testing::StartsWith(process));
  }
  EXPECT_EQ(RunToEnd({Binary("gateway"), "--tokens=" + Path("tokens")}).exit_code, kExitConfig);
  Observe("4 processes x 11 faults: 78, named, nothing begun");
}

TEST_F(ProcessFaults, TooLargeOrCompressedRequestsAreRefused) {
  Row("B10");
  StartAccounts();
  StartGateway();
  ASSERT_TRUE(Eventually([&] { return IsWell(); }));
  const auto call = [&](const std::function<void(grpc::ClientContext&, accounts::v1::GetAccountRequest&)>& prepare) {
    // gRPC closes a connection that brought too much metadata, with every call on it.
    const auto stub = accounts::v1::AccountService::NewStub(Connect());
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + seconds(60));
    accounts::v1::GetAccountRequest request;
    prepare(context, request);
    accounts::v1::GetAccountResponse response;
    return stub->GetAccount(&context, request, &response).error_code();
  };
  EXPECT_EQ(call([](auto&, auto& request) { request.set_name(std::string((16 << 20) + 1, 'x')); }),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(call([](auto& context, auto&) { context.AddMetadata("x-much", std::string(20000, 'x')); }),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(call([](auto& context, auto& request) {
              context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
              request.set_name(std::string(1 << 20, 'x'));
            }),
            grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_TRUE(IsWell());
  Observe("16 MiB + 1: RESOURCE_EXHAUSTED, 20 kB of metadata: RESOURCE_EXHAUSTED, gzip: UNIMPLEMENTED");
}

TEST_F(ProcessFaults, AnyDeadlineIsBounded) {
  Row("B11");
  StartAccounts();
  StartGateway();
  ASSERT_TRUE(Eventually([&] { return IsWell(); }));
  EXPECT_EQ(Ask(std::chrono::hours(24 * 3650)), grpc::StatusCode::NOT_FOUND);
  // One that answers may be faster than the client's clock.
  accounts_->Freeze();
  EXPECT_EQ(Ask(milliseconds(0)), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(Ask(milliseconds(1)), grpc::StatusCode::DEADLINE_EXCEEDED);
  accounts_->Thaw();
  EXPECT_TRUE(Eventually([&] { return IsWell(); }));
  Observe("0 and 1 ms: DEADLINE_EXCEEDED, 10 years: answered");
}

}  // namespace
}  // namespace perennial::testing
