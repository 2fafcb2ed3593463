#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "accounts-svc/export_stream.h"
#include "common/base/clock.h"
#include "common/server/server.h"
#include "common/server/watch_stream.h"

namespace perennial::accounts {

struct AccountsServerOptions {
  ServerOptions server = {};
  // Folder of the database; created when it is absent. Not used with `database`.
  std::string data = {};
  // Connection string of a PostgreSQL database, which several processes may share; empty for SQLite in `data`.
  std::string database = {};
  // ISO 4217 code that all money is in.
  std::string currency = "USD";
  // How often the clock is looked at for facts that change by time alone.
  std::chrono::milliseconds sweep_interval{1000};
  // Called once, on any thread, when the disk has failed: the process must end without writing anything more.
  std::function<void()> on_disk_failure = {};
  // How long an export of records may hold the state of the store that it sends.
  ExportLimits export_limits = {};
  // How long a watch may wait for its reader to take something.
  std::chrono::milliseconds longest_watch_stall = WatchHub::kLongestStall;
};

// The whole of accounts-svc, wired: store, rules, services, sweep.
class AccountsServer {
 public:
  // Opens the store and serves; ready at once. `clock` must outlive it. Errors are sentences for people.
  static absl::StatusOr<std::unique_ptr<AccountsServer>> Start(const AccountsServerOptions& options,
                                                               const Clock& clock);
  virtual ~AccountsServer() = default;
  [[nodiscard]] virtual int port() const = 0;
  virtual std::shared_ptr<grpc::Channel> InProcessChannel() = 0;
  // Drains and stops; see Server::Stop.
  virtual void Stop() = 0;
};

}  // namespace perennial::accounts
