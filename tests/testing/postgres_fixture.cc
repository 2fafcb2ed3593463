#include "tests/testing/postgres_fixture.h"

#include <libpq-fe.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace perennial::testing {
namespace {

constexpr char kPrograms[] = "/usr/lib/postgresql/15/bin/";

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "PostgreSQL for tests: %s\n", what.c_str());
  std::exit(1);
}

// `arguments` for a user that PostgreSQL accepts; ended by the kernel when the test ends.
std::vector<std::string> Unprivileged(std::vector<std::string> arguments) {
  if (geteuid() != 0) return arguments;
  std::vector<std::string> all = {"setpriv",       "--reuid=postgres", "--regid=postgres",
                                  "--init-groups", "--pdeathsig",      "QUIT"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

}  // namespace

bool PostgresCluster::Installed() { return access((std::string(kPrograms) + "postgres").c_str(), X_OK) == 0; }

PostgresCluster& PostgresCluster::Shared() {
  static PostgresCluster cluster(Durable::kNo);
  return cluster;
}

PostgresCluster::PostgresCluster(Durable durable) : durable_(durable) {
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0777));
  const Finished made =
      RunToEnd(Unprivileged({std::string(kPrograms) + "initdb", "--pgdata=" + folder_.path() + "/data",
                             "--username=perennial", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8",
                             "--locale-provider=icu", "--icu-locale=en-US", "--no-sync", "--no-instructions"}));
  if (made.exit_code != 0) Die(made.out + made.err);
  Start();
}

PostgresCluster::~PostgresCluster() { Stop(); }

void PostgresCluster::Start() {
  const std::string log = folder_.path() + "/log";
  std::vector<std::string> arguments = {std::string(kPrograms) + "postgres",
                                        "-D",
                                        folder_.path() + "/data",
                                        "-k",
                                        folder_.path(),
                                        "-h",
                                        "",
                                        "-c",
                                        "max_connections=200",
                                        "-c",
                                        "shared_buffers=32MB",
                                        "-c",
                                        "autovacuum=off"};
  if (durable_ == Durable::kNo) {
    for (const char* setting : {"fsync=off", "full_page_writes=off"})
      arguments.insert(arguments.end(), {"-c", setting});
  }
  arguments = Unprivileged(std::move(arguments));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  do {
    // After a kill it refuses to start for as long as one of the sessions that it left behind still runs.
    if (process_ == nullptr || !process_->running()) process_ = std::make_unique<Process>(arguments, log);
    if (std::chrono::steady_clock::now() > deadline) Die("did not start\n" + ReadFile(log));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  } while (!Answers());
}

void PostgresCluster::Stop() {
  if (process_ == nullptr) return;
  process_->Signal(SIGQUIT);
  process_->Wait();
  process_.reset();
}

void PostgresCluster::Kill() { process_.reset(); }

bool PostgresCluster::Answers() { return Ask("SELECT 1") == "1"; }

std::string PostgresCluster::Connection(absl::string_view schema, const std::vector<std::string>& settings) {
  if (!Run(absl::StrCat("CREATE SCHEMA IF NOT EXISTS ", schema))) Die("cannot create a schema");
  std::string options = absl::StrCat("-csearch_path=", schema);
  for (const std::string& setting : settings) absl::StrAppend(&options, " -c", setting);
  return absl::StrCat("host=", folder_.path(), " user=perennial dbname=postgres options='", options, "'");
}

bool PostgresCluster::Run(const std::string& sql) {
  const std::string connection = absl::StrCat("host=", folder_.path(), " user=perennial dbname=postgres");
  PGconn* session = PQconnectdb(connection.c_str());
  PGresult* result = PQexec(session, sql.c_str());
  const bool worked = PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
  PQclear(result);
  PQfinish(session);
  return worked;
}

std::string PostgresCluster::Ask(const std::string& sql) {
  const std::string connection = absl::StrCat("host=", folder_.path(), " user=perennial dbname=postgres");
  PGconn* session = PQconnectdb(connection.c_str());
  PGresult* result = PQexec(session, sql.c_str());
  std::string value;
  if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0) value = PQgetvalue(result, 0, 0);
  PQclear(result);
  PQfinish(session);
  return value;
}

}  // namespace perennial::testing
