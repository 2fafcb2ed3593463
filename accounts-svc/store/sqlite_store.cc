#include "accounts-svc/store/sqlite_store.h"

#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "accounts-svc/store/schema.h"
#include "accounts-svc/store/sqlite_transaction.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"

namespace perennial::accounts {

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::Open(Options options) {
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::FileLock lock, sqlite::FileLock::Take(options.path));
  PERENNIAL_ASSIGN_OR_RETURN(auto writer, sqlite::Connection::Open(options.path, sqlite::Durability::kFull));
  PERENNIAL_RETURN_IF_ERROR(sqlite::Migrate(*writer, kAccountsApplicationId, AccountsMigrations()));
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(options), std::move(lock), std::move(writer)));
}

SqliteStore::SqliteStore(Options options, sqlite::FileLock lock, std::unique_ptr<sqlite::Connection> writer)
    : options_(std::move(options)),
      lock_(std::move(lock)),
      writer_(std::move(writer)),
      readers_(options_.path, options_.most_readers),
      thread_([this] { Loop(); }) {}

SqliteStore::~SqliteStore() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  queued_.notify_all();
  thread_.join();
  writer_->Checkpoint();
}

absl::StatusOr<std::int64_t> SqliteStore::Write(const std::function<absl::Status(WriteTransaction&)>& body) {
  Waiting write{.body = &body, .status = {}};
  MutexLock lock(mu_);
  if (stopping_ || queue_.size() >= options_.most_waiting) {
    return WithRetryAfter(WithReason(absl::ResourceExhaustedError("too many writes wait; retry with back-off"), "SERVER_BUSY"),
                          100);
  }
  queue_.push_back(&write);
  queued_.notify_one();
  while (!write.done) lock.Wait(done_);
  if (!write.status.ok()) return write.status;
  return write.revision;
}

absl::Status SqliteStore::Read(const std::function<absl::Status(ReadTransaction&)>& body) {
  return readers_.Read([&](sqlite::Connection& connection) {
    SqliteTransaction transaction(connection);
    return body(transaction);
  });
}

void SqliteStore::Loop() {
  for (;;) {
    std::vector<Waiting*> group;
    {
      MutexLock lock(mu_);
      while (queue_.empty() && !stopping_) lock.Wait(queued_);
      if (queue_.empty()) return;
      while (!queue_.empty() && group.size() < options_.most_per_commit) {
        group.push_back(queue_.front());
        queue_.pop_front();
      }
    }
    Commit(group);
    {
      MutexLock lock(mu_);
      for (Waiting* write : group) write->done = true;
    }
    done_.notify_all();
  }
}

// Each write in a savepoint of its own: one that fails takes nothing of the others with it.
absl::Status SqliteStore::RunOne(WriteTransaction& transaction, Waiting& write) {
  PERENNIAL_RETURN_IF_ERROR(writer_->Execute("SAVEPOINT one"));
  try {
    write.status = (*write.body)(transaction);
  } catch (const std::exception& error) {
    write.status = absl::InternalError(absl::StrCat("exception: ", error.what()));
  }
  if (!write.status.ok()) PERENNIAL_RETURN_IF_ERROR(writer_->Execute("ROLLBACK TO one"));
  return writer_->Execute("RELEASE one");
}

absl::Status SqliteStore::CompleteTransaction(SqliteTransaction& transaction) {
  if (hook_ == nullptr) return absl::OkStatus();
  try {
    return hook_->BeforeCommit(transaction, transaction.touched());
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("exception: ", error.what()));
  }
}

void SqliteStore::Commit(const std::vector<Waiting*>& group) {
  std::int64_t revision = 0;
  const absl::Status status = writer_->InTransaction([&]() -> absl::Status {
    SqliteTransaction transaction(*writer_);
    for (Waiting* write : group) PERENNIAL_RETURN_IF_ERROR(RunOne(transaction, *write));
    PERENNIAL_RETURN_IF_ERROR(CompleteTransaction(transaction));
    PERENNIAL_ASSIGN_OR_RETURN(revision, transaction.LastRevision());
    return absl::OkStatus();
  });
  if (!status.ok() && group.size() > 1) {
    // One of them is to blame, and the others must not pay for it.
    for (Waiting* write : group) Commit({write});
    return;
  }
  for (Waiting* write : group) {
    if (write->status.ok()) write->status = status;
    write->revision = revision;
  }
  if (status.ok() && hook_ != nullptr) hook_->AfterCommit(revision);
}

}  // namespace perennial::accounts
