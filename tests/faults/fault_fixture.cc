#include "tests/faults/fault_fixture.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace perennial::testing {

void FaultTest::TearDown() {
  const char* result = IsSkipped() ? "SKIPPED" : HasFailure() ? "FAIL" : "PASS";
  std::printf("#%s %s %s\n", row_.c_str(), result, observed_.c_str());
  if (HasFailure() && service_ != nullptr) {
    const std::string log = service_->Log();
    std::printf("%s\n", log.substr(log.size() < 3000 ? 0 : log.size() - 3000).c_str());
  }
}

bool FaultTest::Has(const std::vector<std::string>& command) { return RunToEnd(command).exit_code == 0; }

void FaultTest::StartWithAccount(AccountsProcess::Options options) {
  service_ = std::make_unique<AccountsProcess>(std::move(options));
  ASSERT_TRUE(service_->Start()) << service_->Log();
  client_ = std::make_unique<AccountsClient>(service_->Channel());
  const grpc::Status status = client_->CreateAccount("a0");
  ASSERT_TRUE(status.ok()) << status.error_message();
}

void FaultTest::Restart() {
  ASSERT_TRUE(service_->Start()) << service_->Log();
  client_ = std::make_unique<AccountsClient>(service_->Channel());
}

void FaultTest::ExpectIntact(std::int64_t acknowledged, std::int64_t tried) {
  double stored = 0;
  const grpc::Status status = client_->Count("a0", &stored);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_GE(stored, static_cast<double>(acknowledged)) << "something acknowledged is lost";
  EXPECT_LE(stored, static_cast<double>(tried)) << "something counts twice";
  EXPECT_EQ(service_->Terminate(), 0) << service_->Log();
  const std::string integrity = IntegrityOf(service_->database_file());
  EXPECT_EQ(integrity, "ok");
  Observe(absl::StrCat(acknowledged, " events acknowledged, ", stored, " stored, integrity ", integrity));
}

Injection::Injection(pid_t pid, const std::string& what, const std::string& calls) {
  const std::string log = folder_.path() + "/log";
  strace_ = std::make_unique<Process>(
      std::vector<std::string>{"strace", "-f", "-o", folder_.path() + "/calls", "-e", "trace=" + calls, "-e", what, "-p",
                               absl::StrCat(pid)},
      log);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (strace_->running() && std::chrono::steady_clock::now() < deadline) {
    attached_ = absl::StrContains(ReadFile(log), absl::StrCat("Process ", pid, " attached"));
    if (attached_) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void Injection::Stop() {
  if (strace_ == nullptr) return;
  strace_->Signal(SIGINT);  // lets go of the process
  strace_->Wait();
  strace_.reset();
}

int Injection::Met() const {
  const std::string calls = ReadFile(folder_.path() + "/calls");
  int met = 0;
  for (const char* mark : {"(INJECTED)", "(DELAYED)"}) {
    for (std::size_t at = calls.find(mark); at != std::string::npos; at = calls.find(mark, at + 1)) ++met;
  }
  return met;
}

}  // namespace perennial::testing
