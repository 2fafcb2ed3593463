#include "accounts-svc/store/sql_store.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "accounts-svc/store/schema.h"
#include "accounts-svc/store/sql_transaction.h"
#include "common/base/call_deadline.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "common/storage/sqlite_sql.h"
#include "common/storage/storage_failure.h"

namespace perennial::accounts {
namespace {

constexpr std::chrono::milliseconds kMostReaderPause = std::chrono::minutes(1);

// Exceptions are a library's, none of ours.
template <class Body>
absl::Status Safely(Body&& body) {
  try {
    return body();
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("exception: ", error.what()));
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqlStore>> SqlStore::OpenSqlite(const std::string& path, const SqlStoreLimits& limits) {
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::FileLock lock, sqlite::FileLock::Take(path));
  PERENNIAL_ASSIGN_OR_RETURN(auto writer, sqlite::OpenSql(path, sqlite::Durability::kFull, AccountsSchema()));
  return std::unique_ptr<SqlStore>(new SqlStore(limits, path, std::move(lock), std::move(writer),
                                                {.most = limits.most_readers},
                                                [path] { return sqlite::OpenSqlReader(path); }));
}

absl::StatusOr<std::unique_ptr<SqlStore>> SqlStore::OpenPostgres(const postgres::Options& options,
                                                                 const SqlStoreLimits& limits) {
  PERENNIAL_ASSIGN_OR_RETURN(auto writer, postgres::OpenSql(options, AccountsSchema()));
  postgres::Options readers = options;
  // A reader holds up no other, and an export waits within its transaction for whoever takes it.
  readers.idle_timeout = std::max(options.idle_timeout, kMostReaderPause);
  return std::unique_ptr<SqlStore>(
      new SqlStore(limits, "", std::nullopt, std::move(writer),
                   {.most = limits.most_readers, .most_wait = std::chrono::milliseconds(100)},
                   [readers] { return postgres::OpenSqlReader(readers); }));
}

SqlStore::SqlStore(const SqlStoreLimits& limits, std::string path, std::optional<sqlite::FileLock> lock,
                   std::unique_ptr<sql::Connection> writer, sql::ReaderPool::Options readers,
                   sql::ReaderPool::Open open_reader)
    : limits_(limits),
      path_(std::move(path)),
      lock_(std::move(lock)),
      writer_(std::move(writer)),
      readers_(readers, std::move(open_reader)),
      thread_([this] { Loop(); }) {}

SqlStore::~SqlStore() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  queued_.notify_all();
  thread_.join();
  writer_->Checkpoint();
}

absl::StatusOr<std::int64_t> SqlStore::Write(const std::function<absl::Status(WriteTransaction&)>& body) {
  Waiting write{.body = &body, .deadline = CurrentDeadline(), .status = {}};
  MutexLock lock(mu_);
  PERENNIAL_RETURN_IF_ERROR(failure_);
  if (stopping_ || queue_.size() >= limits_.most_waiting) {
    return WithRetryAfter(
        WithReason(absl::ResourceExhaustedError("too many writes wait; retry with back-off"), "SERVER_BUSY"), 100);
  }
  queue_.push_back(&write);
  queued_.notify_one();
  while (!write.done) lock.Wait(done_);
  if (!write.status.ok()) return write.status;
  return write.revision;
}

absl::Status SqlStore::Read(const std::function<absl::Status(ReadTransaction&)>& body) {
  absl::Status status = readers_.Read([&](sql::Connection& connection) {
    SqlTransaction transaction(connection);
    return body(transaction);
  });
  Notice(status);
  return status;
}

void SqlStore::SetFailureHook(std::function<void(const absl::Status&)> hook) {
  MutexLock lock(mu_);
  failure_hook_ = std::move(hook);
  if (failure_hook_ && !failure_.ok()) failure_hook_(failure_);
}

void SqlStore::Notice(const absl::Status& status) {
  if (FailureOf(status) == StorageFailure::kNone) return;
  MutexLock lock(mu_);
  if (!failure_.ok()) return;
  failure_ = status;
  if (failure_hook_) failure_hook_(failure_);
}

void SqlStore::Scrub() {
  if (path_.empty()) return;
  // One after the other, as the sweeper may finish the same purge as the call that began it, and both answer for its bytes.
  MutexLock lock(scrub_mu_);
  // A connection of its own: that of the writer is busy.
  const auto connection = sqlite::Connection::Open(path_, sqlite::Durability::kFull);
  if (connection.ok()) (*connection)->Checkpoint();
}

std::vector<SqlStore::Waiting*> SqlStore::TakeGroup() {
  std::vector<Waiting*> group;
  bool ended = false;
  const absl::Time now = absl::Now();
  while (!queue_.empty() && group.size() < limits_.most_per_commit) {
    Waiting* write = queue_.front();
    queue_.pop_front();
    if (write->deadline > now) {
      group.push_back(write);
      continue;
    }
    write->status = absl::DeadlineExceededError("the deadline passed before the write began; nothing was changed");
    ended = write->done = true;
  }
  if (ended) done_.notify_all();
  return group;
}

void SqlStore::Loop() {
  for (;;) {
    std::vector<Waiting*> group;
    {
      MutexLock lock(mu_);
      while (queue_.empty() && !stopping_) lock.Wait(queued_);
      if (queue_.empty()) return;
      group = TakeGroup();
    }
    if (!group.empty()) Commit(group);
    {
      MutexLock lock(mu_);
      for (Waiting* write : group) write->done = true;
    }
    done_.notify_all();
  }
}

// Each write of several in a savepoint of its own: one that fails takes nothing of the others with it. A write that is
// alone is undone by the transaction, so that SQLite need not keep in memory how each page was before the savepoint.
absl::Status SqlStore::RunOne(SqlTransaction& transaction, Waiting& write, bool alone) {
  const auto run = [&]() -> absl::Status {
    PERENNIAL_RETURN_IF_ERROR((*write.body)(transaction));
    return transaction.EndWrite();
  };
  write.status = Safely([&] { return alone ? run() : writer_->InSavepoint(run); });
  transaction.SettleWrite(write.status.ok());
  if (write.status.ok() || (!alone && writer_->CanContinue())) return absl::OkStatus();
  return write.status;
}

absl::Status SqlStore::RunAll(SqlTransaction& transaction, const std::vector<Waiting*>& group) {
  if (hook_ != nullptr) PERENNIAL_RETURN_IF_ERROR(Safely([&] { return hook_->BeforeWrites(transaction); }));
  for (Waiting* write : group) PERENNIAL_RETURN_IF_ERROR(RunOne(transaction, *write, group.size() == 1));
  if (hook_ == nullptr) return absl::OkStatus();
  return Safely([&] { return hook_->BeforeCommit(transaction, transaction.touched()); });
}

void SqlStore::Commit(const std::vector<Waiting*>& group) {
  const auto begun = std::chrono::steady_clock::now();
  std::int64_t revision = 0;
  const absl::Status status = writer_->InTransaction([&]() -> absl::Status {
    SqlTransaction transaction(*writer_, hook_);
    PERENNIAL_RETURN_IF_ERROR(RunAll(transaction, group));
    PERENNIAL_ASSIGN_OR_RETURN(revision, transaction.LastRevision());
    return absl::OkStatus();
  });
  // One of them may be to blame, and the others must not pay for it. But nobody is when the database is out of reach,
  // and after a commit of which nothing is known nothing may be done twice.
  if (!status.ok() && group.size() > 1 && !absl::IsUnavailable(status)) {
    for (Waiting* write : group) Commit({write});
    return;
  }
  Notice(status);
  for (Waiting* write : group) {
    if (write->status.ok()) write->status = status;
    write->revision = revision;
  }
  if (!status.ok() || hook_ == nullptr) return;
  hook_->AfterCommit(revision);
  hook_->Committed(group.size(), absl::FromChrono(std::chrono::steady_clock::now() - begun));
}

}  // namespace perennial::accounts
