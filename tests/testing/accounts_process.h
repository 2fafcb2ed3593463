#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "grpc/health/v1/health.grpc.pb.h"
#include "perennial/accounts/v1/account_service.grpc.pb.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"
#include "perennial/accounts/v1/ingest_service.grpc.pb.h"
#include "tests/testing/process.h"

namespace perennial::testing {

// accounts-svc alone, the real binary, with its data in a folder or a database. Its clock is fixed at noon of 31 December
// 2024. The port stays the same over restarts.
class AccountsProcess {
 public:
  struct Options {
    // Folder of the data, or of the log alone.
    std::string folder;
    // Connection string of a PostgreSQL database; empty: SQLite in the folder.
    std::string database = {};
    // What the program is started by, such as {"setpriv", "--reuid=nobody"}.
    std::vector<std::string> prefix = {};
  };
  explicit AccountsProcess(Options options);

  // Starts it and waits until it is ready, or has found that its data is damaged. False when it ended by itself.
  bool Start();
  // Ends it as a power cut would.
  void Kill() { process_->Kill(); }
  // Ends it with SIGTERM; its exit code.
  int Terminate();
  // Waits until it ends by itself, at most a minute; its exit code, nothing when it goes on.
  std::optional<int> WaitForEnd();
  [[nodiscard]] Process& process() { return *process_; }

  // Whether the probe `service` says SERVING; nothing when it does not answer in time.
  [[nodiscard]] std::optional<bool> Serving(const std::string& service,
                                            std::chrono::milliseconds longest = std::chrono::seconds(20));
  [[nodiscard]] std::shared_ptr<grpc::Channel> Channel() const;
  // All that it has logged.
  [[nodiscard]] std::string Log() const { return ReadFile(log_); }
  [[nodiscard]] std::string database_file() const { return options_.folder + "/accounts.db"; }

 private:
  const Options options_;
  const int port_;
  const std::string log_;
  std::unique_ptr<Process> process_;
};

// A reader and writer of accounts-svc for tests of faults: accounts "a0", "a1", ... with use of the metric "logins", each event
// of the value 1 on the day of the process's clock, so that what is stored can be counted.
class AccountsClient {
 public:
  explicit AccountsClient(const std::shared_ptr<grpc::Channel>& channel);

  grpc::Status CreateAccount(const std::string& id);
  // Writes events with the numbers from `first` to less than `end`, `bytes` long each, to an account.
  grpc::Status Use(const std::string& id, std::int64_t first, std::int64_t end, std::size_t bytes = 0);
  // Sum of use as GetFacts says; the error otherwise.
  grpc::Status Count(const std::string& id, double* sum);
  // The reason in a status's ErrorInfo; empty without one.
  static std::string ReasonOf(const grpc::Status& status);
  static bool HasRetryInfo(const grpc::Status& status);

  // One event of that number.
  static perennial::accounts::v1::Record Event(const std::string& id, std::int64_t number, std::size_t bytes = 0);

  std::unique_ptr<perennial::accounts::v1::AccountService::Stub> accounts;
  std::unique_ptr<perennial::accounts::v1::IngestService::Stub> ingest;
  std::unique_ptr<perennial::accounts::v1::FactService::Stub> facts;
};

// What SQLite's integrity check says of a database file: "ok".
std::string IntegrityOf(const std::string& path);

}  // namespace perennial::testing
