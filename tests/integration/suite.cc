#include "tests/integration/suite.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"

namespace perennial::testing {
namespace {

// Where the programs are: PERENNIAL_BINARIES compares those of another build.
std::string BinaryFolder() {
  const char* other = std::getenv("PERENNIAL_BINARIES");
  return other != nullptr ? other : PERENNIAL_BINARY_DIR;
}

}  // namespace

std::string NameOf(Part part) {
  constexpr const char* kNames[] = {"redis", "accounts-svc", "health-svc", "segment-svc", "gateway"};
  return kNames[static_cast<std::size_t>(part)];
}

Suite::Suite(std::string now, Flags more) : now_(std::move(now)), more_(std::move(more)) {
  for (int& port : ports_) port = FreePort();
  Start(Part::kRedis);
  for (const Part part : kServices) Start(part);
}

Suite::~Suite() {
  for (auto part = std::rbegin(processes_); part != std::rend(processes_); ++part) part->reset();
}

std::vector<std::string> Suite::Command(Part part) const {
  const auto port = [&](Part of) { return absl::StrCat(ports_[static_cast<std::size_t>(of)]); };
  const auto local = [&](Part of) { return absl::StrCat("localhost:", port(of)); };
  if (part == Part::kRedis) {
    return {"redis-server", "--bind", "127.0.0.1", "--port", port(part), "--save", "", "--appendonly", "no", "--dir",
            folder_.path(), "--enable-debug-command", "local"};
  }
  std::vector<std::string> command = {absl::StrCat(BinaryFolder(), "/", NameOf(part)),
                                      absl::StrCat("--port=", port(part))};
  if (part != Part::kGateway) {
    command.push_back(absl::StrCat("--data=", folder_.path(), "/", NameOf(part)));
    if (!now_.empty()) command.push_back(absl::StrCat("--now=", now_));
  }
  if (part != Part::kAccounts) command.push_back(absl::StrCat("--accounts=", local(Part::kAccounts)));
  if (part == Part::kSegments || part == Part::kGateway) command.push_back(absl::StrCat("--health=", local(Part::kHealth)));
  if (part == Part::kGateway) {
    command.push_back(absl::StrCat("--segments=", local(Part::kSegments)));
    command.push_back(absl::StrCat("--http_port=", 0));
    command.push_back(absl::StrCat("--http_port_file=", folder_.path(), "/http_port"));
  }
  if (part == Part::kHealth) {
    command.push_back(absl::StrCat("--redis=127.0.0.1:", port(Part::kRedis)));
    command.push_back(absl::StrCat("--metrics_port=", 0));
  }
  const auto more = more_.find(part);
  if (more != more_.end()) command.insert(command.end(), more->second.begin(), more->second.end());
  return command;
}

void Suite::Start(Part part) {
  processes_[static_cast<std::size_t>(part)] =
      std::make_unique<Process>(Command(part), absl::StrCat(folder_.path(), "/", NameOf(part), ".log"));
}

void Suite::Kill(Part part) { process(part).Kill(); }

int Suite::Terminate(Part part) {
  process(part).Signal(SIGTERM);
  return process(part).Wait();
}

bool Suite::WaitReady(std::chrono::seconds longest) {
  return Cli({"ready", "--wait", absl::StrCat(longest.count())}).exit_code == 0;
}

std::string Suite::address() const { return absl::StrCat("localhost:", ports_[static_cast<std::size_t>(Part::kGateway)]); }

int Suite::http_port() const {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  std::string address;
  while (address.find('\n') == std::string::npos && std::chrono::steady_clock::now() < deadline) {
    address = ReadFile(folder_.path() + "/http_port");
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return std::atoi(address.substr(address.find(':') + 1).c_str());
}

std::shared_ptr<grpc::Channel> Suite::Channel(Part part) const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, 100);
  const std::string address = absl::StrCat("localhost:", ports_[static_cast<std::size_t>(part)]);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

Finished Suite::Cli(std::vector<std::string> arguments) const {
  std::vector<std::string> command = {absl::StrCat(BinaryFolder(), "/perennial"), "--gateway", address()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return RunToEnd(command);
}

std::string Suite::Logs() const {
  std::string logs;
  for (const Part part : kServices) {
    const std::string log = ReadFile(absl::StrCat(folder_.path(), "/", NameOf(part), ".log"));
    absl::StrAppend(&logs, "-- ", NameOf(part), "\n", log.substr(log.size() < 2000 ? 0 : log.size() - 2000), "\n");
  }
  return logs;
}

std::string SharedData() {
  const char* configured = std::getenv("PERENNIAL_DATA");
  const std::string folder = configured != nullptr ? configured : absl::StrCat(PERENNIAL_SOURCE_DIR, "/../shared/data");
  return std::filesystem::is_directory(folder) ? folder : std::string();
}

}  // namespace perennial::testing
