#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace perennial::cli {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// What must serve: the gateway itself, and one service of each process behind it, whose readiness the gateway mirrors.
struct Part {
  const char* process;
  const char* service;
};
constexpr Part kParts[] = {{"gateway", "readiness"},
                           {"accounts-svc", "perennial.accounts.v1.AccountService"},
                           {"health-svc", "perennial.health.v1.HealthScoreService"},
                           {"segment-svc", "perennial.segments.v1.SegmentService"}};
constexpr std::chrono::milliseconds kPause{100};

// Names of the processes that are not ready.
std::vector<std::string> Unready(const Client& client, grpc::health::v1::Health::Stub& health) {
  std::vector<std::string> unready;
  for (const Part& part : kParts) {
    grpc::ClientContext context;
    client.SetDeadline(&context);
    HealthCheckRequest request;
    request.set_service(part.service);
    HealthCheckResponse response;
    const grpc::Status status = health.Check(&context, request, &response);
    if (!status.ok() || response.status() != HealthCheckResponse::SERVING) unready.emplace_back(part.process);
  }
  return unready;
}

int RunReady(const GlobalOptions& options, double wait_seconds) {
  const Client client(options);
  const auto health = grpc::health::v1::Health::NewStub(client.channel());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(wait_seconds);
  for (;;) {
    const std::vector<std::string> unready = Unready(client, *health);
    if (unready.empty()) {
      *options.out << (options.json ? "{\"ready\":true}" : "ready") << "\n";
      return kExitSuccess;
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      return Fail(options, absl::UnavailableError(absl::StrCat("not ready at ", client.gateway(), ": ",
                                                               absl::StrJoin(unready, ", "))));
    }
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace

void AddReadyCommand(CLI::App& app, GlobalOptions& options) {
  CLI::App* command = AddCommand(app, "ready", "Tell whether all processes are ready, or wait until they are");
  const auto wait = std::make_shared<double>(0);
  command->add_option("-w,--wait", *wait, "Wait so many seconds at most")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.0, 86400.0));
  command->callback([&options, wait] { options.exit_code = RunReady(options, *wait); });
}

}  // namespace perennial::cli
