#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/testing/process.h"

namespace perennial::testing {

// Stands between libpq and PostgreSQL and breaks connections at their COMMIT.
class CommitBreaker {
 public:
  enum class Mode {
    kPass,
    kBeforeCommit,        // COMMIT does not arrive
    kAfterCommit,         // it arrives, its answer does not
    kAfterCommitForGood,  // and nobody gets through any more
  };

  // `server` is the folder of the server's socket.
  explicit CommitBreaker(std::string server);
  ~CommitBreaker();
  CommitBreaker(const CommitBreaker&) = delete;
  CommitBreaker& operator=(const CommitBreaker&) = delete;

  // The next COMMIT meets the mode; those after it pass.
  void Set(Mode mode) { mode_ = mode; }
  // A folder to connect to instead of the server's.
  [[nodiscard]] const std::string& host() const { return folder_.path(); }

 private:
  void Accept();
  void Serve(int client);

  const std::string server_;
  TemporaryFolder folder_;
  int listener_;
  std::atomic<Mode> mode_ = Mode::kPass;
  std::atomic<bool> refusing_ = false;
  std::atomic<bool> stopping_ = false;
  std::vector<std::thread> sessions_;  // accepting thread only, and then the destructor
  std::thread thread_;
};

}  // namespace perennial::testing
