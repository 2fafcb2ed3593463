#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "accounts-svc/store/store.h"
#include "common/base/mutex.h"
#include "common/storage/postgres_sql.h"
#include "common/storage/sql.h"
#include "common/storage/sqlite.h"

namespace perennial::accounts {

class SqlTransaction;

struct SqlStoreLimits {
  // Writes that may wait; more are refused.
  std::size_t most_waiting = 1024;
  // Writes that share one commit.
  std::size_t most_per_commit = 256;
  std::size_t most_readers = 8;
};

// PostgreSQL keeps the state of 64 savepoints at hand. A reader for each thread that serves calls or watches.
constexpr SqlStoreLimits kPostgresLimits = {.most_per_commit = 60, .most_readers = 20};

// Store in one SQLite file, or in a PostgreSQL database that several processes may share. One thread of this process
// writes; writes that wait are committed together (group commit), so that one fsync serves many. Readers have
// connections of their own and are not held up.
class SqlStore final : public Store {
 public:
  // Opens or creates the file and takes its lock. FAILED_PRECONDITION when another process has it, when it is newer
  // than this program, or when it cannot be opened.
  static absl::StatusOr<std::unique_ptr<SqlStore>> OpenSqlite(const std::string& path,
                                                              const SqlStoreLimits& limits = {});
  // Connects and brings the schema up to date. FAILED_PRECONDITION when it is newer than this program or another's;
  // UNAVAILABLE when the server cannot be reached.
  static absl::StatusOr<std::unique_ptr<SqlStore>> OpenPostgres(const postgres::Options& options,
                                                                const SqlStoreLimits& limits = kPostgresLimits);
  // Commits what waits, then closes.
  ~SqlStore() override;

  void SetCommitHook(CommitHook& hook) override { hook_ = &hook; }
  absl::StatusOr<std::int64_t> Write(const std::function<absl::Status(WriteTransaction&)>& body) override;
  absl::Status Read(const std::function<absl::Status(ReadTransaction&)>& body) override;
  void Scrub() override;
  void SetFailureHook(std::function<void(const absl::Status&)> hook) override;
  // A file's lock keeps all others out.
  [[nodiscard]] bool shared() const override { return !lock_.has_value(); }

 private:
  struct Waiting {
    const std::function<absl::Status(WriteTransaction&)>* body;
    absl::Time deadline;
    absl::Status status;
    std::int64_t revision = 0;
    bool done = false;
  };

  SqlStore(const SqlStoreLimits& limits, std::string path, std::optional<sqlite::FileLock> lock, std::unique_ptr<sql::Connection> writer,
           sql::ReaderPool::Options readers, sql::ReaderPool::Open open_reader);
  void Loop();
  // The next writes that share a commit; those that nobody waits for any more are ended instead.
  std::vector<Waiting*> TakeGroup() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Commit(const std::vector<Waiting*>& group);
  absl::Status RunAll(SqlTransaction& transaction, const std::vector<Waiting*>& group);
  // Takes note of an error after which nothing more can be written.
  void Notice(const absl::Status& status);
  absl::Status RunOne(SqlTransaction& transaction, Waiting& write, bool alone);

  const SqlStoreLimits limits_;
  const std::string path_;  // of the SQLite file; empty on PostgreSQL
  const std::optional<sqlite::FileLock> lock_;
  const std::unique_ptr<sql::Connection> writer_;
  sql::ReaderPool readers_;
  CommitHook* hook_ = nullptr;
  Mutex scrub_mu_;  // held while logs are cleared: a second checkpoint at once would be refused
  Mutex mu_;
  std::condition_variable queued_;
  std::condition_variable done_;
  std::deque<Waiting*> queue_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  std::function<void(const absl::Status&)> failure_hook_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace perennial::accounts
