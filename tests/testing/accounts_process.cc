#include "tests/testing/accounts_process.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <sqlite3.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace perennial::testing {
namespace {

namespace v1 = perennial::accounts::v1;

constexpr char kNow[] = "2024-12-31T12:00:00Z";
constexpr std::int64_t kNowSeconds = 1735646400;

using Seconds = std::chrono::seconds;

void SetDeadline(grpc::ClientContext& context, Seconds time) {
  context.set_deadline(std::chrono::system_clock::now() + time);
}

}  // namespace

AccountsProcess::AccountsProcess(Options options)
    : options_(std::move(options)), port_(FreePort()), log_(options_.folder + "/accounts-svc.log") {
  // gRPC looks at idle connections of this process every 5 s by default, and a server that stops waits for an answer on them.
  setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "50", 1);
}

bool AccountsProcess::Start() {
  std::vector<std::string> command = options_.prefix;
  command.insert(command.end(), {absl::StrCat(PERENNIAL_BINARY_DIR, "/accounts-svc"), absl::StrCat("--port=", port_),
                                 absl::StrCat("--data=", options_.folder), absl::StrCat("--now=", kNow)});
  if (!options_.database.empty()) command.push_back("--database=" + options_.database);
  const std::size_t logged = Log().size();
  process_ = std::make_unique<Process>(command, log_);
  while (process_->running()) {
    if (Serving("readiness", std::chrono::milliseconds(200)).value_or(false)) return true;
    if (absl::StrContains(Log().substr(logged), "storage failed")) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

int AccountsProcess::Terminate() {
  process_->Signal(SIGTERM);
  return process_->Wait();
}

std::optional<int> AccountsProcess::WaitForEnd() {
  const auto deadline = std::chrono::steady_clock::now() + Seconds(60);
  while (process_->running()) {
    if (std::chrono::steady_clock::now() > deadline) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return process_->Wait();
}

std::optional<bool> AccountsProcess::Serving(const std::string& service, std::chrono::milliseconds longest) {
  const auto stub = grpc::health::v1::Health::NewStub(Channel());
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(service);
  grpc::health::v1::HealthCheckResponse response;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + longest);
  if (!stub->Check(&context, request, &response).ok()) return std::nullopt;
  return response.status() == grpc::health::v1::HealthCheckResponse::SERVING;
}

std::shared_ptr<grpc::Channel> AccountsProcess::Channel() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);
  return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port_), grpc::InsecureChannelCredentials(), arguments);
}

AccountsClient::AccountsClient(const std::shared_ptr<grpc::Channel>& channel)
    : accounts(v1::AccountService::NewStub(channel)),
      ingest(v1::IngestService::NewStub(channel)),
      facts(v1::FactService::NewStub(channel)) {}

grpc::Status AccountsClient::CreateAccount(const std::string& id) {
  v1::CreateAccountRequest request;
  request.set_account_id(id);
  request.mutable_account()->set_display_name("The " + id);
  request.mutable_account()->mutable_customer_since()->set_seconds(kNowSeconds - 86400);
  v1::CreateAccountResponse response;
  grpc::ClientContext context;
  SetDeadline(context, Seconds(60));
  return accounts->CreateAccount(&context, request, &response);
}

v1::Record AccountsClient::Event(const std::string& id, std::int64_t number, std::size_t bytes) {
  v1::Record record;
  record.set_account("accounts/" + id);
  record.set_record_id(absl::StrCat("u", number));
  record.mutable_event_time()->set_seconds(kNowSeconds - 1);
  record.mutable_usage()->set_metric("logins");
  record.mutable_usage()->set_user(std::string(bytes, 'x'));
  return record;
}

grpc::Status AccountsClient::Use(const std::string& id, std::int64_t first, std::int64_t end, std::size_t bytes) {
  v1::WriteRecordsRequest request;
  for (std::int64_t number = first; number < end; ++number) *request.add_records() = Event(id, number, bytes);
  v1::WriteRecordsResponse response;
  grpc::ClientContext context;
  SetDeadline(context, Seconds(60));
  const grpc::Status status = ingest->WriteRecords(&context, request, &response);
  if (status.ok() && response.summary().errors_size() > 0) {
    return {grpc::StatusCode::INTERNAL, response.summary().ShortDebugString()};
  }
  return status;
}

grpc::Status AccountsClient::Count(const std::string& id, double* sum) {
  v1::GetFactsRequest request;
  request.set_name("accounts/" + id);
  v1::GetFactsResponse response;
  grpc::ClientContext context;
  SetDeadline(context, Seconds(60));
  const grpc::Status status = facts->GetFacts(&context, request, &response);
  *sum = 0;
  for (const v1::Fact& fact : response.facts()) {
    if (fact.name() == "usage.logins.sum_7d") *sum = fact.number();
  }
  return status;
}

std::string AccountsClient::ReasonOf(const grpc::Status& status) {
  google::rpc::Status rpc;
  google::rpc::ErrorInfo info;
  if (!rpc.ParseFromString(status.error_details())) return {};
  for (const auto& detail : rpc.details()) {
    if (detail.UnpackTo(&info)) return info.reason();
  }
  return {};
}

bool AccountsClient::HasRetryInfo(const grpc::Status& status) {
  google::rpc::Status rpc;
  google::rpc::RetryInfo info;
  if (!rpc.ParseFromString(status.error_details())) return false;
  for (const auto& detail : rpc.details()) {
    if (detail.UnpackTo(&info)) return true;
  }
  return false;
}

std::string IntegrityOf(const std::string& path) {
  sqlite3* db = nullptr;
  std::string result = "cannot be opened";
  if (sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK) {
    const auto take = [](void* out, int, char** values, char**) {
      *static_cast<std::string*>(out) = values[0];
      return 0;
    };
    char* error = nullptr;
    if (sqlite3_exec(db, "PRAGMA integrity_check(1)", take, &result, &error) != SQLITE_OK) result = error;
    sqlite3_free(error);
  }
  sqlite3_close(db);
  return result;
}

}  // namespace perennial::testing
