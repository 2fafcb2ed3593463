#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/testing/accounts_process.h"

namespace perennial::testing {

// A test of one row of the matrix of faults. Prints "#F12 PASS what was seen".
class FaultTest : public ::testing::Test {
 protected:
  // Says which row it is, and what was seen so far.
  void Row(const std::string& row) { row_ = row; }
  void Observe(const std::string& what) { observed_ += (observed_.empty() ? "" : "; ") + what; }
  void TearDown() override;

  // Skips the test unless a program can do what it is needed for; "strace" also when it may not look at processes.
  static bool Has(const std::vector<std::string>& command);

  // The process with the account "a0", and a client of it.
  void StartWithAccount(AccountsProcess::Options options);
  void Restart();
  // Fails the test unless all that was acknowledged is stored, nothing twice, and the file is sound. `tried` events may be
  // there at most.
  void ExpectIntact(std::int64_t acknowledged, std::int64_t tried);

  const TemporaryFolder folder_;
  std::unique_ptr<AccountsProcess> service_;
  std::unique_ptr<AccountsClient> client_;

 private:
  std::string row_;
  std::string observed_;
};

// strace at work on a running process: it makes system calls fail or wait.
class Injection {
 public:
  // `what` is an argument of strace such as "inject=fdatasync:error=EIO". Ready once the constructor returns; false from
  // attached() when strace may not.
  Injection(pid_t pid, const std::string& what, const std::string& calls);
  ~Injection() { Stop(); }
  [[nodiscard]] bool attached() const { return attached_; }
  void Stop();
  // How many system calls strace has met.
  [[nodiscard]] int Met() const;

 private:
  const TemporaryFolder folder_;
  std::unique_ptr<Process> strace_;
  bool attached_ = false;
};

}  // namespace perennial::testing
