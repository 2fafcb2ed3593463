// Serves perennial.segments.v1: segments, who is in them, what they get, and the portfolio report.
//
//   segment-svc --data=/var/lib/perennial --port=50053 --accounts=localhost:50051 --health=localhost:50052

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "common/audit/audit_sender.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/money.h"
#include "common/base/status_macros.h"
#include "common/server/exit_code.h"
#include "common/server/process_flags.h"
#include "common/server/server.h"
#include "segment-svc/process.h"
#include "segment-svc/starter_engagement_models.h"
#include "segment-svc/starter_segments.h"

ABSL_FLAG(std::string, host, "127.0.0.1", "Address to listen on");
ABSL_FLAG(std::uint16_t, port, 50053, "Port to serve gRPC on; 0 takes a free one");
ABSL_FLAG(std::string, port_file, "", "File to write \"host:port\" to once the process listens");
ABSL_FLAG(std::string, data, "data/segments", "Folder of the database, segments.db");
ABSL_FLAG(std::string, accounts, "localhost:50051", "Where accounts-svc answers");
ABSL_FLAG(std::string, health, "localhost:50052", "Where health-svc answers; with --shard, the addresses of all shards, "
          "separated by commas");
ABSL_FLAG(std::string, now, "", "A fixed time, RFC 3339, for historical data; empty: the system's");
ABSL_FLAG(std::string, reporting_currency, "USD", "Currency that facts carry money in, ISO 4217; as for accounts-svc");
ABSL_FLAG(int, metrics_port, 9053, "Port to serve /metrics on; 0 takes a free one, negative serves none");
ABSL_FLAG(int, drain_ms, 0, "How long to be unready before calls are refused, when stopping");

namespace {

absl::StatusOr<std::unique_ptr<perennial::Clock>> MakeClock(const std::string& now) {
  if (now.empty()) return std::make_unique<perennial::SystemClock>();
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, now, &time, &error)) {
    return absl::InvalidArgumentError(absl::StrCat("--now must be a time such as 2024-12-31T23:59:59Z: ", error));
  }
  return std::make_unique<perennial::FixedClock>(time);
}

absl::Status Run() {
  PERENNIAL_ASSIGN_OR_RETURN(const auto clock, MakeClock(absl::GetFlag(FLAGS_now)));
  const std::string currency = absl::GetFlag(FLAGS_reporting_currency);
  if (!perennial::IsCurrencyCode(currency)) {
    return absl::InvalidArgumentError("--reporting_currency must be three capital letters, such as USD");
  }
  if (absl::GetFlag(FLAGS_drain_ms) < 0) return absl::InvalidArgumentError("--drain_ms must not be negative");
  PERENNIAL_ASSIGN_OR_RETURN(auto shipped,
                             perennial::segments::ParseSegments(perennial::segments::StarterSegmentsText()));
  PERENNIAL_ASSIGN_OR_RETURN(
      auto shipped_models,
      perennial::segments::ParseEngagementModels(perennial::segments::StarterEngagementModelsText()));
  perennial::ServerOptions server{.host = absl::GetFlag(FLAGS_host),
                                  .port = absl::GetFlag(FLAGS_port),
                                  .drain = std::chrono::milliseconds(absl::GetFlag(FLAGS_drain_ms)),
                                  .port_file = absl::GetFlag(FLAGS_port_file)};
  PERENNIAL_ASSIGN_OR_RETURN(const auto tls, perennial::TlsOfFlags());
  PERENNIAL_RETURN_IF_ERROR(perennial::SecureByFlags(tls, false, server));
  if (perennial::OnlyCheckConfig()) return absl::OkStatus();
  std::vector<std::shared_ptr<grpc::Channel>> health;
  for (const absl::string_view address : absl::StrSplit(absl::GetFlag(FLAGS_health), ',', absl::SkipEmpty())) {
    health.push_back(perennial::MakeChannel(std::string(address), tls));
  }
  if (health.empty()) return absl::InvalidArgumentError("--health must name an address");
  const auto accounts = perennial::MakeChannel(absl::GetFlag(FLAGS_accounts), tls);
  perennial::AuditSender audit(accounts, {.journal = absl::GetFlag(FLAGS_data) + "/audit.journal"});
  perennial::SetAuditSink([&audit](perennial::AuditedChange change) { audit.Send(std::move(change)); });
  perennial::Metrics metrics;
  server.metrics = &metrics;
  perennial::MeasureAudit(audit, metrics);
  PERENNIAL_ASSIGN_OR_RETURN(
      const auto process,
      perennial::segments::Process::Start(
          {.data = absl::GetFlag(FLAGS_data),
           .shipped = std::move(shipped),
           .shipped_models = std::move(shipped_models),
           .currency = currency,
           .server = server,
           .accounts = accounts,
           .health = std::move(health)},
          *clock));
  PERENNIAL_RETURN_IF_ERROR(perennial::ServeMetrics(metrics, server.host, absl::GetFlag(FLAGS_metrics_port), tls));
  perennial::WaitForStopSignal();
  perennial::LeaveIfStoppedWithCode();
  process->Stop();
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  perennial::KeepGreatArraysApart();
  perennial::BlockStopSignals();
  perennial::InitializeLog("segment-svc");
  absl::SetProgramUsageMessage("segment-svc --data=FOLDER --accounts=HOST:PORT --health=HOST:PORT [flags]");
  perennial::ParseFlags("segment-svc", argc, argv);
  const absl::Status status = Run();
  if (!status.ok()) std::fprintf(stderr, "segment-svc: %s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : perennial::ExitCodeOf(status);
}
