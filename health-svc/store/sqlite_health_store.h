#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/storage/sqlite.h"
#include "health-svc/store/health_store.h"

namespace perennial::health {

// Keeps it in one SQLite file.
class SqliteHealthStore final : public HealthStore {
 public:
  // Opens or creates the file. FAILED_PRECONDITION with a sentence for people when it cannot be used.
  static absl::StatusOr<std::unique_ptr<SqliteHealthStore>> Open(const std::string& path);
  ~SqliteHealthStore() override;

  absl::Status Commit(const HealthBatch& batch) override;
  absl::Status Purge(const std::vector<PurgedAccount>& accounts) override;
  absl::StatusOr<HealthProgress> Progress() override;
  absl::Status VisitScores(const std::function<absl::Status(StoredScore)>& visit) override;
  absl::Status VisitFlags(const std::function<absl::Status(StoredFlag)>& visit) override;
  absl::Status VisitCarried(const std::function<absl::Status(StoredCarried)>& visit) override;
  absl::Status VisitScoresAt(absl::Time time, const std::function<void(absl::string_view, double)>& visit) override;
  absl::StatusOr<StoredScore> GetScore(absl::string_view account_id) override;
  absl::StatusOr<std::vector<v1::HealthScoreChange>> ListHistory(const HistoryQuery& query) override;

 private:
  SqliteHealthStore(const std::string& path, std::unique_ptr<sqlite::Connection> writer);
  absl::Status WriteScores(const HealthBatch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status WriteChanges(const HealthBatch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status WriteFlags(const HealthBatch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status WriteCarried(const HealthBatch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Mutex mu_;
  const std::unique_ptr<sqlite::Connection> writer_ ABSL_PT_GUARDED_BY(mu_);
  sqlite::ReaderPool readers_;
};

}  // namespace perennial::health
