#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/server/metrics.h"
#include "common/server/server.h"
#include "common/server/tls.h"

// Flags that all processes have: --tls_cert, --tls_key, --tls_ca, --probe_port, --allow_unauthenticated, --self_check,
// --otlp_endpoint, --otlp_share, --check_config, --version. Hyphens and underscores in names of flags mean the same.
namespace perennial {

// Reads the command line. Ends the process with 0 after --version and --help, and with kExitConfig, naming the flag, when one is
// unknown or has a value that it does not take, or something else is on the line.
void ParseFlags(absl::string_view process, int argc, char** argv);

// --check_config: the process ends when all that can be checked without starting has been. Says so when that is the case.
bool OnlyCheckConfig();

// What --tls_cert, --tls_key and --tls_ca say; null without them. FAILED_PRECONDITION naming the flag when one is missing or a
// file does not do.
absl::StatusOr<std::shared_ptr<Tls>> TlsOfFlags();

// Sets what all servers have in common. FAILED_PRECONDITION when it would be open to a network without being secured: it is
// where `tls` is there or `authenticated`.
absl::Status SecureByFlags(const std::shared_ptr<Tls>& tls, bool authenticated, ServerOptions& options);

// Whether an address is reached from this machine only.
bool IsLoopback(absl::string_view host);

// Serves what `metrics` count, about the process and its certificate too. Nothing for a negative port. A port that is taken is
// an error only where the flag --metrics_port names it.
absl::Status ServeMetrics(Metrics& metrics, const std::string& host, int port, const std::shared_ptr<Tls>& tls);

// Adds what every process tells of itself: its version, when it started, its certificate.
void AddProcessMetrics(Metrics& metrics, const std::shared_ptr<Tls>& tls);

}  // namespace perennial
