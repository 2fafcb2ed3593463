// The one address that clients use.
//
//   gateway --port=50050 --accounts=localhost:50051 --health=localhost:50052 --segments=localhost:50053

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/server/exit_code.h"
#include "common/server/process_flags.h"
#include "common/server/server.h"
#include "gateway/gateway.h"

ABSL_FLAG(std::string, host, "127.0.0.1",
          "Address to serve on; others than loopback take --tokens or --jwks, or --allow_unauthenticated");
ABSL_FLAG(std::uint16_t, port, 50050, "Port to serve gRPC on; 0 takes a free one");
ABSL_FLAG(std::string, port_file, "", "File to write host:port to once it listens");
ABSL_FLAG(std::string, accounts, "localhost:50051", "host:port of accounts-svc");
ABSL_FLAG(std::string, health, "localhost:50052", "host:port of health-svc");
ABSL_FLAG(std::string, segments, "localhost:50053", "host:port of segment-svc");
ABSL_FLAG(int, http_port, 8080, "Port to serve HTTP (the Connect protocol) on; 0 takes a free one, -1 serves none");
ABSL_FLAG(std::string, http_port_file, "", "File to write host:port of HTTP to once it listens");
ABSL_FLAG(bool, http_clear, false,
          "Serve HTTP in clear although there is --public_tls_cert, for a proxy before it that encrypts");
ABSL_FLAG(int, metrics_port, -1,
          "Port to serve /metrics on, and then not on --http_port, which clients reach; 0 takes a free one; negative: on --http_port");
ABSL_FLAG(std::vector<std::string>, cors_origins, {},
          "Comma-separated origins of pages that browsers may call from, for example https://app.example; * for all");
ABSL_FLAG(std::uint32_t, max_calls, 10000, "Calls under way at once; more are refused, bulk reads first");
ABSL_FLAG(std::uint32_t, message_memory, 128,
          "MiB of requests and answers that are kept at once until they are whole; calls beyond are refused");
ABSL_FLAG(double, caller_rate, 0, "Calls a second that one caller may make in the long run; 0 for any number");
ABSL_FLAG(double, caller_burst, 0, "Calls that one caller may make at once after a rest; 0 for one second's");
ABSL_FLAG(std::uint32_t, caller_calls, 0, "Calls of one caller under way at once; 0 for any number");
ABSL_FLAG(std::string, tokens, "",
          "File of bearer tokens: name, role (viewer, editor, operator) and SHA-256 of the token on each line. Read again "
          "when it changes");
ABSL_FLAG(std::string, jwks, "", "File with the JSON Web Key Set that JSON Web Tokens are checked by. Read again when it changes");
ABSL_FLAG(std::string, jwt_issuer, "", "What \"iss\" of JSON Web Tokens must be; required with --jwks");
ABSL_FLAG(std::string, jwt_audience, "", "What \"aud\" of JSON Web Tokens must have; required with --jwks");
ABSL_FLAG(std::string, jwt_role_claim, "role", "Claim of JSON Web Tokens that says the role");
ABSL_FLAG(std::string, public_tls_cert, "",
          "PEM file with the certificate that clients see, of gRPC and HTTP; without it their connections are not encrypted");
ABSL_FLAG(std::string, public_tls_key, "", "PEM file with its key");
ABSL_FLAG(absl::Duration, drain, absl::ZeroDuration(),
          "How long it is unready before it stops listening, for load balancers to look away");
ABSL_FLAG(absl::Duration, grace, absl::Seconds(10), "How long calls may take after that");

