// accounts-svc: keeps what happened and answers what is known. Serves perennial.accounts.v1.
//
//   accounts-svc --data=/var/lib/perennial/accounts --port=50051

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/usage.h"
#include "accounts-svc/accounts_server.h"
#include "common/base/log.h"
#include "common/base/money.h"
#include "common/server/exit_code.h"
#include "common/server/process_flags.h"
#include "common/storage/postgres_sql.h"

ABSL_FLAG(std::uint16_t, port, 50051, "Port to serve gRPC on; 0 takes a free one");
ABSL_FLAG(std::string, host, "127.0.0.1", "Address to listen on");
ABSL_FLAG(std::string, port_file, "", "File to write host:port to once it listens");
ABSL_FLAG(std::string, data, "data/accounts", "Folder of the database");
ABSL_FLAG(
    std::string, database, "",
    "PostgreSQL instead of SQLite in --data: a connection string such as postgresql://user@host/database, or @ and the "
    "name of a file that holds it; several processes may share it");
ABSL_FLAG(std::string, reporting_currency, "USD", "ISO 4217 code that all money is in");
ABSL_FLAG(std::string, now, "",
          "Fixed time, RFC 3339, to look at historical data from its own day; empty: the real time");
ABSL_FLAG(int, metrics_port, 9051, "Port to serve /metrics on; 0 takes a free one, negative serves none");
ABSL_FLAG(int, drain_ms, 0, "Milliseconds between turning unready and closing the listener");

int main(int argc, char** argv) {
  perennial::BlockStopSignals();
  perennial::InitializeLog("accounts-svc");
  absl::SetProgramUsageMessage("Keeps accounts and what happened to them. Serves perennial.accounts.v1.");
  perennial::ParseFlags("accounts-svc", argc, argv);

  const auto fail = [](const absl::Status& status) {
    perennial::Log(perennial::LogLevel::kError, "cannot start", {{"status", std::string(status.message())}});
    return perennial::ExitCodeOf(status);
  };
  const auto clock = perennial::MakeClock(absl::GetFlag(FLAGS_now));
  if (!clock.ok()) return fail(clock.status());
  if (!perennial::IsCurrencyCode(absl::GetFlag(FLAGS_reporting_currency))) {
    return fail(absl::InvalidArgumentError("--reporting_currency must be an ISO 4217 code such as USD"));
  }
  absl::StatusOr<std::string> database = absl::GetFlag(FLAGS_database);
  if (!database->empty()) database = perennial::postgres::ConnectionString(*database);
  if (!database.ok()) return fail(database.status());
  if (absl::GetFlag(FLAGS_drain_ms) < 0) return fail(absl::InvalidArgumentError("--drain_ms must not be negative"));
  perennial::ServerOptions options{.host = absl::GetFlag(FLAGS_host),
                                   .port = absl::GetFlag(FLAGS_port),
                                   .drain = std::chrono::milliseconds(absl::GetFlag(FLAGS_drain_ms)),
                                   .port_file = absl::GetFlag(FLAGS_port_file)};
  const auto tls = perennial::TlsOfFlags();
  if (!tls.ok()) return fail(tls.status());
  const absl::Status secured = perennial::SecureByFlags(*tls, false, options);
  if (!secured.ok()) return fail(secured);
  if (perennial::OnlyCheckConfig()) return 0;
  perennial::Metrics metrics;
  options.metrics = &metrics;
  const auto server = perennial::accounts::AccountsServer::Start(
      {.server = options,
       .data = absl::GetFlag(FLAGS_data),
       .database = *database,
       .currency = absl::GetFlag(FLAGS_reporting_currency),
       .on_disk_failure = [] { perennial::StopWith(perennial::kExitDisk); }},
      **clock);
  if (!server.ok()) return fail(server.status());
  const absl::Status measured =
      perennial::ServeMetrics(metrics, options.host, absl::GetFlag(FLAGS_metrics_port), *tls);
  if (!measured.ok()) return fail(measured);
  perennial::WaitForStopSignal();
  perennial::LeaveIfStoppedWithCode();
  (*server)->Stop();
  return 0;
}
