#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/testing/process.h"

namespace perennial::testing {

// A PostgreSQL of the test's own, in a temporary folder, reached by a socket in it. Texts sort by the rules of a
// language there, so that a schema which forgets to ask for the order of bytes shows. As root it runs as the user
// postgres, since PostgreSQL refuses root.
class PostgresCluster {
 public:
  enum class Durable { kNo, kYes };

  // Whether PostgreSQL is installed. Where it is not: GTEST_SKIP().
  static bool Installed();
  // The one that all tests of a binary share; started at the first call, stopped at the end. Nothing survives a crash
  // in it.
  static PostgresCluster& Shared();

  // Prints and ends the process when it cannot be started.
  explicit PostgresCluster(Durable durable);
  ~PostgresCluster();
  PostgresCluster(const PostgresCluster&) = delete;
  PostgresCluster& operator=(const PostgresCluster&) = delete;

  // A connection string; each schema is as good as a database of its own. Creates the schema when it is new. `settings`
  // are what the sessions begin with, such as "default_transaction_isolation=serializable".
  [[nodiscard]] std::string Connection(absl::string_view schema, const std::vector<std::string>& settings = {});
  // Runs SQL in a session of its own, with the rights of the owner. True when it worked.
  bool Run(const std::string& sql);
  // The first value of the first row that the SQL returns; empty when there is none.
  std::string Ask(const std::string& sql);

  // Ends it as a power cut would.
  void Kill();
  // Stops it; sessions are ended.
  void Stop();
  // Starts it again on the same data.
  void Start();

 private:
  [[nodiscard]] bool Answers();
  TemporaryFolder folder_;
  const Durable durable_;
  std::unique_ptr<Process> process_;
};

}  // namespace perennial::testing