namespace {

using perennial::gateway::GatewayOptions;

absl::Status ReadIdentity(GatewayOptions& options) {
  options.identity.tokens = absl::GetFlag(FLAGS_tokens);
  options.identity.key_set = absl::GetFlag(FLAGS_jwks);
  options.identity.web_tokens = {.issuer = absl::GetFlag(FLAGS_jwt_issuer),
                                 .audience = absl::GetFlag(FLAGS_jwt_audience),
                                 .role_claim = absl::GetFlag(FLAGS_jwt_role_claim)};
  const auto& rules = options.identity.web_tokens;
  if (!options.identity.key_set.empty() && rules.issuer.empty()) {
    return absl::InvalidArgumentError("--jwks takes --jwt_issuer: else tokens of others would be taken");
  }
  if (!options.identity.key_set.empty() && rules.audience.empty()) {
    return absl::InvalidArgumentError("--jwks takes --jwt_audience: else tokens for others would be taken");
  }
  if (!options.identity.required()) return absl::OkStatus();
  // Only to say now what is wrong with them.
  const absl::Status status = perennial::gateway::Authenticator::Load(options.identity).status();
  if (status.ok()) return status;
  return absl::FailedPreconditionError(absl::StrCat("--tokens, --jwks: ", std::string(status.message())));
}

absl::Status ReadServer(GatewayOptions& options) {
  options.server.host = absl::GetFlag(FLAGS_host);
  options.server.port = absl::GetFlag(FLAGS_port);
  options.server.port_file = absl::GetFlag(FLAGS_port_file);
  options.server.drain = absl::ToChronoMilliseconds(absl::GetFlag(FLAGS_drain));
  options.server.grace = absl::ToChronoMilliseconds(absl::GetFlag(FLAGS_grace));
  if (absl::GetFlag(FLAGS_drain) < absl::ZeroDuration()) return absl::InvalidArgumentError("--drain must not be negative");
  if (absl::GetFlag(FLAGS_grace) < absl::ZeroDuration()) return absl::InvalidArgumentError("--grace must not be negative");
  PERENNIAL_ASSIGN_OR_RETURN(options.tls, perennial::TlsOfFlags());
  // The certificate for the services says nothing to clients; theirs is another.
  PERENNIAL_RETURN_IF_ERROR(perennial::SecureByFlags(nullptr, options.identity.required(), options.server));
  const perennial::Tls::Files files{.certificate = absl::GetFlag(FLAGS_public_tls_cert),
                                    .key = absl::GetFlag(FLAGS_public_tls_key),
                                    .authority = ""};
  if (files.certificate.empty() != files.key.empty()) {
    return absl::InvalidArgumentError("--public_tls_cert and --public_tls_key go together");
  }
  if (files.certificate.empty()) return absl::OkStatus();
  auto tls = perennial::Tls::Load(files);
  if (!tls.ok()) {
    return absl::FailedPreconditionError(absl::StrCat("--public_tls_cert: ", std::string(tls.status().message())));
  }
  options.server.tls = *std::move(tls);
  return absl::OkStatus();
}

absl::Status ReadHttp(GatewayOptions& options) {
  const int port = absl::GetFlag(FLAGS_http_port);
  if (port < -1 || port > 65535) return absl::InvalidArgumentError("--http_port must be -1 to 65535");
  options.cors_origins = absl::GetFlag(FLAGS_cors_origins);
  options.metrics_port = absl::GetFlag(FLAGS_metrics_port);
  if (options.metrics_port > 65535) return absl::InvalidArgumentError("--metrics_port must be at most 65535");
  if (port < 0) return absl::OkStatus();
  options.http.emplace();
  options.http->host = options.server.host;
  options.http->port = static_cast<std::uint16_t>(port);
  options.http->port_file = absl::GetFlag(FLAGS_http_port_file);
  options.http->grace = options.server.grace;
  if (!absl::GetFlag(FLAGS_http_clear)) options.http->tls = options.server.tls;
  return absl::OkStatus();
}

absl::Status ReadLimits(GatewayOptions& options) {
  options.max_calls = absl::GetFlag(FLAGS_max_calls);
  options.max_message_memory = std::size_t{absl::GetFlag(FLAGS_message_memory)} << 20;
  options.caller_limits = {.rate = absl::GetFlag(FLAGS_caller_rate),
                           .burst = absl::GetFlag(FLAGS_caller_burst),
                           .concurrent = absl::GetFlag(FLAGS_caller_calls)};
  if (options.max_calls == 0) return absl::InvalidArgumentError("--max_calls must be at least 1");
  if (options.max_message_memory == 0) return absl::InvalidArgumentError("--message_memory must be at least 1");
  if (!(options.caller_limits.rate >= 0)) return absl::InvalidArgumentError("--caller_rate must not be negative");
  if (!(options.caller_limits.burst >= 0)) return absl::InvalidArgumentError("--caller_burst must not be negative");
  return absl::OkStatus();
}

absl::StatusOr<GatewayOptions> ReadFlags() {
  GatewayOptions options;
  options.accounts = absl::GetFlag(FLAGS_accounts);
  options.health = absl::GetFlag(FLAGS_health);
  options.segments = absl::GetFlag(FLAGS_segments);
  PERENNIAL_RETURN_IF_ERROR(ReadIdentity(options));
  PERENNIAL_RETURN_IF_ERROR(ReadServer(options));
  PERENNIAL_RETURN_IF_ERROR(ReadHttp(options));
  PERENNIAL_RETURN_IF_ERROR(ReadLimits(options));
  return options;
}

int Fail(const absl::Status& status) {
  perennial::Log(perennial::LogLevel::kError, "cannot start", {{"status", std::string(status.message())}});
  return perennial::ExitCodeOf(status);
}

}  // namespace

int main(int argc, char** argv) {
  perennial::BlockStopSignals();
  perennial::InitializeLog("gateway");
  absl::SetProgramUsageMessage("The one address of Perennial that clients use.");
  perennial::ParseFlags("gateway", argc, argv);
  const absl::StatusOr<GatewayOptions> options = ReadFlags();
  if (!options.ok()) return Fail(options.status());
  if (perennial::OnlyCheckConfig()) return 0;
  auto gateway = perennial::gateway::Gateway::Start(*options);
  if (!gateway.ok()) return Fail(gateway.status());
  perennial::WaitForStopSignal();
  perennial::LeaveIfStoppedWithCode();
  (*gateway)->Stop();
  return 0;
}
