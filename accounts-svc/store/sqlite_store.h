#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "accounts-svc/store/store.h"
#include "common/base/mutex.h"
#include "common/storage/sqlite.h"

namespace perennial::accounts {

class SqliteTransaction;

// Store in one SQLite file. One thread writes; writes that wait are committed together (group commit), so that one fsync
// serves many. Readers have connections of their own and are not held up.
class SqliteStore final : public Store {
 public:
  struct Options {
    std::string path;
    std::size_t most_readers = 8;
    // Writes that may wait; more are refused.
    std::size_t most_waiting = 1024;
    // Writes that share one commit.
    std::size_t most_per_commit = 256;
  };

  // Opens or creates the database and takes its lock. FAILED_PRECONDITION when another process has it, when it is newer than
  // this program, or when it cannot be opened.
  static absl::StatusOr<std::unique_ptr<SqliteStore>> Open(Options options);
  // Commits what waits, then closes.
  ~SqliteStore() override;

  void SetCommitHook(CommitHook& hook) override { hook_ = &hook; }
  absl::StatusOr<std::int64_t> Write(const std::function<absl::Status(WriteTransaction&)>& body) override;
  absl::Status Read(const std::function<absl::Status(ReadTransaction&)>& body) override;

 private:
  struct Waiting {
    const std::function<absl::Status(WriteTransaction&)>* body;
    absl::Status status;
    std::int64_t revision = 0;
    bool done = false;
  };

  SqliteStore(Options options, sqlite::FileLock lock, std::unique_ptr<sqlite::Connection> writer);
  void Loop();
  void Commit(const std::vector<Waiting*>& group);
  absl::Status CompleteTransaction(SqliteTransaction& transaction);
  absl::Status RunOne(WriteTransaction& transaction, Waiting& write);

  const Options options_;
  const sqlite::FileLock lock_;
  const std::unique_ptr<sqlite::Connection> writer_;
  sqlite::ReaderPool readers_;
  CommitHook* hook_ = nullptr;
  Mutex mu_;
  std::condition_variable queued_;
  std::condition_variable done_;
  std::deque<Waiting*> queue_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace perennial::accounts
