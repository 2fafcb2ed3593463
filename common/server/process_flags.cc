#include "common/server/process_flags.h"

#include <google/protobuf/stubs/common.h>
#include <grpcpp/grpcpp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/reflection.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/server/exit_code.h"
#include "common/server/file_watcher.h"

ABSL_FLAG(std::string, tls_cert, "",
          "PEM file with the certificate of this process; with --tls_key and --tls_ca all connections between processes are "
          "encrypted and both ends proved. Read again when it changes");
ABSL_FLAG(std::string, tls_key, "", "PEM file with its key");
ABSL_FLAG(std::string, tls_ca, "", "PEM file with the certificates that those of other processes are signed by");
ABSL_FLAG(int, probe_port, -1,
          "Port for health probes only, never encrypted, for probes that have no certificate; 0 takes a free one, negative "
          "serves none");
ABSL_FLAG(bool, allow_unauthenticated, false,
          "Listen on an address that others can reach although nobody has to prove who they are");
ABSL_FLAG(std::string, otlp_endpoint, "",
          "Where an OpenTelemetry collector takes spans by OTLP over HTTP, for example http://collector:4318; empty: none are sent");
ABSL_FLAG(double, otlp_share, 1, "Share of the traces begun by this process that are recorded, 0 to 1; others go as the caller says");
ABSL_FLAG(bool, self_check, true, "End the process when it does not answer new connections of its own any more");
ABSL_FLAG(bool, check_config, false, "Check the configuration and end: 0 when it does, 78 when not");

