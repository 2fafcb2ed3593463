#include "bench/health_server.h"

#include <arpa/inet.h>
#include <grpcpp/grpcpp.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/server/server.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace perennial::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::minutes kLongestStart{10};

// Whether somebody listens. Asked before there is a channel: one that fails to connect waits before it tries again.
bool Listens(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return connected;
}

bool IsReady(grpc::health::v1::Health::Stub& stub) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(2));
  grpc::health::v1::HealthCheckRequest request;
  request.set_service("readiness");
  grpc::health::v1::HealthCheckResponse response;
  return stub.Check(&context, request, &response).ok() &&
         response.status() == grpc::health::v1::HealthCheckResponse::SERVING;
}

}  // namespace

HealthServer::HealthServer(const std::string& data, const std::string& accounts, const std::vector<std::string>& more)
    : port_(perennial::testing::FreePort()), metrics_port_(perennial::testing::FreePort()) {
  std::vector<std::string> command = {PERENNIAL_BINARY_DIR "/health-svc",
                                      absl::StrCat("--data=", data),
                                      absl::StrCat("--accounts=", accounts),
                                      absl::StrCat("--port=", port_),
                                      absl::StrCat("--metrics_port=", metrics_port_),
                                      "--now=2024-12-30T23:59:59Z"};
  command.insert(command.end(), more.begin(), more.end());
  const auto start = SteadyClock::now();
  const std::string log = data + ".log";
  process_ = std::make_unique<perennial::testing::Process>(command, log);
  std::unique_ptr<grpc::health::v1::Health::Stub> stub;
  while (stub == nullptr || !IsReady(*stub)) {
    if (stub == nullptr && Listens(port_)) stub = grpc::health::v1::Health::NewStub(MakeChannel(address()));
    if (!process_->running() || SteadyClock::now() - start > kLongestStart) {
      std::cerr << "health-svc does not get ready:\n" << perennial::testing::ReadFile(log) << "\n";
      std::exit(1);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  start_seconds_ = std::chrono::duration<double>(SteadyClock::now() - start).count();
}

void HealthServer::Stop() {
  process_->Signal(SIGTERM);
  (void)process_->Wait();
}

std::string HealthServer::address() const { return absl::StrCat("127.0.0.1:", port_); }

double HealthServer::Metric(const std::string& name) const {
  const auto fetched =
      perennial::testing::RunToEnd({"curl", "-s", absl::StrCat("http://127.0.0.1:", metrics_port_, "/metrics")});
  const std::size_t at = fetched.out.find("\n" + name + " ");
  return at == std::string::npos ? 0 : std::atof(fetched.out.c_str() + at + name.size() + 2);
}

double CpuSecondsOfProcess(int pid) {
  const std::string stat = perennial::testing::ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  // After the name of the program, which is in parentheses, the 12th and 13th field are ticks in user and system mode.
  const std::vector<std::string> fields = absl::StrSplit(stat.substr(stat.rfind(')') + 2), ' ');
  return (std::atof(fields.at(11).c_str()) + std::atof(fields.at(12).c_str())) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double MemoryOfProcess(int pid, const std::string& key) {
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  for (std::string line; std::getline(status, line);) {
    if (absl::StartsWith(line, key + ":")) return 1024.0 * std::atof(line.c_str() + key.size() + 1);
  }
  return 0;
}

}  // namespace perennial::bench
