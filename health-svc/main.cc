// Serves perennial.health.v1: scores, explanations and flags of accounts, made of the facts of accounts-svc.
//
//   health-svc --data=/var/lib/perennial/health --accounts=localhost:50051 --redis=localhost:6379

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/audit/audit_sender.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/status_macros.h"
#include "common/server/exit_code.h"
#include "common/server/process_flags.h"
#include "health-svc/default_config.h"
#include "health-svc/health_process.h"

ABSL_FLAG(std::uint16_t, port, 50052, "Port to serve gRPC on; 0 takes a free one");
ABSL_FLAG(std::string, host, "127.0.0.1", "Address to listen on");
ABSL_FLAG(std::string, port_file, "", "File that is told host:port once it listens");
ABSL_FLAG(std::string, data, "", "Folder of the database health.db. Required");
ABSL_FLAG(std::string, accounts, "127.0.0.1:50051", "Address of accounts-svc");
ABSL_FLAG(std::string, redis, "", "Address of Redis, host:port; empty for none");
ABSL_FLAG(std::string, now, "", "A fixed time (RFC 3339) instead of the clock, to look at history from its own day");
ABSL_FLAG(std::string, scorecards, "", "File with a ScorecardSet in text format; empty for the shipped ones");
ABSL_FLAG(std::string, flag_rules, "", "File with a FlagRuleSet in text format; empty for the shipped ones");
ABSL_FLAG(std::string, shard, "0/1",
          "Which of several replicas this is, and how many share the accounts: 0/2 and 1/2 each score a half");
ABSL_FLAG(std::string, replicas, "", "With --shard: addresses of all replicas by shard, with commas between");
ABSL_FLAG(int, metrics_port, 9052, "Port to serve /metrics on; 0 takes a free one, negative serves none");
ABSL_FLAG(int, drain_ms, 0, "How long the process is unready before it stops listening, in milliseconds");

namespace perennial::health {
namespace {

absl::StatusOr<std::string> TextOf(const std::string& path, const char* shipped) {
  if (path.empty()) return std::string(shipped);
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

absl::StatusOr<std::unique_ptr<Clock>> MakeClock(const std::string& now) {
  if (now.empty()) return std::make_unique<SystemClock>();
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, now, &time, &error)) {
    return absl::InvalidArgumentError(absl::StrCat("--now must be a time like 2024-12-31T23:59:59Z: ", error));
  }
  return std::make_unique<FixedClock>(time);
}

absl::Status Run() {
  if (absl::GetFlag(FLAGS_data).empty()) return absl::InvalidArgumentError("--data is required");
  PERENNIAL_ASSIGN_OR_RETURN(const std::unique_ptr<Clock> clock, MakeClock(absl::GetFlag(FLAGS_now)));
  PERENNIAL_ASSIGN_OR_RETURN(const std::string scorecards, TextOf(absl::GetFlag(FLAGS_scorecards), kDefaultScorecards));
  PERENNIAL_ASSIGN_OR_RETURN(const std::string flag_rules, TextOf(absl::GetFlag(FLAGS_flag_rules), kDefaultFlagRules));
  PERENNIAL_ASSIGN_OR_RETURN(const auto tls, TlsOfFlags());
  HealthProcessOptions options{.data = absl::GetFlag(FLAGS_data),
                               .accounts = MakeChannel(absl::GetFlag(FLAGS_accounts), tls),
                               .redis = absl::GetFlag(FLAGS_redis),
                               .scorecards = {},
                               .flag_rules = {},
                               .server = {.host = absl::GetFlag(FLAGS_host),
                                          .port = absl::GetFlag(FLAGS_port),
                                          .drain = std::chrono::milliseconds(absl::GetFlag(FLAGS_drain_ms)),
                                          .port_file = absl::GetFlag(FLAGS_port_file)}};
  const auto shard = ParseShard(absl::GetFlag(FLAGS_shard));
  if (!shard.ok()) return absl::InvalidArgumentError(absl::StrCat("--shard ", std::string(shard.status().message())));
  options.shard = *shard;
  for (const absl::string_view address : absl::StrSplit(absl::GetFlag(FLAGS_replicas), ',', absl::SkipEmpty())) {
    options.shard.replicas.push_back(MakeChannel(std::string(address), tls));
  }
  options.metrics_port = absl::GetFlag(FLAGS_metrics_port);
  PERENNIAL_ASSIGN_OR_RETURN(options.scorecards, ParseScorecards(scorecards));
  PERENNIAL_ASSIGN_OR_RETURN(options.flag_rules, ParseFlagRules(flag_rules));
  if (absl::GetFlag(FLAGS_drain_ms) < 0) return absl::InvalidArgumentError("--drain_ms must not be negative");
  PERENNIAL_RETURN_IF_ERROR(SecureByFlags(tls, false, options.server));
  if (OnlyCheckConfig()) return absl::OkStatus();
  AuditSender audit(options.accounts, {.journal = options.data + "/audit.journal"});
  SetAuditSink([&audit](AuditedChange change) { audit.Send(std::move(change)); });
  PERENNIAL_ASSIGN_OR_RETURN(const auto process, HealthProcess::Start(std::move(options), *clock));
  MeasureAudit(audit, process->metrics());
  WaitForStopSignal();
  LeaveIfStoppedWithCode();
  process->Stop();
  return absl::OkStatus();
}

}  // namespace
}  // namespace perennial::health

int main(int argc, char** argv) {
  perennial::KeepGreatArraysApart();
  perennial::BlockStopSignals();
  perennial::InitializeLog("health-svc");
  absl::SetProgramUsageMessage("Scores accounts and raises flags. See docs/scorecard.md and docs/flags.md.");
  perennial::ParseFlags("health-svc", argc, argv);
  const absl::Status status = perennial::health::Run();
  if (!status.ok()) std::fprintf(stderr, "health-svc: %s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : perennial::ExitCodeOf(status);
}