namespace perennial {
namespace {

[[noreturn]] void Refuse(absl::string_view process, const std::string& problem) {
  std::fprintf(stderr, "%s: %s\n", std::string(process).c_str(), problem.c_str());
  std::exit(kExitConfig);
}

constexpr int kMostFlagFiles = 100;

bool IsUsage(absl::string_view name) { return absl::StartsWith(name, "help"); }

// Puts the lines of files that --flagfile=NAME,... names in its place, so that what they say is looked at as if it were on the
// command line. Lines that begin with # and empty ones say nothing.
void ExpandFlagFiles(absl::string_view process, std::vector<std::string>& arguments) {
  int files = 0;
  for (std::size_t at = 1; at < arguments.size();) {
    absl::string_view names = arguments[at];
    if (!absl::ConsumePrefix(&names, "--flagfile=")) {
      ++at;
      continue;
    }
    std::vector<std::string> lines;
    for (const std::string& path : std::vector<std::string>(absl::StrSplit(names, ',', absl::SkipEmpty()))) {
      const absl::StatusOr<std::string> text = ReadFile(path);
      if (!text.ok()) Refuse(process, absl::StrCat("--flagfile: ", std::string(text.status().message())));
      if (++files > kMostFlagFiles) Refuse(process, "--flagfile: too many files; does one name itself?");
      for (absl::string_view line : absl::StrSplit(*text, '\n')) {
        line = absl::StripAsciiWhitespace(line);
        if (!line.empty() && line[0] != '#') lines.emplace_back(line);
      }
    }
    const auto place = arguments.erase(arguments.begin() + static_cast<std::ptrdiff_t>(at));
    arguments.insert(place, lines.begin(), lines.end());
  }
}

bool IsPort(absl::string_view text, int least) {
  int port = 0;
  return absl::SimpleAtoi(text, &port) && port >= least && port <= 65535;
}

// Whether gRPC could find it: "host:port", also with "dns:///" before it, or "ipv4:", "ipv6:" and a list.
bool IsAddress(absl::string_view text) {
  for (const char* scheme : {"dns:///", "ipv4:", "ipv6:"}) {
    if (absl::ConsumePrefix(&text, scheme)) break;
  }
  const std::size_t colon = text.rfind(':');
  return colon != absl::string_view::npos && colon > 0 && IsPort(text.substr(colon + 1), 1) &&
         std::none_of(text.begin(), text.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}

// What is wrong with a value, beyond what its type tells; empty when nothing is. Flags of one name mean the same in all processes.
std::string ProblemOf(absl::string_view name, absl::string_view value) {
  if (name == "metrics_port" || name == "http_port" || name == "probe_port") {
    return absl::StartsWith(value, "-") || IsPort(value, 0) ? "" : "a port is 0 to 65535";
  }
  if (name != "accounts" && name != "health" && name != "segments" && name != "replicas") return "";
  for (const absl::string_view address : absl::StrSplit(value, ',', absl::SkipEmpty())) {
    if (!IsAddress(address)) return absl::StrCat("'", address, "' is no address like host:50051");
  }
  return "";
}

// Looks at one flag on the line, with its value where that is the next argument.
class FlagReader {
 public:
  FlagReader(absl::string_view process, std::vector<std::string>& arguments) : process_(process), arguments_(arguments) {}

  void ReadAll() {
    while (++at_ < arguments_.size()) Read(arguments_[at_]);
  }

 private:
  void Read(std::string& argument) {
    absl::string_view text = argument;
    if (!absl::StartsWith(text, "-") || text == "-" || text == "--") {
      Refuse(process_, absl::StrCat("unexpected argument '", text, "'"));
    }
    text = absl::StripPrefix(absl::StripPrefix(text, "-"), "-");
    const std::size_t equals = text.find('=');
    std::string name(text.substr(0, equals));
    std::replace(name.begin(), name.end(), '-', '_');
    std::string rest = equals == absl::string_view::npos ? "" : std::string(text.substr(equals));
    argument = absl::StrCat("--", name, rest);
    if (name == "version") Version();
    if (IsUsage(name)) return;
    absl::CommandLineFlag* const flag = absl::FindCommandLineFlag(name);
    if (flag == nullptr) return ReadNegation(name, rest);
    if (flag->IsOfType<bool>() && rest.empty()) return;
    if (rest.empty()) {
      if (++at_ == arguments_.size()) Refuse(process_, absl::StrCat("--", name, " needs a value"));
      rest = absl::StrCat("=", arguments_[at_]);
    }
    std::string error;
    const bool parsed = flag->ParseFrom(rest.substr(1), &error);
    if (parsed) error = ProblemOf(name, rest.substr(1));
    if (!parsed || !error.empty()) {
      Refuse(process_, absl::StrCat("--", name, " does not take '", rest.substr(1), "'",
                                    error.empty() ? std::string() : absl::StrCat(": ", error)));
    }
  }

  // "--nowatch" for a flag "watch".
  void ReadNegation(const std::string& name, const std::string& rest) {
    const absl::CommandLineFlag* const flag =
        absl::StartsWith(name, "no") ? absl::FindCommandLineFlag(name.substr(2)) : nullptr;
    if (flag == nullptr || !flag->IsOfType<bool>() || !rest.empty()) {
      Refuse(process_, absl::StrCat("unknown flag --", name, "; --help lists all"));
    }
  }

  [[noreturn]] void Version() {
    std::printf("%s %s (gRPC %s, protobuf %s)\n", std::string(process_).c_str(), PERENNIAL_VERSION,
                grpc::Version().c_str(), google::protobuf::internal::VersionString(GOOGLE_PROTOBUF_VERSION).c_str());
    std::exit(0);
  }

  const absl::string_view process_;
  std::vector<std::string>& arguments_;
  std::size_t at_ = 0;
};

std::string FileFlagProblem(absl::string_view flag) {
  return absl::StrCat("--tls_cert, --tls_key and --tls_ca go together; --", flag, " is missing");
}

std::string& ProcessName() {
  static std::string& name = *new std::string("perennial");
  return name;
}

// Tells replicas of a service apart.
std::string InstanceName() {
  char host[256] = {};
  if (gethostname(host, sizeof(host) - 1) != 0) return absl::StrCat(getpid());
  return absl::StrCat(host, "/", getpid());
}

// What --otlp_endpoint and --otlp_share say.
absl::StatusOr<std::optional<SpanExporter::Options>> SpansOfFlags() {
  const double share = absl::GetFlag(FLAGS_otlp_share);
  if (!(share >= 0 && share <= 1)) return absl::InvalidArgumentError("--otlp_share must be 0 to 1");
  const std::string endpoint = absl::GetFlag(FLAGS_otlp_endpoint);
  if (endpoint.empty()) return std::nullopt;
  absl::StatusOr<HttpUrl> url = TracesUrl(endpoint);
  if (!url.ok()) return absl::InvalidArgumentError(absl::StrCat("--otlp_endpoint ", std::string(url.status().message())));
  return SpanExporter::Options{
      .collector = *std::move(url),
      .source = {.service_name = ProcessName(), .version = PERENNIAL_VERSION, .instance = InstanceName()},
      .share = share};
}

}  // namespace

void ParseFlags(absl::string_view process, int argc, char** argv) {
  // Databases, journals and backups hold what customers do: they are for the user of this process alone.
  umask(S_IRWXG | S_IRWXO);
  ProcessName() = std::string(process);
  std::vector<std::string> arguments(argv, argv + argc);
  ExpandFlagFiles(process, arguments);
  FlagReader(process, arguments).ReadAll();
  std::vector<char*> line;
  for (std::string& argument : arguments) line.push_back(argument.data());
  absl::ParseCommandLine(static_cast<int>(line.size()), line.data());
}

bool OnlyCheckConfig() {
  if (!absl::GetFlag(FLAGS_check_config)) return false;
  std::printf("the configuration is valid\n");
  return true;
}

absl::StatusOr<std::shared_ptr<Tls>> TlsOfFlags() {
  const Tls::Files files{.certificate = absl::GetFlag(FLAGS_tls_cert),
                         .key = absl::GetFlag(FLAGS_tls_key),
                         .authority = absl::GetFlag(FLAGS_tls_ca)};
  if (files.certificate.empty() && files.key.empty() && files.authority.empty()) return nullptr;
  if (files.certificate.empty()) return absl::FailedPreconditionError(FileFlagProblem("tls_cert"));
  if (files.key.empty()) return absl::FailedPreconditionError(FileFlagProblem("tls_key"));
  if (files.authority.empty()) return absl::FailedPreconditionError(FileFlagProblem("tls_ca"));
  auto tls = Tls::Load(files);
  if (tls.ok()) return tls;
  return absl::FailedPreconditionError(absl::StrCat("--tls_cert, --tls_key, --tls_ca: ", std::string(tls.status().message())));
}

bool IsLoopback(absl::string_view host) {
  return host == "localhost" || absl::StartsWith(host, "127.") || host == "::1" || host == "[::1]";
}

absl::Status SecureByFlags(const std::shared_ptr<Tls>& tls, bool authenticated, ServerOptions& options) {
  options.tls = tls;
  options.probe_port = absl::GetFlag(FLAGS_probe_port);
  options.self_check = absl::GetFlag(FLAGS_self_check);
  PERENNIAL_ASSIGN_OR_RETURN(options.spans, SpansOfFlags());
  if (options.probe_port > 65535) return absl::InvalidArgumentError("--probe_port must be at most 65535");
  if (IsLoopback(options.host) || tls != nullptr || authenticated || absl::GetFlag(FLAGS_allow_unauthenticated)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("--host=", options.host,
                   " would be open to everyone who reaches it; give --tls_cert, --tls_key and --tls_ca (the gateway: --tokens "
                   "or --jwks), or --allow_unauthenticated to have it so"));
}

void AddProcessMetrics(Metrics& metrics, const std::shared_ptr<Tls>& tls) {
  metrics.Gauge("perennial_build_info", "Always 1; the labels tell the version.",
                {{"version", PERENNIAL_VERSION}, {"grpc", grpc::Version()}})
      .Set(1);
  metrics.Gauge("process_start_time_seconds", "When the process started, as seconds since 1970.")
      .Set(absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()));
  if (tls == nullptr) return;
  metrics.GaugeFrom("perennial_certificate_expiry_seconds", "Seconds until the certificate in use expires.", {},
                    [tls] { return absl::ToDoubleSeconds(tls->expiry() - absl::Now()); });
  metrics.CounterFrom("perennial_certificate_changes_total", "Changed certificate files, by what became of them.",
                      {{"result", "taken"}}, [tls] { return static_cast<double>(tls->taken()); });
  metrics.CounterFrom("perennial_certificate_changes_total", "Changed certificate files, by what became of them.",
                      {{"result", "refused"}}, [tls] { return static_cast<double>(tls->refused()); });
}

absl::Status ServeMetrics(Metrics& metrics, const std::string& host, int port, const std::shared_ptr<Tls>& tls) {
  AddProcessMetrics(metrics, tls);
  if (port < 0) return absl::OkStatus();
  const absl::Status status = metrics.Serve(host, port);
  if (status.ok()) {
    Log(LogLevel::kInfo, "metrics are served", {{"port", absl::StrCat(metrics.port())}});
    return status;
  }
  const absl::CommandLineFlag* const flag = absl::FindCommandLineFlag("metrics_port");
  if (flag == nullptr || flag->CurrentValue() != flag->DefaultValue()) return status;
  Log(LogLevel::kWarning, "metrics are not served: --metrics_port is not given and its default is taken",
      {{"port", absl::StrCat(port)}});
  return absl::OkStatus();
}

}  // namespace perennial
