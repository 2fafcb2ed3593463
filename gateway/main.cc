// The one address that clients use.
//
//   gateway --port=50050 --accounts=localhost:50051 --health=localhost:50052 --segments=localhost:50053

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/time/time.h"
#include "common/base/log.h"
#include "common/server/server.h"
#include "gateway/gateway.h"

ABSL_FLAG(std::string, host, "127.0.0.1",
          "Address to serve on; nothing is authenticated, so open it to trusted networks only");
ABSL_FLAG(std::uint16_t, port, 50050, "Port to serve gRPC on; 0 takes a free one");
ABSL_FLAG(std::string, port_file, "", "File to write host:port to once it listens");
ABSL_FLAG(std::string, accounts, "localhost:50051", "host:port of accounts-svc");
ABSL_FLAG(std::string, health, "localhost:50052", "host:port of health-svc");
ABSL_FLAG(std::string, segments, "localhost:50053", "host:port of segment-svc");
ABSL_FLAG(int, http_port, 8080, "Port to serve HTTP (the Connect protocol) on; 0 takes a free one, -1 serves none");
ABSL_FLAG(std::string, http_port_file, "", "File to write host:port of HTTP to once it listens");
ABSL_FLAG(std::vector<std::string>, cors_origins, {},
          "Comma-separated origins of pages that browsers may call from, for example https://app.example; * for all");
ABSL_FLAG(std::uint32_t, max_calls, 10000, "Calls under way at once; more are refused");
ABSL_FLAG(absl::Duration, drain, absl::ZeroDuration(),
          "How long it is unready before it stops listening, for load balancers to look away");
ABSL_FLAG(absl::Duration, grace, absl::Seconds(10), "How long calls may take after that");

int main(int argc, char** argv) {
  perennial::BlockStopSignals();
  absl::SetProgramUsageMessage("The one address of Perennial that clients use.");
  absl::ParseCommandLine(argc, argv);
  perennial::InitializeLog("gateway");

  perennial::gateway::GatewayOptions options;
  options.server.host = absl::GetFlag(FLAGS_host);
  options.server.port = absl::GetFlag(FLAGS_port);
  options.server.port_file = absl::GetFlag(FLAGS_port_file);
  options.server.drain = absl::ToChronoMilliseconds(absl::GetFlag(FLAGS_drain));
  options.server.grace = absl::ToChronoMilliseconds(absl::GetFlag(FLAGS_grace));
  options.accounts = absl::GetFlag(FLAGS_accounts);
  options.health = absl::GetFlag(FLAGS_health);
  options.segments = absl::GetFlag(FLAGS_segments);
  options.max_calls = absl::GetFlag(FLAGS_max_calls);
  const int http_port = absl::GetFlag(FLAGS_http_port);
  if (http_port < -1 || http_port > 65535) {
    std::fprintf(stderr, "gateway: --http_port must be -1 to 65535\n");
    return 1;
  }
  if (http_port >= 0) {
    options.http.emplace();
    options.http->host = options.server.host;
    options.http->port = static_cast<std::uint16_t>(http_port);
    options.http->port_file = absl::GetFlag(FLAGS_http_port_file);
    options.http->grace = options.server.grace;
  }
  options.cors_origins = absl::GetFlag(FLAGS_cors_origins);
  auto gateway = perennial::gateway::Gateway::Start(options);
  if (!gateway.ok()) {
    std::fprintf(stderr, "gateway: %s\n", std::string(gateway.status().message()).c_str());
    return 1;
  }
  perennial::WaitForStopSignal();
  (*gateway)->Stop();
  return 0;
}
